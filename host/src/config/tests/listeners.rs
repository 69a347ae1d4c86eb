//! Tests of listeners described by listener variables.

use super::*;

/// A port-routed listener A, changed or added to by `pairs`.
fn port<'a>(pairs: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let base = [
        ("GATEWAY_LISTENER_A_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        ("GATEWAY_LISTENER_A_ROUTING", "PORT"),
        ("GATEWAY_LISTENER_A_PORTS", "9092-9094"),
    ];
    [&base, pairs].concat()
}

/// An SNI-routed listener A, changed or added to by `pairs`.
fn sni<'a>(pairs: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let base = [
        ("GATEWAY_LISTENER_A_SECURITY_PROTOCOL", "SASL_SSL"),
        ("GATEWAY_LISTENER_A_ROUTING", "SNI"),
        ("GATEWAY_LISTENER_A_PORTS", "443:9092"),
        (
            "GATEWAY_LISTENER_A_ADVERTISED_HOST_PATTERN",
            "b{{nodeId}}.kafka.example.com",
        ),
    ];
    [&base, TLS, pairs].concat()
}

fn bootstrap(parsed: &Parsed) -> &str {
    let Routing::Sni { bootstrap_host, .. } = &only(parsed).routing else {
        panic!("sni")
    };
    bootstrap_host
}

#[test]
fn client_protocols_without_sasl_are_refused() {
    for protocol in ["PLAINTEXT", "SSL"] {
        refuses(
            &[("GATEWAY_SECURITY_PROTOCOL", protocol)],
            &["carries no SASL"],
        );
        let own = ("GATEWAY_LISTENER_A_SECURITY_PROTOCOL", protocol);
        refuses(
            &port(&[own]),
            &["carries no SASL", "accepted: SASL_PLAINTEXT or SASL_SSL"],
        );
    }
}

#[test]
fn listener_variables_switch_the_older_ones_off() {
    let parsed = accepted(&port(&[
        ("GATEWAY_PORT_START", "1"),
        ("GATEWAY_ADVERTISED_HOST", "x"),
    ]));
    assert_eq!(parsed.mode, Mode::Listener);
    let Routing::Port {
        advertised_host,
        ports,
        bound_at_start,
        ..
    } = &only(&parsed).routing
    else {
        panic!("port")
    };
    assert_eq!(
        (advertised_host.as_str(), ports.len(), *bound_at_start),
        ("machine", 3, 3)
    );
    let said = "warning: no effect beside GATEWAY_LISTENER_* variables: \
                GATEWAY_ADVERTISED_HOST, GATEWAY_PORT_START";
    assert_eq!(notices(&parsed), [said]);
}

#[test]
fn required_variables_of_a_listener_are_all_named() {
    let lines = refused(&[("GATEWAY_LISTENER_A_BIND_ADDRESS", "127.0.0.1")]);
    let starts = ["SECURITY_PROTOCOL", "ROUTING", "PORTS"]
        .map(|suffix| format!("GATEWAY_LISTENER_A_{suffix}: is required; accepted: "));
    assert_eq!(lines.len(), 3);
    for (line, start) in lines.iter().zip(&starts) {
        assert!(line.starts_with(start), "{line}");
    }
    let pattern = ("GATEWAY_LISTENER_A_ADVERTISED_HOST_PATTERN", "");
    refuses(&sni(&[pattern]), &["ADVERTISED_HOST_PATTERN: is required"]);
}

#[test]
fn misnamed_listener_variables_are_errors() {
    for (name, telling) in [
        (
            "GATEWAY_LISTENER_MY_EXT_PORTS",
            "`MY_EXT` is not a listener's name",
        ),
        (
            "GATEWAY_LISTENER_1EXT_PORTS",
            "`1EXT` is not a listener's name",
        ),
        (
            "GATEWAY_LISTENER_E-T_SSL_KEY_PASSWORD",
            "`E-T` is not a listener's name",
        ),
        (
            "GATEWAY_LISTENER_EXT_PORT",
            "did you mean GATEWAY_LISTENER_EXT_PORTS?",
        ),
        (
            "GATEWAY_LISTENER_EXT_HOST",
            "did you mean GATEWAY_LISTENER_EXT_ADVERTISED_HOST?",
        ),
        (
            "GATEWAY_LISTENER_EXT_SSL_KEYSTORE_PATH",
            "GATEWAY_LISTENER_EXT_SSL_KEY_STORE_PATH?",
        ),
        ("GATEWAY_LISTENER_EXT_XYZ", "unknown variable of a listener"),
        (
            "GATEWAY_LISTENER_PORTS",
            "does not say which variable of which listener",
        ),
    ] {
        refuses(
            &port(&[(name, "1")]),
            &[name, telling, "accepted: GATEWAY_LISTENER_<N>_"],
        );
    }
}

