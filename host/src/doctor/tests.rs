//! What each look says, from what the machine is made to show.

use std::net::TcpListener;
use std::path::PathBuf;

use super::*;
use crate::config::{self, Config, Given};
use crate::licence::UnixTime;
use crate::tls::CertificateSummary;

const NOBODY: &str = "/nowhere/control.sock";

fn config(variables: &[(&str, &str)]) -> Config {
    let needed = [
        ("KAFKA_BOOTSTRAP_SERVERS", "b1.kafka.internal:9092"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        ("GATEWAY_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
    ];
    let set = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let given = Given {
        environment: needed.iter().chain(variables).map(set).collect(),
        cores: 1,
        ..Given::default()
    };
    config::parse(&given).unwrap().config
}

fn nobody() -> Client {
    Client::Local(PathBuf::from(NOBODY))
}

fn summary(names: &[&str], not_after: i64) -> CertificateSummary {
    CertificateSummary {
        subject: "CN=x".to_owned(),
        names: names.iter().map(|&name| name.to_owned()).collect(),
        not_after,
        not_after_text: UnixTime(not_after).to_string(),
    }
}

#[test]
fn a_certificate_is_judged_by_names_and_time() {
    const DAY: i64 = 86_400;
    let names = ["*.example.com".to_owned(), "boot.example.com".to_owned()];
    let judged = |shown: &[&str], left: i64| {
        let shown = summary(shown, 1_000_000 + left);
        let found = clients::judge("listener A", &shown, &names, UnixTime(1_000_000));
        (found.mark, found.detail)
    };
    let wild = ["*.example.com"];
    assert_eq!(judged(&wild, 40 * DAY).0, Mark::Pass);
    let (mark, detail) = judged(&wild, 29 * DAY);
    assert!(mark == Mark::Warn && detail.contains("29 days"), "{detail}");
    assert_eq!(judged(&wild, -1).0, Mark::Fail);
    let (mark, detail) = judged(&["boot.example.com", "b1.example.com"], 40 * DAY);
    assert_eq!(mark, Mark::Fail);
    assert!(detail.ends_with("does not cover *.example.com"), "{detail}");
}

#[tokio::test]
async fn a_port_in_use_fails_unless_throughway_holds_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let config = config(&[
        ("GATEWAY_HTTP_BIND_ADDRESS", "127.0.0.1"),
        ("GATEWAY_HTTP_PORT", &port),
        ("GATEWAY_PORT_COUNT", "1"),
        ("GATEWAY_PORT_START", "1"),
    ]);
    // It accepts and says nothing: not throughway.
    let found = machine::ports(&config, &nobody()).await;
    let failed: Vec<_> = found
        .iter()
        .filter(|found| found.mark == Mark::Fail)
        .collect();
    assert!(
        failed[0]
            .detail
            .contains(&format!("127.0.0.1:{port} of Admin API is in use"))
    );
    assert!(failed[0].remedy.as_ref().unwrap().contains("ss -ltnp"));
}

#[test]
fn a_clock_behind_what_has_passed_fails() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().display().to_string();
    let config = config(&[("GATEWAY_STATE_DIRECTORY", &directory)]);
    assert_eq!(machine::clock(&config).mark, Mark::Pass);
    std::fs::create_dir(folder.path().join("license")).unwrap();
    let mark = r#"{"schema":1,"high_water":32503680000}"#;
    std::fs::write(folder.path().join("license/clock.json"), mark).unwrap();
    let found = machine::clock(&config);
    assert_eq!(found.mark, Mark::Fail);
    assert!(found.detail.contains("3000-01-01T00:00:00Z"), "{found:?}");
}

#[test]
fn more_connections_than_files_fail() {
    let config = config(&[("GATEWAY_MAX_CONNECTIONS", "10000000")]);
    let found = machine::files(&config);
    assert!(found.mark == Mark::Fail && found.detail.contains("GATEWAY_MAX_CONNECTIONS"));
}

#[test]
fn what_is_wrong_with_the_configuration_is_all_there_is_to_see() {
    let errors = config::parse(&Given::default()).unwrap_err();
    let examination = Examination::refused(&errors);
    assert!(examination.has_failed());
    let text = examination.to_string();
    assert!(
        text.contains("FAIL  configuration    KAFKA_BOOTSTRAP_SERVERS: is required"),
        "{text}"
    );
    let ending = format!("0 passed, 0 warned, {} failed\n", errors.errors.len());
    assert!(text.ends_with(&ending), "{text}");
    let json: serde_json::Value = serde_json::to_value(&examination).unwrap();
    assert_eq!(json["checks"][0]["mark"], "FAIL");
    assert!(json["checks"][0]["remedy"].is_string());
}
