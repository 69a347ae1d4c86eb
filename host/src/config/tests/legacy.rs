//! Tests of the older variables, of none, and that listener variables say the same.

use super::*;

/// Everything that a configuration comes to, but for the names of the variables behind it.
fn decided(parsed: &Parsed) -> String {
    let mut config = parsed.config.clone();
    for listener in &mut config.listeners {
        listener.decided_by.clear();
    }
    format!("{config:?}")
}

#[test]
fn nothing_set_makes_one_listener_that_speaks_what_the_brokers_speak() {
    let parsed = accepted(&[]);
    assert_eq!(parsed.mode, Mode::ZeroConfig);
    let listener = only(&parsed);
    assert_eq!(
        (listener.name.as_str(), listener.tls.is_none()),
        ("DEFAULT", true)
    );
    let Routing::Port {
        advertised_host,
        ports,
        bound_at_start,
        min_broker_id,
    } = &listener.routing
    else {
        panic!("port routing")
    };
    assert_eq!(
        (advertised_host.as_str(), *bound_at_start, *min_broker_id),
        ("machine", 100, 0)
    );
    assert_eq!(
        (ports.len(), ports[0].local, ports[999].advertised),
        (1000, 6969, 7968)
    );
    let lines = refused(&[("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")]);
    assert!(lines[0].contains("listener DEFAULT speaks SASL_SSL and has no certificate"));
}

#[test]
fn port_routing_is_the_same_in_both_forms() {
    let legacy = [
        ("GATEWAY_ADVERTISED_HOST", "Proxy.example.com"),
        ("GATEWAY_BIND_HOST", "127.0.0.1"),
        ("GATEWAY_PORT_START", "9092"),
        ("GATEWAY_PORT_COUNT", "3"),
        ("GATEWAY_MIN_BROKERID", "1"),
        ("GATEWAY_SECURITY_PROTOCOL", "DELEGATED_SASL_PLAINTEXT"),
    ];
    let legacy = accepted(&legacy);
    let migrated = accepted(&[
        (
            "GATEWAY_LISTENER_DEFAULT_SECURITY_PROTOCOL",
            "SASL_PLAINTEXT",
        ),
        ("GATEWAY_LISTENER_DEFAULT_ROUTING", "port"),
        ("GATEWAY_LISTENER_DEFAULT_PORTS", "9092-9094"),
        (
            "GATEWAY_LISTENER_DEFAULT_ADVERTISED_HOST",
            "proxy.example.com",
        ),
        ("GATEWAY_LISTENER_DEFAULT_BIND_ADDRESS", "127.0.0.1"),
        ("GATEWAY_MIN_BROKERID", "1"),
    ]);
    assert_eq!((legacy.mode, migrated.mode), (Mode::Legacy, Mode::Listener));
    assert_eq!(decided(&legacy), decided(&migrated));
}

#[test]
fn name_routing_is_the_same_in_both_forms() {
    let legacy = [
        ("GATEWAY_ROUTING_MECHANISM", "host"),
        ("GATEWAY_ADVERTISED_HOST", "gw.example.com"),
        ("GATEWAY_PORT_START", "9092"),
        ("GATEWAY_ADVERTISED_SNI_PORT", "443"),
        ("GATEWAY_SECURITY_PROTOCOL", "SASL_SSL"),
    ];
    let legacy = accepted(&[&legacy, TLS].concat());
    let migrated = [
        ("GATEWAY_LISTENER_DEFAULT_SECURITY_PROTOCOL", "SASL_SSL"),
        ("GATEWAY_LISTENER_DEFAULT_ROUTING", "sni"),
        ("GATEWAY_LISTENER_DEFAULT_PORTS", "443:9092"),
        (
            "GATEWAY_LISTENER_DEFAULT_ADVERTISED_HOST_PATTERN",
            "brokermain{{nodeId}}-gw.example.com",
        ),
        (
            "GATEWAY_LISTENER_DEFAULT_BOOTSTRAP_HOST_PATTERN",
            "gw.example.com",
        ),
    ];
    let migrated = accepted(&[&migrated, TLS].concat());
    assert_eq!(decided(&legacy), decided(&migrated));
}