#[test]
fn listed_names_give_the_order_and_must_fit() {
    let b = [
        ("GATEWAY_LISTENER_B_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        ("GATEWAY_LISTENER_B_ROUTING", "port"),
        ("GATEWAY_LISTENER_B_PORTS", "1000"),
    ];
    let named = |names| port(&[&b[..], &[("GATEWAY_LISTENER_NAMES", names)]].concat());
    let order = |names| {
        let listeners = accepted(&named(names)).config.listeners;
        listeners
            .into_iter()
            .map(|listener| listener.name)
            .collect::<String>()
    };
    assert_eq!(
        (order("B, A"), order("A,B"), order("")),
        ("BA".into(), "AB".into(), "AB".into())
    );
    refuses(&named("A"), &["does not name B"]);
    refuses(&named("A,B,C"), &["names C, which has no variables"]);
    refuses(&named("A,B,B"), &["names a listener twice"]);
    refuses(&named("A,B,C_D"), &["`C_D` is not a listener's name"]);
    let alone = refused(&[("GATEWAY_LISTENER_NAMES", "A")]);
    assert!(
        alone[0].contains("names A, which has no variables"),
        "{alone:?}"
    );
}

#[test]
fn local_ports_are_disjoint_where_addresses_meet() {
    let b = |ports: &'static str, bind: &'static str| {
        port(&[
            ("GATEWAY_LISTENER_B_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
            ("GATEWAY_LISTENER_B_ROUTING", "port"),
            ("GATEWAY_LISTENER_B_PORTS", ports),
            ("GATEWAY_LISTENER_B_BIND_ADDRESS", bind),
            ("GATEWAY_LISTENER_A_BIND_ADDRESS", "127.0.0.1"),
        ])
    };
    accepted(&b("9092", "127.0.0.2"));
    accepted(&b("9092:1000", "127.0.0.1"));
    let shared = [
        "GATEWAY_LISTENER_B_PORTS=",
        "local port 9094 is also listener A's",
    ];
    refuses(&b("9094", "127.0.0.1"), &shared);
    refuses(&b("1:9094", "0.0.0.0"), &shared);
    refuses(&b("9094", "::"), &shared);
    refuses(
        &b("8888", "127.0.0.1"),
        &["port 8888 is also the Admin API's"],
    );
}

#[test]
fn the_name_of_first_contact_is_derived_or_given() {
    assert_eq!(
        bootstrap(&accepted(&sni(&[]))),
        "bootstrap.kafka.example.com"
    );
    let host = ("GATEWAY_LISTENER_A_ADVERTISED_HOST", "GW.example.com");
    assert_eq!(
        bootstrap(&accepted(&sni(&[host]))),
        "bootstrap.gw.example.com"
    );
    let given = (
        "GATEWAY_LISTENER_A_BOOTSTRAP_HOST_PATTERN",
        "first.example.com",
    );
    assert_eq!(
        bootstrap(&accepted(&sni(&[given, host]))),
        "first.example.com"
    );
    let refused = |value| sni(&[("GATEWAY_LISTENER_A_BOOTSTRAP_HOST_PATTERN", value)]);
    refuses(
        &refused("x{{nodeId}}.example.com"),
        &["contains {{nodeId}}"],
    );
    refuses(
        &refused("b7.kafka.example.com"),
        &["is a broker's name by b{{nodeId}}"],
    );
    let pattern = ("GATEWAY_LISTENER_A_ADVERTISED_HOST_PATTERN", "b{{nodeId}}");
    refuses(
        &sni(&[pattern]),
        &["BOOTSTRAP_HOST_PATTERN: is required: no domain follows"],
    );
}

#[test]
fn sni_routing_needs_tls_a_pattern_and_one_port() {
    let plain = ("GATEWAY_LISTENER_A_SECURITY_PROTOCOL", "SASL_PLAINTEXT");
    refuses(&sni(&[plain]), &["sni routing needs SASL_SSL"]);
    let ports = ("GATEWAY_LISTENER_A_PORTS", "1-2");
    refuses(
        &sni(&[ports]),
        &["sni routing needs exactly one port, here are 2"],
    );
    for pattern in ["broker.example.com", "{{nodeId}}.{{nodeId}}.example.com"] {
        let pattern = ("GATEWAY_LISTENER_A_ADVERTISED_HOST_PATTERN", pattern);
        refuses(
            &sni(&[pattern]),
            &["a host name that contains {{nodeId}} exactly once"],
        );
    }
}

#[test]
fn bad_values_of_a_listener_name_variable_and_value() {
    for (suffix, bad) in [
        ("ROUTING", "host"),
        ("PORTS", "9-1"),
        ("BIND_ADDRESS", "localhost"),
        ("ADVERTISED_HOST", "a b"),
        ("PROXY_PROTOCOL", "10.0.0.1/8"),
    ] {
        let name = format!("GATEWAY_LISTENER_A_{suffix}");
        refuses(
            &port(&[(&name, bad)]),
            &[&format!("{name}={bad}: "), "; accepted: "],
        );
    }
    let parsed = accepted(&port(&[(
        "GATEWAY_LISTENER_A_PROXY_PROTOCOL",
        "10.0.0.0/8,::1",
    )]));
    assert_eq!(only(&parsed).proxy_protocol.len(), 2);
}

#[test]
fn variables_that_change_nothing_for_a_listener_are_a_warning() {
    let parsed = accepted(&port(&[
        ("GATEWAY_LISTENER_A_SSL_CLIENT_AUTH", "REQUIRE"),
        ("GATEWAY_LISTENER_A_BOOTSTRAP_HOST_PATTERN", "x"),
    ]));
    let said = "warning: no effect with this routing and protocol: \
                GATEWAY_LISTENER_A_BOOTSTRAP_HOST_PATTERN, GATEWAY_LISTENER_A_SSL_CLIENT_AUTH";
    assert_eq!(notices(&parsed), [said]);
}
