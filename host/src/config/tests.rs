//! Tests of parsing as a whole; single values and the allow-list have theirs beside them.

mod admin;
mod legacy;
mod listeners;
mod names;
mod server_tls;
mod table;
mod upstream;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;

/// What every configuration needs.
const UPSTREAM: [(&str, &str); 2] = [
    ("KAFKA_BOOTSTRAP_SERVERS", "b1.kafka.internal:9092"),
    ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
];

const TLS: &[(&str, &str)] = &[
    ("GATEWAY_SSL_CERTIFICATE_PATH", "/chain.pem"),
    ("GATEWAY_SSL_PRIVATE_KEY_PATH", "/key.pem"),
];

fn given(pairs: &[(&str, &str)]) -> Given {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Given {
        environment: pairs.collect(),
        host_name: "machine".to_owned(),
        cores: 4,
        ..Given::default()
    }
}

/// Only an env file.
pub(super) fn given_file(path: &str, text: &str) -> Given {
    let file = FileText {
        path: PathBuf::from(path),
        text: Ok(text.to_owned()),
    };
    Given {
        env_file: Some(file),
        ..given(&[])
    }
}

/// The upstream, and these.
fn with(pairs: &[(&str, &str)]) -> Given {
    given(&[&UPSTREAM, pairs].concat())
}

fn accepted(pairs: &[(&str, &str)]) -> Parsed {
    parse(&with(pairs)).unwrap()
}

/// The lines said about a refused configuration.
fn refused(pairs: &[(&str, &str)]) -> Vec<String> {
    let refused = parse(&with(pairs)).unwrap_err();
    refused.errors.iter().map(ToString::to_string).collect()
}

/// Asserts that there is exactly one error and that it says all of this.
#[track_caller]
fn refuses(pairs: &[(&str, &str)], telling: &[&str]) {
    let lines = refused(pairs);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    for part in telling {
        assert!(lines[0].contains(part), "{part:?} in {lines:#?}");
    }
}

fn only(parsed: &Parsed) -> &ListenerConfig {
    let [listener] = parsed.config.listeners.as_slice() else {
        panic!("one listener")
    };
    listener
}

fn notices(parsed: &Parsed) -> Vec<String> {
    parsed.notices.iter().map(ToString::to_string).collect()
}

fn value_of<'a>(parsed: &'a Parsed, name: &str) -> Option<(&'a str, String)> {
    let value = parsed.values.iter().find(|value| value.name == name)?;
    Some((value.value.as_str(), value.origin.to_string()))
}

#[test]
fn defaults_are_those_of_the_table() {
    let parsed = accepted(&[]);
    let config = &parsed.config;
    assert_eq!(config.limits.max_frame, 104_857_600);
    assert_eq!(config.limits.max_frame_before_sasl, 524_288);
    assert_eq!(config.limits.max_in_flight, 1024);
    assert_eq!(config.limits.max_connections, None);
    assert_eq!(config.timeouts.first_byte, Duration::from_secs(10));
    assert_eq!(config.timeouts.sasl, Duration::from_secs(30));
    assert_eq!(config.timeouts.idle, None);
    assert_eq!(config.shutdown.grace, Duration::from_secs(30));
    assert_eq!(config.tcp.keepalive_idle, Duration::from_secs(60));
    assert_eq!(
        (
            config.tcp.keepalive_interval.as_secs(),
            config.tcp.keepalive_count
        ),
        (15, 4)
    );
    assert_eq!(config.tcp.upstream_user_timeout, Duration::from_secs(180));
    assert_eq!(config.tcp.client_user_timeout, None);
    assert_eq!(config.workers, 4);
    assert_eq!(
        (config.log.filter.as_str(), config.log.json),
        ("info", false)
    );
    assert_eq!(config.admin.bind.to_string(), "0.0.0.0:8888");
    assert_eq!(config.state_directory, PathBuf::from("/var/lib/throughway"));
    assert_eq!(config.unreviewed_versions, UnreviewedVersions::Forward);
    assert!(!config.access_log && !config.fetch_leader_hints);
    assert_eq!(notices(&parsed), Vec::<String>::new());
}

#[test]
fn older_names_of_process_variables_count_until_the_new_ones_are_set() {
    let old = [
        ("GATEWAY_UPSTREAM_THREAD", "7"),
        ("LOG4J2_ROOT_LEVEL", "FATAL"),
        ("LOG4J2_APPENDER_LAYOUT", "json"),
        ("STATE_DIRECTORY", "/var/lib/a:/var/lib/b"),
    ];
    let config = accepted(&old).config;
    assert_eq!(
        (config.workers, config.log.filter.as_str(), config.log.json),
        (7, "error", true)
    );
    assert_eq!(config.state_directory, PathBuf::from("/var/lib/a"));
    let new = [
        ("GATEWAY_WORKER_THREADS", "2"),
        ("GATEWAY_LOG", "info,throughway=debug"),
        ("GATEWAY_LOG_FORMAT", "text"),
        ("GATEWAY_STATE_DIRECTORY", "/state"),
    ];
    let config = accepted(&[&old[..], &new].concat()).config;
    assert_eq!(config.workers, 2);
    assert_eq!(
        (config.log.filter.as_str(), config.log.json),
        ("info,throughway=debug", false)
    );
    assert_eq!(config.state_directory, PathBuf::from("/state"));
}

