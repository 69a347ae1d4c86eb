//! `throughway doctor` on a machine that is as it should be, and on one that is not.

use std::process::Command;

use serde_json::Value;
use throughway_tests::certificates::Authority;
use throughway_tests::collector::Collector;
use throughway_tests::files::TemporaryFolder;
use throughway_tests::ports;
use throughway_tests::proxy::{Settings, binary};
use throughway_tests::script_broker::{Reply, ScriptBroker};

use crate::edge::{Edge, broker, quiet_broker, settings};

/// Exit code and checks.
fn doctor(settings: &Settings, more: &[(&str, String)]) -> (i32, Vec<Value>) {
    let output = Command::new(binary().unwrap())
        .args(["doctor", "--json"])
        .env_clear()
        .envs(settings.environment())
        .envs(more.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let checks = told["checks"].as_array().unwrap().clone();
    (output.status.code().unwrap(), checks)
}

/// Marks of one check, in order.
fn marks<'a>(checks: &'a [Value], check: &str) -> Vec<&'a str> {
    let of = checks.iter().filter(|found| found["check"] == check);
    of.map(|found| found["mark"].as_str().unwrap()).collect()
}

/// Marks and details of one check, for a message.
fn told(checks: &[Value], check: &str) -> String {
    let of = checks.iter().filter(|found| found["check"] == check);
    of.map(|found| format!("{} {}\n", found["mark"], found["detail"]))
        .collect()
}

/// Settings under which nothing is wrong, and what must live as long.
struct Sound {
    settings: Settings,
    port: u16,
    admin_port: u16,
    _broker: ScriptBroker,
    _collector: Collector,
    state: TemporaryFolder,
}

impl Sound {
    async fn new() -> Self {
        let broker = quiet_broker().await;
        let (mut settings, port) = settings(&broker);
        let collector = Collector::start().await.unwrap();
        let state = TemporaryFolder::new("throughway-doctor-").unwrap();
        let admin_port = ports::reserve(1);
        settings.set(
            "GATEWAY_STATE_DIRECTORY",
            state.path().display().to_string(),
        );
        settings.set("GATEWAY_HTTP_BIND_ADDRESS", "127.0.0.1");
        settings.set("GATEWAY_USAGE_ENDPOINT", collector.url());
        settings.set(
            "GATEWAY_USAGE_CA_PATH",
            collector.ca().display().to_string(),
        );
        settings.set("GATEWAY_MAX_CONNECTIONS", "100");
        Self {
            settings,
            port,
            admin_port,
            _broker: broker,
            _collector: collector,
            state,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_is_well_nothing_fails_before_the_start_and_beside_it() {
    let mut sound = Sound::new().await;
    let port = ("GATEWAY_HTTP_PORT", sound.admin_port.to_string());
    let (code, checks) = doctor(&sound.settings, &[port]);
    assert_eq!(code, 0, "{checks:#?}");
    for check in [
        "licence",
        "clock",
        "file limit",
        "ports",
        "address map",
        "upstream",
        "usage endpoint",
    ] {
        assert_eq!(marks(&checks, check), ["PASS"], "{}", told(&checks, check));
    }
    let run = TemporaryFolder::new("throughway-run-").unwrap();
    sound
        .settings
        .set("RUNTIME_DIRECTORY", run.path().display().to_string());
    let mut edge = Edge::start(&sound.settings, sound.port);
    let port = ("GATEWAY_HTTP_PORT", edge.admin_port.to_string());
    // By the control socket; and where that is not to be found, by the health check of its port.
    for directory in [run.path().display().to_string(), String::new()] {
        let more = [port.clone(), ("RUNTIME_DIRECTORY", directory)];
        let (code, checks) = doctor(&sound.settings, &more);
        assert_eq!(code, 0, "{checks:#?}");
        let ports = told(&checks, "ports");
        assert!(
            ports.contains("held by the proxy that runs here"),
            "{ports}"
        );
    }
    assert_eq!(edge.stop().unwrap(), Some(0));
    assert!(sound.state.path().join("usage").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_that_is_wrong_fails_with_a_remedy() {
    let sound = Sound::new().await;
    let mut settings = sound.settings.clone();
    let taken = std::net::TcpListener::bind(("127.0.0.1", sound.admin_port)).unwrap();
    settings.set("GATEWAY_LICENSE_KEY", "a.b.c");
    settings.set("GATEWAY_MAX_CONNECTIONS", "10000000");
    settings.set(
        "GATEWAY_USAGE_ENDPOINT",
        format!("https://127.0.0.1:{}/", ports::reserve(1)),
    );
    settings.set(
        "KAFKA_BOOTSTRAP_SERVERS",
        format!("127.0.0.1:{}", ports::reserve(1)),
    );
    let port = ("GATEWAY_HTTP_PORT", sound.admin_port.to_string());
    let (code, checks) = doctor(&settings, &[port]);
    assert_eq!(code, 1);
    for (check, mark) in [
        ("licence", "FAIL"),
        ("file limit", "FAIL"),
        ("ports", "FAIL"),
        ("upstream", "FAIL"),
        // It never stops traffic.
        ("usage endpoint", "WARN"),
    ] {
        assert_eq!(marks(&checks, check)[0], mark, "{}", told(&checks, check));
    }
    for found in &checks {
        assert_eq!(
            found["remedy"].is_string(),
            found["mark"] != "PASS",
            "{found}"
        );
    }
    let whole = format!("{checks:?}");
    assert!(!whole.contains("a.b.c"), "{whole}");
    drop(taken);
    settings.set("KAFKA_BOOTSTRAP_SERVERS", "");
    let (code, checks) = doctor(&settings, &[]);
    assert_eq!((code, marks(&checks, "configuration")[0]), (1, "FAIL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_speaks_something_else_and_a_certificate_that_lacks_a_name_are_told() {
    let sound = Sound::new().await;
    let mut settings = sound.settings.clone();
    let folder = TemporaryFolder::new("throughway-ca-").unwrap();
    let authority = Authority::new(folder.path(), "downstream").unwrap();
    let identity = authority.issue("throughway", &["elsewhere.test"]).unwrap();
    settings.unset("GATEWAY_LISTENER_MAIN_ADVERTISED_HOST");
    settings.listen_by_sni(sound.port, sound.port, &identity);
    let mute = broker(|_| Reply::Close).await;
    settings.set(
        "KAFKA_BOOTSTRAP_SERVERS",
        format!("127.0.0.1:{}", mute.address.port()),
    );
    let (code, checks) = doctor(&settings, &[]);
    assert_eq!(code, 1);
    let certificate = told(&checks, "certificate");
    assert!(
        certificate.contains("FAIL") && certificate.contains("does not cover"),
        "{certificate}"
    );
    let upstream = told(&checks, "upstream");
    assert!(
        upstream.contains("answers ApiVersions wrongly"),
        "{upstream}"
    );
    assert!(
        marks(&checks, "names").contains(&"WARN"),
        "{}",
        told(&checks, "names")
    );
}
