//! Learning: the last word wins, of one cluster, inside the allow-list.

use super::*;
use crate::config;
use crate::kafka::ApiVersion;
use crate::kafka::answer::NamedBroker;
use crate::kafka::answer::find;
use crate::kafka::in_flight::ResponseKind;

fn upstream() -> Arc<UpstreamConfig> {
    let set = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let environment = [
        ("KAFKA_BOOTSTRAP_SERVERS", "b1.internal.test:9092"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        ("GATEWAY_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        ("GATEWAY_SECURITY_MODE", "KAFKA_MANAGED"),
        ("GATEWAY_UPSTREAM_BROKERS", "1=b1.internal.test:9092"),
    ]
    .into_iter()
    .map(set)
    .collect();
    let given = config::Given {
        environment,
        cores: 1,
        ..config::Given::default()
    };
    Arc::new(
        config::parse(&given)
            .expect("a good configuration")
            .config
            .upstream,
    )
}

fn topology() -> Topology {
    Topology::new(upstream(), Remembered::default())
}

fn named(node_id: i32, host: &str, port: u16) -> NamedBroker {
    NamedBroker {
        node_id: NodeId(node_id),
        address: Some(Endpoint {
            host: host.to_owned(),
            port,
        }),
        rack: None,
    }
}

/// An answer as `find` returns it, with these brokers and this cluster id.
fn answer(brokers: &[NamedBroker], cluster_id: Option<&str>) -> Found {
    // FindCoordinator v0: correlation id, error, node -1, "", -1.
    let nobody = [
        0, 0, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff,
    ];
    let found = find(
        ResponseKind::FindCoordinator,
        ApiVersion(0),
        &nobody,
        nobody.len(),
    );
    let mut found = found.expect("well formed").expect("complete");
    found.brokers = brokers.to_vec();
    found.cluster_id = cluster_id.map(str::to_owned);
    found
}

/// An answer that tells of one broker.
pub(crate) fn found(node_id: i32, host: &str) -> Found {
    answer(&[named(node_id, host, 9092)], None)
}

fn address(topology: &Topology, node_id: i32) -> Option<String> {
    let snapshot = topology.snapshot();
    snapshot
        .brokers
        .get(&NodeId(node_id))
        .map(|broker| broker.upstream.to_string())
}

#[test]
fn two_brokers_that_exchange_addresses_are_known_by_the_new_ones() {
    let topology = topology();
    let [a, b] = ["a.internal.test", "b.internal.test"];
    topology
        .learn(&answer(&[named(1, a, 1), named(5, b, 2)], Some("c")))
        .unwrap();
    let lesson = topology
        .learn(&answer(&[named(1, b, 2), named(5, a, 1)], Some("c")))
        .unwrap();
    assert_eq!(lesson.version, 2);
    assert_eq!(address(&topology, 1).as_deref(), Some("b.internal.test:2"));
    assert_eq!(address(&topology, 5).as_deref(), Some("a.internal.test:1"));
}

#[test]
fn an_answer_without_news_changes_nothing() {
    let topology = topology();
    let told = answer(&[named(1, "b1.internal.test", 9092)], Some("c"));
    assert_eq!(topology.learn(&told).unwrap().version, 1);
    assert_eq!(topology.learn(&told).unwrap().version, 1);
    assert!(!topology.changes().has_changed().unwrap());
}

#[test]
fn an_answer_of_another_cluster_teaches_nothing() {
    let topology = topology();
    topology.learn(&answer(&[], Some("c"))).unwrap();
    let other = answer(&[named(1, "x.internal.test", 1)], Some("d"));
    let error = topology.learn(&other).unwrap_err();
    assert_eq!(
        error.to_string(),
        "answer of cluster d, but this is cluster c"
    );
    assert_eq!(
        address(&topology, 1).as_deref(),
        Some("b1.internal.test:9092")
    );
}

#[test]
fn a_remembered_cluster_gives_way_to_the_one_that_answers() {
    let upstream_address = Endpoint {
        host: "old.internal.test".to_owned(),
        port: 1,
    };
    let known = KnownBroker {
        upstream: upstream_address,
        rack: None,
    };
    let remembered = Remembered {
        cluster_id: Some("c".to_owned()),
        brokers: BTreeMap::from([(NodeId(9), known)]),
    };
    let topology = Topology::new(upstream(), remembered);
    assert_eq!(
        address(&topology, 9).as_deref(),
        Some("old.internal.test:1")
    );
    topology
        .learn(&answer(&[named(5, "b5.internal.test", 2)], Some("d")))
        .unwrap();
    assert_eq!(address(&topology, 9), None);
    assert_eq!(address(&topology, 5).as_deref(), Some("b5.internal.test:2"));
    assert_eq!(
        address(&topology, 1).as_deref(),
        Some("b1.internal.test:9092"),
        "seeds stay"
    );
}

#[test]
fn an_address_outside_the_allow_list_is_not_learned_and_told_once() {
    let topology = topology();
    let told = answer(
        &[
            named(1, "169.254.169.254", 80),
            named(5, "b5.internal.test", 9092),
        ],
        Some("c"),
    );
    let lesson = topology.learn(&told).unwrap();
    assert_eq!(lesson.not_allowed, BTreeSet::from([NodeId(1)]));
    assert_eq!(lesson.first_refused.len(), 1);
    assert!(topology.learn(&told).unwrap().first_refused.is_empty());
    assert_eq!(
        address(&topology, 1).as_deref(),
        Some("b1.internal.test:9092")
    );
    assert_eq!(
        address(&topology, 5).as_deref(),
        Some("b5.internal.test:9092")
    );
}

#[test]
fn an_answer_without_racks_does_not_wipe_them_out() {
    let topology = topology();
    let with_rack = NamedBroker {
        rack: Some("a".to_owned()),
        ..named(5, "b5.internal.test", 9092)
    };
    topology.learn(&answer(&[with_rack], Some("c"))).unwrap();
    topology
        .learn(&answer(&[named(5, "b5.internal.test", 9093)], None))
        .unwrap();
    let snapshot = topology.snapshot();
    assert_eq!(snapshot.brokers[&NodeId(5)].rack.as_deref(), Some("a"));
}

#[test]
fn a_forgotten_broker_is_learned_anew_and_a_seed_returns_to_its_place() {
    let topology = topology();
    assert_eq!(topology.forget(NodeId(1)), Forgotten::Configured);
    assert_eq!(topology.forget(NodeId(2)), Forgotten::Unknown);
    let moved = found(1, "moved.internal.test");
    topology.learn(&moved).unwrap();
    assert_eq!(topology.forget(NodeId(1)), Forgotten::Done);
    assert_eq!(
        address(&topology, 1).as_deref(),
        Some("b1.internal.test:9092")
    );
    let other = found(2, "b2.internal.test");
    topology.learn(&other).unwrap();
    let version = topology.snapshot().version;
    assert_eq!(topology.forget(NodeId(2)), Forgotten::Done);
    assert_eq!(address(&topology, 2), None);
    assert_eq!(topology.learn(&other).unwrap().version, version + 2);
}

#[test]
fn two_brokers_may_exchange_addresses_in_one_answer() {
    let topology = topology();
    let [a, b] = ["a.internal.test", "b.internal.test"];
    let at_first = answer(&[named(1, a, 9092), named(5, b, 9092)], None);
    topology.learn(&at_first).unwrap();
    let place = topology.snapshot().brokers[&NodeId(1)].upstream.clone();
    assert!(!topology.snapshot().has_given_up(&place, NodeId(1)));
    let exchanged = answer(&[named(1, b, 9092), named(5, a, 9092)], None);
    topology.learn(&exchanged).unwrap();
    assert_eq!(address(&topology, 1), Some(format!("{b}:9092")));
    assert_eq!(address(&topology, 5), Some(format!("{a}:9092")));
    assert!(topology.snapshot().has_given_up(&place, NodeId(1)));
    assert!(!topology.snapshot().has_given_up(&place, NodeId(5)));
}

#[test]
fn whoever_takes_an_address_has_the_broker_before_it_forgotten() {
    let topology = topology();
    topology.learn(&found(1, "a.internal.test")).unwrap();
    topology.learn(&found(12, "c.internal.test")).unwrap();
    let place = topology.snapshot().brokers[&NodeId(1)].upstream.clone();
    topology.learn(&found(5, "a.internal.test")).unwrap();
    assert_eq!(address(&topology, 1), None);
    assert_eq!(
        address(&topology, 12).as_deref(),
        Some("c.internal.test:9092")
    );
    // Not enough to end its sessions: nobody knows where it is.
    assert!(!topology.snapshot().has_given_up(&place, NodeId(1)));
}