#[test]
fn numbers_and_times_are_bounded_at_both_ends() {
    for (name, good, bad) in [
        ("GATEWAY_MAX_FRAME_BYTES", "524288", "2147483648"),
        ("GATEWAY_MAX_FRAME_BYTES_BEFORE_SASL", "1024", "1023"),
        ("GATEWAY_MAX_IN_FLIGHT", "65536", "0"),
        ("GATEWAY_MAX_CONNECTIONS", "1", "0"),
        (
            "GATEWAY_MAX_CONNECTIONS_PER_LISTENER",
            "10000000",
            "10000001",
        ),
        ("GATEWAY_MAX_CONNECTIONS_PER_SOURCE", "1", "-1"),
        ("GATEWAY_MAX_HANDSHAKES_PER_SECOND", "1000000", "1000001"),
        ("GATEWAY_FIRST_BYTE_TIMEOUT_MS", "1", "0"),
        ("GATEWAY_TLS_HANDSHAKE_TIMEOUT_MS", "3600000", "3600001"),
        ("GATEWAY_SASL_TIMEOUT_MS", "1", "30s"),
        ("GATEWAY_DIAL_TIMEOUT_MS", "1", "1.5"),
        ("GATEWAY_HALF_CLOSE_TIMEOUT_MS", "1", "0"),
        ("GATEWAY_IDLE_TIMEOUT_MS", "604800000", "604800001"),
        ("GATEWAY_SHUTDOWN_GRACE_MS", "0", "3600001"),
        (
            "GATEWAY_SHUTDOWN_DELAY_BETWEEN_BROKERS_MS",
            "600000",
            "600001",
        ),
        ("GATEWAY_SHUTDOWN_READINESS_DELAY_MS", "0", "3600001"),
        ("GATEWAY_TCP_KEEPALIVE_SECONDS", "1/32767/127", "1/1/128"),
        ("GATEWAY_TCP_USER_TIMEOUT_MS", "1000", "999"),
        ("GATEWAY_WORKER_THREADS", "1024", "0"),
        ("GATEWAY_MIN_BROKERID", "2000000000", "2000000001"),
        ("GATEWAY_HTTP_PORT", "1", "0"),
        ("GATEWAY_LOG", "throughway=debug,warn", "loud"),
        ("GATEWAY_LOG_FORMAT", "JSON", "xml"),
        ("GATEWAY_ACCESS_LOG", "TRUE", "yes"),
        ("GATEWAY_UNREVIEWED_VERSIONS", "clamp", "drop"),
        ("GATEWAY_ADDRESS_MAP_LIMITS", "runtime", "large"),
        ("GATEWAY_HTTP_BIND_ADDRESS", "::1", "localhost"),
        ("GATEWAY_ZONES", "a=10.0.0.0/8", "a"),
    ] {
        accepted(&[(name, good)]);
        refuses(
            &[(name, bad)],
            &[&format!("{name}={bad}: "), "; accepted: "],
        );
    }
}

#[test]
fn a_frame_before_sasl_is_not_larger_than_one_after() {
    let pairs = [("GATEWAY_MAX_FRAME_BYTES", "2048")];
    refuses(
        &pairs,
        &["GATEWAY_MAX_FRAME_BYTES=2048: GATEWAY_MAX_FRAME_BYTES_BEFORE_SASL is above"],
    );
}

#[test]
fn idle_timeout_and_user_timeout_reach_the_configuration() {
    let pairs = [
        ("GATEWAY_IDLE_TIMEOUT_MS", "5000"),
        ("GATEWAY_TCP_USER_TIMEOUT_MS", "9000"),
    ];
    let config = accepted(&pairs).config;
    assert_eq!(config.timeouts.idle, Some(Duration::from_secs(5)));
    assert_eq!(config.tcp.upstream_user_timeout, Duration::from_secs(9));
    assert_eq!(config.tcp.client_user_timeout, Some(Duration::from_secs(9)));
}

#[test]
fn the_env_file_wins_and_says_where_a_value_stands() {
    let mut given = with(&[("GATEWAY_LOG", "warn"), ("GATEWAY_ENV_FILE", "/e")]);
    let text = "# file\nGATEWAY_LOG=debug\nKAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT\n";
    given.env_file = Some(FileText {
        path: PathBuf::from("/e"),
        text: Ok(text.to_owned()),
    });
    let parsed = parse(&given).unwrap();
    assert_eq!(parsed.config.log.filter, "debug");
    assert_eq!(
        value_of(&parsed, "GATEWAY_LOG"),
        Some(("debug", "/e:2".to_owned()))
    );
    assert_eq!(
        value_of(&parsed, "GATEWAY_HTTP_PORT"),
        Some(("8888", "default".to_owned()))
    );
    let bootstrap = value_of(&parsed, "KAFKA_BOOTSTRAP_SERVERS");
    assert_eq!(
        bootstrap,
        Some(("b1.kafka.internal:9092", "environment".to_owned()))
    );
    let said = "warning: GATEWAY_LOG differs between the environment and /e:2; the file counts";
    assert_eq!(notices(&parsed), [said]);
}

