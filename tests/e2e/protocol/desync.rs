//! Bytes that a client chose, sent back by a broker: they must never pass for an answer that
//! teaches where brokers are.

use throughway_tests::script_broker::{Received, Reply, ScriptBroker};
use throughway_tests::wire::{Connection, raw_request};

use crate::edge::{Edge, broker, settings, upstream_name};

/// The node that the bytes speak of.
const PLANTED: i32 = 3;

/// A whole Metadata answer (v12) that tells of node 3, at a name that throughway would dial.
fn planted(request: &Received, port: u16) -> Reply {
    let brokers = [(PLANTED, upstream_name(PLANTED), i32::from(port))];
    let as_metadata = Received {
        api_key: 3,
        api_version: 12,
        ..request.clone()
    };
    Reply::metadata(&as_metadata, "planted", &brokers)
}

/// A throughway that would dial node 3 on this machine, if it ever learned of it.
fn gullible(first: &ScriptBroker) -> Edge {
    let (mut settings, port) = settings(first);
    let map = [1, PLANTED].map(|id| format!("{}=127.0.0.1", upstream_name(id)));
    settings.set("GATEWAY_UPSTREAM_ADDRESS_MAP", map.join(","));
    Edge::start(&settings, port)
}

/// Node 3 is as unknown as before: its port leads to a bootstrap server, provisionally.
async fn learned_nothing(edge: &Edge, victim: &ScriptBroker) {
    let provisional = "throughway_provisional_sessions_total";
    let before = edge.metric(provisional, &[]);
    edge.log_in(3).await;
    assert_eq!(edge.metric(provisional, &[]), before + 1);
    assert_eq!(victim.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_laid_out_as_a_request_teaches_nothing() {
    let victim = broker(Reply::usual).await;
    let port = victim.address.port();
    // What an old broker does: takes the handshake, then answers a token with the client's bytes.
    let evil = broker(
        move |request| match (request.api_key, request.api_version) {
            (17, 0) => Reply::bytes(request, &[0; 6]),
            (3, _) => planted(request, port),
            _ => Reply::usual(request),
        },
    )
    .await;
    let edge = gullible(&evil);
    let mut connection = edge.connect().await;
    // Both at once: nothing of the second may be read once the first is refused.
    let handshake = raw_request((17, 0), 6, b"\0\x0dSCRAM-SHA-256");
    connection.send_frame(&handshake).await.unwrap();
    let token = raw_request((3, 12), 7, &[0; 12]);
    let _closed = connection.send_frame(&token).await;
    let received = connection.read_to_end().await.unwrap();
    assert_eq!(received, [0, 0, 0, 10, 0, 0, 0, 6, 0, 35, 0, 0, 0, 0]);
    edge.wait_for_ends(1).unwrap();
    assert_eq!(evil.apis(), []);
    learned_nothing(&edge, &victim).await;
}

/// Two kinds of request with one correlation id: the first is answered with stored bytes of the
/// client's that look like an answer to the second.
#[tokio::test(flavor = "multi_thread")]
async fn stored_bytes_teach_nothing_when_correlation_ids_repeat() {
    let victim = broker(Reply::usual).await;
    let port = victim.address.port();
    let evil = broker(move |request| match request.api_key {
        // OffsetFetch: the metadata of an offset is any bytes.
        9 => planted(request, port),
        3 => Reply::metadata(request, "c", &[]),
        _ => Reply::usual(request),
    })
    .await;
    let edge = gullible(&evil);
    let mut connection = edge.log_in(1).await;
    for request in [(9, 1), (3, 12), (9, 8), (3, 12)] {
        let request = raw_request(request, 77, &[0; 16]);
        connection.send_frame(&request).await.unwrap();
    }
    let mut lengths = Vec::new();
    for _ in 0..4 {
        let answer = connection.receive_frame().await.unwrap();
        assert_eq!(answer[..4], 77_i32.to_be_bytes());
        lengths.push(answer.len());
    }
    // Each of its own kind: the opaque ones are the longer.
    assert_eq!((lengths[0], lengths[1]), (lengths[2], lengths[3]));
    assert!(lengths[0] > lengths[1], "{lengths:?}");
    learned_nothing(&edge, &victim).await;
}

/// A Produce that is not answered must not be waited for, or all that follows is read as the
/// answer to something else.
#[tokio::test(flavor = "multi_thread")]
async fn unanswered_produce_does_not_shift_the_answers() {
    let honest = broker(move |request| match request.api_key {
        0 => Reply::Silence,
        3 => planted(request, 9092),
        _ => Reply::usual(request),
    })
    .await;
    let edge = gullible(&honest);
    let mut connection = edge.log_in(1).await;
    for round in 0..300 {
        // All zeros: acks are 0 in every version.
        for version in [2, 8, 9, 13] {
            let produce = raw_request((0, version), round, &[0; 24]);
            connection.send_frame(&produce).await.unwrap();
        }
        // The same correlation id as theirs.
        assert_rewritten(&mut connection, &edge, round).await;
    }
}

async fn assert_rewritten(connection: &mut Connection, edge: &Edge, correlation_id: i32) {
    let request = raw_request((3, 12), correlation_id, &[0; 12]);
    connection.send_frame(&request).await.unwrap();
    let answer = connection.receive_frame().await.unwrap();
    assert_eq!(answer[..4], correlation_id.to_be_bytes());
    let port = u32::from(edge.first_port + 3).to_be_bytes();
    let advertised = [b"\x0a127.0.0.1", &port[..]].concat();
    assert!(answer.windows(advertised.len()).any(|w| w == advertised));
    assert!(!String::from_utf8_lossy(&answer).contains("internal.test"));
}
