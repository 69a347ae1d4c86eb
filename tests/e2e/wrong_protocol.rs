//! What stands at the wrong door: recognised in its first bytes, told once, never let upstream.

mod tls;

use std::time::{Duration, Instant};

use throughway_tests::script_broker::ScriptBroker;
use throughway_tests::wire::{Connection, Door, raw_request};

use crate::edge::{Edge, quiet_broker, settings};

/// The PROXY header's second version begins so, whatever follows.
const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\x10\0\x20\0";

/// The beginning of a ClientHello as OpenSSL sends it.
const CLIENT_HELLO: &[u8] = &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0x5a, 0x17, 0x2b];

/// Sends `bytes`, waits for the end, and returns what came back and how long that took.
async fn knock(door: &Door, bytes: &[u8]) -> (Vec<u8>, Duration) {
    let mut connection = Connection::open(door).await.unwrap();
    let began = Instant::now();
    connection.send_raw(bytes).await.unwrap();
    let answer = connection.read_to_end().await.unwrap();
    (answer, began.elapsed())
}

fn metadata_first() -> Vec<u8> {
    let payload = raw_request((3, 9), 1, &[0; 8]);
    let size = u32::try_from(payload.len()).unwrap();
    [&size.to_be_bytes()[..], &payload].concat()
}

/// First bytes on a plaintext port, and the kind they are.
fn table() -> Vec<(&'static str, Vec<u8>)> {
    let mut huge = i32::MAX.to_be_bytes().to_vec();
    huge.extend_from_slice(&[0, 18, 0, 3, 0, 0, 0, 1]);
    vec![
        ("tls", CLIENT_HELLO.to_vec()),
        (
            "http",
            b"GET / HTTP/1.1\r\nHost: kafka:9092\r\n\r\n".to_vec(),
        ),
        ("http", b"POST /topics HTTP/1.1\r\n\r\n".to_vec()),
        ("http", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("zeros", vec![0; 64]),
        (
            "proxy_header",
            b"PROXY TCP4 10.0.0.1 10.0.0.2 4096 9092\r\n".to_vec(),
        ),
        ("proxy_header", PROXY_V2.to_vec()),
        ("bad_size", vec![0xff; 4]),
        ("bad_size", huge),
        // One more than is allowed before authentication.
        ("bad_size", 524_289_u32.to_be_bytes().to_vec()),
        // A bare GSS token, as old clients send it; then a client without SASL.
        (
            "not_kafka",
            b"\0\0\0\x10\x60\x48\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\0\x6e".to_vec(),
        ),
        ("not_kafka", metadata_first()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_kafka_is_told_once_and_never_reaches_a_broker() {
    let broker = quiet_broker().await;
    let edge = Edge::before(&broker);
    let door = edge.door(1);
    for (nth, (kind, bytes)) in table().into_iter().enumerate() {
        let labels = [("listener", "MAIN"), ("kind", kind)];
        let counted = "throughway_wrong_protocol_total";
        let before = edge.metric(counted, &labels);
        let (answer, took) = knock(&door, &bytes).await;
        assert_eq!(answer, b"", "{kind}");
        // Recognised at once, not by a deadline: the first byte's is 10 s.
        assert!(took < Duration::from_secs(5), "{kind}: {took:?}");
        edge.wait_for_ends(nth + 1).unwrap();
        let lines = edge.logged("wrong protocol");
        assert_eq!(lines.len(), nth + 1, "{kind}: {lines:?}");
        assert_eq!(lines[nth]["level"], "INFO");
        assert_eq!(lines[nth]["kind"], kind, "{bytes:?}");
        assert!(lines[nth]["hint"].is_string());
        assert_eq!(edge.metric(counted, &labels), before + 1, "{kind}");
    }
    let all = edge.metric("throughway_wrong_protocol_total", &[]);
    assert_eq!(all, u64::try_from(table().len()).unwrap());
    assert_eq!(broker.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_health_check_is_no_news() {
    let broker = quiet_broker().await;
    let edge = Edge::before(&broker);
    for bytes in [&b""[..], b"\0\0\0"] {
        let mut connection = Connection::open(&edge.door(1)).await.unwrap();
        connection.send_raw(bytes).await.unwrap();
        drop(connection);
    }
    edge.wait_for_ends(2).unwrap();
    assert_eq!(edge.logged("wrong protocol").len(), 0);
    let all = edge.metric("throughway_wrong_protocol_total", &[]);
    assert_eq!((all, broker.connections()), (0, 0));
}

/// What a client is allowed, and whether a session ended within it.
pub(crate) fn about(took: Duration, limit: Duration) -> bool {
    // Not before it, and not so long after it that another deadline could have struck.
    took >= limit - Duration::from_millis(50) && took < limit + Duration::from_secs(4)
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_closed_at_the_deadline_of_their_phase() {
    const FIRST_BYTE: Duration = Duration::from_millis(500);
    const SASL: Duration = Duration::from_millis(1500);
    let broker = quiet_broker().await;
    let (mut settings, first_port) = settings(&broker);
    settings.set("GATEWAY_FIRST_BYTE_TIMEOUT_MS", "500");
    settings.set("GATEWAY_SASL_TIMEOUT_MS", "1500");
    let edge = Edge::start(&settings, first_port);
    let door = edge.door(1);

    for bytes in [&b""[..], b"\0\0\0", b"\0\0\0\x20\0\x12"] {
        let (answer, took) = knock(&door, bytes).await;
        assert_eq!(answer, b"");
        assert!(about(took, FIRST_BYTE), "{bytes:?}: {took:?}");
    }
    assert_eq!(broker.connections(), 0);

    let began = Instant::now();
    let mut connection = Connection::open(&door).await.unwrap();
    let payload = raw_request((18, 0), 7, &[]);
    connection.send_frame(&payload).await.unwrap();
    let answer = connection.receive_frame().await.unwrap();
    assert_eq!(answer[..4], 7_i32.to_be_bytes());
    assert_eq!(connection.read_to_end().await.unwrap(), b"");
    let took = began.elapsed();
    assert!(about(took, SASL), "{took:?}");

    edge.wait_for_ends(4).unwrap();
    let closed = "throughway_sessions_closed_total";
    for (reason, sessions) in [("first_byte_downstream", 3), ("sasl_downstream", 1)] {
        let counted = edge.metric(closed, &[("close_reason", reason)]);
        assert_eq!(counted, sessions, "{reason}");
    }
    assert_eq!(broker.connections(), 1);
}

/// Nothing may have been dialled or counted but refusals. (What was told, the harness watches.)
fn only_refusals(edge: &Edge, broker: &ScriptBroker) {
    assert_eq!(broker.connections(), 0);
    assert_eq!(edge.metric("throughway_dials_total", &[]), 0);
    assert_eq!(edge.metric("throughway_panics_total", &[]), 0);
}
