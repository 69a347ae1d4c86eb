//! The same at doors that speak TLS: what is not TLS, names that lead nowhere, hellos that never end.

use std::time::Duration;

use throughway_tests::proxy::BOOTSTRAP_NAME;
use throughway_tests::script_broker::ScriptBroker;
use throughway_tests::wire::Connection;
use tokio::net::TcpSocket;

use super::{PROXY_V2, about, knock, metadata_first, only_refusals};
use crate::edge::{Edge, Files, quiet_broker, settings_by_name};

/// Content type, version, length, level fatal, description unrecognized_name (RFC 6066).
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &sized(body)].concat()
}

/// The bytes behind their length as a uint16.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes()[..], bytes].concat()
}

/// A ClientHello (RFC 8446 §4.1.2, offering TLS 1.2) with any bytes for a name: TLS libraries
/// refuse to send most of these.
fn hello(server_name: Option<&[u8]>) -> Vec<u8> {
    let mut extensions = Vec::new();
    if let Some(name) = server_name {
        let entry = [&[0], &sized(name)[..]].concat();
        extensions.extend(extension(0, &sized(&entry)));
    }
    extensions.extend(extension(10, &sized(&[0, 29, 0, 23])));
    extensions.extend(extension(11, &[1, 0]));
    extensions.extend(extension(13, &sized(&[4, 3, 8, 4, 4, 1])));
    let suites = sized(&[0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30]);
    let body = [
        &[3, 3][..],
        &[0x5a; 32],
        &[0],
        &suites,
        &[1, 0],
        &sized(&extensions),
    ]
    .concat();
    let message = [&[1, 0], &sized(&body)[..]].concat();
    [&[22, 3, 1], &sized(&message)[..]].concat()
}

/// 39 names that lead to no broker here.
const UNKNOWN: [&str; 39] = [
    "169.254.169.254",
    "127.0.0.1",
    "10.0.0.5",
    "localhost",
    "metadata",
    "metadata.google.internal",
    "instance-data.ec2.internal",
    "kubernetes.default.svc",
    "broker1.internal.test",
    "someone.else.example.com",
    "test",
    "kafka",
    "kafka.test",
    "www.kafka.test",
    "b1.example.com",
    "b1.kafka.test.evil",
    "b1.kafka.test.evil.example.org",
    "b1.kafka.test.internal.test",
    "evil.b1.kafka.test",
    "b1.b1.kafka.test",
    "b1.kafka.tes",
    "b1.kafka.testt",
    "b1xkafka.test",
    "b1.other.test",
    "b1.kafka",
    "b.kafka.test",
    "b-1.kafka.test",
    "b-2147483648.kafka.test",
    "b01.kafka.test",
    "b0x1.kafka.test",
    "b1a.kafka.test",
    "b1_.kafka.test",
    "_b1.kafka.test",
    "b2147483648.kafka.test",
    "b4294967297.kafka.test",
    "b99999999999999999999.kafka.test",
    "xn--b1.kafka.test",
    "bootstrap.kafka.test.evil",
    "bootstrap2.kafka.test",
];

/// What is no DNS name at all.
const MALFORMED: [&str; 10] = [
    "",
    "b+1.kafka.test",
    "b{{nodeId}}.kafka.test",
    "b1%2ekafka.test",
    "*.kafka.test",
    "xn--b1-.kafka.test",
    "boot strap.kafka.test",
    "b1.kafka.test\0",
    "b1.kafka.test\r\n{\"level\":\"ERROR\"}",
    "../../etc/passwd",
];

#[tokio::test(flavor = "multi_thread")]
async fn server_names_that_lead_nowhere_are_refused_by_the_alert_for_it() {
    let broker = quiet_broker().await;
    let (settings, port, files) = settings_by_name(&broker);
    let edge = Edge::start(&settings, port);
    // The fortieth is none at all.
    let unknown = UNKNOWN.map(Some).into_iter().chain([None]);
    for (source, name) in (2..).zip(unknown) {
        let answer = knock_from(source, port, &hello(name.map(str::as_bytes))).await;
        assert_eq!(answer, UNRECOGNIZED_NAME, "{name:?}");
    }
    let too_long = [&[b'a'; 255][..], b".kafka.test"].concat();
    let malformed = MALFORMED.map(str::as_bytes).into_iter();
    for (source, name) in (100..).zip(malformed.chain([&too_long[..]])) {
        // Fatal as well, by whatever description.
        let answer = knock_from(source, port, &hello(Some(name))).await;
        assert_eq!(answer[..6], UNRECOGNIZED_NAME[..6], "{name:?}");
    }
    edge.wait_for_ends(51).unwrap();
    for (outcome, count) in [("unknown_name", 40), ("failed", 11), ("completed", 0)] {
        let labels = [("outcome", outcome)];
        let counted = edge.metric("throughway_tls_handshakes_total", &labels);
        assert_eq!(counted, count, "{outcome}");
    }
    // Told, and not each time: clients that scan must not fill a disk.
    let lines = edge.logged("tls handshake refused").len();
    assert!((1..51).contains(&lines), "{lines}");
    only_refusals(&edge, &broker);
    known_names_get_in(&edge, &broker, &files).await;
}

