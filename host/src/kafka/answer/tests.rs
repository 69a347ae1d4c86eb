//! Rewritten answers equal the originals, as the oracle reads both, but for hosts and ports.

use std::collections::BTreeMap;

use kafka_protocol::messages::metadata_response::MetadataResponseBroker;
use kafka_protocol::messages::{BrokerId, MetadataResponse};
use kafka_protocol::protocol::StrBytes;

use super::*;
use crate::kafka::tail::{Scanned, TailScanner};
use crate::kafka::testing::{Answer, KNOWN, Rng, advertised, encode, frames, place_in};

mod special;

/// Offset at which the part begins that `find` is given: a tail, or the whole payload.
fn start_of_part(kind: ResponseKind, version: i16, payload: &[u8]) -> usize {
    let mut scanner = TailScanner::new(kind, ApiVersion(version), payload.len());
    match kind {
        ResponseKind::Metadata | ResponseKind::DescribeCluster | ResponseKind::FindCoordinator => 0,
        _ => match scanner.feed(payload) {
            Ok(Scanned::TailAt(at)) => at,
            other => panic!("{kind:?} v{version}: no tail: {other:?}"),
        },
    }
}

fn found_in(kind: ResponseKind, version: i16, part: &[u8]) -> Found {
    find(kind, ApiVersion(version), part, part.len())
        .expect("readable")
        .expect("complete")
}

/// The payload with its section written anew.
fn rewritten(kind: ResponseKind, version: i16, payload: &[u8]) -> (Vec<u8>, Replaced) {
    let endpoints = advertised();
    let start = start_of_part(kind, version, payload);
    let part = &payload[start..];
    let found = found_in(kind, version, part);
    let replaced =
        replace(&found, part, &mut |id| place_in(&endpoints, id)).expect("found in these bytes");
    let mut out = payload[..start + found.section.start].to_vec();
    out.extend_from_slice(&replaced.bytes);
    out.extend_from_slice(&part[found.section.end..]);
    (out, replaced)
}

fn header_tags(rng: &mut Rng, kind: ResponseKind, version: i16) -> BTreeMap<i32, Vec<u8>> {
    let flexible = match kind {
        ResponseKind::Metadata => version >= 9,
        ResponseKind::FindCoordinator => version >= 3,
        _ => true,
    };
    if flexible {
        rng.tags(0)
    } else {
        BTreeMap::new()
    }
}

/// What arrives in pieces is found as soon as it can be, and as if it had come at once.
fn found_in_pieces(rng: &mut Rng, kind: ResponseKind, version: i16, part: &[u8]) -> Found {
    let mut arrived = 0;
    loop {
        let found = find(kind, ApiVersion(version), &part[..arrived], part.len());
        if let Some(found) = found.expect("readable") {
            return found;
        }
        assert!(arrived < part.len(), "{kind:?} v{version}");
        arrived += 1 + rng.below(part.len() - arrived);
    }
}

/// Random answers of one kind: the oracle reads ours as what it would have written itself, byte for
/// byte unless entries are left out (then it may leave out their list, too).
fn only_hosts_and_ports_change(kind: ResponseKind) {
    let endpoints = advertised();
    let known = KNOWN.into_iter().find(|known| known.0 == kind);
    for version in known.expect("a kind with addresses").1 {
        let mut rng = Rng::new(1 + u64::from(version.unsigned_abs()));
        for _ in 0..frames(2_000) {
            let mut answer = Answer::random(&mut rng, kind, version);
            let tags = header_tags(&mut rng, kind, version);
            let payload = answer.encode(version, tags.clone());
            let start = start_of_part(kind, version, &payload);
            let part = &payload[start..];
            let found = found_in_pieces(&mut rng, kind, version, part);
            let replaced = replace(&found, part, &mut |id| place_in(&endpoints, id));
            let replaced = replaced.expect("found in these bytes");
            let mut out = payload.clone();
            let section = start + found.section.start..start + found.section.end;
            drop(out.splice(section, replaced.bytes));
            answer.place(|id| place_in(&endpoints, id));
            if replaced.removed.is_empty() {
                assert_eq!(out, answer.encode(version, tags), "{kind:?} v{version}");
            } else {
                let read = Answer::decode(kind, version, &out);
                assert_eq!(read, answer, "{kind:?} v{version}");
            }
        }
    }
}

macro_rules! only_hosts_and_ports_change {
    ($($test:ident: $kind:ident,)*) => {
        $(
            #[test]
            fn $test() {
                only_hosts_and_ports_change(ResponseKind::$kind);
            }
        )*
    };
}

// One each, so that they share the cores.
only_hosts_and_ports_change! {
    random_metadata_changes_only_in_hosts_and_ports: Metadata,
    random_describe_cluster_changes_only_in_hosts_and_ports: DescribeCluster,
    random_find_coordinator_changes_only_in_hosts_and_ports: FindCoordinator,
    random_produce_changes_only_in_hosts_and_ports: Produce,
    random_fetch_changes_only_in_hosts_and_ports: Fetch,
    random_share_fetch_changes_only_in_hosts_and_ports: ShareFetch,
    random_share_acknowledge_changes_only_in_hosts_and_ports: ShareAcknowledge,
}

