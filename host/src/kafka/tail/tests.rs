//! Tails are found in any pieces, and neutralised in their own length.

use std::collections::BTreeMap;

use kafka_protocol::messages::{FetchResponse, ShareFetchResponse, fetch_response as fetch};
use kafka_protocol::protocol::StrBytes;

use super::*;
use crate::kafka::cursor::Cursor;
use crate::kafka::testing::{Answer, KNOWN, Rng, decode, encode, frames};

mod shapes;

const TAILED: std::ops::Range<usize> = 3..7;

/// Where the tail begins, fed in pieces of at most this many bytes.
fn tail_at(kind: ResponseKind, version: i16, payload: &[u8], pieces: usize) -> usize {
    let mut scanner = TailScanner::new(kind, ApiVersion(version), payload.len());
    let mut before = 0;
    for piece in payload.chunks(pieces) {
        match scanner.feed(piece).expect("readable") {
            Scanned::Before => before += piece.len(),
            Scanned::TailAt(at) => return before + at,
        }
    }
    panic!("{kind:?} v{version}: no tail");
}

/// A copy of the payload with its tail neutralised; whether there was something to hide.
fn neutralised(kind: ResponseKind, version: i16, payload: &[u8]) -> (Vec<u8>, bool) {
    let mut out = payload.to_vec();
    let at = tail_at(kind, version, payload, payload.len());
    let hidden = neutralise(kind, ApiVersion(version), &mut out[at..]).expect("readable");
    (out, hidden)
}

/// Checks a neutralised payload against the answer it was made of.
fn assert_only_endpoints_gone(kind: ResponseKind, version: i16, answer: &Answer, out: &[u8]) {
    let mut expected = answer.clone();
    expected.place(|_| None);
    let mut read = Answer::decode(kind, version, out);
    let added: Vec<i32> = read
        .tags()
        .into_iter()
        .filter(|tag| !expected.tags().contains(tag))
        .collect();
    assert_eq!(added.len(), 1, "{kind:?} v{version}");
    read.remove_tag(added[0]);
    assert_eq!(read, expected, "{kind:?} v{version}");
}

fn names_a_host(answer: &Answer) -> bool {
    let mut without = answer.clone();
    without.place(|_| None);
    without != *answer
}

#[test]
fn random_tails_are_neutralised_in_their_own_length() {
    for (seed, (kind, versions)) in (1..).zip(&KNOWN[TAILED]) {
        for version in versions.clone() {
            let mut rng = Rng::new(seed);
            for _ in 0..frames(2_000) {
                let answer = Answer::random(&mut rng, *kind, version);
                let payload = answer.encode(version, rng.tags(0));
                let (out, hidden) = neutralised(*kind, version, &payload);
                assert_eq!(out.len(), payload.len());
                assert_eq!(hidden, names_a_host(&answer));
                if hidden {
                    assert_only_endpoints_gone(*kind, version, &answer, &out);
                    let (again, hidden) = neutralised(*kind, version, &out);
                    assert!(!hidden && again == out, "nothing is left to hide");
                } else {
                    assert_eq!(out, payload);
                }
            }
        }
    }
}

#[test]
fn the_tail_is_found_whatever_the_pieces() {
    for (seed, (kind, versions)) in (1..).zip(&KNOWN[TAILED]) {
        for version in versions.clone() {
            let mut rng = Rng::new(seed);
            for _ in 0..10 {
                let answer = Answer::random(&mut rng, *kind, version);
                let payload = answer.encode(version, rng.tags(0));
                let whole = tail_at(*kind, version, &payload, payload.len());
                for pieces in 1..32 {
                    assert_eq!(tail_at(*kind, version, &payload, pieces), whole);
                }
                for cut in 0..whole {
                    let mut scanner = TailScanner::new(*kind, ApiVersion(version), payload.len());
                    assert_eq!(scanner.feed(&payload[..cut]), Ok(Scanned::Before));
                    let rest = scanner.feed(&payload[cut..]);
                    assert_eq!(rest, Ok(Scanned::TailAt(whole - cut)));
                }
            }
        }
    }
}

#[test]
fn the_newest_share_versions_have_the_same_tail() {
    let mut rng = Rng::new(5);
    for _ in 0..200 {
        let answer = Answer::random(&mut rng, ResponseKind::ShareFetch, 1);
        let payload = answer.encode(1, BTreeMap::new());
        let (out, _) = neutralised(ResponseKind::ShareFetch, 2, &payload);
        assert_eq!(out, neutralised(ResponseKind::ShareFetch, 1, &payload).0);

        // ShareAcknowledge v2 has a lock timeout behind the error message.
        let kind = ResponseKind::ShareAcknowledge;
        let answer = Answer::random(&mut rng, kind, 1);
        let v1 = answer.encode(1, BTreeMap::new());
        let mut cursor = Cursor::new(&v1, v1.len());
        cursor
            .skip(11, "header, throttle time, error")
            .expect("whole");
        let message = cursor.string(crate::kafka::cursor::Encoding::Compact, "message");
        assert!(message.is_ok());
        let at = cursor.at();
        let mut v2 = v1.clone();
        drop(v2.splice(at..at, [0, 0, 0x75, 0x30]));
        assert_eq!(
            tail_at(kind, 2, &v2, 7),
            tail_at(kind, 1, &v1, 9) + 4,
            "shifted by the timeout"
        );
        let (mut out, hidden) = neutralised(kind, 2, &v2);
        drop(out.drain(at..at + 4));
        assert_eq!((out, hidden), neutralised(kind, 1, &v1));
    }
}

