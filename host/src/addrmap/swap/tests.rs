//! Swaps by value and by the watched file; what is refused, and what stays.

use std::fs;
use std::path::Path;
use std::sync::Mutex as Lock;

use tempfile::{TempDir, tempdir};

use super::*;
use crate::addrmap::tests::{PORT, config};
use crate::addrmap::{Inbound, Target};
use crate::kafka::{Endpoint, NodeId};
use crate::wasm::BUILT_IN;
use crate::wasm::test_guests::{Parts, hooked};

/// A map in effect, with three brokers known and a state directory.
struct Rig {
    state: TempDir,
    map: AddressMap,
    maps: Arc<Maps>,
    metrics: Arc<Metrics>,
    bound: Arc<Lock<Result<(), String>>>,
}

fn brokers() -> Vec<MapBroker> {
    let broker = |id| MapBroker {
        node_id: NodeId(id),
        upstream: Endpoint {
            host: format!("b-{id}.internal"),
            port: 9092,
        },
        rack: None,
    };
    (0..3).map(broker).collect()
}

fn rig(component: Option<&Path>, state: TempDir) -> Rig {
    let mut config = config(PORT);
    config.state_directory = state.path().to_owned();
    config.address_map.component = component.map(Path::to_owned);
    let map = AddressMap::start(&config, brokers()).expect("a good map");
    let metrics = Metrics::new(&["SAMPLE".to_owned()]);
    let bound = Arc::new(Lock::new(Ok(())));
    let bind = Arc::clone(&bound);
    let ground = Ground {
        brokers: Box::new(|| (brokers(), 0)),
        bind: Box::new(move |_| bind.lock().unwrap().clone()),
        metrics: Arc::clone(&metrics),
    };
    let maps = Arc::new(Maps::new(map.clone(), ground, &config));
    Rig {
        state,
        map,
        maps,
        metrics,
        bound,
    }
}

fn by_value() -> Rig {
    rig(None, tempdir().unwrap())
}

impl Rig {
    /// What clients are told for node id 1.
    fn told(&self) -> String {
        let inbound = Inbound {
            listener: 0,
            server_name: None,
            local_port: 7000,
            client: "192.0.2.1".parse().unwrap(),
        };
        let table = self.map.table();
        table.advertise(&inbound, NodeId(1)).unwrap().to_string()
    }

    fn counted(&self, metric: &str) -> String {
        let text = self.metrics.render();
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("throughway_addrmap_{metric}_total")));
        line.unwrap().rsplit(' ').next().unwrap().to_owned()
    }

    fn kept(&self) -> PathBuf {
        self.state.path().join("admin/address-map.wasm")
    }
}

fn other() -> Vec<u8> {
    let host = "other.example.com".into();
    Parts {
        host,
        ..Parts::default()
    }
    .component()
}

#[tokio::test]
async fn a_map_put_by_value_is_in_effect_and_survives_a_restart() {
    let rig = by_value();
    assert_eq!(rig.told(), "kafka.example.com:7001");
    let swapped = rig.maps.put(other(), false).await.unwrap();
    assert_eq!(swapped.map.name, "test");
    let changes: Vec<String> = swapped.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        changes[1],
        "listener SAMPLE node id 1: kafka.example.com:7001 -> other.example.com:7001"
    );
    assert_eq!(
        (rig.told().as_str(), changes.len()),
        ("other.example.com:7001", 3)
    );
    assert_eq!(rig.counted("swaps"), "1");
    let again = self::rig(None, rig.state);
    assert_eq!(again.told(), "other.example.com:7001");
    assert!(
        again
            .maps
            .in_effect()
            .component
            .starts_with("Admin API, kept in ")
    );
    // And back.
    again.maps.delete(false).await.unwrap();
    assert_eq!(again.told(), "kafka.example.com:7001");
    assert_eq!(
        self::rig(None, again.state).maps.in_effect().component,
        "built in"
    );
}

