//! The rules, natively: both routings, their inverses, and what the configuration may not say.

use alloc::format;
use alloc::string::ToString as _;
use alloc::vec;
use alloc::vec::Vec;

use super::*;

const BOTH: &str = r#"{"version":1,"listeners":[
  {"name":"ports","routing":"port","advertised_host":"Kafka.Example.COM","min_broker_id":1,
   "ports":[{"advertised":29092,"local":9092},{"advertised":29093,"local":9093},
            {"advertised":29100,"local":9100}]},
  {"name":"names","routing":"sni","ports":[{"advertised":443,"local":9443}],
   "host_pattern":"broker-{{nodeId}}.kafka.example.com",
   "bootstrap_host":"bootstrap.kafka.example.com"}]}"#;

fn both() -> AddressRules {
    AddressRules::parse(BOTH).unwrap()
}

fn error_at(text: &str) -> (Option<String>, String) {
    let error = AddressRules::parse(text).unwrap_err();
    (error.at, error.message)
}

fn sni(pattern: &str, bootstrap: &str) -> String {
    format!(
        r#"{{"version":1,"listeners":[{{"name":"n","routing":"sni","host_pattern":"{pattern}",
        "bootstrap_host":"{bootstrap}","ports":[{{"advertised":1,"local":2}}]}}]}}"#
    )
}

#[test]
fn a_port_listener_gives_each_broker_the_port_of_its_own_id() {
    let rules = both();
    let address = rules.advertise("ports", 3).unwrap();
    assert_eq!(
        (address.host.as_str(), address.port),
        ("kafka.example.com", 29100)
    );
    assert_eq!(address.local_port, 9100);
    for outside in [i32::MIN, -1, 0, 4, i32::MAX] {
        assert!(matches!(
            rules.advertise("ports", outside),
            Err(Refusal::NotMapped(_))
        ));
    }
}

#[test]
fn a_local_port_leads_back_to_its_broker() {
    let rules = both();
    assert_eq!(rules.route("ports", None, 9093), Ok(Target::Broker(2)));
    assert_eq!(
        rules.route("ports", Some("anything"), 9092),
        Ok(Target::Broker(1))
    );
    assert!(matches!(
        rules.route("ports", None, 9094),
        Err(Refusal::NotRoutable(_))
    ));
}

#[test]
fn a_server_name_leads_back_to_its_broker() {
    let rules = both();
    for id in [0, 7, 1234, i32::MAX] {
        let address = rules.advertise("names", id).unwrap();
        let target = rules.route("names", Some(&address.host), address.local_port);
        assert_eq!(target, Ok(Target::Broker(id)));
    }
    assert!(rules.advertise("names", -1).is_err());
}

#[test]
fn each_broker_has_one_server_name_only() {
    let rules = both();
    for digits in [
        "",
        "07",
        "+7",
        "-7",
        "2147483648",
        "7x",
        "٧",
        "99999999999999999999",
    ] {
        let name = format!("broker-{digits}.kafka.example.com");
        assert!(rules.route("names", Some(&name), 9443).is_err(), "{name}");
    }
    assert!(rules.route("names", None, 9443).is_err());
    assert!(
        rules
            .route("names", Some("broker-7.kafka.example.com"), 9444)
            .is_err()
    );
}

#[test]
fn the_bootstrap_host_leads_to_bootstrap() {
    let target = both().route("names", Some("bootstrap.kafka.example.com"), 9443);
    assert_eq!(target, Ok(Target::Bootstrap));
}

#[test]
fn an_unknown_listener_serves_nothing() {
    assert!(matches!(
        both().advertise("other", 1),
        Err(Refusal::NotMapped(_))
    ));
    assert!(matches!(
        both().route("other", None, 9092),
        Err(Refusal::NotRoutable(_))
    ));
}

#[test]
fn the_plan_names_ports_and_names() {
    let plan = both().plan();
    assert_eq!(plan[0].local_ports, vec![(9092, 9093), (9100, 9100)]);
    assert_eq!(plan[0].server_names, vec!["kafka.example.com".to_string()]);
    assert!(plan[0].bootstrap.is_empty() && !plan[0].needs_server_name);
    assert!(plan[1].needs_server_name);
    assert_eq!(plan[1].bootstrap[0].host, "bootstrap.kafka.example.com");
    let expected: Vec<_> = ["*.kafka.example.com", "bootstrap.kafka.example.com"].into();
    assert_eq!(plan[1].server_names, expected);
}

#[test]
fn a_fault_is_named_by_its_key_or_line() {
    assert_eq!(error_at("{\n\"version\": x}").0.as_deref(), Some("line 2"));
    assert_eq!(
        error_at(r#"{"version":2,"listeners":[]}"#).0.as_deref(),
        Some("version")
    );
    let twice = BOTH.replace("29093", "29092");
    let (at, message) = error_at(&twice);
    assert_eq!(at.as_deref(), Some("listeners[0].ports"));
    assert_eq!(message, "advertises port 29092 twice");
    let unknown = BOTH.replace("min_broker_id", "min_id");
    assert!(error_at(&unknown).1.contains("unknown field `min_id`"));
}

#[test]
fn a_pattern_that_could_confuse_two_names_is_refused() {
    let key = |pattern, bootstrap| error_at(&sni(pattern, bootstrap)).0.unwrap();
    assert_eq!(
        key("broker.example.com", "b.example.com"),
        "listeners[0].host_pattern"
    );
    assert_eq!(
        key("{{nodeId}}-{{nodeId}}.x", "b.x"),
        "listeners[0].host_pattern"
    );
    assert_eq!(
        key("b{{nodeId}}.exam ple", "b.x"),
        "listeners[0].host_pattern"
    );
    assert_eq!(key("10.0.0.{{nodeId}}", "b.x"), "listeners[0].host_pattern");
    assert_eq!(key("b{{nodeId}}.x", "b12.x"), "listeners[0].bootstrap_host");
    let longest = "a".repeat(54);
    assert_eq!(
        key(&format!("{longest}{{{{nodeId}}}}.x"), "b.x"),
        "listeners[0].host_pattern"
    );
}

#[test]
fn two_listeners_of_one_name_are_refused() {
    let twice = BOTH.replace("\"names\"", "\"ports\"");
    assert_eq!(error_at(&twice).0.as_deref(), Some("listeners[1].name"));
}
