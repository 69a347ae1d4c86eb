//! Answers of brokers that are hostile or confused: closed, never passed on, never believed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use throughway_tests::ports;
use throughway_tests::script_broker::{Received, Reply, ScriptBroker};
use throughway_tests::wire::{Connection, raw_request};
use tokio::sync::Notify;

use crate::edge::{Edge, broker, settings, upstream_name};

const REFUSED: &str = "answer of the broker refused";

/// Passed on unread: only its correlation id tells.
const HEARTBEAT: i16 = 12;

/// A throughway that may complain about its broker.
fn suspicious(first: &ScriptBroker) -> Edge {
    let (mut settings, port) = settings(first);
    settings.tolerate(REFUSED);
    Edge::start(&settings, port)
}

/// The error of the one line that must have been told.
fn only_error(edge: &Edge, message: &str) -> String {
    let lines = edge.logged(message);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["level"], "WARN");
    lines[0]["error"].as_str().unwrap().to_owned()
}

/// An answer with another correlation id than the request's.
fn off_by(request: &Received, difference: i32) -> Reply {
    let other = Received {
        correlation_id: request.correlation_id + difference,
        ..request.clone()
    };
    Reply::bytes(&other, &[0; 64])
}

/// Sends so many heartbeats, 100, 110 and so on, and waits for the session to be closed without a
/// byte of what the script answers.
async fn closes(script: impl Fn(&Received) -> Reply + Send + Sync + 'static, requests: i32) {
    let evil = broker(script).await;
    let edge = suspicious(&evil);
    let mut connection = edge.log_in(1).await;
    for nth in 0..requests {
        let request = raw_request((HEARTBEAT, 0), 100 + 10 * nth, &[0; 8]);
        let _closed_early = connection.send_frame(&request).await;
    }
    is_closed_for_mismatch(&edge, &mut connection).await;
}

