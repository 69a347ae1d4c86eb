//! Answers larger than any buffer: they stream, and what they name is still written anew or hidden.

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};

use super::*;

const FETCH: i16 = 1;

/// An unsigned varint (KIP-482).
fn uvarint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

fn compact(text: &str) -> Vec<u8> {
    [uvarint(text.len() + 1), text.as_bytes().to_vec()].concat()
}

/// Fetch v16 up to its top-level tags: one topic, one partition with error 6 and these records.
fn fetch_v16_before_tail(records: usize) -> Vec<u8> {
    let mut body = vec![0];
    body.extend_from_slice(&[0; 10]);
    body.push(2);
    body.extend_from_slice(&[7; 16]);
    body.push(2);
    body.extend_from_slice(&[0, 0, 0, 0, 0, 6]);
    body.extend_from_slice(&[1; 24]);
    body.push(0);
    body.extend_from_slice(&(-1i32).to_be_bytes());
    body.extend_from_slice(&uvarint(records + 1));
    // Records that look like a tail: only the real one may be touched.
    let imitation = tail("broker1.internal.test");
    body.extend(imitation.iter().cycle().take(records));
    body.extend_from_slice(&[0, 0]);
    body
}

/// One node endpoint in tag 0: node 1, no rack.
fn tail(host: &str) -> Vec<u8> {
    let endpoint = [
        &1i32.to_be_bytes()[..],
        &compact(host),
        &9092i32.to_be_bytes(),
        &[0, 0],
    ]
    .concat();
    let field = [vec![2], endpoint].concat();
    [vec![1, 0], uvarint(field.len()), field].concat()
}

/// Writes in pieces of many sizes, while `read` takes what comes out.
async fn in_pieces(mut to: WriteHalf<DuplexStream>, bytes: &[u8]) {
    let mut rest = bytes;
    for size in [1, 7, 4096, 65_536, 3, 100_000].into_iter().cycle() {
        let (piece, left) = rest.split_at(size.min(rest.len()));
        to.write_all(piece).await.unwrap();
        if left.is_empty() {
            return;
        }
        rest = left;
    }
}

async fn exactly(from: &mut ReadHalf<DuplexStream>, n: usize) -> Vec<u8> {
    let mut bytes = vec![0; n];
    from.read_exact(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test(start_paused = true)]
async fn hides_the_endpoints_at_the_end_of_a_large_fetch_and_nothing_else() {
    let before = fetch_v16_before_tail(3 << 20);
    let real = tail("broker1.internal.test");
    let sent = response(9, &[&before[..], &real].concat());
    let (_, ()) = relayed(Situation::default(), async |mut client, mut broker| {
        client.write_all(&request(FETCH, 16, 9, b"")).await.unwrap();
        next(&mut broker).await;
        let (mut client, _) = split(client);
        let (_, broker) = split(broker);
        let (received, ()) =
            tokio::join!(exactly(&mut client, sent.len()), in_pieces(broker, &sent));
        let at = sent.len() - real.len();
        assert!(
            received[..at] == sent[..at],
            "bytes before the tail changed"
        );
        let hidden = &received[at..];
        assert_eq!(hidden[..3], [1, 127, real[2]]);
        assert!(hidden[3..].iter().all(|byte| *byte == 0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn rewrites_the_endpoints_of_a_small_fetch_with_their_new_size() {
    let before = fetch_v16_before_tail(100);
    let sent = response(9, &[&before[..], &tail("broker1.internal.test")].concat());
    let mut told = tail("edge.example");
    let port = told.len() - 4;
    told[port..port + 2].copy_from_slice(&6970u16.to_be_bytes());
    let expected = response(9, &[&before[..], &told].concat());
    let (_, ()) = relayed(Situation::default(), async |mut client, mut broker| {
        client.write_all(&request(FETCH, 16, 9, b"")).await.unwrap();
        next(&mut broker).await;
        broker.write_all(&sent).await.unwrap();
        assert_eq!(next(&mut client).await, expected[4..]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_metadata_answer_begins_to_leave_long_before_it_has_arrived() {
    let mut body = metadata_v1(&[(5, "broker5.internal.test", 9092)]);
    // What follows the brokers is never looked at: it may be anything.
    body.resize(20 << 20, 0xab);
    let sent = response(1, &body);
    let (_, ()) = relayed(Situation::default(), async |mut client, mut broker| {
        client
            .write_all(&request(METADATA, 1, 1, &[0xff; 4]))
            .await
            .unwrap();
        next(&mut broker).await;
        let (mut client, _) = split(client);
        let (_, mut broker) = split(broker);
        broker.write_all(&sent[..4096]).await.unwrap();
        let shorter = "broker5.internal.test".len() - "edge.example".len();
        let mut received = exactly(&mut client, 4096 - shorter).await;
        let left = sent.len() - 4096;
        let (rest, ()) = tokio::join!(exactly(&mut client, left), in_pieces(broker, &sent[4096..]));
        received.extend(rest);
        let size = u32::try_from(sent.len() - 4 - shorter).unwrap();
        assert_eq!(received[..4], size.to_be_bytes());
        let head = metadata_v1(&[(5, "edge.example", 6974)]);
        assert_eq!(received[8..8 + head.len()], head);
        assert!(received[8 + head.len()..].iter().all(|byte| *byte == 0xab));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn refuses_a_broker_array_that_does_not_end() {
    let mut body = i32::MAX.to_be_bytes().to_vec();
    body.resize(6 << 20, 0);
    let sent = response(1, &body);
    let (ended, ()) = relayed(Situation::default(), async |mut client, mut broker| {
        client
            .write_all(&request(METADATA, 1, 1, &[0xff; 4]))
            .await
            .unwrap();
        next(&mut broker).await;
        // The relay may close before all of it is written.
        _ = broker.write_all(&sent).await;
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    })
    .await;
    assert!(
        matches!(ended, Err(RelayError::Rewrite { .. })),
        "{ended:?}"
    );
}
