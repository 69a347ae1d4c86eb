//! Tests of the upstream side.

use super::*;

fn tls(pairs: &[(&str, &str)]) -> Parsed {
    accepted(&[&[("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")], LISTENER, pairs].concat())
}

fn tls_refuses(pairs: &[(&str, &str)], telling: &[&str]) {
    refuses(
        &[&[("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")], LISTENER, pairs].concat(),
        telling,
    );
}

/// Keeps the listener from copying SASL_SSL, which would need a certificate.
const LISTENER: &[(&str, &str)] = &[("GATEWAY_SECURITY_PROTOCOL", "SASL_PLAINTEXT")];

#[test]
fn the_cluster_must_be_named_and_speak_sasl() {
    let lines = parse(&given(&[])).unwrap_err().errors;
    let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(
        lines[0].starts_with("KAFKA_SECURITY_PROTOCOL: is required"),
        "{lines:#?}"
    );
    assert!(
        lines[1].starts_with("KAFKA_BOOTSTRAP_SERVERS: is required"),
        "{lines:#?}"
    );
    for protocol in ["PLAINTEXT", "SSL"] {
        refuses(
            &[("KAFKA_SECURITY_PROTOCOL", protocol)],
            &["carries no SASL"],
        );
    }
    refuses(
        &[("KAFKA_SECURITY_PROTOCOL", "SASL")],
        &["not one of the known values"],
    );
}

#[test]
fn bootstrap_servers_are_hosts_and_ports() {
    let parsed = accepted(&[(
        "KAFKA_BOOTSTRAP_SERVERS",
        "A.b.c:1, [2001:db8::1]:2,10.0.0.1:3",
    )]);
    let servers = parsed
        .config
        .upstream
        .bootstrap_servers
        .iter()
        .map(ToString::to_string);
    assert_eq!(
        servers.collect::<Vec<_>>(),
        ["a.b.c:1", "[2001:db8::1]:2", "10.0.0.1:3"]
    );
    let allowed = value_of(&parsed, "GATEWAY_UPSTREAM_ALLOWED");
    let derived = ".b.c,[2001:db8::/64],10.0.0.0/24";
    assert_eq!(allowed, Some((derived, "default".to_owned())));
    for bad in [
        "kafka",
        "kafka:0",
        "a:1,,b:2",
        "SASL_SSL://kafka:9092",
        "2001:db8::1:9092",
    ] {
        refuses(
            &[("KAFKA_BOOTSTRAP_SERVERS", bad)],
            &["accepted: a comma list of host:port"],
        );
    }
}

#[test]
fn stores_and_inline_pem_reach_the_tls_side() {
    let parsed = tls(&[
        ("KAFKA_SSL_TRUSTSTORE_LOCATION", "/t.jks"),
        ("KAFKA_SSL_TRUSTSTORE_PASSWORD", " t "),
        ("KAFKA_SSL_KEYSTORE_LOCATION", "/k.p12"),
        ("KAFKA_SSL_KEYSTORE_TYPE", "PKCS12"),
        ("KAFKA_SSL_KEYSTORE_PASSWORD", "k"),
    ]);
    let client = parsed.config.upstream.tls.unwrap();
    assert!(client.verify_host_name);
    let Some(TrustSource::Store { password, .. }) = client.trust else {
        panic!("{client:?}")
    };
    assert_eq!(password, Some(Secret(" t ".to_owned())));
    let Some(KeySource::Store {
        path, key_password, ..
    }) = client.identity
    else {
        panic!("no identity")
    };
    assert_eq!((path, key_password), (PathBuf::from("/k.p12"), None));
    let parsed = tls(&[
        (
            "KAFKA_SSL_TRUSTSTORE_CERTIFICATES",
            "-----BEGIN CERTIFICATE-----",
        ),
        ("KAFKA_SSL_KEYSTORE_KEY", "-----BEGIN PRIVATE KEY-----"),
        (
            "KAFKA_SSL_KEYSTORE_CERTIFICATE_CHAIN",
            "-----BEGIN CERTIFICATE-----",
        ),
        ("KAFKA_SSL_KEY_PASSWORD", "p"),
    ]);
    let client = parsed.config.upstream.tls.unwrap();
    assert!(matches!(client.trust, Some(TrustSource::InlinePem(_))));
    assert!(matches!(
        client.identity,
        Some(KeySource::InlinePem {
            key_password: Some(_),
            ..
        })
    ));
    assert!(
        tls(&[])
            .config
            .upstream
            .tls
            .is_some_and(|tls| tls.trust.is_none())
    );
}

