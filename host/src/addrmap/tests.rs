//! The map as others use it: the built-in component, and guests that answer badly.

use std::collections::BTreeMap;
use std::io::Write as _;

use tempfile::NamedTempFile;

use super::*;
use crate::config::{self, Given};
use crate::wasm::test_guests::Parts;

pub(super) const PORT: &[(&str, &str)] = &[
    (
        "GATEWAY_LISTENER_SAMPLE_SECURITY_PROTOCOL",
        "SASL_PLAINTEXT",
    ),
    ("GATEWAY_LISTENER_SAMPLE_ROUTING", "port"),
    ("GATEWAY_LISTENER_SAMPLE_PORTS", "7000-7009"),
    (
        "GATEWAY_LISTENER_SAMPLE_ADVERTISED_HOST",
        "kafka.example.com",
    ),
];
pub(super) const SNI: &[(&str, &str)] = &[
    ("GATEWAY_LISTENER_SAMPLE_SECURITY_PROTOCOL", "SASL_SSL"),
    ("GATEWAY_LISTENER_SAMPLE_ROUTING", "sni"),
    ("GATEWAY_LISTENER_SAMPLE_PORTS", "7000"),
    (
        "GATEWAY_LISTENER_SAMPLE_ADVERTISED_HOST_PATTERN",
        "b-{{nodeId}}.example.com",
    ),
    (
        "GATEWAY_LISTENER_SAMPLE_ADVERTISED_HOST",
        "kafka.example.com",
    ),
    ("GATEWAY_SSL_CERTIFICATE_PATH", "/chain.pem"),
    ("GATEWAY_SSL_PRIVATE_KEY_PATH", "/key.pem"),
];

pub(super) fn config(listener: &[(&str, &str)]) -> Config {
    let upstream = [
        ("KAFKA_BOOTSTRAP_SERVERS", "boot.internal:9092"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
    ];
    let environment: BTreeMap<_, _> = upstream
        .iter()
        .chain(listener)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let given = Given {
        environment,
        cores: 1,
        ..Given::default()
    };
    config::parse(&given).expect("a good configuration").config
}

pub(super) fn brokers(ids: &[i32]) -> Vec<MapBroker> {
    let broker = |id: &i32| MapBroker {
        node_id: NodeId(*id),
        upstream: Endpoint {
            host: format!("b-{id}.internal"),
            port: 9092,
        },
        rack: None,
    };
    ids.iter().map(broker).collect()
}

pub(super) fn inbound(server_name: Option<&str>, local_port: u16) -> Inbound {
    Inbound {
        listener: 0,
        server_name: server_name.map(str::to_owned),
        local_port,
        client: "192.0.2.1".parse().unwrap(),
    }
}

fn broker(node_id: i32) -> Target {
    Target::Broker {
        node_id: NodeId(node_id),
        upstream_hint: None,
    }
}

/// Starts with a guest of these parts on the sample's ports.
pub(super) fn start(parts: &Parts, ids: &[i32]) -> Result<AddressMap, AddrMapError> {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(&parts.component()).unwrap();
    let mut config = config(PORT);
    config.address_map.component = Some(file.path().to_owned());
    AddressMap::start(&config, brokers(ids))
}

fn refusal(parts: &Parts, ids: &[i32]) -> String {
    start(parts, ids).expect_err("it is refused").to_string()
}

#[test]
fn a_guest_of_ones_own_is_asked() {
    let map = start(&Parts::default(), &[0, 3]).unwrap();
    let told = map
        .table()
        .advertise(&inbound(None, 7000), NodeId(3))
        .cloned();
    assert_eq!(told.unwrap().to_string(), "kafka.example.com:7003");
}

#[test]
fn an_address_that_leads_elsewhere_is_refused() {
    let parts = Parts {
        route: "(call $broker (i32.const 0))".into(),
        ..Parts::default()
    };
    assert_eq!(
        refusal(&parts, &[1]),
        "address map refused: a connection to \"kafka.example.com:7001\" is not routed back to \
         node id 1"
    );
}

#[test]
fn a_guest_that_changes_its_mind_is_refused() {
    let parts = Parts {
        extra: "(global $calls (mut i32) (i32.const 7000))".into(),
        advertise: "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            (call $told (global.get $calls))"
            .into(),
        ..Parts::default()
    };
    assert_eq!(
        refusal(&parts, &[0, 1]),
        "address map refused: it gives two answers for node id 1 when asked twice"
    );
}

#[tokio::test]
async fn what_the_plan_does_not_depend_on_arrives_empty() {
    // Length of the listener's name, whether there is a server name, local port, whether there is a zone.
    let parts = Parts {
        depends_on: 0,
        advertise: format!(
            "(if (i32.or (i32.or (local.get 8) (local.get 9)) (i32.or (local.get 12) (local.get 13)))
                (then unreachable))
            {}",
            Parts::default().advertise
        ),
        ..Parts::default()
    };
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(&parts.component()).unwrap();
    let zones = [("GATEWAY_ZONES", "office=192.0.2.0/24")];
    let mut config = config(&[PORT, &zones].concat());
    config.address_map.component = Some(file.path().to_owned());
    let map = AddressMap::start(&config, brokers(&[0, 3])).unwrap();
    let asked = inbound(Some("a.example"), 7001);
    assert!(map.introduce(&asked).await);
    let told = map.told(&asked).await;
    let address = told.advertise(&asked, NodeId(3)).unwrap();
    assert_eq!(address.to_string(), "kafka.example.com:7003");
}

