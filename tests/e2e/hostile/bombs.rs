//! Sizes, counts and lengths that promise more than memory holds.

use throughway_tests::script_broker::{Received, Reply};
use throughway_tests::wire::{Connection, raw_request};
use throughway_tests::{soak, usage};

use super::{Watched, for_the_healthy, tolerant};
use crate::edge::broker;

/// 100 MiB less one: the largest request but one.
const LARGE: [u8; 4] = [0x06, 0x3f, 0xff, 0xff];

/// 512 KiB less one: the same before authentication.
const LARGE_BEFORE_SASL: [u8; 4] = [0, 0x07, 0xff, 0xff];

/// What a connection may cost that has announced much and sent little.
const EACH: u64 = 64 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn announced_sizes_cost_nothing() {
    let honest =
        broker(|request| for_the_healthy(request).unwrap_or_else(|| Reply::usual(request))).await;
    let (settings, port) = tolerant(&honest);
    let watched = Watched::start(&settings, port).await;
    let process = watched.edge.process().id();
    let count = soak::times(150, 5_000);
    let mut connections = Vec::new();
    let before = usage::memory(process).unwrap();
    for nth in 0..count {
        // A third has not authenticated, a third stops within the prefix, a third behind it.
        let mut connection = match nth % 3 {
            0 => Connection::open(&watched.edge.door(1)).await.unwrap(),
            _ => watched.edge.log_in(1).await,
        };
        let bytes = match nth % 3 {
            0 => [&LARGE_BEFORE_SASL[..], &[0, 18, 0, 3, 0, 0, 0, 1, 0]].concat(),
            1 => LARGE.to_vec(),
            _ => [&LARGE[..], &[0, 0, 0, 9, 0, 0, 0, 1, 0xff, 0xff, 0]].concat(),
        };
        connection.send_raw(&bytes).await.unwrap();
        connections.push(connection);
    }
    // A question behind them: whatever they cost has been taken by then.
    let mut healthy = watched.edge.log_in(1).await;
    super::healthy_round(&mut healthy, super::HEALTHY, &watched.edge).await;
    let grown = usage::memory(process).unwrap().saturating_sub(before);
    let result = format!(
        "{count} connections that announced up to 100 MiB: memory +{}, {} KiB each",
        soak::mebibytes(grown),
        grown / 1024 / count as u64
    );
    soak::note("announced sizes", &result);
    assert!(grown < EACH * count as u64, "{result}");
    drop((connections, healthy));
    // What may not even be announced.
    for size in [-1, i32::MIN, 0, 3, 7, 524_289, i32::MAX] {
        let mut connection = Connection::open(&watched.edge.door(1)).await.unwrap();
        let bytes = [&i32::to_be_bytes(size)[..], &[0, 18, 0, 0, 0, 0, 0, 1]].concat();
        connection.send_raw(&bytes).await.unwrap();
        assert_eq!(connection.read_to_end().await.unwrap(), b"", "{size}");
    }
}

/// An unsigned varint of 2^32 - 1.
const MOST: [u8; 5] = [0xff, 0xff, 0xff, 0xff, 0x0f];

/// A tagged section of three million empty fields.
fn tags() -> Vec<u8> {
    let mut tags = vec![0xc0, 0x8d, 0xb7, 0x01];
    tags.resize(6_000_004, 0);
    tags
}

/// Requests, and the bodies (from behind the correlation id) that are answered.
fn answers() -> Vec<((i16, i16), Vec<u8>)> {
    let at = |before: usize, bomb: &[u8]| [&vec![0; before][..], bomb, &[0; 20]].concat();
    let mut answers = vec![
        // Counts of an array of brokers.
        ((3, 0), at(0, &[0x7f, 0xff, 0xff, 0xff])),
        ((3, 12), at(5, &MOST)),
        ((60, 1), at(13, &MOST)),
        ((10, 4), at(5, &MOST)),
        // A varint of six bytes.
        ((3, 12), at(5, &[0x80, 0x80, 0x80, 0x80, 0x80, 0])),
        // The length of a host.
        ((3, 0), at(0, &[0, 0, 0, 1, 0, 0, 0, 1, 0x7f, 0xff])),
        ((10, 0), at(2, &[0, 0, 0, 1, 0x7f, 0xff])),
        // Arrays, strings and records before a tail, and the tail's own.
        ((0, 12), at(1, &MOST)),
        ((1, 16), at(11, &MOST)),
        ((1, 16), at(11, &[1, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f])),
        ((78, 1), at(12, &MOST)),
        ((79, 1), at(8, &MOST)),
        ((18, 0), at(2, &[0x7f, 0xff, 0xff, 0xff])),
        ((18, 3), at(2, &MOST)),
    ];
    for api in [(3, 12), (0, 12), (1, 16), (60, 1), (10, 4), (78, 1)] {
        answers.push((api, tags()));
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_in_answers_close_their_session_and_nothing_else() {
    let bombs = answers();
    let hostile = broker(move |request: &Received| {
        // The correlation id says which bomb is wanted.
        let nth = usize::try_from(request.correlation_id).unwrap();
        let bomb = || {
            let (_, body) = bombs.get(nth.checked_sub(1000)?)?;
            Some(Reply::bytes(request, body))
        };
        for_the_healthy(request)
            .or_else(bomb)
            .unwrap_or_else(|| Reply::usual(request))
    })
    .await;
    let (settings, port) = tolerant(&hostile);
    let watched = Watched::start(&settings, port).await;
    let mut healthy = watched.edge.log_in(1).await;
    let total = answers().len();
    for (nth, (api, _)) in answers().into_iter().enumerate() {
        let mut connection = watched.edge.log_in(1).await;
        let correlation_id = 1000 + i32::try_from(nth).unwrap();
        let body = [&[0, 0][..], &[0xff; 2], &[0; 30]].concat();
        let request = raw_request(api, correlation_id, &body);
        connection.send_frame(&request).await.unwrap();
        let received = connection.read_to_end().await.unwrap();
        // Of a large answer what stands before the bomb may have gone out already.
        assert!(received.len() < 4096, "{api:?}: {}", received.len());
        super::healthy_round(&mut healthy, super::HEALTHY, &watched.edge).await;
    }
    drop(healthy);
    let closed = watched.edge.logged("answer of the broker refused").len();
    assert!(closed >= total.min(20), "{closed}");
    watched.assert_unharmed("bombs in answers", &format!("{total} bombs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_in_requests_close_their_session_and_nothing_else() {
    let honest =
        broker(|request| for_the_healthy(request).unwrap_or_else(|| Reply::usual(request))).await;
    let (settings, port) = tolerant(&honest);
    let watched = Watched::start(&settings, port).await;
    let bombs = [
        // Produce v9: tags of its header; transactional id; and v3's.
        ((0, 9), tags()),
        ((0, 9), [&[0][..], &MOST, &[0; 20]].concat()),
        ((0, 9), [&[1, 0][..], &MOST, &[0; 20]].concat()),
        ((0, 3), [0x7f, 0xff, 0, 0, 0, 0].to_vec()),
        ((0, 13), [0x80, 0x80, 0x80, 0x80, 0x80, 0].to_vec()),
    ];
    for (api, body) in bombs {
        let mut connection = watched.edge.log_in(1).await;
        let request = raw_request(api, 5, &body);
        // Closed before its end has been read, perhaps.
        _ = connection.send_frame(&request).await;
        assert_eq!(connection.read_to_end().await.unwrap(), b"", "{api:?}");
    }
    watched.assert_unharmed("bombs in requests", "5 bombs");
}
