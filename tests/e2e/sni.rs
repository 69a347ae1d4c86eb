//! Routing by server name, TLS on both legs.

use throughway_tests::certificates::Authority;
use throughway_tests::clients::{Action, Hosts, Library, Report, Security, Task};
use throughway_tests::cluster::{self, Cluster, NODE_IDS, USER};
use throughway_tests::files::TemporaryFolder;
use throughway_tests::probe::{check_one_to_one, probe_table};
use throughway_tests::proxy::{BOOTSTRAP_NAME, Proxy, Settings, Upstream, broker_name};
use throughway_tests::recorder::{Recorder, RecorderTls};
use throughway_tests::wire::Door;
use throughway_tests::{cells, kafka_jars, leaks, ports};

/// A throughway by server name, and a recorder at the port that clients are told.
struct Setup {
    authority: Authority,
    recorder: Recorder,
    hosts: Hosts,
    port: u16,
    proxy: Proxy,
    _folder: TemporaryFolder,
}

impl Setup {
    async fn new(cluster: &Cluster, upstream: Upstream) -> Self {
        let folder = TemporaryFolder::new("throughway-sni-").unwrap();
        let authority = Authority::new(folder.path(), "downstream").unwrap();
        let identity = authority.issue("throughway", &["*.kafka.test"]).unwrap();
        let (port, local) = (ports::reserve(1), ports::reserve(1));
        let mut settings = Settings::new(cluster, upstream);
        settings.listen_by_sni(port, local, &identity);
        let proxy = settings.start().unwrap();
        let tls = RecorderTls {
            identity,
            ca: authority.certificate(),
        };
        let recorder = Recorder::start(port, local, 1, Some(&tls)).await.unwrap();
        let names = NODE_IDS.map(broker_name);
        let names = names.iter().map(String::as_str).chain([BOOTSTRAP_NAME]);
        let hosts = Hosts::new(names).unwrap();
        Self {
            authority,
            recorder,
            hosts,
            port,
            proxy,
            _folder: folder,
        }
    }

    /// What a client is given to do, by PLAIN.
    fn task(&self, action: Action, topic: &str) -> Task {
        let security = Security::sasl_tls(USER, self.authority.certificate());
        let bootstrap = format!("{BOOTSTRAP_NAME}:{}", self.port);
        Task::new(action, &bootstrap, security, topic)
    }

    async fn run(&self, library: &Library, task: &Task) -> Report {
        let report = library.run(task, Some(&self.hosts)).await.unwrap();
        let expected = NODE_IDS.map(|id| (id, format!("{}:{}", broker_name(id), self.port)));
        assert_eq!(Vec::from_iter(report.brokers.clone()), expected);
        report
    }

    fn assert_no_leak(&self, cluster: &Cluster) {
        leaks::assert_none(&self.recorder.received(), &cluster.secret_ports());
    }
}

/// One cell of the table: a client, what it does, and its way through.
async fn cell(library: Library, way: &str, action: Action) {
    let cluster = cluster::shared().await;
    let mut setup = Setup::new(&cluster, cells::upstream(way)).await;
    let mut task = setup.task(action, &cells::topic(&library, way));
    task.security = task.security.by(cells::mechanism(way));
    let report = setup.run(&library, &task).await;
    assert!(report.is_complete(task.records), "{report:?}");
    setup.assert_no_leak(&cluster);
    assert_eq!(setup.proxy.stop().unwrap(), Some(0));
    cells::passed(&library, way).unwrap();
}

fn java(version: &str) -> Library {
    Library::Java(version.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_client_reads_what_it_wrote() {
    cell(Library::Rust, "names, upstream TLS", Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_client_speaks_tls_where_brokers_do_not() {
    cell(Library::Rust, "names, PLAIN", Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throughway_shows_its_own_certificate_to_brokers() {
    let way = "names, upstream TLS with client certificate";
    cell(Library::Rust, way, Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_client_reads_what_it_wrote() {
    let way = "names, upstream TLS, SCRAM-SHA-512";
    cell(Library::Python, way, Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn java_client_commits_and_aborts() {
    let way = "names, upstream TLS, transactions";
    cell(java(kafka_jars::CURRENT), way, Action::Transactions).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn java_client_gets_in_by_scram_256_where_brokers_want_certificates() {
    let way = "names, upstream TLS with client certificate, SCRAM-SHA-256";
    cell(java(kafka_jars::CURRENT), way, Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn share_group_reads_what_was_written() {
    let way = "names, upstream TLS, share group";
    cell(java(kafka_jars::CURRENT), way, Action::Share).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_java_client_reads_what_it_wrote() {
    let way = "names, upstream TLS, SCRAM-SHA-512";
    cell(java("3.9.2"), way, Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_name_leads_to_its_own_broker() {
    let cluster = cluster::shared().await;
    let setup = Setup::new(&cluster, Upstream::Tls).await;
    // Names exist once a client was told of them.
    let task = setup.task(Action::Describe, "");
    let report = setup.run(&Library::Rust, &task).await;
    let doors = NODE_IDS.map(|node| Door {
        address: format!("127.0.0.1:{}", setup.port),
        tls: Some((broker_name(node), setup.authority.certificate())),
    });
    let table = probe_table(&doors, USER, &cluster.id, &NODE_IDS)
        .await
        .unwrap();
    assert_eq!(check_one_to_one(&table, &report.brokers), Ok(()));
    setup.assert_no_leak(&cluster);
}
