//! The harness against itself: real clients and real brokers, without throughway.

use throughway_tests::certificates::Authority;
use throughway_tests::clients::{Action, Hosts, Library, Security, Task};
use throughway_tests::cluster::{self, Listener, NODE_IDS, USER, advertised_host};
use throughway_tests::files::TemporaryFolder;
use throughway_tests::probe::who_is_behind;
use throughway_tests::recorder::{Recorder, RecorderTls};
use throughway_tests::wire::{Door, brokers_told};
use throughway_tests::{kafka_jars, leaks, ports};

/// What a client is told at `listener` when nobody is in between.
fn brokers(cluster: &cluster::Cluster, host: impl Fn(i32) -> String) -> Vec<(i32, String)> {
    NODE_IDS
        .map(|id| {
            (
                id,
                format!("{}:{}", host(id), cluster.port(id, Listener::Internal)),
            )
        })
        .to_vec()
}

async fn direct(library: Library, action: Action, topic: &str) {
    let cluster = cluster::shared().await;
    let bootstrap = cluster.direct(Listener::Internal);
    let task = Task::new(action, &bootstrap, Security::none(), topic);
    let report = library.run(&task, None).await.unwrap();
    assert!(report.is_complete(task.records), "{report:?}");
    assert_eq!(report.cluster_id.as_ref(), Some(&cluster.id));
    let expected = brokers(&cluster, |_| "127.0.0.1".to_owned());
    assert_eq!(Vec::from_iter(report.brokers), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_client_round_trip() {
    direct(Library::Rust, Action::RoundTrip, "direct-rust").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_client_transactions() {
    direct(
        Library::Rust,
        Action::Transactions,
        "direct-rust-transactions",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_client_round_trip() {
    direct(Library::Python, Action::RoundTrip, "direct-python").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn java_client_elections() {
    direct(
        Library::Java(kafka_jars::CURRENT.to_owned()),
        Action::Elections,
        "direct-java",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn java_client_share_group() {
    direct(
        Library::Java(kafka_jars::CURRENT.to_owned()),
        Action::Share,
        "direct-share",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_java_client_transactions() {
    direct(
        Library::Java("3.9.2".to_owned()),
        Action::Transactions,
        "direct-java-39",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_knows_who_it_is() {
    let cluster = cluster::shared().await;
    for node in NODE_IDS {
        for listener in [Listener::Internal, Listener::SaslPlain, Listener::SaslTls] {
            let address = format!("127.0.0.1:{}", cluster.port(node, listener));
            let tls = (listener == Listener::SaslTls)
                .then(|| (advertised_host(node), cluster.authority.certificate()));
            let user = (listener != Listener::Internal).then_some(USER);
            let door = Door { address, tls };
            let found = who_is_behind(&door, user, &cluster.id, &NODE_IDS)
                .await
                .unwrap();
            assert_eq!(found, [node], "{listener:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_library_finds_names_in_a_hosts_file_of_its_own() {
    let cluster = cluster::shared().await;
    let names = NODE_IDS.map(advertised_host);
    let hosts = Hosts::new(names.iter().map(String::as_str)).unwrap();
    let bootstrap = cluster.advertised(Listener::SaslTls);
    let security = Security::sasl_tls(USER, cluster.authority.certificate());
    let task = Task::new(Action::Describe, &bootstrap, security, "");
    for library in [
        Library::Rust,
        Library::Java(kafka_jars::CURRENT.to_owned()),
        Library::Python,
    ] {
        let report = library.run(&task, Some(&hosts)).await.unwrap();
        let told: Vec<_> = report.brokers.into_values().collect();
        assert_eq!(told.join(","), bootstrap, "{library:?}");
    }
}

/// The leak search must find what nobody hides.
#[tokio::test(flavor = "multi_thread")]
async fn without_throughway_everything_leaks() {
    let cluster = cluster::shared().await;
    let folder = TemporaryFolder::new("throughway-leak-").unwrap();
    let authority = Authority::new(folder.path(), "recorder").unwrap();
    let identity = authority.issue("recorder", &["*.internal.test"]).unwrap();
    let tls = RecorderTls {
        identity,
        ca: cluster.authority.certificate(),
    };
    let (port, target) = (ports::reserve(1), cluster.port(1, Listener::SaslTls));
    let recorder = Recorder::start(port, target, 1, Some(&tls)).await.unwrap();
    let address = format!("127.0.0.1:{port}");
    let door = Door {
        address,
        tls: Some((advertised_host(1), authority.certificate())),
    };
    let told = brokers_told(&door, USER).await.unwrap();
    let told: Vec<_> = told.into_values().collect();
    assert_eq!(told.join(","), cluster.advertised(Listener::SaslTls));
    let found = leaks::find(&recorder.received().concat(), &cluster.secret_ports());
    let (names, addresses): (Vec<_>, Vec<_>) = found
        .iter()
        .partition(|leak| leak.starts_with(leaks::UPSTREAM_DOMAIN));
    assert_eq!((names.len(), addresses.len()), (3, 3), "{found:?}");
}