#[test]
fn following_the_deprecation_warning_changes_nothing() {
    let legacy = accepted(&[
        ("GATEWAY_PORT_COUNT", "5"),
        ("GATEWAY_ADVERTISED_HOST", "proxy"),
        ("GATEWAY_BIND_HOST", "127.0.0.1"),
    ]);
    let said = notices(&legacy).remove(0);
    assert!(said.starts_with(
        "warning: deprecated: GATEWAY_ADVERTISED_HOST, GATEWAY_BIND_HOST, GATEWAY_PORT_COUNT; "
    ));
    let (_, instead) = said.split_once("the same as ").unwrap();
    let pairs: Vec<_> = instead
        .split(' ')
        .map(|pair| pair.split_once('=').unwrap())
        .collect();
    let migrated = accepted(&pairs);
    assert_eq!(notices(&migrated), Vec::<String>::new());
    assert_eq!(decided(&legacy), decided(&migrated));
}

#[test]
fn older_names_of_hosts_follow_prefix_and_separator() {
    let base = [
        ("GATEWAY_ROUTING_MECHANISM", "host"),
        ("GATEWAY_ADVERTISED_HOST", "gw.localhost"),
        ("GATEWAY_SECURITY_PROTOCOL", "DELEGATED_SASL_SSL"),
        ("GATEWAY_SNI_HOST_SEPARATOR", "."),
        ("GATEWAY_ADVERTISED_HOST_PREFIX", "node"),
    ];
    let parsed = accepted(&[&base, TLS].concat());
    let Routing::Sni {
        port, host_pattern, ..
    } = &only(&parsed).routing
    else {
        panic!("sni")
    };
    assert_eq!(host_pattern, "nodemain{{nodeId}}.gw.localhost");
    assert_eq!(
        *port,
        PortPair {
            advertised: 6969,
            local: 6969
        }
    );
    let plain = [("GATEWAY_SECURITY_PROTOCOL", "SASL_PLAINTEXT")];
    refuses(
        &[&base[..], &plain].concat(),
        &["host routing needs SASL_SSL"],
    );
    let address = [("GATEWAY_ADVERTISED_HOST", "10.0.0.1")];
    refuses(
        &[&base[..], TLS, &address].concat(),
        &["an IP address cannot be a server name"],
    );
    let separator = [("GATEWAY_SNI_HOST_SEPARATOR", "/")];
    refuses(
        &[&base[..], TLS, &separator].concat(),
        &["brokers would be called nodemain"],
    );
}

#[test]
fn an_open_ended_range_ends_at_the_last_port_or_before_the_admin_api() {
    let ports = |pairs: &[(&str, &str)]| {
        let parsed = accepted(pairs);
        let Routing::Port {
            ports,
            bound_at_start,
            ..
        } = &only(&parsed).routing
        else {
            panic!("port")
        };
        (ports.last().unwrap().local, *bound_at_start)
    };
    assert_eq!(ports(&[("GATEWAY_PORT_START", "65530")]), (65535, 6));
    assert_eq!(ports(&[("GATEWAY_PORT_START", "8000")]), (8887, 100));
    assert_eq!(ports(&[("GATEWAY_PORT_START", "8889")]), (9888, 100));
    assert_eq!(ports(&[("GATEWAY_PORT_COUNT", "203")]), (7171, 203));
    refuses(
        &[("GATEWAY_PORT_START", "8800")],
        &["port 8888 is also the Admin API's"],
    );
    refuses(
        &[("GATEWAY_PORT_START", "65535"), ("GATEWAY_PORT_COUNT", "2")],
        &["not so many"],
    );
    refuses(&[("GATEWAY_PORT_COUNT", "0")], &["outside 1 to 65535"]);
    refuses(
        &[("GATEWAY_PORT_START", "x")],
        &["GATEWAY_PORT_START=x", "not a whole number"],
    );
}