/// Sends `bytes` from 127.0.0.`source` and returns what comes back: names that nobody has asked for
/// yet are few for each source, and what is above that is refused unseen.
async fn knock_from(source: u8, port: u16, bytes: &[u8]) -> Vec<u8> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, source], 0).into()).unwrap();
    let stream = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
    let mut connection = Connection::over(stream);
    connection.send_raw(bytes).await.unwrap();
    connection.read_to_end().await.unwrap()
}

/// The same door still serves those it is for, whatever the case of the name.
async fn known_names_get_in(edge: &Edge, broker: &ScriptBroker, files: &Files) {
    for (nth, name) in [BOOTSTRAP_NAME, "B7.Kafka.TEST"].iter().enumerate() {
        let mut door = edge.door(0);
        door.tls = Some(((*name).to_owned(), files.authority.certificate()));
        let mut connection = Connection::open(&door).await.unwrap();
        connection.authenticate(("alice", "any")).await.unwrap();
        assert_eq!(broker.connections(), nth + 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refused_name_is_one_line_and_one_count() {
    let broker = quiet_broker().await;
    let (settings, port, _files) = settings_by_name(&broker);
    let edge = Edge::start(&settings, port);
    let door = edge.door(0);
    let name = b"someone.else.example.com";
    let (answer, _) = knock(&door, &hello(Some(name))).await;
    assert_eq!(answer, UNRECOGNIZED_NAME);
    edge.wait_for_ends(1).unwrap();
    let lines = edge.logged("tls handshake refused");
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["level"], "INFO");
    let labels = [("listener", "MAIN"), ("outcome", "unknown_name")];
    let counted = edge.metric("throughway_tls_handshakes_total", &labels);
    assert_eq!(counted, 1);
    only_refusals(&edge, &broker);
}

#[tokio::test(flavor = "multi_thread")]
async fn plaintext_at_a_tls_door_is_told_once_and_never_reaches_a_broker() {
    let table: [(&str, &[u8]); 5] = [
        ("kafka_on_tls", &metadata_first()),
        (
            "kafka_on_tls",
            b"\0\0\0\x11\0\x12\0\x03\0\0\0\x01\0\x03abc\0\x01\x01\0",
        ),
        ("http", b"GET / HTTP/1.1\r\nHost: kafka\r\n\r\n"),
        (
            "proxy_header",
            b"PROXY TCP4 10.0.0.1 10.0.0.2 4096 9092\r\n",
        ),
        ("proxy_header", PROXY_V2),
    ];
    let broker = quiet_broker().await;
    let (settings, port, _files) = settings_by_name(&broker);
    let edge = Edge::start(&settings, port);
    let door = edge.door(0);
    for (nth, (kind, bytes)) in table.into_iter().enumerate() {
        let (answer, took) = knock(&door, bytes).await;
        assert_eq!(answer, b"", "{kind}");
        assert!(took < Duration::from_secs(5), "{kind}: {took:?}");
        edge.wait_for_ends(nth + 1).unwrap();
        let lines = edge.logged("wrong protocol");
        assert_eq!(lines.len(), nth + 1, "{kind}: {lines:?}");
        assert_eq!(lines[nth]["kind"], kind);
    }
    let counted = "throughway_wrong_protocol_total";
    for (kind, count) in [("kafka_on_tls", 2), ("http", 1), ("proxy_header", 2)] {
        assert_eq!(edge.metric(counted, &[("kind", kind)]), count);
    }
    only_refusals(&edge, &broker);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hello_that_never_ends_is_closed_at_its_deadline() {
    let broker = quiet_broker().await;
    let (mut settings, port, _files) = settings_by_name(&broker);
    settings.set("GATEWAY_FIRST_BYTE_TIMEOUT_MS", "500");
    settings.set("GATEWAY_TLS_HANDSHAKE_TIMEOUT_MS", "1000");
    let edge = Edge::start(&settings, port);
    let door = edge.door(0);
    let whole = hello(Some(BOOTSTRAP_NAME.as_bytes()));
    // Nothing; a record's beginning; a record that claims more than there is.
    for (cut, limit) in [(0, 500), (3, 1000), (whole.len() - 1, 1000)] {
        let (_, took) = knock(&door, &whole[..cut]).await;
        assert!(about(took, Duration::from_millis(limit)), "{cut}: {took:?}");
    }
    edge.wait_for_ends(3).unwrap();
    let labels = [("outcome", "timed_out")];
    let counted = edge.metric("throughway_tls_handshakes_total", &labels);
    assert_eq!(counted, 2);
    only_refusals(&edge, &broker);
}
