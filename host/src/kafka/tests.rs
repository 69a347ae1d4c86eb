//! Hostile and damaged frames: never a panic, never memory by a count read from the wire.

use super::acks::AcksScanner;
use super::answer::{find, replace};
use super::in_flight::ResponseKind;
use super::tail::{Scanned, TailScanner, neutralise};
use super::testing::{Answer, KNOWN, Rng, advertised, place_in};
use super::versions::{ClampPolicy, clamp_api_versions, sasl_authenticate_error};
use super::{ApiVersion, FrameError};

/// Everything that is ever done with a response payload.
fn treat(rng: &mut Rng, kind: ResponseKind, version: ApiVersion, payload: &[u8]) {
    let endpoints = advertised();
    let part = match kind {
        ResponseKind::Metadata | ResponseKind::DescribeCluster | ResponseKind::FindCoordinator => {
            Some(payload)
        }
        _ => scan(rng, kind, version, payload).and_then(|at| payload.get(at..)),
    };
    let Some(part) = part else { return };
    let found = find(kind, version, part, part.len());
    if let Ok(Some(found)) = &found {
        assert!(found.section.end <= part.len());
        replace(found, part, &mut |id| place_in(&endpoints, id)).expect("found in these bytes");
    }
    assert!(!matches!(found, Ok(None)), "all of it is there");
    let mut tail = part.to_vec();
    let neutral = neutralise(kind, version, &mut tail);
    if neutral.is_err() {
        assert_eq!(tail, part, "an error changes nothing");
    }
}

fn scan(rng: &mut Rng, kind: ResponseKind, version: ApiVersion, payload: &[u8]) -> Option<usize> {
    let mut scanner = TailScanner::new(kind, version, payload.len());
    let mut at = 0;
    while at <= payload.len() {
        let len = (1 + rng.below(200)).min(payload.len() - at);
        match scanner.feed(&payload[at..at + len]) {
            Ok(Scanned::Before) => at += len,
            Ok(Scanned::TailAt(offset)) => return Some(at + offset),
            Err(_) => return None,
        }
    }
    panic!("a whole payload without a tail and without an error");
}

fn damage(rng: &mut Rng, payload: &mut Vec<u8>) {
    const NASTY: [u8; 8] = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x0f, 0x10, 0x02];
    for _ in 0..=rng.below(4) {
        if payload.is_empty() {
            return;
        }
        let at = rng.below(payload.len());
        match rng.below(5) {
            0 => payload[at] = rng.byte(),
            1 => payload[at] = NASTY[rng.below(NASTY.len())],
            2 => payload.truncate(at),
            3 => payload.insert(at, rng.byte()),
            _ => {
                for byte in payload.iter_mut().skip(at).take(5) {
                    *byte = 0xff;
                }
            }
        }
    }
}

#[test]
fn damaged_answers_never_panic() {
    for (seed, (kind, versions)) in (1..).zip(KNOWN) {
        for version in versions {
            let mut rng = Rng::new(seed);
            for _ in 0..2_000 {
                let answer = Answer::random(&mut rng, kind, version);
                let mut payload = answer.encode(version, Default::default());
                damage(&mut rng, &mut payload);
                treat(&mut rng, kind, ApiVersion(version), &payload);
            }
        }
    }
}

#[test]
fn noise_never_panics() {
    let mut rng = Rng::new(3);
    let policy = ClampPolicy {
        fetch_leader_hints: false,
        clamp_unreviewed: true,
    };
    for _ in 0..20_000 {
        let mut noise = rng.bytes(60);
        if rng.one_in(2) {
            let quiet = noise.len().min(12);
            noise[..quiet].fill(0);
        }
        let version = ApiVersion(i16::try_from(rng.below(20)).expect("small"));
        let (kind, _) = KNOWN[rng.below(KNOWN.len())].clone();
        treat(&mut rng, kind, version, &noise);
        // Only that they return: noise may well be readable.
        let _ = AcksScanner::new(version, noise.len() + 8).feed(&noise);
        let _ = sasl_authenticate_error(version, &noise);
        let _ = clamp_api_versions(version, &mut noise, policy);
    }
}

/// These three make `kafka-protocol` 0.18 reserve memory by their count and abort the process.
#[test]
fn counts_that_abort_the_oracle_are_refused() {
    let classic = [0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    let compact = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0];
    let millions = [0, 0, 0, 1, 0x05, 0xf5, 0xe1, 0x00, 0, 0, 0, 0];
    for (version, payload) in [(0, &classic[..]), (12, &compact), (0, &millions)] {
        let refused = find(
            ResponseKind::Metadata,
            ApiVersion(version),
            payload,
            payload.len(),
        );
        let beyond = FrameError::Beyond { what: "brokers" };
        assert_eq!(refused.err(), Some(beyond));
    }
}

#[test]
fn hostile_counts_inside_a_large_frame_do_not_reserve_memory() {
    // The count fits the announced size; only what has arrived is ever walked.
    let mut payload = vec![0, 0, 0, 1];
    payload.extend_from_slice(&100_000_i32.to_be_bytes());
    let asked = find(ResponseKind::Metadata, ApiVersion(0), &payload, 1 << 30);
    assert!(matches!(asked, Ok(None)));
}