#[test]
fn halves_and_doubles_of_tls_material_are_refused() {
    let (chain, key) = (
        "KAFKA_SSL_KEYSTORE_CERTIFICATE_CHAIN",
        "KAFKA_SSL_KEYSTORE_KEY",
    );
    let pem = "-----BEGIN X-----";
    tls_refuses(&[(key, pem)], &[chain, "is required beside"]);
    tls_refuses(&[(chain, pem)], &[key, "is required beside"]);
    tls_refuses(
        &[(chain, pem), (key, "hush")],
        &["KAFKA_SSL_KEYSTORE_KEY=[redacted]: not PEM"],
    );
    let (store, inline) = (
        "KAFKA_SSL_TRUSTSTORE_LOCATION",
        "KAFKA_SSL_TRUSTSTORE_CERTIFICATES",
    );
    tls_refuses(&[(store, "/t"), (inline, pem)], &["is set together with"]);
    tls_refuses(
        &[(store, "/t"), ("KAFKA_SSL_TRUSTSTORE_TYPE", "BKS")],
        &["JKS, PKCS12 or PEM"],
    );
    tls_refuses(&[(inline, "/t.pem")], &["not PEM text"]);
}

#[test]
fn an_empty_algorithm_turns_the_name_check_off_with_a_warning() {
    let name = "KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM";
    let parsed = tls(&[(name, "")]);
    assert!(
        parsed
            .config
            .upstream
            .tls
            .as_ref()
            .is_some_and(|tls| !tls.verify_host_name)
    );
    assert!(
        notices(&parsed)
            .iter()
            .any(|n| n.contains("certificates are not checked"))
    );
    assert!(
        tls(&[(name, "HTTPS")])
            .config
            .upstream
            .tls
            .is_some_and(|tls| tls.verify_host_name)
    );
    tls_refuses(&[(name, "none")], &["https, or empty"]);
}

#[test]
fn tls_material_without_tls_is_a_warning() {
    let parsed = accepted(&[("KAFKA_SSL_TRUSTSTORE_LOCATION", "/t.jks")]);
    let said = "warning: no effect with KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT: \
                KAFKA_SSL_TRUSTSTORE_LOCATION";
    assert_eq!(notices(&parsed), [said]);
}

#[test]
fn known_brokers_and_other_places_to_dial_are_read() {
    let upstream = accepted(&[
        ("GATEWAY_UPSTREAM_BROKERS", "1=B1.x:9092, 5=[::1]:9093"),
        (
            "GATEWAY_UPSTREAM_ADDRESS_MAP",
            "B1.x:9092=10.0.0.1:19092,b2.x=[2001:db8::1],b3.x=::1",
        ),
        ("GATEWAY_UPSTREAM_ALLOWED", ".x:9092-9094"),
    ])
    .config
    .upstream;
    let seeds: Vec<_> = upstream
        .seeds
        .iter()
        .map(|(id, at)| format!("{id}={at}"))
        .collect();
    assert_eq!(seeds, ["1=b1.x:9092", "5=[::1]:9093"]);
    let [first, second, third] = upstream.dial_instead.as_slice() else {
        panic!("three")
    };
    assert_eq!(
        (first.host.as_str(), first.port, first.to_port),
        ("b1.x", Some(9092), Some(19092))
    );
    assert_eq!((second.port, second.to_port), (None, None));
    assert_eq!(third.ip.to_string(), "::1");
    assert_eq!(upstream.allowed.len(), 1);
}

#[test]
fn malformed_upstream_lists_are_refused() {
    for (name, bad) in [
        ("GATEWAY_UPSTREAM_BROKERS", "b1:9092"),
        ("GATEWAY_UPSTREAM_BROKERS", "-1=b1:9092"),
        ("GATEWAY_UPSTREAM_BROKERS", "1=b1"),
        ("GATEWAY_UPSTREAM_BROKERS", "1=b1:1,1=b2:1"),
        ("GATEWAY_UPSTREAM_ADDRESS_MAP", "b1"),
        ("GATEWAY_UPSTREAM_ADDRESS_MAP", "b1=b2"),
        ("GATEWAY_UPSTREAM_ADDRESS_MAP", "b1=10.0.0.1:0"),
        ("GATEWAY_UPSTREAM_ALLOWED", "10.0.0.1/8"),
    ] {
        refuses(
            &[(name, bad)],
            &[&format!("{name}={bad}: "), "; accepted: "],
        );
    }
}
