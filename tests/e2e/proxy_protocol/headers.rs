//! Headers that nobody should send: from elsewhere, missing, cut short, slow, too long.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use throughway_tests::cluster::USER;
use throughway_tests::script_broker::ScriptBroker;
use throughway_tests::wire::Connection;

use super::{BALANCER, clients_told, connect, trusting};
use crate::edge::{Edge, quiet_broker, settings};

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.1 4096 9092\r\n";

/// Version 2, PROXY, TCP over IPv4, with so many bytes of extensions.
fn v2(extensions: u16) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11".to_vec();
    header.extend_from_slice(&(12 + extensions).to_be_bytes());
    header.extend_from_slice(&[192, 0, 2, 7, 192, 0, 2, 1, 0x10, 0, 0x23, 0x84]);
    // One extension that says nothing (PP2_TYPE_NOOP).
    if let Some(value) = extensions.checked_sub(3) {
        header.push(4);
        header.extend_from_slice(&value.to_be_bytes());
        header.resize(header.len() + usize::from(value), 0);
    }
    header
}

async fn trusting_edge(first_byte_ms: &str) -> (Edge, ScriptBroker) {
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    trusting(&mut settings);
    settings.set("GATEWAY_FIRST_BYTE_TIMEOUT_MS", first_byte_ms);
    (Edge::start(&settings, port), broker)
}

async fn from(edge: &Edge, source: Ipv4Addr) -> Connection {
    Connection::over(connect(source, edge.first_port + 1).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_is_taken_from_the_balancer_in_any_pieces_and_of_any_allowed_length() {
    let (mut edge, _broker) = trusting_edge("30000").await;
    let headers = [V1.to_vec(), v2(0), v2(508)];
    for header in &headers {
        for pace in [1, 7, header.len()] {
            let mut connection = from(&edge, BALANCER).await;
            for piece in header.chunks(pace) {
                connection.send_raw(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            connection.authenticate(USER).await.unwrap();
        }
    }
    edge.wait_for_ends(headers.len() * 3).unwrap();
    assert_eq!(edge.stop().unwrap(), Some(0));
    let clients = clients_told(&edge);
    assert_eq!(clients.len(), headers.len() * 3);
    let expected = "192.0.2.7:4096".parse().unwrap();
    assert!(
        clients.iter().all(|client| *client == expected),
        "{clients:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_header_from_the_balancer_ends_at_once() {
    let (edge, broker) = trusting_edge("30000").await;
    let refused = [
        // Without one: a client's first request.
        b"\0\0\0\x20\0\x12\0\x03\0\0\0\x01\0\x04test\0\0\0".to_vec(),
        // Malformed, and longer than any.
        b"PROXY TCP4 192.0.2.7\r\n  then more".to_vec(),
        b"PROXY TCP9 192.0.2.7 192.0.2.1 4096 9092\r\n".to_vec(),
        [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat(),
        v2(509),
        v2(60_000),
        b"\r\n\r\n\0\r\nQUIT\n\x41\x11\0\x0c".to_vec(),
    ];
    let began = Instant::now();
    for (nth, bytes) in refused.iter().enumerate() {
        let mut connection = from(&edge, BALANCER).await;
        // Closed before its end has been read, perhaps.
        _ = connection.send_raw(bytes).await;
        assert_eq!(connection.read_to_end().await.unwrap(), b"", "{nth}");
    }
    // Not by the deadline, which is 30 s for each.
    assert!(began.elapsed() < Duration::from_secs(25));
    edge.wait_for_ends(refused.len()).unwrap();
    let total = u64::try_from(refused.len()).unwrap();
    let labels = [("listener", "MAIN"), ("kind", "proxy_header")];
    assert_eq!(
        edge.metric("throughway_wrong_protocol_total", &labels),
        total
    );
    assert_eq!(edge.logged("connection refused").len(), refused.len());
    assert_eq!(broker.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoofed_header_reaches_nobody() {
    let (edge, broker) = trusting_edge("30000").await;
    for header in [V1.to_vec(), v2(0)] {
        let mut connection = from(&edge, Ipv4Addr::LOCALHOST).await;
        connection.send_raw(&header).await.unwrap();
        assert_eq!(connection.read_to_end().await.unwrap(), b"");
    }
    edge.wait_for_ends(2).unwrap();
    let kind = [("kind", "proxy_header")];
    assert_eq!(edge.metric("throughway_wrong_protocol_total", &kind), 2);
    // Who is not the balancer and sends none is served.
    let mut honest = from(&edge, Ipv4Addr::LOCALHOST).await;
    honest.authenticate(USER).await.unwrap();
    assert_eq!(broker.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_cut_short_ends_with_its_sender_or_at_the_deadline() {
    const DEADLINE: Duration = Duration::from_millis(1000);
    let (edge, broker) = trusting_edge("1000").await;
    let mut ends = 0;
    for header in [V1.to_vec(), v2(0)] {
        for cut in 0..header.len() {
            let mut connection = from(&edge, BALANCER).await;
            connection.send_raw(&header[..cut]).await.unwrap();
            drop(connection);
            ends += 1;
        }
        // Silence behind it, and bytes that come too slowly to be in time.
        let mut connection = from(&edge, BALANCER).await;
        let began = Instant::now();
        connection.send_raw(&header[..20]).await.unwrap();
        assert_eq!(connection.read_to_end().await.unwrap(), b"");
        assert!(began.elapsed() >= DEADLINE - Duration::from_millis(50));
        ends += 1;
    }
    edge.wait_for_ends(ends).unwrap();
    assert_eq!(broker.connections(), 0);
    let reason = [("close_reason", "first_byte_downstream")];
    assert_eq!(edge.metric("throughway_sessions_closed_total", &reason), 2);
}