#[test]
fn a_missing_or_bad_env_file_is_refused_with_its_lines() {
    let mut given = with(&[("GATEWAY_ENV_FILE", "/e")]);
    let file = |text| {
        Some(FileText {
            path: PathBuf::from("/e"),
            text,
        })
    };
    given.env_file = file(Err("No such file or directory".to_owned()));
    let said = parse(&given).unwrap_err().to_string();
    assert!(
        said.contains("GATEWAY_ENV_FILE=/e: cannot be read: No such file"),
        "{said}"
    );
    given.env_file = file(Ok(
        "A=$B\nGATEWAY_HTTP_PORT=x\nGATEWAY_ENV_FILE=/f\n".to_owned()
    ));
    let said = parse(&given).unwrap_err().to_string();
    assert!(
        said.starts_with("configuration refused, 3 errors:\n"),
        "{said}"
    );
    assert!(
        said.contains("GATEWAY_ENV_FILE (/e:1): `$` and backtick"),
        "{said}"
    );
    assert!(
        said.contains("GATEWAY_HTTP_PORT=x (/e:2): port `x` is not a whole number"),
        "{said}"
    );
    assert!(
        said.contains("GATEWAY_ENV_FILE=/f (/e:3): a file cannot name another one"),
        "{said}"
    );
}

#[test]
fn a_variable_set_twice_in_the_file_is_a_warning() {
    let text = "GATEWAY_LOG=warn\nGATEWAY_LOG=debug\nKAFKA_BOOTSTRAP_SERVERS=a:1\n\
                KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT\n";
    let parsed = parse(&given_file("/e", text)).unwrap();
    assert_eq!(parsed.config.log.filter, "debug");
    assert_eq!(
        notices(&parsed),
        ["warning: GATEWAY_LOG is set twice; /e:2 counts"]
    );
}

#[test]
fn an_address_map_gets_the_listeners_or_the_operators_own_text() {
    let text = accepted(&[("GATEWAY_PORT_COUNT", "1")])
        .config
        .address_map
        .text;
    let listener = r#"{"name":"DEFAULT","routing":"port","advertised_host":"machine","#;
    assert!(text.contains(listener), "{text}");
    let own = accepted(&[("GATEWAY_ADDRESS_MAP_CONFIG", "anything")]);
    assert_eq!(own.config.address_map.text, "anything");
    let mut given = with(&[("GATEWAY_ADDRESS_MAP_CONFIG", "@/map")]);
    assert_eq!(
        given.files_named(),
        [("GATEWAY_ADDRESS_MAP_CONFIG", PathBuf::from("/map"))]
    );
    let mut file = |text| {
        let file = FileText {
            path: PathBuf::from("/map"),
            text,
        };
        given.files = BTreeMap::from([("GATEWAY_ADDRESS_MAP_CONFIG".to_owned(), file)]);
        parse(&given)
    };
    assert_eq!(
        file(Ok("from file".to_owned()))
            .unwrap()
            .config
            .address_map
            .text,
        "from file"
    );
    assert!(
        file(Err("gone".to_owned()))
            .unwrap_err()
            .to_string()
            .contains("cannot be read: gone")
    );
}

#[test]
fn the_rendering_shows_origins_and_no_secret() {
    let parsed = accepted(&[
        ("GATEWAY_SECURITY_PROTOCOL", "SASL_SSL"),
        ("GATEWAY_SSL_KEY_STORE_PATH", "/k.jks"),
        ("GATEWAY_SSL_KEY_STORE_PASSWORD", "hush-1"),
        ("GATEWAY_SSL_KEY_PASSWORD", "hush-2"),
        ("GATEWAY_LICENSE_KEY", "hush-3"),
        (
            "GATEWAY_ADMIN_API_USERS",
            "[{username: u, password: hush-4}]",
        ),
    ]);
    let (text, json) = (render(&parsed, false), render(&parsed, true));
    for (out, secret) in [&text, &json].iter().flat_map(|out| [(out, "hush")]) {
        assert!(!out.contains(secret), "{out}");
    }
    assert!(!format!("{parsed:?}").contains("hush"));
    assert!(text.contains("binds       0.0.0.0, ports 6969-7068 at start, as needed 6969-7968\n"));
    assert!(text.contains("[redacted]  (environment)"));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["mode"], "legacy");
    assert_eq!(json["listeners"][0]["local_ports"], "6969-7968");
    assert_eq!(json["listeners"][0]["security_protocol"], "SASL_SSL");
    assert_eq!(
        json["upstream"]["bootstrap_servers"][0],
        "b1.kafka.internal:9092"
    );
    assert_eq!(
        parsed.later["GATEWAY_LICENSE_KEY"],
        Secret("hush-3".to_owned())
    );
}
