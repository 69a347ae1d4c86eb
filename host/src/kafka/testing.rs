//! Test support: a small deterministic generator, and answers of the oracle's making.
//!
//! The `kafka-protocol` crate writes and reads frames independently of this codec.

use std::collections::BTreeMap;

use kafka_protocol::messages::{
    DescribeClusterResponse, FetchResponse, FindCoordinatorResponse, MetadataResponse,
    ProduceResponse, ResponseHeader, ShareAcknowledgeResponse, ShareFetchResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};

use super::in_flight::ResponseKind;
use super::{Endpoint, NodeId};

mod random;

/// How many random frames of one kind and version: enough for every day, or a million.
pub(super) fn frames(everyday: usize) -> usize {
    match std::env::var_os("THROUGHWAY_SOAK") {
        Some(_) => 1_000_000,
        None => everyday,
    }
}

/// xorshift64*: the same numbers on every run.
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// A number below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next()).expect("48 bits") % bound
    }

    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.next().to_be_bytes()[4..].try_into().expect("4 bytes"))
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[7]
    }

    pub(super) fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.byte()).collect()
    }

    /// A name of 1 to `most` characters.
    pub(super) fn name(&mut self, most: usize) -> StrBytes {
        const CHARACTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789-.";
        let text = (0..=self.below(most))
            .map(|_| char::from(CHARACTERS[self.below(CHARACTERS.len())]))
            .collect();
        StrBytes::from_string(text)
    }

    /// Null, empty or a name.
    pub(super) fn nullable(&mut self, most: usize) -> Option<StrBytes> {
        match self.below(4) {
            0 => None,
            1 => Some(StrBytes::default()),
            _ => Some(self.name(most)),
        }
    }

    /// Mostly none; ids from `least` on.
    pub(super) fn tags<B: From<Vec<u8>>>(&mut self, least: i32) -> BTreeMap<i32, B> {
        let count = if self.one_in(3) { self.below(4) } else { 0 };
        (0..count)
            .map(|_| {
                let above = i32::try_from(self.below(200)).expect("small");
                (least + above, B::from(self.bytes(20)))
            })
            .collect()
    }
}

/// One answer, decoded by the oracle.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Metadata(MetadataResponse),
    DescribeCluster(DescribeClusterResponse),
    FindCoordinator(FindCoordinatorResponse),
    Produce(ProduceResponse),
    Fetch(FetchResponse),
    ShareFetch(ShareFetchResponse),
    ShareAcknowledge(ShareAcknowledgeResponse),
}

macro_rules! each_answer {
    ($self:expr, $message:ident => $body:expr) => {
        match $self {
            Answer::Metadata($message) => $body,
            Answer::DescribeCluster($message) => $body,
            Answer::FindCoordinator($message) => $body,
            Answer::Produce($message) => $body,
            Answer::Fetch($message) => $body,
            Answer::ShareFetch($message) => $body,
            Answer::ShareAcknowledge($message) => $body,
        }
    };
}

macro_rules! place_list {
    ($list:expr, $id:ident, $place:expr) => {
        $list.retain_mut(|entry| match $place(NodeId(entry.$id.0)) {
            Some(endpoint) => {
                entry.host = StrBytes::from_string(endpoint.host.clone());
                entry.port = i32::from(endpoint.port);
                true
            }
            None => false,
        })
    };
}

impl Answer {
    /// The payload, from the correlation id on.
    pub(super) fn encode(&self, version: i16, header_tags: BTreeMap<i32, Vec<u8>>) -> Vec<u8> {
        each_answer!(self, message => encode(message, version, header_tags))
    }

    pub(super) fn decode(kind: ResponseKind, version: i16, payload: &[u8]) -> Self {
        match kind {
            ResponseKind::Metadata => Self::Metadata(decode(payload, version)),
            ResponseKind::DescribeCluster => Self::DescribeCluster(decode(payload, version)),
            ResponseKind::FindCoordinator => Self::FindCoordinator(decode(payload, version)),
            ResponseKind::Produce => Self::Produce(decode(payload, version)),
            ResponseKind::Fetch => Self::Fetch(decode(payload, version)),
            ResponseKind::ShareFetch => Self::ShareFetch(decode(payload, version)),
            ResponseKind::ShareAcknowledge => Self::ShareAcknowledge(decode(payload, version)),
            _ => panic!("no answer that carries addresses"),
        }
    }

