//! The harness against itself: real clients and real brokers, without throughway.

use throughway_tests::clients::{Action, Library, Security, Task};
use throughway_tests::cluster::{self, Listener, NODE_IDS, USER};
use throughway_tests::kafka_jars;
use throughway_tests::wire::{Door, who_is_behind};

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
            let tls = (listener == Listener::SaslTls).then(|| {
                (
                    cluster::advertised_host(node),
                    cluster.authority.certificate(),
                )
            });
            let user = (listener != Listener::Internal).then_some(USER);
            let door = Door { address, tls };
            let found = who_is_behind(&door, user, &cluster.id, &NODE_IDS)
                .await
                .unwrap();
            assert_eq!(found, [node], "{listener:?}");
        }
    }
}