async fn is_closed_for_mismatch(edge: &Edge, connection: &mut Connection) {
    assert_eq!(connection.read_to_end().await.unwrap(), b"");
    edge.wait_for_ends(1).unwrap();
    let error = only_error(edge, REFUSED);
    assert!(error.contains("matches no request"), "{error}");
    let labels = [("close_reason", "relay_upstream")];
    assert_eq!(edge.metric("throughway_sessions_closed_total", &labels), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_nothing_closes_the_session() {
    let script = |request: &Received| match request.api_key {
        HEARTBEAT => off_by(request, 1),
        _ => Reply::usual(request),
    };
    closes(script, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_out_of_order_close_the_session() {
    let script = |request: &Received| match (request.api_key, request.correlation_id) {
        (HEARTBEAT, 100) => Reply::Silence,
        (HEARTBEAT, _) => Reply::Each(vec![off_by(request, 0), off_by(request, -10)]),
        _ => Reply::usual(request),
    };
    closes(script, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_twice_closes_the_session() {
    let gate = Arc::new(Notify::new());
    let second = Arc::clone(&gate);
    let evil = broker(move |request| match request.api_key {
        HEARTBEAT => Reply::Each(vec![
            off_by(request, 0),
            Reply::Await(Arc::clone(&second)),
            off_by(request, 0),
        ]),
        _ => Reply::usual(request),
    })
    .await;
    let edge = suspicious(&evil);
    let mut connection = edge.log_in(1).await;
    let request = raw_request((HEARTBEAT, 0), 100, &[0; 8]);
    connection.send_frame(&request).await.unwrap();
    connection.receive_frame().await.unwrap();
    gate.notify_one();
    is_closed_for_mismatch(&edge, &mut connection).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tls_alert_of_the_broker_is_recognised() {
    // What a TLS port says to plaintext: alert, fatal, protocol_version.
    let tls = broker(|_| {
        let alert = Bytes::from_static(&[21, 3, 3, 0, 2, 2, 70]);
        Reply::Each(vec![Reply::Raw(alert), Reply::Close])
    })
    .await;
    let edge = suspicious(&tls);
    let mut connection = edge.connect().await;
    let request = raw_request((18, 0), 1, &[]);
    connection.send_frame(&request).await.unwrap();
    assert_eq!(connection.read_to_end().await.unwrap(), b"");
    edge.wait_for_ends(1).unwrap();
    let labels = [("kind", "tls_alert_upstream")];
    assert_eq!(edge.metric("throughway_wrong_protocol_total", &labels), 1);
    let error = only_error(&edge, REFUSED);
    assert!(error.contains("KAFKA_SECURITY_PROTOCOL"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_another_cluster_closes_the_session_and_teaches_nothing() {
    let confused = broker(|request| match (request.api_key, request.connection) {
        (3, 0) => Reply::metadata(request, "first", &[(1, upstream_name(1), 9092)]),
        (3, _) => Reply::metadata(request, "second", &[(2, upstream_name(2), 9092)]),
        _ => Reply::usual(request),
    })
    .await;
    let edge = suspicious(&confused);
    let metadata = raw_request((3, 12), 5, &[0; 12]);
    let (mut first, mut second) = (edge.log_in(1).await, edge.log_in(0).await);
    first.send_frame(&metadata).await.unwrap();
    first.receive_frame().await.unwrap();
    assert_eq!(edge.metric("throughway_topology_brokers", &[]), 1);
    second.send_frame(&metadata).await.unwrap();
    assert_eq!(second.read_to_end().await.unwrap(), b"");
    edge.wait_for_ends(1).unwrap();
    let error = only_error(&edge, REFUSED);
    assert!(error.contains("second"), "{error}");
    assert_eq!(edge.metric("throughway_topology_brokers", &[]), 1);
    // The session of the right cluster lives on.
    first.send_frame(&metadata).await.unwrap();
    first.receive_frame().await.unwrap();
}

/// Addresses that nobody allowed: not below `internal.test`, and no networks were named.
const FORBIDDEN: [&str; 30] = [
    "169.254.169.254",
    "fd00:ec2::254",
    "metadata.google.internal",
    "127.0.0.1",
    "127.1.2.3",
    "::1",
    "localhost",
    "0.0.0.0",
    "::",
    "10.0.0.5",
    "172.16.0.9",
    "192.168.1.1",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "ff02::1",
    "fe80::1",
    "::ffff:127.0.0.1",
    "8.8.8.8",
    "2001:db8::1",
    "2130706433",
    "0x7f000001",
    "broker",
    "test",
    "internal.test.evil",
    "internal-test",
    "evilinternal.test",
    "broker1.internal.test.evil.example",
    "kafka.example.com",
    "xn--internal-.test",
];

/// The forbidden ones at a victim's port, behind the one that is right.
fn advertise(request: &Received, victim: u16) -> Reply {
    let mut brokers = vec![(1, upstream_name(1), 9092)];
    let forbidden = FORBIDDEN.iter().zip(2..);
    brokers.extend(forbidden.map(|(host, id)| (id, (*host).to_owned(), i32::from(victim))));
    Reply::metadata(request, "c", &brokers)
}

#[tokio::test(flavor = "multi_thread")]
async fn forbidden_addresses_are_neither_advertised_nor_dialled() {
    let victim = broker(Reply::usual).await;
    let port = victim.address.port();
    let hostile = broker(move |request| match request.api_key {
        3 => advertise(request, port),
        _ => Reply::usual(request),
    })
    .await;
    let (mut settings, port) = settings(&hostile);
    settings.tolerate("outside GATEWAY_UPSTREAM_ALLOWED");
    let edge = Edge::start(&settings, port);
    let mut connection = edge.log_in(1).await;
    let metadata = raw_request((3, 12), 5, &[0; 12]);
    connection.send_frame(&metadata).await.unwrap();
    let answer = connection.receive_frame().await.unwrap();
    // Correlation id, no tags, throttle time, one broker: id 1 at throughway's own port.
    let mut expected = vec![0, 0, 0, 5, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1];
    expected.extend(b"\x0a127.0.0.1");
    expected.extend(u32::from(edge.first_port + 1).to_be_bytes());
    assert_eq!(answer[..expected.len()], expected);
    let labels = [("reason", "not_allowed")];
    assert_eq!(edge.metric("throughway_brokers_removed_total", &labels), 30);

    // Their ports still lead to a bootstrap server, and nowhere else.
    for node_id in 2..13 {
        edge.log_in(node_id).await;
    }
    assert_eq!((hostile.connections(), victim.connections()), (12, 0));
    let connected = [("outcome", "connected")];
    for labels in [&connected[..], &[]] {
        assert_eq!(edge.metric("throughway_dials_total", labels), 12);
    }
    assert_eq!(edge.metric("throughway_topology_brokers", &[]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_broker_that_cannot_be_dialled_closes_at_once() {
    let alive = broker(Reply::usual).await;
    let dead = format!("{}:{}", upstream_name(5), ports::reserve(1));
    let (mut settings, port) = settings(&alive);
    settings.set("GATEWAY_UPSTREAM_BROKERS", format!("5={dead}"));
    let map = [1, 5].map(|id| format!("{}=127.0.0.1", upstream_name(id)));
    settings.set("GATEWAY_UPSTREAM_ADDRESS_MAP", map.join(","));
    settings.tolerate("broker not reached");
    let edge = Edge::start(&settings, port);
    let mut connection = Connection::open(&edge.door(5)).await.unwrap();
    let began = Instant::now();
    let request = raw_request((18, 0), 1, &[]);
    connection.send_frame(&request).await.unwrap();
    // Not even ApiVersions: a connection that got so far would reset the client's back-off.
    assert_eq!(connection.read_to_end().await.unwrap(), b"");
    assert!(began.elapsed() < Duration::from_secs(5));
    edge.wait_for_ends(1).unwrap();
    let error = only_error(&edge, "broker not reached");
    assert!(error.contains(&dead), "{error}");
    let labels = [("outcome", "refused")];
    assert_eq!(edge.metric("throughway_dials_total", &labels), 1);
    assert_eq!(alive.connections(), 0);
}