    /// What a rewriting with this map must yield.
    pub(super) fn place<'a>(&mut self, place: impl Fn(NodeId) -> Option<&'a Endpoint>) {
        match self {
            Self::Metadata(answer) => place_list!(answer.brokers, node_id, place),
            Self::DescribeCluster(answer) if answer.endpoint_type != 1 => answer.brokers.clear(),
            Self::DescribeCluster(answer) => place_list!(answer.brokers, broker_id, place),
            Self::FindCoordinator(answer) => place_coordinators(answer, place),
            Self::Produce(answer) => place_list!(answer.node_endpoints, node_id, place),
            Self::Fetch(answer) => place_list!(answer.node_endpoints, node_id, place),
            Self::ShareFetch(answer) => place_list!(answer.node_endpoints, node_id, place),
            Self::ShareAcknowledge(answer) => place_list!(answer.node_endpoints, node_id, place),
        }
    }

    /// The unknown top-level tags.
    pub(super) fn tags(&self) -> Vec<i32> {
        each_answer!(self, message => message.unknown_tagged_fields.keys().copied().collect())
    }

    /// Removes a top-level tag.
    pub(super) fn remove_tag(&mut self, tag: i32) {
        each_answer!(self, message => drop(message.unknown_tagged_fields.remove(&tag)));
    }
}

fn place_coordinators<'a>(
    answer: &mut FindCoordinatorResponse,
    place: impl Fn(NodeId) -> Option<&'a Endpoint>,
) {
    let place = |node_id: &mut i32, host: &mut StrBytes, port: &mut i32, error: &mut i16| {
        if *node_id < 0 && host.is_empty() {
            return;
        }
        match place(NodeId(*node_id)) {
            Some(endpoint) => {
                *host = StrBytes::from_string(endpoint.host.clone());
                *port = i32::from(endpoint.port);
            }
            None => {
                *node_id = -1;
                *host = StrBytes::default();
                *port = -1;
                *error = if *error == 0 { 15 } else { *error };
            }
        }
    };
    if answer.node_id.0 >= 0 && !answer.host.is_empty() {
        place(
            &mut answer.node_id.0,
            &mut answer.host,
            &mut answer.port,
            &mut answer.error_code,
        );
    }
    for one in &mut answer.coordinators {
        place(
            &mut one.node_id.0,
            &mut one.host,
            &mut one.port,
            &mut one.error_code,
        );
    }
}

/// A response payload, from the correlation id on.
pub(super) fn encode<M: Encodable + HeaderVersion>(
    message: &M,
    version: i16,
    header_tags: BTreeMap<i32, Vec<u8>>,
) -> Vec<u8> {
    let tags = header_tags
        .into_iter()
        .map(|(tag, data)| (tag, data.into()))
        .collect();
    let mut payload = Vec::new();
    ResponseHeader::default()
        .with_correlation_id(0x0102_0304)
        .with_unknown_tagged_fields(tags)
        .encode(&mut payload, M::header_version(version))
        .expect("header is encodable");
    message
        .encode(&mut payload, version)
        .expect("message is encodable");
    payload
}

/// Reads a whole payload; nothing may be left over.
pub(super) fn decode<M: Decodable + HeaderVersion>(payload: &[u8], version: i16) -> M {
    let mut rest = payload;
    ResponseHeader::decode(&mut rest, M::header_version(version)).expect("header is readable");
    let message = M::decode(&mut rest, version).expect("message is readable");
    assert_eq!(rest, &[] as &[u8], "bytes left over");
    message
}

/// Every kind that carries addresses, with the versions the oracle knows.
pub(super) const KNOWN: [(ResponseKind, std::ops::RangeInclusive<i16>); 7] = [
    (ResponseKind::Metadata, 0..=13),
    (ResponseKind::DescribeCluster, 0..=2),
    (ResponseKind::FindCoordinator, 0..=6),
    (ResponseKind::Produce, 10..=13),
    (ResponseKind::Fetch, 16..=18),
    (ResponseKind::ShareFetch, 1..=1),
    (ResponseKind::ShareAcknowledge, 1..=1),
];

/// Advertised addresses of nodes 0 to 9, of very different lengths; others are not mapped.
pub(super) fn advertised() -> Vec<Endpoint> {
    (0..10_u16)
        .map(|id| Endpoint {
            host: format!("b{id}.{}", "x".repeat(usize::from(id * 16))),
            port: 9_000 + id,
        })
        .collect()
}

/// `place` for `advertised`.
pub(super) fn place_in(endpoints: &[Endpoint], node_id: NodeId) -> Option<&Endpoint> {
    endpoints.get(usize::try_from(node_id.0).ok()?)
}
