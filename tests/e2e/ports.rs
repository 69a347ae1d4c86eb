//! Routing by port, plaintext on both legs.

use throughway_tests::clients::{Action, Library, Report, Security, Task};
use throughway_tests::cluster::{self, Cluster, NODE_IDS, USER};
use throughway_tests::probe::{check_one_to_one, probe_table};
use throughway_tests::proxy::{PORT_COUNT, Proxy, Settings, Upstream};
use throughway_tests::recorder::Recorder;
use throughway_tests::wire::{Door, brokers_told};
use throughway_tests::{cells, kafka_jars, leaks, ports};

/// A throughway by port, and a recorder at the ports that clients are told.
pub(crate) struct Setup {
    pub(crate) recorder: Recorder,
    first: u16,
    pub(crate) proxy: Proxy,
}

impl Setup {
    async fn new(cluster: &Cluster, upstream: Upstream) -> Self {
        Self::with(cluster, upstream, |_| {}).await
    }

    /// With more said in the configuration.
    pub(crate) async fn with(
        cluster: &Cluster,
        upstream: Upstream,
        more: impl FnOnce(&mut Settings),
    ) -> Self {
        let (first, local) = (ports::reserve(PORT_COUNT), ports::reserve(PORT_COUNT));
        let mut settings = Settings::new(cluster, upstream);
        settings.listen_by_port(first, local);
        more(&mut settings);
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

    /// What clients are told for a node.
    pub(crate) fn address(&self, node: i32) -> String {
        format!("127.0.0.1:{}", self.first + u16::try_from(node).unwrap())
    }

    pub(crate) async fn run(&self, library: &Library, task: &Task) -> Report {
        let report = library.run(task, None).await.unwrap();
        let expected = NODE_IDS.map(|id| (id, self.address(id)));
        assert_eq!(Vec::from_iter(report.brokers.clone()), expected);
        report
    }

    pub(crate) fn assert_no_leak(&self, cluster: &Cluster) {
        leaks::assert_none(&self.recorder.received(), &cluster.secret_ports());
    }
}

/// One cell of the table: a client, what it does, and its way through.
async fn cell(library: Library, way: &str, action: Action) {
    let cluster = cluster::shared().await;
    let mut setup = Setup::new(&cluster, cells::upstream(way)).await;
    let security = Security::sasl_plaintext(USER).by(cells::mechanism(way));
    let topic = cells::topic(&library, way);
    // No broker has the id 0: the first port only ever serves as bootstrap, from a cold start.
    let task = Task::new(action, &setup.address(0), security, &topic);
    let report = setup.run(&library, &task).await;
    assert!(report.is_complete(task.records), "{report:?}");
    setup.assert_no_leak(&cluster);
    assert_eq!(setup.proxy.stop().unwrap(), Some(0));
    cells::passed(&library, way).unwrap();
}

pub(crate) fn java(version: &str) -> Library {
    Library::Java(version.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_client_reads_what_it_wrote() {
    cell(Library::Rust, "ports, PLAIN", Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_client_gets_in_by_scram_256() {
    cell(Library::Rust, "ports, SCRAM-SHA-256", Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_client_gets_in_by_scram_512_and_upstream_tls() {
    let way = "ports, upstream TLS, SCRAM-SHA-512";
    cell(Library::Rust, way, Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_client_gets_in_by_oauthbearer() {
    cell(Library::Rust, "ports, OAUTHBEARER", Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_client_commits_and_aborts() {
    cell(Library::Rust, "ports, transactions", Action::Transactions).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn java_client_gets_in_by_oauthbearer() {
    let java = java(kafka_jars::CURRENT);
    cell(java, "ports, OAUTHBEARER", Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn java_client_commits_and_aborts() {
    let java = java(kafka_jars::CURRENT);
    cell(java, "ports, transactions", Action::Transactions).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moving_leaders_leak_nothing() {
    let java = java(kafka_jars::CURRENT);
    cell(java, "ports, leaders moving", Action::Elections).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broker_answers_an_administrator_for_itself() {
    let cluster = cluster::shared().await;
    let mut setup = Setup::new(&cluster, Upstream::Plaintext).await;
    let security = Security::sasl_plaintext(USER);
    let bootstrap = setup.address(0);
    let task = Task::new(Action::Administer, &bootstrap, security, "administered");
    let report = setup.run(&java(kafka_jars::CURRENT), &task).await;
    assert!(report.is_complete(NODE_IDS.len()), "{report:?}");
    // A broker's configuration names its addresses; that is what it was asked for.
    assert_eq!(setup.proxy.stop().unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn share_group_reads_what_was_written() {
    let java = java(kafka_jars::CURRENT);
    cell(java, "ports, share group", Action::Share).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_java_client_reads_what_it_wrote() {
    cell(java("3.9.2"), "ports, PLAIN", Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_java_client_commits_and_aborts() {
    cell(java("3.9.2"), "ports, transactions", Action::Transactions).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_client_reads_what_it_wrote() {
    cell(Library::Python, "ports, PLAIN", Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_client_gets_in_by_oauthbearer() {
    cell(Library::Python, "ports, OAUTHBEARER", Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_address_leads_to_its_own_broker() {
    let cluster = cluster::shared().await;
    let setup = Setup::new(&cluster, Upstream::Plaintext).await;
    // Addresses exist once a client was told of them.
    let security = Security::sasl_plaintext(USER);
    let task = Task::new(Action::Describe, &setup.address(1), security, "");
    let report = setup.run(&Library::Rust, &task).await;
    let doors = NODE_IDS.map(|node| Door {
        address: setup.address(node),
        tls: None,
    });
    let table = probe_table(&doors, USER, &cluster.id, &NODE_IDS)
        .await
        .unwrap();
    assert_eq!(check_one_to_one(&table, &report.brokers), Ok(()));
    setup.assert_no_leak(&cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_without_an_address_is_left_out_and_never_leaks() {
    let cluster = cluster::shared().await;
    let setup = Setup::with(&cluster, Upstream::Plaintext, |settings| {
        // The first port is node 5's: there is none for node 1.
        settings.set("GATEWAY_MIN_BROKERID", "5");
        settings.tolerate("broker removed from answers");
    })
    .await;
    let door = Door {
        address: setup.address(1),
        tls: None,
    };
    let told = brokers_told(&door, USER).await.unwrap();
    let expected = [(5, setup.address(0)), (12, setup.address(7))];
    assert_eq!(Vec::from_iter(told), expected);
    setup.assert_no_leak(&cluster);
}
