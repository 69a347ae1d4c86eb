//! Connections that are reset amid a frame, from either side, at any byte.

use std::time::{Duration, Instant};

use bytes::Bytes;
use throughway_tests::script_broker::{Received, Reply};
use throughway_tests::soak;
use throughway_tests::wire::{Connection, raw_request};
use tokio::net::TcpStream;

use crate::edge::{Edge, broker, quiet_broker, settings};
use crate::round_trips::HEARTBEAT;

const METADATA: (i16, i16) = (3, 12);
const FETCH: (i16, i16) = (1, 4);

/// The other leg is closed within this time; milliseconds, and a busy machine's part. (A deadline would
/// strike after 10 s.)
const CLOSED: Duration = Duration::from_secs(9);

/// Offsets that look random and are the same each time.
fn offsets(rounds: usize, below: usize) -> impl Iterator<Item = usize> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
    })
    .take(rounds)
}

/// A client that can be reset.
async fn client(edge: &Edge) -> (TcpStream, Connection) {
    let stream = TcpStream::connect(edge.door(1).address).await.unwrap();
    let std = stream.into_std().unwrap();
    let [one, other] = [std.try_clone().unwrap(), std];
    let mut connection = Connection::over(TcpStream::from_std(one).unwrap());
    connection
        .authenticate(("alice", "anything"))
        .await
        .unwrap();
    (TcpStream::from_std(other).unwrap(), connection)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_resets_amid_a_request_takes_its_broker_connection_along() {
    let rounds = soak::times(60, 2_000);
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    settings.set("GATEWAY_LOG", "info");
    let edge = Edge::start(&settings, port);
    let mut latest = Duration::ZERO;
    for (nth, cut) in offsets(rounds, 70_000).enumerate() {
        // Small and large ones.
        let size = if nth % 2 == 0 { 70_000 } else { 1 + cut };
        let request = raw_request(HEARTBEAT, 7, &vec![0x11; size]);
        let frame = [
            &u32::try_from(request.len()).unwrap().to_be_bytes()[..],
            &request,
        ]
        .concat();
        let (socket, mut connection) = client(&edge).await;
        connection
            .send_raw(&frame[..cut.min(frame.len() - 1)])
            .await
            .unwrap();
        socket.set_zero_linger().unwrap();
        drop((socket, connection));
        let reset = Instant::now();
        broker.wait_for_ends(nth + 1).await.unwrap();
        latest = latest.max(reset.elapsed());
    }
    let complete = broker
        .apis()
        .iter()
        .filter(|api| **api == HEARTBEAT)
        .count();
    assert_eq!(complete, 0, "frames that no client has sent to their end");
    assert!(latest < CLOSED, "{latest:?}");
    assert_eq!(edge.metric("throughway_panics_total", &[]), 0);
    let result = format!(
        "{rounds} clients reset amid a request: no whole request came of it, the broker's side closed \
         after {} ms at most",
        latest.as_millis()
    );
    soak::note("resets by clients", &result);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_resets_amid_an_answer_takes_its_client_connection_along() {
    let rounds = soak::times(60, 2_000);
    const ANSWER: usize = 70_000;
    let resetting = broker(|request: &Received| match request.api_key {
        1 | 3 => {
            // The correlation id says where.
            let cut = usize::try_from(request.correlation_id).unwrap();
            let size = u32::try_from(ANSWER).unwrap().to_be_bytes();
            let id = request.correlation_id.to_be_bytes();
            let whole = [&size[..], &id, &[0; ANSWER]].concat();
            let part = Bytes::copy_from_slice(&whole[..cut]);
            Reply::Each(vec![Reply::Raw(part), Reply::Reset])
        }
        _ => Reply::usual(request),
    })
    .await;
    let (mut settings, port) = settings(&resetting);
    settings.set("GATEWAY_LOG", "info");
    // Of Metadata that is all zeros, more than its beginning may be looked at.
    settings.tolerate("answer of the broker refused");
    let edge = Edge::start(&settings, port);
    let mut latest = Duration::ZERO;
    for (nth, cut) in offsets(rounds, ANSWER).enumerate() {
        let mut connection = edge.log_in(1).await;
        let api = if nth % 4 == 0 { METADATA } else { FETCH };
        let request = raw_request(api, i32::try_from(cut).unwrap(), &[0; 30]);
        connection.send_frame(&request).await.unwrap();
        let sent = Instant::now();
        let received = connection.read_to_end().await.unwrap();
        latest = latest.max(sent.elapsed());
        assert!(received.len() <= cut, "{} of {cut}", received.len());
    }
    assert!(latest < CLOSED, "{latest:?}");
    assert_eq!(edge.metric("throughway_panics_total", &[]), 0);
    let result = format!(
        "{rounds} brokers reset amid an answer: no whole answer came of it, the client's side closed \
         after {} ms at most",
        latest.as_millis()
    );
    soak::note("resets by brokers", &result);
}
