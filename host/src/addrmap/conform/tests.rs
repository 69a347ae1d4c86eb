//! Answers that hold and answers that do not.

use super::*;
use crate::addrmap::plan::CheckedListener;

fn endpoint(host: &str, port: u16) -> Endpoint {
    Endpoint {
        host: host.into(),
        port,
    }
}

fn told(node_id: i32, host: &str, port: u16, local_port: u16) -> (NodeId, Answer) {
    let public = endpoint(host, port);
    (NodeId(node_id), Answer::Advertised { public, local_port })
}

fn facts(name: &str, own_host: &str, ports: &[u16]) -> ListenerFacts {
    ListenerFacts {
        name: name.into(),
        tls: false,
        bind: "127.0.0.1".parse().unwrap(),
        ports: ports.into(),
        bound_at_start: ports.len(),
        own_hosts: vec![own_host.into()],
    }
}

fn settings(listeners: Vec<ListenerFacts>) -> Settings {
    Settings {
        listeners,
        text: String::new(),
        zones: [].into(),
        upstream_hints: false,
        upstream: vec![endpoint("boot.internal", 9092)],
        code: None,
    }
}

/// One listener with local ports 7000 to 7009 and names below `example.com`.
fn plan() -> CheckedPlan {
    CheckedPlan {
        by_listener: true,
        by_local_port: false,
        by_zone: false,
        by_server_name: false,
        listeners: vec![CheckedListener {
            needs_server_name: false,
            bootstrap: Vec::new(),
            ranges: vec![(7000, 7009)],
            server_names: vec!["*.example.com".into(), "localhost".into()],
        }],
    }
}

fn checked_with(
    rows: Vec<(NodeId, Answer)>,
    plan: &CheckedPlan,
    own_host: &str,
) -> Result<(), String> {
    let view = View {
        listener: 0,
        zone: None,
        local_port: 0,
    };
    let brokers = [MapBroker {
        node_id: NodeId(0),
        upstream: endpoint("B-0.internal.example.com", 9092),
        rack: None,
    }];
    let settings = settings(vec![facts("A", own_host, &[7000])]);
    let answers = Answers::from([(view, rows.into_iter().collect())]);
    check(&answers, plan, &settings, &brokers)
}

fn checked(rows: Vec<(NodeId, Answer)>) -> Result<(), String> {
    checked_with(rows, &plan(), "kafka.example.com")
}

#[track_caller]
fn refuses(host: &str, port: u16, local_port: u16, why: &str) {
    let refusal = checked(vec![told(0, host, port, local_port)]).unwrap_err();
    assert_eq!(refusal, format!("node id 0 is given {why}"));
}

#[test]
fn an_address_for_each_broker_holds() {
    let rows = vec![
        told(0, "b.example.com", 7000, 7000),
        told(1, "b.example.com", 7001, 7001),
        told(2, "192.0.2.1", 9092, 7002),
        (NodeId(3), Answer::NotMapped("\"none\"".into())),
    ];
    assert_eq!(checked(rows), Ok(()));
}

#[test]
fn two_brokers_never_share_an_address() {
    let rows = vec![
        told(0, "b.example.com", 7000, 7000),
        told(1, "b.example.com", 7000, 7001),
    ];
    assert_eq!(
        checked(rows).unwrap_err(),
        "node id 0 and node id 1 share the address \"b.example.com:7000\" (local port 7001), so \
         connections could not be told apart"
    );
}

#[test]
fn two_brokers_never_arrive_on_one_port_under_one_name() {
    let rows = vec![
        told(0, "b.example.com", 7000, 7000),
        told(1, "b.example.com", 7001, 7000),
    ];
    let refusal = checked(rows).unwrap_err();
    assert!(
        refusal.starts_with("node id 0 and node id 1 share"),
        "{refusal}"
    );
}

