//! Routing by server name, TLS on both legs.

use throughway_tests::certificates::Authority;
use throughway_tests::clients::{Action, Hosts, Library, Report, Security, Task};
use throughway_tests::cluster::{self, Cluster, NODE_IDS, USER};
use throughway_tests::files::TemporaryFolder;
use throughway_tests::proxy::{BOOTSTRAP_NAME, Proxy, Settings, Upstream, broker_name};
use throughway_tests::recorder::{Recorder, RecorderTls};
use throughway_tests::wire::{Door, who_is_behind};
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

    async fn run(&self, library: Library, action: Action, topic: &str) -> (Task, Report) {
        let security = Security::sasl_tls(USER, self.authority.certificate());
        let bootstrap = format!("{BOOTSTRAP_NAME}:{}", self.port);
        let task = Task::new(action, &bootstrap, security, topic);
        let report = library.run(&task, Some(&self.hosts)).await.unwrap();
        let expected = NODE_IDS.map(|id| (id, format!("{}:{}", broker_name(id), self.port)));
        assert_eq!(Vec::from_iter(report.brokers.clone()), expected);
        (task, report)
    }

    fn assert_no_leak(&self, cluster: &Cluster) {
        leaks::assert_none(&self.recorder.received(), &cluster.secret_ports());
    }
}

/// One cell of the table: a client, what it does, and by which upstream.
async fn cell(library: Library, way: &str, action: Action) {
    let cluster = cluster::shared().await;
    let mtls = way.contains("client certificate");
    let upstream = if mtls { Upstream::Mtls } else { Upstream::Tls };
    let mut setup = Setup::new(&cluster, upstream).await;
    let topic = format!("{way}-{library:?}").replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let (task, report) = setup.run(library.clone(), action, &topic).await;
    assert!(report.is_complete(task.records), "{report:?}");
    setup.assert_no_leak(&cluster);
    assert_eq!(setup.proxy.stop().unwrap(), Some(0));
    cells::passed(&library, way).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_client_reads_what_it_wrote() {
    cell(Library::Rust, "names, upstream TLS", Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_client_reads_what_it_wrote() {
    cell(Library::Python, "names, upstream TLS", Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn java_client_commits_and_aborts() {
    let java = Library::Java(kafka_jars::CURRENT.to_owned());
    cell(
        java,
        "names, upstream TLS, transactions",
        Action::Transactions,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_java_client_reads_what_it_wrote() {
    let java = Library::Java("3.9.2".to_owned());
    cell(java, "names, upstream TLS", Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throughway_shows_its_own_certificate_to_brokers() {
    let way = "names, upstream TLS with client certificate";
    cell(Library::Rust, way, Action::RoundTrip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_name_leads_to_its_own_broker() {
    let cluster = cluster::shared().await;
    let setup = Setup::new(&cluster, Upstream::Tls).await;
    // Names exist once a client was told of them.
    setup.run(Library::Rust, Action::Describe, "").await;
    for node in NODE_IDS {
        let address = format!("127.0.0.1:{}", setup.port);
        let tls = Some((broker_name(node), setup.authority.certificate()));
        let door = Door { address, tls };
        let found = who_is_behind(&door, Some(USER), &cluster.id, &NODE_IDS)
            .await
            .unwrap();
        assert_eq!(found, [node]);
    }
    setup.assert_no_leak(&cluster);
}
