//! Tests of the allow-list.

use std::collections::BTreeMap;

use super::*;
use crate::kafka::NodeId;

fn upstream(bootstrap: &str, allowed: Option<&str>) -> UpstreamConfig {
    let bootstrap_servers = value::list(bootstrap, value::endpoint).unwrap();
    let allowed = match allowed {
        Some(text) => rules(text).unwrap(),
        None => derived(&bootstrap_servers),
    };
    UpstreamConfig {
        bootstrap_servers,
        tls: None,
        allowed,
        seeds: BTreeMap::new(),
        dial_instead: Vec::new(),
    }
}

fn endpoint(text: &str) -> Endpoint {
    value::endpoint(text).unwrap()
}

fn name(config: &UpstreamConfig, at: &str) -> bool {
    config.allows_name(&endpoint(at))
}

fn address(config: &UpstreamConfig, at: &str, ip: &str) -> bool {
    config.allows_address(&endpoint(at), ip.parse().unwrap())
}

fn derived_from(bootstrap: &str) -> String {
    let rules = upstream(bootstrap, None).allowed;
    rules
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn rules_follow_from_each_bootstrap_server() {
    assert_eq!(
        derived_from("b1.kafka.example.com:9092"),
        ".kafka.example.com"
    );
    assert_eq!(
        derived_from("kafka.internal:9092"),
        "kafka.internal .kafka.internal"
    );
    assert_eq!(
        derived_from("kafka1:9092,kafka2:9092"),
        "any one-label name"
    );
    assert_eq!(derived_from("10.1.2.3:9092"), "10.1.2.0/24");
    assert_eq!(
        derived_from("[2001:db8:1:2:3::4]:9092"),
        "[2001:db8:1:2::/64]"
    );
    assert_eq!(
        derived_from("a.b.c:1,d.b.c:2,10.0.0.1:3"),
        ".b.c 10.0.0.0/24"
    );
}

#[test]
fn names_are_judged_by_suffix_host_and_port() {
    let config = upstream(
        "kafka:9092",
        Some(".b.example,*.c.example:9000-9002,Exact.example:1"),
    );
    for allowed in [
        "x.b.example:5",
        "x.y.B.example:5",
        "x.c.example:9001",
        "exact.example:1",
    ] {
        assert!(name(&config, allowed), "{allowed}");
    }
    for refused in [
        "b.example:5",
        "xb.example:5",
        "x.c.example:9003",
        "exact.example:2",
        "other:1",
    ] {
        assert!(!name(&config, refused), "{refused}");
    }
}

#[test]
fn a_bootstrap_server_and_a_listed_broker_are_the_operators_own_word() {
    let mut config = upstream("kafka.elsewhere:9092", Some(".b.example"));
    config
        .seeds
        .insert(NodeId(1), endpoint("seed.elsewhere:9093"));
    assert!(name(&config, "kafka.elsewhere:9092"));
    assert!(!name(&config, "kafka.elsewhere:22"));
    assert!(name(&config, "seed.elsewhere:9093"));
    assert!(address(&config, "seed.elsewhere:9093", "203.0.113.7"));
}

#[test]
fn one_label_names_do_not_open_addresses() {
    let config = upstream("kafka1:9092", None);
    assert!(name(&config, "kafka7:1"));
    assert!(!name(&config, "10.0.0.1:1"));
    assert!(!name(&config, "[2001:db8::1]:1"));
    assert!(!name(&config, "kafka.example:1"));
}

#[test]
fn a_name_may_be_decided_by_the_network_it_resolves_into() {
    let config = upstream("10.0.0.5:9092", None);
    assert!(name(&config, "b1.internal:9092"));
    assert!(address(&config, "b1.internal:9092", "10.0.0.9"));
    assert!(address(&config, "b1.internal:9092", "::ffff:10.0.0.9"));
    assert!(!address(&config, "b1.internal:9092", "10.0.1.9"));
    assert!(!name(&config, "10.0.1.9:9092"));
}

#[test]
fn names_that_resolve_to_special_addresses_are_refused() {
    let config = upstream("b1.kafka.example.com:9092", None);
    let at = "b2.kafka.example.com:9092";
    assert!(address(&config, at, "203.0.113.7"));
    for special in [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.169.254",
        "169.254.1.1",
        "fe80::1",
        "fd00:ec2::254",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
    ] {
        assert!(!address(&config, at, special), "{special}");
    }
}

#[test]
fn special_addresses_open_when_a_rule_names_them() {
    let config = upstream(
        "kafka.example.com:9092",
        Some(".kafka.example.com,127.0.0.0/8"),
    );
    assert!(address(&config, "b1.kafka.example.com:9092", "127.0.0.1"));
    assert!(name(&config, "127.0.0.1:9092"));
    assert!(!address(&config, "b1.kafka.example.com:9092", "::1"));
    let all = upstream("kafka.example.com:9092", Some("0.0.0.0/0,::/0"));
    assert!(address(&all, "anything.example:1", "203.0.113.7"));
    assert!(!address(&all, "anything.example:1", "127.0.0.1"));
    assert!(!address(&all, "anything.example:1", "169.254.169.254"));
    let link_local = upstream("kafka.example.com:9092", Some("169.254.0.0/16"));
    assert!(address(&link_local, "b:1", "169.254.3.4"));
    assert!(!address(&link_local, "b:1", "169.254.169.254"));
}

#[test]
fn special_addresses_open_when_a_bootstrap_server_is_there() {
    let loopback = upstream("127.0.0.1:9092", None);
    assert!(name(&loopback, "127.0.0.1:9093"));
    assert!(!name(&loopback, "127.0.1.1:9093"));
    let localhost = upstream("localhost:9092", None);
    assert!(address(&localhost, "localhost:9093", "127.0.0.1"));
    assert!(address(&localhost, "localhost:9093", "::1"));
    assert!(!address(&localhost, "localhost:9093", "169.254.1.1"));
    let link_local = upstream("169.254.1.1:9092", Some("169.254.0.0/16"));
    assert!(address(&link_local, "b:1", "169.254.9.9"));
    assert!(!address(&link_local, "b:1", "169.254.169.254"));
}

#[test]
fn networks_take_ports_also_in_brackets() {
    let config = upstream(
        "k.example.com:1",
        Some("10.0.0.0/8:9092,[2001:db8::/32]:5,2001:db9::/32"),
    );
    assert!(name(&config, "10.9.9.9:9092"));
    assert!(!name(&config, "10.9.9.9:9093"));
    assert!(name(&config, "[2001:db8::7]:5"));
    assert!(!name(&config, "[2001:db8::7]:6"));
    assert!(name(&config, "[2001:db9::7]:6"));
}

#[test]
fn refuses_entries_that_are_no_rules() {
    for text in [
        "",
        "a,,b",
        "10.0.0.1/8",
        "10.0.0.0/40",
        "a b",
        "a:9-1",
        "a:0",
        "*",
        ".",
    ] {
        assert!(rules(text).is_err(), "{text}");
    }
}

#[test]
fn the_value_to_add_is_the_host_or_the_special_address() {
    let at = endpoint("b.example:9092");
    assert_eq!(UpstreamConfig::value_to_add(&at, None), "b.example");
    let resolved = |ip: &str| UpstreamConfig::value_to_add(&at, Some(ip.parse().unwrap()));
    assert_eq!(resolved("10.0.0.1"), "b.example");
    assert_eq!(resolved("::ffff:127.0.0.1"), "127.0.0.1");
}

#[test]
fn a_network_holds_its_addresses_and_no_others() {
    let network = |text: &str| value::cidr(text).unwrap();
    assert!(network("0.0.0.0/0").contains("255.255.255.255".parse().unwrap()));
    assert!(!network("0.0.0.0/0").contains("::1".parse().unwrap()));
    assert!(network("::/0").contains("ffff::".parse().unwrap()));
    assert!(network("10.0.0.1").contains("10.0.0.1".parse().unwrap()));
    assert!(!network("10.0.0.1").contains("10.0.0.2".parse().unwrap()));
    assert!(network("10.128.0.0/9").contains("10.200.0.1".parse().unwrap()));
    assert!(!network("10.128.0.0/9").contains("10.127.0.1".parse().unwrap()));
}
