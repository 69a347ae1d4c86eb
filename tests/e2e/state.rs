//! What throughway keeps over a restart: used before anybody has said anything, set aside when it is not
//! of this cluster, never trusted when it is damaged.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kafka_protocol::messages::MetadataRequest;
use serde_json::Value;
use throughway_tests::proxy::Settings;
use throughway_tests::script_broker::{Received, Reply, ScriptBroker};
use throughway_tests::wire::Connection;
use tokio::net::TcpStream;

use crate::edge::{Edge, broker, quiet_broker, settings, upstream_name};

const LIMIT: Duration = Duration::from_secs(30);

/// A broker that says of which cluster it is, and where the others are.
async fn informed(cluster: &'static str, brokers: Vec<(i32, String, i32)>) -> ScriptBroker {
    broker(move |request: &Received| match request.api_key {
        3 => Reply::metadata(request, cluster, &brokers),
        _ => Reply::usual(request),
    })
    .await
}

fn at(node_id: i32, broker: &ScriptBroker) -> (i32, String, i32) {
    (
        node_id,
        upstream_name(node_id),
        broker.address.port().into(),
    )
}

/// With this one broker to begin at, and no other known.
fn beginning_at(bootstrap: &ScriptBroker) -> (Settings, u16) {
    let (mut settings, port) = settings(bootstrap);
    settings.unset("GATEWAY_UPSTREAM_BROKERS");
    let names = [1, 5, 7].map(|id| format!("{}=127.0.0.1", upstream_name(id)));
    settings.set("GATEWAY_UPSTREAM_ADDRESS_MAP", names.join(","));
    (settings, port)
}

/// Lets throughway learn, by asking as a client does of a broker that nobody knows.
async fn learn(edge: &Edge) {
    let mut client = edge.log_in(0).await;
    let answer = client.call(12, &MetadataRequest::default()).await.unwrap();
    assert!(!answer.brokers.is_empty());
}

fn file(edge: &Edge) -> PathBuf {
    edge.state().join("topology.json")
}

/// What is kept, once it is of this cluster and has so many brokers.
fn kept(edge: &Edge, cluster: &str, brokers: usize) -> Value {
    let deadline = Instant::now() + LIMIT;
    loop {
        let text = fs::read_to_string(file(edge)).unwrap_or_default();
        let kept: Value = serde_json::from_str(&text).unwrap_or_default();
        let count = kept["brokers"].as_object().map_or(0, serde_json::Map::len);
        if kept["cluster_id"] == cluster && count == brokers {
            return kept;
        }
        assert!(Instant::now() < deadline, "kept: {text}");
        edge.process().wait_for_news(Duration::from_millis(50));
    }
}

