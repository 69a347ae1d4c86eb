//! How long a table takes to be computed and checked, with the built-in map and with one of the
//! examples in another language. An ignored test, because it measures:
//!
//! `make maps LANGUAGES=javascript`, then
//! `cargo test --profile local -p throughway --lib -- --ignored --nocapture how_long`

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::tests::config;
use super::{AddressMap, MapBroker};
use crate::config::{Config, LimitsProfile};
use crate::kafka::{Endpoint, NodeId};

/// Brokers of a cluster.
const SIZES: [i32; 3] = [3, 50, 500];
/// Tables of each size; the middle one is told.
const TABLES: u64 = 9;
const LISTENER: &[(&str, &str)] = &[
    ("GATEWAY_LISTENER_MAIN_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
    ("GATEWAY_LISTENER_MAIN_ROUTING", "port"),
    ("GATEWAY_LISTENER_MAIN_PORTS", "7000-7599"),
    ("GATEWAY_LISTENER_MAIN_ADVERTISED_HOST", "kafka.example.com"),
];
/// The example's scheme whose answers are as many ports as the built-in map's.
const FORWARDED: &str = "scheme = forwarded\nlistener = MAIN\nhost = kafka.example.com\n\
    public-first = 30000\nlocal-first = 7000\ncount = 600";

fn brokers(count: i32) -> Vec<MapBroker> {
    let broker = |id| MapBroker {
        node_id: NodeId(id),
        upstream: Endpoint {
            host: format!("b-{id}.internal"),
            port: 9092,
        },
        rack: Some("rack-a".into()),
    };
    (0..count).map(broker).collect()
}

/// The map of `make maps`, if that was called.
fn example(language: &str, limits: LimitsProfile) -> Option<Config> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let component: PathBuf = root.join("target/maps").join(language).join("map.wasm");
    let mut config = config(LISTENER);
    config.address_map.text = FORWARDED.into();
    config.address_map.limits = limits;
    config.address_map.component = component.is_file().then_some(component);
    config.address_map.component.is_some().then_some(config)
}

/// The middle of several tables, and what comes before the first.
async fn measured(config: &Config, count: i32) -> (Duration, Duration) {
    let begun = Instant::now();
    let map = AddressMap::start(config, brokers(count)).unwrap();
    let start = begun.elapsed();
    let mut taken = Vec::new();
    for version in 1..=TABLES {
        let begun = Instant::now();
        let table = map.compute(brokers(count), version).await.unwrap();
        taken.push(begun.elapsed());
        map.publish(table);
    }
    taken.sort();
    (taken[taken.len() / 2], start)
}

#[tokio::test]
#[ignore = "measures: `make bench BENCH=maps` runs it"]
async fn how_long_a_table_takes() {
    let maps = [
        ("built-in", Some(config(LISTENER))),
        ("Rust", example("rust", LimitsProfile::Small)),
        ("C", example("c", LimitsProfile::Small)),
        ("JavaScript", example("javascript", LimitsProfile::Runtime)),
        ("Python", example("python", LimitsProfile::Runtime)),
    ];
    let mut out = io::stderr().lock();
    for (name, config) in maps {
        let Some(config) = config else {
            writeln!(out, "{name:<10} not built: make maps").unwrap();
            continue;
        };
        for count in SIZES {
            let (table, start) = measured(&config, count).await;
            let (table, start) = (table.as_secs_f64() * 1e3, start.as_secs_f64());
            writeln!(
                out,
                "{name:<10} {count:>3} brokers: {table:9.2} ms a table, start {start:.2} s"
            )
            .unwrap();
        }
    }
}