#[test]
fn every_cut_asks_for_more_until_all_is_known() {
    for (kind, versions) in KNOWN {
        for version in versions {
            let mut rng = Rng::new(77);
            for _ in 0..6 {
                let answer = Answer::random(&mut rng, kind, version);
                let payload = answer.encode(version, header_tags(&mut rng, kind, version));
                let part = &payload[start_of_part(kind, version, &payload)..];
                let whole = found_in(kind, version, part);
                let mut complete = false;
                for len in 0..=part.len() {
                    let found = find(kind, ApiVersion(version), &part[..len], part.len())
                        .expect("readable");
                    assert!(found.is_some() || !complete, "{kind:?} v{version} at {len}");
                    complete |= found.is_some();
                    let Some(found) = found else { continue };
                    assert!(len >= whole.section.end, "{kind:?} v{version} at {len}");
                    assert_eq!(found.brokers, whole.brokers);
                    assert_eq!(found.cluster_id, whole.cluster_id);
                    assert_eq!(found.section, whole.section);
                }
                assert!(complete);
            }
        }
    }
}

/// A Metadata answer of this many brokers, ids cycling through the mapped ones.
fn metadata(version: i16, brokers: usize) -> MetadataResponse {
    let racks = [None, Some(String::new()), Some("r".repeat(200))];
    let brokers = (0..brokers).map(|index| {
        let id = i32::try_from(index % 10).expect("small");
        let rack = racks[index % 3].clone().map(StrBytes::from_string);
        MetadataResponseBroker::default()
            .with_node_id(BrokerId(id))
            .with_host(StrBytes::from_string(format!("broker-{index}.internal")))
            .with_port(9092)
            .with_rack(rack.filter(|_| version >= 1))
    });
    let cluster_id = StrBytes::from_static_str("MkU3OEVBNTcwNTJENDM2Qk");
    MetadataResponse::default()
        .with_brokers(brokers.collect())
        .with_cluster_id((version >= 2).then_some(cluster_id))
        .with_controller_id(BrokerId(if version >= 1 { 3 } else { -1 }))
}

#[test]
fn metadata_of_any_number_of_brokers_is_learned_and_rewritten() {
    let endpoints = advertised();
    for version in 0..=13 {
        for count in [0, 1, 3, 500] {
            let message = metadata(version, count);
            let payload = encode(&message, version, BTreeMap::new());
            let found = found_in(ResponseKind::Metadata, version, &payload);
            let cluster_id = message.cluster_id.as_ref().map(|id| id.as_str());
            assert_eq!(found.cluster_id.as_deref(), cluster_id);
            assert_eq!(found.brokers.len(), count);
            for (named, sent) in found.brokers.iter().zip(&message.brokers) {
                let address = named.address.as_ref().expect("a name");
                assert_eq!(named.node_id.0, sent.node_id.0);
                assert_eq!(address.host, sent.host.as_str());
                assert_eq!(address.port, 9092);
                assert_eq!(
                    named.rack.as_deref(),
                    sent.rack.as_ref().map(|r| r.as_str())
                );
            }
            let (out, replaced) = rewritten(ResponseKind::Metadata, version, &payload);
            assert_eq!(replaced.rewritten, count);
            let mut expected = Answer::Metadata(message);
            expected.place(|id| place_in(&endpoints, id));
            let read = Answer::decode(ResponseKind::Metadata, version, &out);
            assert_eq!(read, expected);
        }
    }
}

#[test]
fn hosts_of_any_other_length_are_written() {
    let lengths = [1, 2, 99, 100, 101, 125, 126, 127, 128, 129, 200, 253];
    for version in [0, 1, 8, 9, 13] {
        for from in lengths {
            for to in lengths {
                let host = StrBytes::from_string("o".repeat(from));
                let broker = MetadataResponseBroker::default()
                    .with_port(1)
                    .with_host(host);
                let message = MetadataResponse::default().with_brokers(vec![broker]);
                let message = message.with_controller_id(BrokerId(-1));
                let payload = encode(&message, version, BTreeMap::new());
                let found = found_in(ResponseKind::Metadata, version, &payload);
                let endpoint = Endpoint {
                    host: "n".repeat(to),
                    port: 65_535,
                };
                let replaced = replace(&found, &payload, &mut |_| Some(&endpoint));
                let replaced = replaced.expect("found in these bytes");
                let mut out = payload.clone();
                drop(out.splice(found.section.clone(), replaced.bytes.clone()));
                let size = payload.len() + replaced.bytes.len() - found.section.len();
                assert_eq!(out.len(), size);
                let mut expected = Answer::Metadata(message);
                expected.place(|_| Some(&endpoint));
                let read = Answer::decode(ResponseKind::Metadata, version, &out);
                assert_eq!(read, expected, "v{version} {from} -> {to}");
            }
        }
    }
}

#[test]
fn only_the_head_of_metadata_must_arrive() {
    let payload = encode(&metadata(12, 3), 12, BTreeMap::new());
    let huge = 1_500_000_000;
    let found = find(ResponseKind::Metadata, ApiVersion(12), &payload, huge);
    let found = found.expect("readable").expect("head is complete");
    assert_eq!(found.brokers.len(), 3);
}