/// Whether a client of this node is led to the broker.
async fn leads_to(edge: &Edge, node_id: u16, broker: &ScriptBroker) -> bool {
    let before = broker.connections();
    let _client = edge.log_in(node_id).await;
    broker.connections() > before
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learned_leads_clients_before_anybody_has_asked() {
    let five = quiet_broker().await;
    let (place, first) = (at(5, &five), quiet_broker().await);
    let one = informed("one", vec![at(1, &first), place]).await;
    let (settings, port) = beginning_at(&one);
    let mut edge = Edge::start(&settings, port);
    learn(&edge).await;
    kept(&edge, "one", 2);
    edge.kill().unwrap();
    edge.start_again(&settings).unwrap();
    // The very first client, and it has asked for nothing.
    assert!(leads_to(&edge, 5, &five).await);

    // Without the file it is led to where everything begins, may ask there, and all is known again.
    edge.kill().unwrap();
    fs::remove_dir_all(edge.state()).unwrap();
    edge.start_again(&settings).unwrap();
    assert!(leads_to(&edge, 5, &one).await);
    assert!(!leads_to(&edge, 5, &five).await);
    learn(&edge).await;
    kept(&edge, "one", 2);
    assert!(leads_to(&edge, 5, &five).await);
    assert_eq!(edge.stop().unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_of_another_cluster_leads_nobody() {
    const ASIDE: &str = "what was learned of the cluster is set aside";
    let (five, first) = (quiet_broker().await, quiet_broker().await);
    let one = informed("one", vec![at(1, &first), at(5, &five)]).await;
    let (settings, port) = beginning_at(&one);
    let mut edge = Edge::start(&settings, port);
    learn(&edge).await;
    let kept_of_one = kept(&edge, "one", 2);

    // By its bootstrap servers: known before anybody is let in.
    edge.kill().unwrap();
    let other = informed("two", vec![at(1, &first)]).await;
    let (mut elsewhere, _) = beginning_at(&other);
    elsewhere.tolerate(ASIDE);
    elsewhere.listen_by_port(port, port);
    edge.start_again(&elsewhere).unwrap();
    assert_eq!(edge.logged(ASIDE).len(), 1);
    let aside = fs::read_to_string(edge.state().join("topology.json.stale")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&aside).unwrap(), kept_of_one);
    assert!(leads_to(&edge, 5, &other).await);
    learn(&edge).await;
    kept(&edge, "two", 1);
    assert_eq!(edge.stop().unwrap(), Some(0));
    assert_eq!(five.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_made_anew_at_the_same_place_is_learned_anew() {
    let (five, first) = (quiet_broker().await, quiet_broker().await);
    let (place_of_first, place_of_five) = (at(1, &first), at(5, &five));
    let anew = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_anew = std::sync::Arc::clone(&anew);
    let one = broker(move |request: &Received| match request.api_key {
        3 if is_anew.load(std::sync::atomic::Ordering::Relaxed) => {
            Reply::metadata(request, "two", std::slice::from_ref(&place_of_first))
        }
        3 => Reply::metadata(
            request,
            "one",
            &[place_of_first.clone(), place_of_five.clone()],
        ),
        _ => Reply::usual(request),
    })
    .await;
    let (settings, port) = beginning_at(&one);
    let mut edge = Edge::start(&settings, port);
    learn(&edge).await;
    kept(&edge, "one", 2);
    edge.kill().unwrap();
    anew.store(true, std::sync::atomic::Ordering::Relaxed);
    edge.start_again(&settings).unwrap();
    learn(&edge).await;
    kept(&edge, "two", 1);
    assert!(!leads_to(&edge, 5, &five).await);
    assert_eq!(edge.stop().unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_or_newer_is_set_aside_and_costs_nothing_but_learning() {
    const ASIDE: &str = "what was learned of the cluster is set aside";
    let five = quiet_broker().await;
    let first = quiet_broker().await;
    let one = informed("one", vec![at(1, &first), at(5, &five)]).await;
    let (mut settings, port) = beginning_at(&one);
    settings.tolerate(ASIDE);
    let mut edge = Edge::start(&settings, port);
    for (suffix, damage) in [
        ("corrupt", ("\"host\": \"broker5", "\"host\": \"broker7")),
        ("newer", ("\"schema\": 1", "\"schema\": 2")),
    ] {
        learn(&edge).await;
        kept(&edge, "one", 2);
        edge.kill().unwrap();
        let text = fs::read_to_string(file(&edge)).unwrap();
        let damaged = text.replace(damage.0, damage.1);
        assert_ne!(damaged, text);
        fs::write(file(&edge), &damaged).unwrap();
        edge.start_again(&settings).unwrap();
        let aside = edge.state().join(format!("topology.json.{suffix}"));
        assert_eq!(fs::read_to_string(aside).unwrap(), damaged);
        assert!(!leads_to(&edge, 5, &five).await, "{suffix}");
    }
    assert_eq!(edge.stop().unwrap(), Some(0));
}

/// Learns once more where brokers are, and waits until it is told.
async fn learn_moved(client: &mut Connection, edge: &Edge, tables: usize) {
    client.call(12, &MetadataRequest::default()).await.unwrap();
    edge.wait_for_lines("address table changed", tables)
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_brokers_that_exchange_addresses_are_told_apart() {
    let (a, b) = (quiet_broker().await, quiet_broker().await);
    let before = [at(1, &a), at(5, &b)];
    // By name and by port.
    let after = [
        (1, before[1].1.clone(), before[1].2),
        (5, before[0].1.clone(), before[0].2),
    ];
    let exchanged = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let are_exchanged = std::sync::Arc::clone(&exchanged);
    let bootstrap = broker(move |request: &Received| match request.api_key {
        3 if are_exchanged.load(std::sync::atomic::Ordering::Relaxed) => {
            Reply::metadata(request, "one", &after)
        }
        3 => Reply::metadata(request, "one", &before),
        _ => Reply::usual(request),
    })
    .await;
    let (settings, port) = beginning_at(&bootstrap);
    let mut edge = Edge::start(&settings, port);
    // No broker has this id: it stays where everything begins.
    let mut asking = edge.log_in(0).await;
    learn_moved(&mut asking, &edge, 1).await;
    let (mut one, mut five) = (edge.log_in(1).await, edge.log_in(5).await);
    assert_eq!((a.connections(), b.connections()), (1, 1));

    exchanged.store(true, std::sync::atomic::Ordering::Relaxed);
    learn_moved(&mut asking, &edge, 2).await;
    // Both would be with the wrong broker from now on, for ever.
    assert_eq!(one.read_to_end().await.unwrap(), b"");
    assert_eq!(five.read_to_end().await.unwrap(), b"");
    assert!(leads_to(&edge, 1, &b).await && leads_to(&edge, 5, &a).await);
    assert_eq!(edge.stop().unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_the_address_of_another_is_not_taken_for_it() {
    let a = quiet_broker().await;
    let place = at(1, &a);
    let taken = (7, place.1.clone(), place.2);
    let is_taken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let now = std::sync::Arc::clone(&is_taken);
    let bootstrap = broker(move |request: &Received| match request.api_key {
        3 if now.load(std::sync::atomic::Ordering::Relaxed) => {
            Reply::metadata(request, "one", std::slice::from_ref(&taken))
        }
        3 => Reply::metadata(request, "one", std::slice::from_ref(&place)),
        _ => Reply::usual(request),
    })
    .await;
    let (settings, port) = beginning_at(&bootstrap);
    let mut edge = Edge::start(&settings, port);
    let mut asking = edge.log_in(0).await;
    learn_moved(&mut asking, &edge, 1).await;
    is_taken.store(true, std::sync::atomic::Ordering::Relaxed);
    learn_moved(&mut asking, &edge, 2).await;
    // Nobody knows where it is: a client that asks for it may ask where it is.
    assert!(!leads_to(&edge, 1, &a).await);
    assert!(leads_to(&edge, 7, &a).await);
    assert_eq!(edge.stop().unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_bootstrap_server_is_left_clients_begin_at_a_broker_that_was_learned() {
    let a = quiet_broker().await;
    let bootstrap = informed("one", vec![at(1, &a)]).await;
    let (settings, port) = beginning_at(&bootstrap);
    let mut edge = Edge::start(&settings, port);
    learn(&edge).await;
    kept(&edge, "one", 1);
    assert!(!leads_to(&edge, 0, &a).await);
    let gone = bootstrap.address;
    drop(bootstrap);
    while TcpStream::connect(gone).await.is_ok() {}
    assert!(leads_to(&edge, 0, &a).await);
    assert_eq!(edge.stop().unwrap(), Some(0));
}
