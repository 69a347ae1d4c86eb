//! A real three-node Kafka, in a folder of its own, that ends with us.
//!
//! Owns formatting, starting, stopping and the shared cluster of a test process. What a node is
//! told is in `cluster/settings.rs`. It must not know throughway.

mod settings;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use self::settings::NodePlan;
pub use self::settings::{
    ADMIN, ClusterOptions, Front, Listener, NODE_IDS, NodeAddress, REAUTHENTICATION, USER,
    advertised_host, rack,
};
use crate::certificates::{Authority, Identity};
use crate::files::{TemporaryFolder, log_file};
use crate::process::Process;
use crate::{kafka_jars, ports};

/// Starting takes 20 s on two idle cores; a loaded machine gets its time.
const START_LIMIT: Duration = Duration::from_secs(180);
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// Three brokers that also are the controllers.
#[derive(Debug)]
pub struct Cluster {
    /// What brokers show and trust.
    pub authority: Authority,
    /// A client certificate that the MTLS listeners accept.
    pub client: Identity,
    /// Kafka's own id of this cluster.
    pub id: String,
    class_path: String,
    options: ClusterOptions,
    addresses: Mutex<BTreeMap<i32, NodeAddress>>,
    /// Every node that has a controller.
    voters: String,
    nodes: Mutex<BTreeMap<i32, Process>>,
    folder: PathBuf,
    // After `nodes`: the folder goes when nobody writes there.
    _folder: TemporaryFolder,
}

impl Cluster {
    /// Formats and starts a cluster, and waits until every broker says it is up.
    ///
    /// # Errors
    ///
    /// When a node does not come up; names the folder with its log.
    pub fn start(options: &ClusterOptions) -> Result<Self> {
        let class_path = kafka_jars::class_path(&options.version)?;
        let folder = TemporaryFolder::new("throughway-kafka-")?;
        let path = folder.path().to_owned();
        let authority = Authority::new(&path, "upstream")?;
        let client = authority.issue("upstream-client", &["throughway"])?;
        let controllers = ports::reserve(3);
        let voters: Vec<_> = NODE_IDS
            .into_iter()
            .zip(controllers..)
            .map(|(id, port)| format!("{id}@127.0.0.1:{port}"))
            .collect();
        let cluster = Self {
            authority,
            client,
            id: random_cluster_id(),
            class_path,
            options: options.clone(),
            addresses: Mutex::default(),
            voters: voters.join(","),
            nodes: Mutex::default(),
            folder: path,
            _folder: folder,
        };
        for (id, controller) in NODE_IDS.into_iter().zip(controllers..) {
            cluster.settle(id, &cluster.new_place(id, Some(controller)))?;
        }
        cluster.format(&NODE_IDS)?;
        cluster.restart_all(&NODE_IDS)?;
        Ok(cluster)
    }

    /// `127.0.0.1:port,…` of all nodes at `listener`.
    #[must_use]
    pub fn direct(&self, listener: Listener) -> String {
        self.addresses(|id| format!("127.0.0.1:{}", self.port(id, listener)))
    }

    /// `broker<ID>.internal.test:port,…` of all nodes, as they advertise themselves.
    #[must_use]
    pub fn advertised(&self, listener: Listener) -> String {
        self.addresses(|id| format!("{}:{}", advertised_host(id), self.port(id, listener)))
    }

    /// `broker<ID>.internal.test=127.0.0.1,…`: where the advertised names really are.
    #[must_use]
    pub fn address_map(&self) -> String {
        self.addresses(|id| format!("{}=127.0.0.1", advertised_host(id)))
    }

    /// Where a node listens on 127.0.0.1.
    ///
    /// # Panics
    ///
    /// When there is no such node.
    #[must_use]
    pub fn port(&self, node: i32, listener: Listener) -> u16 {
        self.address(node).of(listener)
    }

    /// Where a node is.
    ///
    /// # Panics
    ///
    /// When there is no such node.
    #[must_use]
    pub fn address(&self, node: i32) -> NodeAddress {
        self.addresses.lock().unwrap()[&node].clone()
    }

    /// Every port of every broker that must never reach a client.
    #[must_use]
    pub fn secret_ports(&self) -> Vec<u16> {
        let all = [
            Listener::Internal,
            Listener::SaslPlain,
            Listener::SaslTls,
            Listener::Mtls,
        ];
        let addresses = self.addresses.lock().unwrap();
        addresses
            .values()
            .flat_map(|address| all.map(|listener| address.of(listener)))
            .collect()
    }

    /// Ends a node with SIGTERM: it hands its partitions over first.
    ///
    /// # Errors
    ///
    /// When it has not ended within a minute, or was not running.
    pub fn stop(&self, node: i32) -> Result<()> {
        self.take(node)?.terminate(STOP_LIMIT).map(drop)
    }

    /// Ends a node with SIGKILL.
    ///
    /// # Errors
    ///
    /// When it was not running.
    pub fn kill(&self, node: i32) -> Result<()> {
        self.take(node)?.kill().map(drop)
    }

    /// Starts a node that was stopped or killed, with the data it has.
    ///
    /// # Errors
    ///
    /// When it does not come up; names its log.
    pub fn restart(&self, node: i32) -> Result<()> {
        self.restart_all(&[node])
    }

