//! Tests of the payload: rounding, its fields, and that nothing nameable gets into it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::config::{self, Given};
use crate::usage::Setup;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/usage.md");
const SCHEMA_FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../docs/usage-report.schema.json"
);
const BEGIN: &str = "<!-- fields: made from the code -->\n";
const END: &str = "<!-- end of fields -->";

fn facts(variables: &[(&str, &str)]) -> Facts {
    let set = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    let given = Given {
        environment: variables.iter().map(set).collect(),
        cores: 1,
        host_name: "secret-host-name".to_owned(),
        ..Given::default()
    };
    let config = config::parse(&given).unwrap().config;
    let setup = Setup {
        container: false,
        dev_build: true,
        license_agent: false,
    };
    Facts::new(&config, setup)
}

fn report(facts: &Facts, counted: &Counted, bytes: Bytes) -> Report {
    let place = Place {
        seq: 7,
        prev_sha256: Some("00"),
        install_id: "i",
        install_key: "k",
        report_id: "r",
        window: Window {
            start: UnixTime(1),
            end: UnixTime(2),
        },
    };
    Report::new(place, facts, counted, bytes)
}

fn any_report() -> Report {
    let bootstrap = ("KAFKA_BOOTSTRAP_SERVERS", "broker1.internal.test:9092");
    let protocol = ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT");
    report(
        &facts(&[bootstrap, protocol]),
        &Counted::default(),
        Bytes::default(),
    )
}

/// Names of everything in an object that is not an object itself.
fn leaves(value: &Value, before: &str, names: &mut BTreeSet<String>) {
    for (name, value) in value.as_object().unwrap() {
        let name = format!("{before}{name}");
        match value {
            Value::Object(_) => leaves(value, &format!("{name}."), names),
            _ => assert!(names.insert(name)),
        }
    }
}

#[test]
fn rounds_down_to_two_digits() {
    for (exact, rounded) in [
        (0, 0),
        (7, 7),
        (99, 99),
        (100, 100),
        (109, 100),
        (1_999, 1_900),
        (123_456_789, 120_000_000),
        (u64::MAX, 18_000_000_000_000_000_000),
    ] {
        assert_eq!(two_digits(exact), rounded);
    }
}

#[test]
fn counts_are_coarse() {
    let buckets = [0, 1, 2, 3, 4, 10, 11, 50, 51, u64::MAX].map(bucket);
    let expected = [
        "0", "1", "2-3", "2-3", "4-10", "4-10", "11-50", "11-50", "51+", "51+",
    ];
    assert_eq!(buckets, expected);
    let powers = [0, 1, 2, 3, 1000, u64::MAX].map(power_of_two);
    assert_eq!(powers, [0, 1, 2, 4, 1024, 1 << 63]);
}

#[test]
fn every_field_has_a_purpose_and_every_purpose_a_field() {
    let mut sent = BTreeSet::new();
    leaves(&serde_json::to_value(any_report()).unwrap(), "", &mut sent);
    let told: BTreeSet<_> = FIELDS.iter().map(|field| field.name.to_owned()).collect();
    assert_eq!(sent, told);
    assert!(FIELDS.iter().all(|field| !field.purpose.is_empty()));
}

#[test]
fn takes_no_field_that_it_does_not_know() {
    let mut value = serde_json::to_value(any_report()).unwrap();
    assert!(serde_json::from_value::<Report>(value.clone()).is_ok());
    value["host_name"] = "x".into();
    assert!(serde_json::from_value::<Report>(value).is_err());
}

#[test]
fn the_documentation_is_up_to_date() {
    let docs = std::fs::read_to_string(DOCS).unwrap();
    let table = docs.split_once(BEGIN).unwrap().1.split_once(END).unwrap().0;
    assert_eq!(
        table,
        reference(),
        "run the ignored test regenerate_usage_docs"
    );
    let file = std::fs::read_to_string(SCHEMA_FILE).unwrap();
    assert_eq!(
        file,
        schema_text(),
        "run the ignored test regenerate_usage_docs"
    );
}

