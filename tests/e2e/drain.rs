//! The end of throughway: broker by broker, with what is due delivered, or at once if somebody
//! insists.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use throughway_tests::proxy::Settings;
use throughway_tests::script_broker::{Reply, ScriptBroker};
use throughway_tests::wire::{Connection, raw_request};
use tokio::sync::Notify;

use crate::edge::{Edge, broker, quiet_broker, settings, upstream_name};

const HEARTBEAT: i16 = 12;

/// A broker that answers heartbeats when the test lets it.
async fn hesitant_broker() -> (ScriptBroker, Arc<Notify>) {
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let broker = broker(move |request| match request.api_key {
        HEARTBEAT => {
            let answer = Reply::bytes(request, b"worth waiting for");
            Reply::Each(vec![Reply::Await(Arc::clone(&opened)), answer])
        }
        _ => Reply::usual(request),
    })
    .await;
    (broker, gate)
}

/// Sends a request that the broker hesitates to answer, and waits until it has it.
async fn ask(connection: &mut Connection, broker: &ScriptBroker) {
    let request = raw_request((HEARTBEAT, 0), 55, &[0; 8]);
    connection.send_frame(&request).await.unwrap();
    let arrived = broker.wait_until(|all| all.iter().any(|one| one.api_key == HEARTBEAT));
    arrived.await.unwrap();
}

fn three_brokers(brokers: [(i32, &ScriptBroker); 3]) -> (Settings, u16) {
    let (mut settings, port) = settings(brokers[0].1);
    let known = brokers.map(|(id, b)| format!("{id}={}:{}", upstream_name(id), b.address.port()));
    settings.set("GATEWAY_UPSTREAM_BROKERS", known.join(","));
    let map = brokers.map(|(id, _)| format!("{}=127.0.0.1", upstream_name(id)));
    settings.set("GATEWAY_UPSTREAM_ADDRESS_MAP", map.join(","));
    (settings, port)
}

async fn end_of(mut connection: Connection) -> (Vec<u8>, Instant) {
    let received = connection.read_to_end().await.unwrap();
    (received, Instant::now())
}

fn reasons(edge: &Edge) -> Vec<String> {
    let lines = edge.logged("session closed");
    let reason = |line: &serde_json::Value| line["close_reason"].as_str().unwrap().to_owned();
    lines.iter().map(reason).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_broker_by_broker_once_what_is_due_is_delivered() {
    const PAUSE: Duration = Duration::from_millis(600);
    let (first, last) = (quiet_broker().await, quiet_broker().await);
    let (hesitant, gate) = hesitant_broker().await;
    let (mut settings, port) = three_brokers([(1, &first), (5, &hesitant), (12, &last)]);
    settings.set("GATEWAY_SHUTDOWN_GRACE_MS", "30000");
    settings.set("GATEWAY_SHUTDOWN_DELAY_BETWEEN_BROKERS_MS", "600");
    let mut edge = Edge::start(&settings, port);
    let (one, twelve) = (edge.log_in(1).await, edge.log_in(12).await);
    let mut five = edge.log_in(5).await;
    ask(&mut five, &hesitant).await;
    assert_eq!(edge.get("/health/ready").unwrap().0, 200);

    edge.signal(Signal::TERM);
    let (one, twelve) = tokio::join!(end_of(one), end_of(twelve));
    assert_eq!((&one.0[..], &twelve.0[..]), (&b""[..], &b""[..]));
    let between = twelve.1.duration_since(one.1);
    assert!(
        between >= PAUSE * 2 - Duration::from_millis(100),
        "{between:?}"
    );
    // Node 5 is still waited for: not ready, no new clients, no end.
    assert_eq!(edge.get("/health/ready").unwrap().0, 503);
    assert_eq!(edge.get("/health/live").unwrap().0, 200);
    for node_id in [1, 5, 12] {
        assert!(Connection::open(&edge.door(node_id)).await.is_err());
    }
    assert!(!edge.process().has_ended());

    gate.notify_one();
    let answer = five.receive_frame().await.unwrap();
    assert_eq!(answer[4..], b"worth waiting for"[..]);
    assert_eq!(five.read_to_end().await.unwrap(), b"");
    assert_eq!(edge.wait_for_end().unwrap(), Some(0));
    assert_eq!(reasons(&edge), ["drain_completed"; 3]);
    assert_eq!(edge.logged("drained").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let (hesitant, _gate) = hesitant_broker().await;
    let mut edge = Edge::before(&hesitant);
    let mut connection = edge.log_in(1).await;
    ask(&mut connection, &hesitant).await;
    edge.signal(Signal::TERM);
    edge.wait_for_lines("draining", 1).unwrap();
    let began = Instant::now();
    edge.signal(Signal::INT);
    assert_eq!(edge.wait_for_end().unwrap(), Some(1));
    // The grace time is 30 s.
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(connection.read_to_end().await.unwrap(), b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_in_time_is_cut_and_told() {
    const CUT: &str = "sessions cut at the end of GATEWAY_SHUTDOWN_GRACE_MS";
    let (hesitant, _gate) = hesitant_broker().await;
    let (mut settings, port) = settings(&hesitant);
    settings.set("GATEWAY_SHUTDOWN_GRACE_MS", "700");
    settings.tolerate(CUT);
    let mut edge = Edge::start(&settings, port);
    let mut connection = edge.log_in(1).await;
    ask(&mut connection, &hesitant).await;
    let idle = edge.log_in(1).await;
    let began = Instant::now();
    edge.signal(Signal::INT);
    assert_eq!(connection.read_to_end().await.unwrap(), b"");
    assert!(began.elapsed() >= Duration::from_millis(600));
    assert_eq!(edge.wait_for_end().unwrap(), Some(0));
    let lines = edge.logged(CUT);
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["level"], &lines[0]["sessions"]),
        (&"WARN".into(), &1.into())
    );
    let mut reasons = reasons(&edge);
    reasons.sort();
    assert_eq!(reasons, ["drain_completed", "drain_timeout"]);
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_may_look_away_before_clients_are_refused() {
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    settings.set("GATEWAY_SHUTDOWN_READINESS_DELAY_MS", "4000");
    let mut edge = Edge::start(&settings, port);
    let began = Instant::now();
    edge.signal(Signal::TERM);
    edge.wait_for_lines("draining", 1).unwrap();
    assert_eq!(edge.get("/health/ready").unwrap().0, 503);
    // Whoever comes now is still served.
    let mut late = edge.log_in(1).await;
    assert!(began.elapsed() < Duration::from_secs(3), "too slow to tell");
    assert_eq!(late.read_to_end().await.unwrap(), b"");
    assert!(began.elapsed() >= Duration::from_millis(3900));
    assert_eq!(edge.wait_for_end().unwrap(), Some(0));
    assert_eq!(reasons(&edge), ["drain_completed"]);
}
