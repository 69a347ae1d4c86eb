//! Routing by port, plaintext on both legs.

use throughway_tests::clients::{Action, Library, Report, Security, Task};
use throughway_tests::cluster::{self, Cluster, NODE_IDS, USER};
use throughway_tests::proxy::{PORT_COUNT, Proxy, Settings, Upstream};
use throughway_tests::recorder::Recorder;
use throughway_tests::wire::{Door, who_is_behind};
use throughway_tests::{kafka_jars, leaks, ports};

/// A throughway by port, and a recorder at the ports that clients are told.
struct Setup {
    recorder: Recorder,
    first: u16,
    proxy: Proxy,
}

impl Setup {
    async fn new(cluster: &Cluster) -> Self {
        let (first, local) = (ports::reserve(PORT_COUNT), ports::reserve(PORT_COUNT));
        let mut settings = Settings::new(cluster, Upstream::Plaintext);
        settings.listen_by_port(first, local);
        let proxy = settings.start().unwrap();
        let recorder = Recorder::start(first, local, PORT_COUNT, None)
            .await
            .unwrap();
        Self {
            recorder,
            first,
            proxy,
        }
    }

    fn address(&self, node: i32) -> String {
        format!("127.0.0.1:{}", self.first + u16::try_from(node).unwrap())
    }

    async fn run(&self, library: Library, action: Action, topic: &str) -> (Task, Report) {
        let security = Security::sasl_plaintext(USER);
        let task = Task::new(action, &self.address(1), security, topic);
        let report = library.run(&task, None).await.unwrap();
        let expected = NODE_IDS.map(|id| (id, self.address(id)));
        assert_eq!(Vec::from_iter(report.brokers.clone()), expected);
        (task, report)
    }

    fn assert_no_leak(&self, cluster: &Cluster) {
        leaks::assert_none(&self.recorder.received(), &cluster.secret_ports());
    }
}

async fn through(library: Library, action: Action, topic: &str) {
    let cluster = cluster::shared().await;
    let mut setup = Setup::new(&cluster).await;
    let (task, report) = setup.run(library, action, topic).await;
    assert!(report.is_complete(task.records), "{report:?}");
    setup.assert_no_leak(&cluster);
    assert_eq!(setup.proxy.stop().unwrap(), Some(0));
}

fn java() -> Library {
    Library::Java(kafka_jars::CURRENT.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_client_reads_what_it_wrote() {
    through(Library::Rust, Action::RoundTrip, "ports-rust").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn java_client_commits_and_aborts() {
    through(java(), Action::Transactions, "ports-java").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moving_leaders_leak_nothing() {
    through(java(), Action::Elections, "ports-elections").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn share_group_reads_what_was_written() {
    through(java(), Action::Share, "ports-share").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_java_client_reads_what_it_wrote() {
    through(
        Library::Java("3.9.2".to_owned()),
        Action::RoundTrip,
        "ports-java-39",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_client_reads_what_it_wrote() {
    through(Library::Python, Action::RoundTrip, "ports-python").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_address_leads_to_its_own_broker() {
    let cluster = cluster::shared().await;
    let setup = Setup::new(&cluster).await;
    // Addresses exist once a client was told of them.
    setup.run(Library::Rust, Action::Describe, "").await;
    for node in NODE_IDS {
        let door = Door {
            address: setup.address(node),
            tls: None,
        };
        let found = who_is_behind(&door, Some(USER), &cluster.id, &NODE_IDS)
            .await
            .unwrap();
        assert_eq!(found, [node]);
    }
    setup.assert_no_leak(&cluster);
}