#[test]
#[ignore = "writes the documentation"]
fn regenerate_usage_docs() {
    let docs = std::fs::read_to_string(DOCS).unwrap();
    let (before, rest) = docs.split_once(BEGIN).unwrap();
    let after = rest.split_once(END).unwrap().1;
    std::fs::write(DOCS, format!("{before}{BEGIN}{}{END}{after}", reference())).unwrap();
    std::fs::write(SCHEMA_FILE, schema_text()).unwrap();
}

fn schema_text() -> String {
    serde_json::to_string_pretty(&schema()).unwrap() + "\n"
}

/// A word that stands for a secret; another one each time.
fn secret(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let letter = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + u8::try_from(state % 26).unwrap())
    };
    (0..12).map(letter).collect()
}

#[test]
fn no_word_of_the_configuration_is_in_a_report() {
    for seed in 0..200 {
        let word = secret(seed);
        let upper = word.to_ascii_uppercase();
        let listener = |suffix: &str| format!("GATEWAY_LISTENER_{upper}_{suffix}");
        let host = format!("{word}.{word}.example");
        let path = format!("/{word}/{word}.pem");
        let set: Vec<(String, String)> = [
            ("KAFKA_BOOTSTRAP_SERVERS", format!("{host}:9092")),
            ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL".to_owned()),
            ("KAFKA_SSL_TRUSTSTORE_LOCATION", path.clone()),
            ("KAFKA_SSL_TRUSTSTORE_PASSWORD", word.clone()),
            ("KAFKA_SSL_KEYSTORE_LOCATION", path.clone()),
            ("KAFKA_SSL_KEYSTORE_PASSWORD", word.clone()),
            ("KAFKA_SASL_JAAS_CONFIG", word.clone()),
            ("GATEWAY_UPSTREAM_BROKERS", format!("1=b1.{host}:9092")),
            ("GATEWAY_UPSTREAM_ALLOWED", host.clone()),
            ("GATEWAY_ZONES", format!("{word}=10.0.0.0/8")),
            ("GATEWAY_STATE_DIRECTORY", format!("/{word}")),
            ("GATEWAY_ADDRESS_MAP", path.clone()),
            ("GATEWAY_ADDRESS_MAP_CONFIG", word.clone()),
            ("GATEWAY_SSL_CERTIFICATE_PATH", path.clone()),
            ("GATEWAY_SSL_PRIVATE_KEY_PATH", path.clone()),
            ("GATEWAY_USAGE_ENDPOINT", format!("https://{host}/{word}")),
            ("GATEWAY_USAGE_CA_PATH", path.clone()),
            (
                "GATEWAY_USAGE_FORWARD_PROXY",
                format!("http://{word}:{word}@{host}:1"),
            ),
            ("GATEWAY_LICENSE_FILE", path.clone()),
            ("DEPLOYED_BY", format!("deb {word}")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .chain([
            (listener("SECURITY_PROTOCOL"), "SASL_SSL".to_owned()),
            (listener("ROUTING"), "sni".to_owned()),
            (listener("PORTS"), "7000".to_owned()),
            (
                listener("ADVERTISED_HOST_PATTERN"),
                format!("b{{{{nodeId}}}}.{host}"),
            ),
            (listener("BOOTSTRAP_HOST_PATTERN"), host.clone()),
        ])
        .collect();
        let set: Vec<(&str, &str)> = set.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let facts = facts(&set);
        let text = serde_json::to_string(&report(&facts, &Counted::default(), Bytes::default()));
        let text = text.unwrap().to_ascii_lowercase();
        assert!(!text.contains(&word), "{word} in {text}");
        assert!(!text.contains("secret-host-name"), "{text}");
        assert!(
            facts.features.sni_routing && facts.features.zones,
            "{facts:?}"
        );
        assert_eq!(facts.deployment, Deployment::Deb);
    }
}
