//! One door for the relay to the answers that carry broker addresses.
//!
//! `find` reads the bytes that have arrived and says which brokers they name and which part of them
//! must be replaced; `replace` writes that part anew. Offsets count from the first payload byte (the
//! correlation id). It must not know where addresses are learned or mapped.

use std::ops::Range;

use super::cursor::{Cursor, Halt};
use super::in_flight::ResponseKind;
use super::section::Layout;
use super::{ApiVersion, Endpoint, FrameError, NodeId, coordinator, head, tail};

/// The most that is ever collected of one answer: a broker array, a coordinator answer or a tail.
pub const MOST_COLLECTED: usize = 4 << 20;

/// The most brokers one answer may name.
pub const MOST_BROKERS: usize = 100_000;

/// The longest host that is taken for a name; DNS ends at 253, or 254 with the final dot.
const LONGEST_HOST: usize = 254;

/// One broker as an answer names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamedBroker {
    /// Never negative: "no node" entries are not listed.
    pub node_id: NodeId,
    /// As the broker advertises it. `None` when host is empty or not a name, or port is outside
    /// 1..=65535: such an entry can be neither learned nor dialled, and counts as not mappable.
    pub address: Option<Endpoint>,
    /// Never changed on the wire.
    pub rack: Option<String>,
}

impl NamedBroker {
    /// From the fields of an entry.
    pub(super) fn read(node_id: NodeId, host: &[u8], port: i32, rack: Option<&[u8]>) -> Self {
        let port = u16::try_from(port).ok().filter(|port| *port != 0);
        let address = host_name(host).zip(port);
        Self {
            node_id,
            address: address.map(|(host, port)| Endpoint {
                host: host.to_owned(),
                port,
            }),
            rack: rack
                .and_then(|rack| str::from_utf8(rack).ok())
                .map(str::to_owned),
        }
    }
}

/// A name or IP literal, by the characters that Kafka itself allows in advertised listeners.
fn host_name(host: &[u8]) -> Option<&str> {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:%".contains(byte);
    if host.is_empty() || host.len() > LONGEST_HOST || !host.iter().all(allowed) {
        return None;
    }
    str::from_utf8(host).ok()
}

/// What an answer says about brokers.
#[derive(Clone, Debug)]
pub struct Found {
    /// In the order of the answer; ids may repeat (coordinators). Controllers are not listed.
    pub brokers: Vec<NamedBroker>,
    /// Metadata v2+ and DescribeCluster: the cluster's id, unless the answer leaves it empty.
    pub cluster_id: Option<String>,
    /// Payload bytes that `replace` writes anew; everything outside stays as it is.
    pub section: Range<usize>,
    /// Where the entries stand in the section. Opaque to the relay.
    pub(super) layout: Layout,
}

/// A section written anew.
#[derive(Clone, Debug)]
pub struct Replaced {
    /// Takes the place of `Found::section`; its length may differ.
    pub bytes: Vec<u8>,
    /// Node ids that were removed (or whose coordinator entry became COORDINATOR_NOT_AVAILABLE).
    /// Controllers are removed too, but not listed: nobody expected them to be mapped.
    pub removed: Vec<NodeId>,
    /// Entries that now carry an advertised address.
    pub rewritten: usize,
}

/// Reads Metadata, DescribeCluster, FindCoordinator, or the tail of the four others.
///
/// For Metadata and DescribeCluster `arrived` may be an incomplete payload: `None` asks for more
/// bytes (up to `MOST_COLLECTED`). For FindCoordinator and tails `arrived` must reach the end of the
/// payload. For tails `arrived` starts where `tail::TailScanner` said the tail begins, and
/// `payload_len` is the length of that tail.
///
/// # Errors
/// When the bytes do not have the layout of this kind and version.
pub fn find(
    kind: ResponseKind,
    api_version: ApiVersion,
    arrived: &[u8],
    payload_len: usize,
) -> Result<Option<Found>, FrameError> {
    let mut cursor = Cursor::new(arrived, payload_len);
    let cursor = &mut cursor;
    let found = match kind {
        ResponseKind::Metadata => head::metadata(cursor, api_version),
        ResponseKind::DescribeCluster => head::describe_cluster(cursor, api_version),
        ResponseKind::FindCoordinator => coordinator::find(cursor, api_version),
        ResponseKind::Produce
        | ResponseKind::Fetch
        | ResponseKind::ShareFetch
        | ResponseKind::ShareAcknowledge => tail::find(cursor, kind, api_version),
        ResponseKind::Opaque | ResponseKind::ApiVersions | ResponseKind::SaslAuthenticate => {
            Err(FrameError::Invalid {
                what: "kind of answer",
            }
            .into())
        }
    };
    match found {
        Ok(found) if found.section.end <= MOST_COLLECTED => Ok(Some(found)),
        Err(Halt::NeedMore) if arrived.len() < MOST_COLLECTED => Ok(None),
        Ok(_) | Err(Halt::NeedMore) => Err(FrameError::TooLarge {
            what: "number of bytes to collect",
            most: MOST_COLLECTED,
        }),
        Err(Halt::Broken(error)) => Err(error),
    }
}

/// Writes the section with the addresses that `place` gives; a broker it has none for is removed
/// from lists, and a coordinator becomes COORDINATOR_NOT_AVAILABLE (15) with node -1, "", -1.
///
/// # Errors
/// Never for a `found` that `find` returned for the same bytes and advertised hosts below 32 KiB.
pub fn replace<'a>(
    found: &Found,
    arrived: &[u8],
    place: &mut dyn FnMut(NodeId) -> Option<&'a Endpoint>,
) -> Result<Replaced, FrameError> {
    found.layout.rewrite(found.section.clone(), arrived, place)
}

#[cfg(test)]
mod tests;