/// All tables of three brokers over two hosts, two ports and two local ports.
#[test]
fn what_is_accepted_tells_every_broker_apart() {
    let bit = |number: usize, bit: usize| number >> bit & 1;
    let (mut accepted, mut refused) = (0, 0);
    for number in 0..8_usize.pow(3) {
        let place = |broker: usize| {
            let number = number >> (3 * broker);
            let host = ["a.example.com", "b.example.com"][bit(number, 0)];
            let (port, local) = ([7000, 7001][bit(number, 1)], [7002, 7003][bit(number, 2)]);
            (host, port, local)
        };
        let places = [place(0), place(1), place(2)];
        let rows = places
            .iter()
            .zip(0..)
            .map(|((host, port, local), id)| told(id, host, *port, *local));
        if checked(rows.collect()).is_err() {
            refused += 1;
            continue;
        }
        accepted += 1;
        let public: BTreeSet<_> = places.iter().map(|(host, port, _)| (host, port)).collect();
        let arrivals: BTreeSet<_> = places
            .iter()
            .map(|(host, _, local)| (host, local))
            .collect();
        assert_eq!((public.len(), arrivals.len()), (3, 3), "{places:?}");
    }
    assert!(accepted > 0 && refused > accepted);
}

#[test]
fn no_broker_has_a_bootstrap_address() {
    let mut plan = plan();
    plan.listeners[0].bootstrap = vec![(endpoint("b.example.com", 7000), 7000)];
    let rows = vec![told(0, "b.example.com", 7000, 7000)];
    let refusal = checked_with(rows, &plan, "kafka.example.com").unwrap_err();
    assert!(
        refusal.starts_with("bootstrap and node id 0 share"),
        "{refusal}"
    );
}

#[test]
fn an_upstream_address_is_never_passed_on() {
    let name = "b-0.internal.example.com";
    refuses(
        name,
        9092,
        7000,
        "\"b-0.internal.example.com:9092\", an upstream address",
    );
    refuses(
        name,
        7000,
        7000,
        "\"b-0.internal.example.com\", the name of an upstream broker",
    );
    // The operator's own variables may use the brokers' name, on another port.
    let rows = |port| vec![told(0, name, port, 7000)];
    assert_eq!(checked_with(rows(7000), &plan(), name), Ok(()));
    assert!(checked_with(rows(9092), &plan(), name).is_err());
}

#[test]
fn the_clients_own_machine_passes_only_where_it_is_meant() {
    let rows = |host: &str| vec![told(0, host, 7000, 7000)];
    for host in ["localhost", "127.0.0.1", "::1", "0.0.0.0"] {
        refuses(
            host,
            7000,
            7000,
            &format!("\"{host}\", the client's own machine"),
        );
        assert_eq!(checked_with(rows(host), &plan(), "localhost"), Ok(()));
    }
}

#[test]
fn port_0_is_refused() {
    refuses("b.example.com", 0, 7000, "port 0");
    refuses("b.example.com", 7000, 0, "port 0");
}

#[test]
fn only_lower_case_names_and_addresses_are_hosts() {
    let accepted = "accepted is a lower-case DNS name or an IP address";
    for (host, shown) in [
        ("B.example.com", "B.example.com"),
        ("", ""),
        ("a\nb.example.com", "a\\nb.example.com"),
        ("\0", "\\0"),
        ("b.example.com.", "b.example.com."),
    ] {
        refuses(
            host,
            7000,
            7000,
            &format!("the host \"{shown}\", {accepted}"),
        );
    }
}

#[test]
fn what_the_plan_does_not_name_is_refused() {
    refuses(
        "b.example.com",
        7000,
        7010,
        "local port 7010, which the plan does not name",
    );
    refuses(
        "b.example.org",
        7000,
        7000,
        "the name \"b.example.org\", which the plan does not name",
    );
}

#[test]
fn an_ip_address_cannot_be_a_server_name() {
    let mut plan = plan();
    plan.listeners[0].needs_server_name = true;
    let rows = vec![told(0, "192.0.2.1", 7000, 7000)];
    assert_eq!(
        checked_with(rows, &plan, "kafka.example.com").unwrap_err(),
        "node id 0 is given \"192.0.2.1\", which no client sends as a server name"
    );
}

#[test]
fn two_listeners_never_need_one_port() {
    let settings = settings(vec![
        facts("A", "a.example.com", &[7000]),
        facts("B", "b.example.com", &[8000]),
    ]);
    assert_eq!(check_ports(&[(0, 7001), (1, 8001)], &settings), Ok(()));
    for needed in [&[(0, 8000)][..], &[(0, 9000), (1, 9000)]] {
        let refusal = check_ports(needed, &settings).unwrap_err();
        assert!(
            refusal.starts_with("listener \"A\" would need local port"),
            "{refusal}"
        );
        assert!(refusal.ends_with(", which listener \"B\" has"), "{refusal}");
    }
}