#[test]
fn a_guest_that_traps_on_an_odd_node_id_is_refused() {
    let parts = Parts {
        advertise: "(if (i32.lt_s (local.get $id) (i32.const 0)) (then unreachable))
            (call $told (i32.const 7000))"
            .into(),
        ..Parts::default()
    };
    let refusal = refusal(&parts, &[0]);
    assert!(
        refusal.starts_with("address map failed in advertise: "),
        "{refusal}"
    );
}

#[test]
fn a_guest_that_traps_on_an_odd_server_name_is_refused() {
    let parts = Parts {
        route: "(if (i32.and (local.get $name) (i32.eqz (local.get $name_length)))
                (then unreachable))
            (call $broker (i32.const 0))"
            .into(),
        ..Parts::default()
    };
    let refusal = refusal(&parts, &[0]);
    assert!(
        refusal.starts_with("address map failed in route: "),
        "{refusal}"
    );
}

#[test]
fn a_guest_cannot_name_an_upstream_address() {
    let parts = Parts {
        host: "b-0.internal".into(),
        ..Parts::default()
    };
    let refusal = refusal(&parts, &[0]);
    assert_eq!(
        refusal,
        "address map refused: node id 0 is given \"b-0.internal\", the name of an upstream broker"
    );
}

#[test]
fn a_component_that_cannot_be_read_is_refused() {
    let mut config = config(PORT);
    config.address_map.component = Some("/nowhere/map.wasm".into());
    let refusal = AddressMap::start(&config, Vec::new()).unwrap_err();
    assert!(
        refusal
            .to_string()
            .starts_with("address map refused: cannot read /nowhere/map.wasm: "),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_published_table_wakes_whoever_waits_for_it() {
    let map = AddressMap::start(&config(PORT), Vec::new()).unwrap();
    assert_eq!(map.table().advertise(&inbound(None, 7000), NodeId(2)), None);
    let waiting = map.clone();
    let waiting = waiting.published(1, Duration::from_secs(60));
    let table = map.compute(brokers(&[0, 1, 2]), 1).await.unwrap();
    assert_eq!(
        map.table().topology_version(),
        0,
        "computing publishes nothing"
    );
    map.publish(table);
    assert!(waiting.await);
    let told = map
        .table()
        .advertise(&inbound(None, 7000), NodeId(2))
        .cloned();
    assert_eq!(told.unwrap().to_string(), "kafka.example.com:7002");
    assert!(!map.published(2, Duration::ZERO).await);
}

#[tokio::test]
async fn a_table_of_an_older_topology_is_dropped() {
    let map = AddressMap::start(&config(PORT), Vec::new()).unwrap();
    let older = map.compute(brokers(&[0]), 1).await.unwrap();
    let newer = map.compute(brokers(&[0, 1]), 2).await.unwrap();
    map.publish(newer);
    map.publish(older);
    assert_eq!(map.table().topology_version(), 2);
}

#[tokio::test]
async fn a_failing_computation_keeps_the_published_table() {
    let parts = Parts {
        advertise: "(if (i32.eq (local.get $id) (i32.const 5)) (then unreachable))
            (if (result i32) (i32.gt_u (local.get $id) (i32.const 9))
                (then (call $refuse (i32.const 0)))
                (else (call $told (i32.add (i32.const 7000) (local.get $id)))))"
            .into(),
        ..Parts::default()
    };
    let map = start(&parts, &[0]).unwrap();
    map.compute(brokers(&[0, 5]), 1).await.unwrap_err();
    let told = map
        .table()
        .advertise(&inbound(None, 7000), NodeId(0))
        .cloned();
    assert_eq!(told.unwrap().to_string(), "kafka.example.com:7000");
    // The thread lives on, and the next topology is served.
    let table = map.compute(brokers(&[0, 6]), 2).await.unwrap();
    assert_eq!(table.topology_version(), 2);
}

#[tokio::test]
async fn ports_lead_to_their_brokers_whatever_name_is_sent() {
    let map = AddressMap::start(&config(PORT), brokers(&[0, 1])).unwrap();
    for name in [None, Some("other.example.com"), Some("\0")] {
        assert_eq!(map.route(&inbound(name, 7001)).await, broker(1));
    }
    assert_eq!(map.route(&inbound(None, 7010)).await, Target::NotRoutable);
    let elsewhere = Inbound {
        listener: 9,
        ..inbound(None, 7001)
    };
    assert_eq!(map.route(&elsewhere).await, Target::NotRoutable);
}

#[tokio::test]
async fn names_lead_to_their_brokers_and_to_nothing_else() {
    let map = AddressMap::start(&config(SNI), brokers(&[1])).unwrap();
    let route = async |name| map.route(&inbound(name, 7000)).await;
    assert_eq!(route(Some("b-1.example.com")).await, broker(1));
    assert_eq!(
        route(Some("bootstrap.kafka.example.com")).await,
        Target::Bootstrap
    );
    // Not learned yet: only the guest can tell.
    assert_eq!(route(Some("b-7.example.com")).await, broker(7));
    for name in [
        None,
        Some(""),
        Some("b-01.example.com"),
        Some("b--1.example.com"),
        Some("b-1.example.com."),
        Some("B-1.EXAMPLE.COM"),
        Some("b-99999999999.example.com"),
        Some("192.0.2.1"),
        Some("b-1.example.org"),
    ] {
        assert_eq!(route(name).await, Target::NotRoutable, "{name:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_client_may_ask_for_so_many_new_names_and_any_number_of_known_ones() {
    let map = AddressMap::start(&config(SNI), brokers(&[1])).unwrap();
    let none = Some("none.example.com");
    assert_eq!(map.route(&inbound(none, 7000)).await, Target::NotRoutable);
    let question = |name: &str| Question {
        listener: 0,
        local_port: 7000,
        server_name: name.into(),
    };
    let remembered = |name: &str| {
        map.shared
            .live
            .load()
            .unknown(|names| names.known(&question(name)))
    };
    assert_eq!(remembered("none.example.com"), Some(Target::NotRoutable));
    // Uses up this second's questions of this client; the clock stands still.
    let client = inbound(None, 7000).client;
    map.shared
        .live
        .load()
        .unknown(|names| while names.may_ask(client) {});
    let other = Some("b-8.example.com");
    assert_eq!(map.route(&inbound(other, 7000)).await, Target::NotRoutable);
    assert_eq!(remembered("b-8.example.com"), None);
    assert_eq!(map.route(&inbound(none, 7000)).await, Target::NotRoutable);
    assert_eq!(
        map.route(&inbound(Some("b-1.example.com"), 7000)).await,
        broker(1)
    );
    let from_elsewhere = Inbound {
        client: "192.0.2.2".parse().unwrap(),
        ..inbound(other, 7000)
    };
    assert_eq!(map.route(&from_elsewhere).await, broker(8));
    assert_eq!(remembered("b-8.example.com"), Some(broker(8)));
}