    /// Starts nodes that were stopped or killed, all at once.
    ///
    /// # Errors
    ///
    /// When one does not come up; names its log.
    pub fn restart_all(&self, nodes: &[i32]) -> Result<()> {
        self.start_nodes(nodes, &self.class_path)
    }

    /// Starts a node as a broker of another version this once, with the data it has.
    ///
    /// # Errors
    ///
    /// When that version cannot be had, or the node does not come up; names its log.
    pub fn restart_as(&self, node: i32, version: &str) -> Result<()> {
        self.start_nodes(&[node], &kafka_jars::class_path(version)?)
    }

    /// Ports that nobody has, under the node's own name.
    #[must_use]
    pub fn new_place(&self, node: i32, controller: Option<u16>) -> NodeAddress {
        let fronts = u16::try_from(self.options.fronts.len()).expect("a few fronts");
        NodeAddress {
            host: advertised_host(node),
            first: ports::reserve(NodeAddress::LISTENERS + fronts),
            controller,
        }
    }

    /// Gives a node that is not running its place, where it is when it starts.
    ///
    /// # Errors
    ///
    /// When its settings cannot be written.
    pub fn settle(&self, node: i32, at: &NodeAddress) -> Result<()> {
        let folder = self.node_folder(node);
        fs::create_dir_all(&folder)?;
        let names = [&*at.host, "localhost", "127.0.0.1"];
        let identity = self.authority.issue(&format!("broker{node}"), &names)?;
        let plan = NodePlan {
            id: node,
            at,
            voters: &self.voters,
            data: &folder.join("data"),
            identity: &identity,
            trust: &self.authority.certificate(),
        };
        let properties = plan.properties(&self.options);
        fs::write(folder.join("server.properties"), properties)?;
        self.addresses.lock().unwrap().insert(node, at.clone());
        Ok(())
    }

    fn take(&self, node: i32) -> Result<Process> {
        let taken = self.nodes.lock().unwrap().remove(&node);
        taken.with_context(|| format!("node {node} is not running"))
    }

    fn addresses(&self, one: impl Fn(i32) -> String) -> String {
        NODE_IDS.map(one).join(",")
    }

    fn node_folder(&self, node: i32) -> PathBuf {
        self.folder.join(format!("node{node}"))
    }

    /// All nodes at once: most of it is the JVM's start.
    fn format(&self, ids: &[i32]) -> Result<()> {
        let mut running = Vec::new();
        for &id in ids {
            let mut command = java(&["-XX:TieredStopAtLevel=1".to_owned()], &self.class_path);
            command.extend(["kafka.tools.StorageTool", "format", "-t", &self.id].map(Into::into));
            command.extend([
                "-c".into(),
                self.node_folder(id).join("server.properties").into(),
            ]);
            for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
                for (name, password) in [ADMIN, USER] {
                    let user = format!("{mechanism}=[name={name},password={password}]");
                    command.extend(["--add-scram".into(), user.into()]);
                }
            }
            running.push((
                id,
                Process::start(&command, &[], &log_file(&format!("format{id}")))?,
            ));
        }
        for (id, mut process) in running {
            let status = process.wait(START_LIMIT)?;
            let log = process.log().display();
            ensure!(status.success(), "node {id} was not formatted; see {log}");
        }
        Ok(())
    }

    fn start_nodes(&self, ids: &[i32], class_path: &str) -> Result<()> {
        let mut started = Vec::new();
        for &id in ids {
            let memory = ["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC"].map(str::to_owned);
            let mut command = java(&[&memory[..], &self.options.jvm].concat(), class_path);
            command.push("kafka.Kafka".into());
            command.push(self.node_folder(id).join("server.properties").into());
            let log = log_file(&format!("node{id}"));
            started.push((id, Process::start(&command, &[], &log)?));
        }
        for (id, process) in started {
            process
                .wait_for_line("Kafka Server started", START_LIMIT)
                .with_context(|| format!("start node {id}"))?;
            self.nodes.lock().unwrap().insert(id, process);
        }
        Ok(())
    }
}

/// The cluster that the tests of this process share, for those that leave it as it is.
///
/// # Panics
///
/// When it does not start.
pub async fn shared() -> RwLockReadGuard<'static, Cluster> {
    shared_lock().read().await
}

/// The same cluster with nobody else using it, for tests that stop nodes (and start them again).
///
/// # Panics
///
/// When it does not start.
pub async fn shared_alone() -> RwLockWriteGuard<'static, Cluster> {
    shared_lock().write().await
}

fn shared_lock() -> &'static RwLock<Cluster> {
    static SHARED: OnceLock<RwLock<Cluster>> = OnceLock::new();
    SHARED.get_or_init(|| {
        RwLock::new(Cluster::start(&ClusterOptions::default()).expect("start the shared cluster"))
    })
}

fn java(options: &[String], class_path: &str) -> Vec<OsString> {
    let mut command: Vec<OsString> = vec!["java".into()];
    command.extend(options.iter().map(Into::into));
    command.extend(["-cp".into(), class_path.into()]);
    command
}

/// 16 bytes in url-safe base64: 22 characters, the last of which carries two bits.
fn random_cluster_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    let bits = RandomState::new().hash_one(1);
    format!("test{bits:016x}AA")
}
