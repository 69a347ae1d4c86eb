//! Several listeners at once, on addresses of both families: each tells its clients its own addresses,
//! and each of these leads to its own broker.

use std::fs;

use throughway_tests::certificates::{Authority, Identity};
use throughway_tests::clients::{Action, Library, Security, Task};
use throughway_tests::cluster::{self, Cluster, NODE_IDS, USER};
use throughway_tests::files::TemporaryFolder;
use throughway_tests::probe::who_is_behind;
use throughway_tests::proxy::{BOOTSTRAP_NAME, PORT_COUNT, Settings, Upstream, broker_name};
use throughway_tests::wire::{Door, brokers_told};
use throughway_tests::{kafka_jars, ports, say};

/// This machine, in both families.
const FAMILIES: [&str; 2] = ["127.0.0.1", "[::1]"];

/// Whether this machine has IPv6: not every one that runs tests does.
fn has_ipv6() -> bool {
    fs::read_to_string("/proc/net/if_inet6").is_ok_and(|text| !text.is_empty())
}

/// The first ports of three listeners: `MAIN` by port on IPv4, `SIX` by port on IPv6, `BYNAME` by name
/// on both.
struct Ports {
    main: u16,
    six: u16,
    names: u16,
}

fn three_listeners(cluster: &Cluster, identity: &Identity) -> (Settings, Ports) {
    let ports = Ports {
        main: ports::reserve(PORT_COUNT),
        six: ports::reserve(PORT_COUNT),
        names: ports::reserve(1),
    };
    let mut settings = Settings::new(cluster, Upstream::Plaintext);
    settings.listen_by_port(ports.main, ports.main);
    // One port alone, then a range: flattened in order.
    let (first, last) = (ports.six, ports.six + PORT_COUNT - 1);
    let six = [
        ("SECURITY_PROTOCOL", "SASL_PLAINTEXT".to_owned()),
        ("ROUTING", "PORT".to_owned()),
        ("PORTS", format!("{first},{}-{last}", first + 1)),
        ("ADVERTISED_HOST", "::1".to_owned()),
        ("BIND_ADDRESS", "::1".to_owned()),
    ];
    let names = [
        ("SECURITY_PROTOCOL", "SASL_SSL".to_owned()),
        ("ROUTING", "SNI".to_owned()),
        ("PORTS", format!("443:{}", ports.names)),
        (
            "ADVERTISED_HOST_PATTERN",
            "b{{nodeId}}.kafka.test".to_owned(),
        ),
        ("BOOTSTRAP_HOST_PATTERN", BOOTSTRAP_NAME.to_owned()),
        ("BIND_ADDRESS", "::".to_owned()),
        (
            "SSL_CERTIFICATE_PATH",
            identity.certificate.display().to_string(),
        ),
        ("SSL_PRIVATE_KEY_PATH", identity.key.display().to_string()),
    ];
    for (variable, value) in six {
        settings.set(&format!("GATEWAY_LISTENER_SIX_{variable}"), value);
    }
    for (variable, value) in names {
        settings.set(&format!("GATEWAY_LISTENER_BYNAME_{variable}"), value);
    }
    (settings, ports)
}

fn by_port(host: &str, first: u16) -> [(i32, String); 3] {
    let port = |id: i32| first + u16::try_from(id).unwrap();
    NODE_IDS.map(|id| (id, format!("{host}:{}", port(id))))
}

/// A real client over IPv6: it dials what it is told.
async fn goes_by_port_on_ipv6(first: u16) {
    let security = Security::sasl_plaintext(USER);
    let task = Task::new(
        Action::RoundTrip,
        &format!("[::1]:{first}"),
        security,
        "six",
    );
    let java = Library::Java(kafka_jars::CURRENT.to_owned());
    let report = java.run(&task, None).await.unwrap();
    assert!(report.is_complete(task.records), "{report:?}");
    assert_eq!(Vec::from_iter(report.brokers), by_port("::1", first));
}

async fn goes_by_name_on_both(cluster: &Cluster, port: u16, authority: &Authority) {
    for address in FAMILIES {
        let door = |server_name: &str| Door {
            address: format!("{address}:{port}"),
            tls: Some((server_name.to_owned(), authority.certificate())),
        };
        let told = brokers_told(&door(BOOTSTRAP_NAME), USER).await.unwrap();
        let expected = NODE_IDS.map(|id| (id, format!("{}:443", broker_name(id))));
        assert_eq!(Vec::from_iter(told), expected, "{address}");
        for node in NODE_IDS {
            let door = door(&broker_name(node));
            let found = who_is_behind(&door, Some(USER), &cluster.id, &NODE_IDS).await;
            assert_eq!(found.unwrap(), [node], "{address}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_listeners_on_both_families_each_tell_their_own_addresses() {
    if !has_ipv6() {
        say("not tried: this machine has no IPv6");
        return;
    }
    let cluster = cluster::shared().await;
    let folder = TemporaryFolder::new("throughway-listeners-").unwrap();
    let authority = Authority::new(folder.path(), "downstream").unwrap();
    let identity = authority.issue("edge", &["*.kafka.test"]).unwrap();
    let (settings, ports) = three_listeners(&cluster, &identity);
    let mut proxy = settings.start().unwrap();
    goes_by_port_on_ipv6(ports.six).await;
    let told = brokers_told(&Door::plain(ports.main), USER).await.unwrap();
    assert_eq!(Vec::from_iter(told), by_port("127.0.0.1", ports.main));
    goes_by_name_on_both(&cluster, ports.names, &authority).await;
    assert_eq!(proxy.stop().unwrap(), Some(0));
}
