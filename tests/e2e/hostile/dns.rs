//! Names that lead elsewhere the second time, and brokers that advertise throughway itself.

use std::net::TcpListener;
use std::sync::{Arc, OnceLock};

use throughway_tests::clients::Hosts;
use throughway_tests::script_broker::{Received, Reply};
use throughway_tests::wire::{Connection, raw_request};

use super::tolerant;
use crate::edge::{Edge, broker, upstream_name};

/// Where a name must not lead; the first is a victim's that listens.
const ELSEWHERE: [&str; 9] = [
    "127.0.0.2",
    "::1",
    "0.0.0.0",
    "169.254.169.254",
    "169.254.1.1",
    "224.0.0.1",
    "255.255.255.255",
    "fe80::1",
    "::ffff:127.0.0.2",
];

/// Whether a session to node 1 gets an answer.
async fn gets_in(edge: &Edge) -> bool {
    let mut connection = Connection::open(&edge.door(1)).await.unwrap();
    let request = raw_request((18, 0), 1, &[]);
    connection.send_frame(&request).await.unwrap();
    connection.receive_frame().await.is_ok()
}

fn refused(edge: &Edge) -> u64 {
    edge.metric("throughway_dials_total", &[("outcome", "not_allowed")])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_judged_by_where_it_leads_each_time() {
    let honest = broker(Reply::usual).await;
    let victim = TcpListener::bind((ELSEWHERE[0], honest.address.port())).unwrap();
    victim.set_nonblocking(true).unwrap();
    let hosts = Arc::new(Hosts::new([upstream_name(1).as_str()]).unwrap());
    let (mut settings, port) = tolerant(&honest);
    settings.unset("GATEWAY_UPSTREAM_ADDRESS_MAP");
    // Loopback is nobody's but by the operator's word, and this is all of it.
    settings.set("GATEWAY_UPSTREAM_ALLOWED", ".internal.test,127.0.0.1/32");
    settings.resolve_by(Arc::clone(&hosts));
    let edge = Edge::start(&settings, port);
    assert!(gets_in(&edge).await);
    let established = edge.log_in(1).await;
    for (nth, elsewhere) in (1..).zip(ELSEWHERE) {
        hosts.flip(&upstream_name(1), elsewhere).unwrap();
        assert!(!gets_in(&edge).await, "{elsewhere}");
        assert_eq!(refused(&edge), nth, "{elsewhere}");
        hosts.flip(&upstream_name(1), "127.0.0.1").unwrap();
        assert!(gets_in(&edge).await);
    }
    assert!(victim.accept().is_err(), "the victim was connected to");
    drop(established);
    let connected = [("outcome", "connected")];
    let dials = edge.metric("throughway_dials_total", &connected);
    assert_eq!(dials, honest.connections() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn throughway_never_dials_itself() {
    let first_port = Arc::new(OnceLock::new());
    let told = Arc::clone(&first_port);
    // Node 3 is said to be where throughway serves node 5.
    let hostile = broker(move |request: &Received| match request.api_key {
        3 => {
            let own = i32::from(*told.get().unwrap()) + 5;
            let brokers = [(1, upstream_name(1), 9092), (3, upstream_name(3), own)];
            Reply::metadata(request, "c", &brokers)
        }
        _ => Reply::usual(request),
    })
    .await;
    let (mut settings, port) = tolerant(&hostile);
    let map = [1, 3].map(|id| format!("{}=127.0.0.1", upstream_name(id)));
    settings.set("GATEWAY_UPSTREAM_ADDRESS_MAP", map.join(","));
    first_port.set(port).unwrap();
    let edge = Edge::start(&settings, port);
    let mut connection = edge.log_in(1).await;
    let metadata = raw_request((3, 12), 5, &[0; 12]);
    connection.send_frame(&metadata).await.unwrap();
    connection.receive_frame().await.unwrap();
    let accepted = "throughway_connections_opened_total";
    let before = edge.metric(accepted, &[]);
    let mut turned_away = Connection::open(&edge.door(3)).await.unwrap();
    let request = raw_request((18, 0), 1, &[]);
    turned_away.send_frame(&request).await.unwrap();
    assert_eq!(turned_away.read_to_end().await.unwrap(), b"");
    edge.wait_for_ends(1).unwrap();
    assert_eq!(edge.metric(accepted, &[]), before + 1, "only the client's");
    assert_eq!(refused(&edge), 1);
    let lines = edge.logged("broker not reached");
    let error = lines[0]["error"].as_str().unwrap();
    assert!(error.contains("throughway itself listens"), "{error}");
}