#[tokio::test]
async fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let rig = by_value();
    let swapped = rig.maps.put(other(), true).await.unwrap();
    assert_eq!((swapped.dry, swapped.changes.len()), (true, 3));
    assert_eq!(rig.told(), "kafka.example.com:7001");
    assert_eq!(rig.counted("swaps"), "0");
    assert!(!rig.kept().exists());
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let rig = by_value();
    let duplicate = Parts {
        advertise: "(call $told (global.get $first))".into(),
        ..Parts::default()
    };
    for (bytes, why) in [
        (
            hooked("throughway:interceptor/hooks@0.1.0"),
            "Interceptors, which this licence excludes",
        ),
        (duplicate.component(), "share the address"),
        (b"none".to_vec(), "it is not WebAssembly"),
    ] {
        let error = rig.maps.put(bytes, false).await.unwrap_err();
        assert!(matches!(error, SwapError::Map(_)));
        assert!(error.to_string().contains(why), "{error}");
    }
    *rig.bound.lock().unwrap() = Err("bind 127.0.0.1:1".into());
    let error = rig.maps.put(other(), false).await.unwrap_err();
    assert_eq!(error.to_string(), "address map refused: bind 127.0.0.1:1");
    assert_eq!(rig.told(), "kafka.example.com:7001");
    assert_eq!(
        (rig.counted("refusals").as_str(), rig.kept().exists()),
        ("4", false)
    );
}

#[tokio::test]
async fn a_map_that_cannot_be_kept_is_not_used() {
    let rig = by_value();
    fs::write(rig.state.path().join("admin"), "a file").unwrap();
    let error = rig.maps.put(other(), false).await.unwrap_err();
    assert!(matches!(error, SwapError::Kept(_)), "{error}");
    assert_eq!(rig.told(), "kafka.example.com:7001");
}

#[tokio::test]
async fn the_variable_decides_while_it_is_set() {
    let state = tempdir().unwrap();
    let file = state.path().join("map.wasm");
    fs::write(&file, other()).unwrap();
    let rig = rig(Some(&file), state);
    for refused in [
        rig.maps.put(BUILT_IN.to_vec(), true).await,
        rig.maps.delete(false).await,
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error, SwapError::Configured(_)));
        let named = format!("GATEWAY_ADDRESS_MAP={}", file.display());
        assert!(error.to_string().starts_with(&named), "{error}");
    }
    assert_eq!(rig.told(), "other.example.com:7001");
}

#[tokio::test(start_paused = true)]
async fn the_file_is_watched() {
    let state = tempdir().unwrap();
    let file = state.path().join("map.wasm");
    fs::write(&file, other()).unwrap();
    let rig = rig(Some(&file), state);
    let ship = |bytes: &[u8]| {
        let beside = file.with_extension("new");
        fs::write(&beside, bytes).unwrap();
        fs::rename(&beside, &file).unwrap();
    };
    let looks = async {
        // Each look is 10 s after the one before; the clock is the test's.
        tokio::time::timeout(
            std::time::Duration::from_secs(35),
            Arc::clone(&rig.maps).watch(),
        )
        .await
    };
    ship(&Parts::default().component());
    looks.await.expect_err("it never ends");
    assert_eq!(rig.told(), "kafka.example.com:7001");
    assert_eq!(
        (rig.counted("swaps"), rig.counted("refusals")),
        ("1".into(), "0".into())
    );
    ship(b"none");
    let looks = tokio::time::timeout(
        std::time::Duration::from_secs(35),
        Arc::clone(&rig.maps).watch(),
    );
    looks.await.expect_err("it never ends");
    // One bad file is refused once, however often it is looked at; asked for, it is tried again.
    assert_eq!(rig.counted("refusals"), "1");
    Arc::clone(&rig.maps).reload().await;
    assert_eq!(rig.counted("refusals"), "2");
    fs::remove_file(&file).unwrap();
    Arc::clone(&rig.maps).reload().await;
    assert_eq!(
        (rig.counted("refusals").as_str(), rig.told().as_str()),
        ("3", "kafka.example.com:7001")
    );
    ship(&other());
    Arc::clone(&rig.maps).reload().await;
    assert_eq!(rig.told(), "other.example.com:7001");
}

#[tokio::test]
async fn names_learned_of_one_map_are_not_those_of_the_next() {
    let rig = by_value();
    rig.maps.put(other(), false).await.unwrap();
    let asked = Inbound {
        listener: 0,
        server_name: None,
        local_port: 7002,
        client: "192.0.2.1".parse().unwrap(),
    };
    let target = rig.map.route(&asked).await;
    assert!(matches!(
        target,
        Target::Broker {
            node_id: NodeId(2),
            ..
        }
    ));
    let nowhere = Parts {
        route: "(call $broker (i32.const 0))".into(),
        ..Parts::default()
    };
    rig.maps.put(nowhere.component(), false).await.unwrap_err();
    assert_eq!(rig.map.route(&asked).await, target);
}