#[test]
fn versions_without_a_tail_are_not_scanned() {
    for (kind, version) in [
        (ResponseKind::Produce, 9),
        (ResponseKind::Produce, 14),
        (ResponseKind::Fetch, 15),
        (ResponseKind::Fetch, 19),
        (ResponseKind::ShareFetch, 0),
        (ResponseKind::ShareFetch, 3),
        (ResponseKind::ShareAcknowledge, 0),
        (ResponseKind::Metadata, 12),
        (ResponseKind::Opaque, 0),
    ] {
        let mut scanner = TailScanner::new(kind, ApiVersion(version), 100);
        assert!(scanner.feed(&[0; 100]).is_err(), "{kind:?} v{version}");
        assert!(neutralise(kind, ApiVersion(version), &mut [0]).is_err());
    }
}

/// One endpoint, node 3 at broker-03:9092.
fn endpoint() -> fetch::NodeEndpoint {
    fetch::NodeEndpoint::default()
        .with_node_id(3.into())
        .with_host(StrBytes::from_static_str("broker-03"))
        .with_port(9092)
}

fn fetched(records: Vec<u8>) -> FetchResponse {
    let partition = fetch::PartitionData::default().with_records(Some(records.into()));
    let topic = fetch::FetchableTopicResponse::default().with_partitions(vec![partition]);
    FetchResponse::default()
        .with_responses(vec![topic])
        .with_node_endpoints(vec![endpoint()])
}

#[test]
fn a_throttled_fetch_without_partitions_is_neutralised() {
    for version in 16..=18 {
        let message = FetchResponse::default().with_node_endpoints(vec![endpoint()]);
        let payload = encode(&message, version, BTreeMap::new());
        let (out, hidden) = neutralised(ResponseKind::Fetch, version, &payload);
        assert!(hidden);
        assert!(!out.windows(9).any(|part| part == b"broker-03"));
        let read: FetchResponse = decode(&out, version);
        assert!(read.node_endpoints.is_empty());
    }
}

#[test]
fn records_that_imitate_a_tail_are_not_touched() {
    let mut records = vec![1, 0, 0x15, 2, 0, 0, 0, 3, 10];
    records.extend_from_slice(b"broker-03");
    records.extend_from_slice(&[0, 0, 0x23, 0x84, 0, 0]);
    let payload = encode(&fetched(records.clone()), 17, BTreeMap::new());
    let (out, hidden) = neutralised(ResponseKind::Fetch, 17, &payload);
    assert!(hidden);
    let read: FetchResponse = decode(&out, 17);
    assert!(read.node_endpoints.is_empty());
    let kept = read.responses[0].partitions[0].records.as_deref();
    assert_eq!(kept, Some(&records[..]));
    assert_eq!(
        out.windows(9).filter(|part| *part == b"broker-03").count(),
        1
    );
}

#[test]
fn a_hundred_megabytes_of_records_pass_without_being_kept() {
    const LEN: usize = 100 << 20;
    let small = encode(&fetched(Vec::new()), 16, BTreeMap::new());
    let tail = tail_at(ResponseKind::Fetch, 16, &small, 1);
    // The records' length, the partition's tags and the topic's tags stand before the tail.
    let (head, rest) = small.split_at(tail - 3);
    let (records_len, rest) = rest.split_at(1);
    assert_eq!(records_len, [1], "no records");
    let mut head = head.to_vec();
    crate::kafka::write::put_uvarint(&mut head, LEN + 1);

    let mut rng = Rng::new(9);
    let buffer = vec![0xab; 1 << 20];
    let total = head.len() + LEN + rest.len();
    let mut scanner = TailScanner::new(ResponseKind::Fetch, ApiVersion(16), total);
    for byte in &head {
        assert_eq!(scanner.feed(&[*byte]), Ok(Scanned::Before));
    }
    let mut left = LEN;
    while left > 0 {
        let len = (1 + rng.below(buffer.len())).min(left);
        assert_eq!(scanner.feed(&buffer[..len]), Ok(Scanned::Before));
        left -= len;
    }
    assert_eq!(scanner.feed(&rest[..1]), Ok(Scanned::Before));
    assert_eq!(scanner.feed(&rest[1..]), Ok(Scanned::TailAt(1)));
}

#[test]
fn share_tails_of_every_length_are_neutralised() {
    let message = ShareFetchResponse::default();
    let mut head = encode(&message, 1, BTreeMap::new());
    let at = tail_at(ResponseKind::ShareFetch, 1, &head, 64);
    assert_eq!(head.split_off(at), [1, 0], "no endpoints, no tags");
    let lengths = (0..300)
        .chain((300..16_300).step_by(97))
        .chain(16_300..16_450);
    for len in lengths.chain([20_000]) {
        let mut payload = head.clone();
        payload.extend_from_slice(&[2, 0, 0, 0, 3]);
        crate::kafka::write::put_uvarint(&mut payload, len + 1);
        payload.extend(std::iter::repeat_n(b'h', len));
        payload.extend_from_slice(&[0, 0, 0x23, 0x84, 0, 0, 0]);
        let (out, hidden) = neutralised(ResponseKind::ShareFetch, 1, &payload);
        assert!(hidden && out.len() == payload.len());
        assert!(!out[at..].windows(2).any(|part| part == b"hh"));
        let mut read: ShareFetchResponse = decode(&out, 1);
        assert_eq!(read.unknown_tagged_fields.len(), 1);
        read.unknown_tagged_fields.clear();
        assert_eq!(read, message, "host of {len} bytes");
    }
}
