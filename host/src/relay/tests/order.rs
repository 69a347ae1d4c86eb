//! Which answer belongs to which request, whatever their ids, kinds and number.

use tokio::io::split;

use super::*;

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;

/// Told by the broker; as opaque bytes it must stay what it is.
fn told() -> Vec<u8> {
    metadata_v1(&[(1, "broker1.internal.test", 9092)])
}

fn rewritten() -> Vec<u8> {
    metadata_v1(&[(1, "edge.example", 6970)])
}

/// Produce v3 of no transaction: acks, a timeout.
fn produce(id: i32, acks: i16) -> Vec<u8> {
    let body = [&[0xff, 0xff][..], &acks.to_be_bytes(), &[0, 0, 0, 9]].concat();
    request(PRODUCE, 3, id, &body)
}

/// The n-th of many requests, and whether its answer is read.
fn mixed(nth: usize, id: i32) -> (Vec<u8>, bool) {
    match nth % 5 {
        0 => (request(HEARTBEAT, 0, id, b"group"), false),
        1 => (request(METADATA, 1, id, &[0xff; 4]), true),
        2 => (request(FETCH, 4, id, &[0; 30]), false),
        3 => (produce(id, 1), false),
        _ => (request(METADATA, 1, id, &[0; 4]), true),
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_mixed_requests_are_answered_each_by_its_own_kind() {
    let patterns: [fn(i32) -> i32; 4] = [
        |_| 7,
        |nth| 1_000 - nth,
        |nth| -nth,
        |nth| (i32::MAX - 500).wrapping_add(nth),
    ];
    for id_of in patterns {
        let (_, ()) = relayed(Situation::default(), async |client, broker| {
            let (mut from_us, mut to_us) = split(client);
            let (mut requests, mut answers) = split(broker);
            let ask = async {
                for nth in 0..1_000 {
                    let (bytes, _) = mixed(nth, id_of(i32::try_from(nth).unwrap()));
                    to_us.write_all(&bytes).await.unwrap();
                }
            };
            let answer = async {
                for nth in 0..1_000 {
                    let id = id_of(nth);
                    let mut size = [0; 4];
                    requests.read_exact(&mut size).await.unwrap();
                    let len = usize::try_from(u32::from_be_bytes(size)).unwrap();
                    requests.read_exact(&mut vec![0; len]).await.unwrap();
                    answers.write_all(&response(id, &told())).await.unwrap();
                }
            };
            let check = async {
                for nth in 0..1_000 {
                    let id = id_of(i32::try_from(nth).unwrap());
                    let (_, read) = mixed(nth, id);
                    let body = if read { rewritten() } else { told() };
                    let mut received = vec![0; 8 + body.len()];
                    from_us.read_exact(&mut received).await.unwrap();
                    assert_eq!(received, response(id, &body), "{nth}");
                }
            };
            tokio::join!(ask, answer, check);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_produce_without_acks_is_passed_on_and_shifts_nothing() {
    let (_, ()) = relayed(Situation::default(), async |mut client, mut broker| {
        for id in [7, 8] {
            client.write_all(&produce(id, 0)).await.unwrap();
            next(&mut broker).await;
        }
        let question = request(METADATA, 1, 9, &[0xff; 4]);
        client.write_all(&question).await.unwrap();
        next(&mut broker).await;
        // As Event Hubs does: one of them is answered, the other is not.
        for (id, body) in [(8, &[0; 12][..]), (9, &told())] {
            broker.write_all(&response(id, body)).await.unwrap();
        }
        assert_eq!(next(&mut client).await, response(8, &[0; 12])[4..]);
        assert_eq!(next(&mut client).await, response(9, &rewritten())[4..]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn answers_of_old_fetch_and_produce_versions_pass_byte_for_byte() {
    // What could be taken for a tail, or for the rest of one.
    let body = [&[1, 0, 0x15, 2][..], &told(), &[0; 3]].concat();
    let (_, ()) = relayed(Situation::default(), async |mut client, mut broker| {
        let fetches = (0..=15).map(|version| request(FETCH, version, 5, &[0; 40]));
        // Acks 1 of each layout: behind the client id; a transactional id; tags and one.
        let produces = (0..=9).map(|version| {
            let before: &[u8] = match version {
                ..=2 => &[],
                3..=8 => &[0xff, 0xff],
                _ => &[0, 0],
            };
            request(PRODUCE, version, 5, &[before, &[0, 1], &[0; 8]].concat())
        });
        for bytes in fetches.chain(produces) {
            client.write_all(&bytes).await.unwrap();
            assert_eq!(next(&mut broker).await, bytes[4..]);
            broker.write_all(&response(5, &body)).await.unwrap();
            assert_eq!(next(&mut client).await, response(5, &body)[4..]);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn authenticating_again_amid_fifty_fetches_disturbs_nothing() {
    // Java takes these ids for SASL (KIP-368).
    const RESERVED: i32 = 2_147_483_640;
    let situation = Situation {
        many_in_flight: true,
        ..Situation::default()
    };
    let (ended, ()) = relayed(situation, async |mut client, mut broker| {
        let fetch = |id| (request(FETCH, 4, id, &[0; 30]), id, told(), told());
        let no_error = vec![0; 14];
        let again = [(17, 1, 0), (36, 2, 7)].map(|(key, version, nth)| {
            let id = RESERVED + nth;
            let body = request(key, version, id, &[0; 20]);
            (body, id, no_error.clone(), no_error.clone())
        });
        let metadata = request(METADATA, 1, 51, &[0xff; 4]);
        let mut all: Vec<_> = (0..25).map(fetch).collect();
        all.extend(again);
        all.extend((25..50).map(fetch));
        all.push((metadata, 51, told(), rewritten()));
        for (question, ..) in &all {
            client.write_all(question).await.unwrap();
            next(&mut broker).await;
        }
        for (_, id, answer, expected) in &all {
            broker.write_all(&response(*id, answer)).await.unwrap();
            assert_eq!(next(&mut client).await, response(*id, expected)[4..]);
        }
        drop(client);
        // The broker stays until it has seen that: which of both closed first must not be luck.
        assert_eq!(broker.read(&mut [0; 8]).await.unwrap(), 0);
    })
    .await;
    assert_eq!(ended.unwrap(), CloseReason::ClientClosed);
}

#[tokio::test(start_paused = true)]
async fn a_close_is_the_only_answer_to_a_failed_produce_without_acks() {
    let (ended, ()) = relayed(Situation::default(), async |mut client, mut broker| {
        client.write_all(&produce(1, 0)).await.unwrap();
        next(&mut broker).await;
        drop(broker);
        let closed = Instant::now();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(closed.elapsed() < Duration::from_millis(10));
    })
    .await;
    assert_eq!(ended.unwrap(), CloseReason::BrokerClosed);
}
