//! throughway with one listener in front of whatever a test likes; its metrics and its log.
//!
//! Owns what the tests of single bytes have in common. It must not know what is behind.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;
use throughway_tests::certificates::{Authority, Identity};
use throughway_tests::files::TemporaryFolder;
use throughway_tests::ports;
use throughway_tests::proxy::{BOOTSTRAP_NAME, PORT_COUNT, Proxy, Settings};
use throughway_tests::script_broker::{Received, Reply, ScriptBroker};
use throughway_tests::wire::{Connection, Door};

/// For whatever is waited for.
const LIMIT: Duration = Duration::from_secs(30);

/// A user that a script broker lets in.
const ANYBODY: (&str, &str) = ("alice", "anything");

/// A name that brokers may advertise: its parent domain is what throughway may dial.
pub(crate) fn upstream_name(node_id: i32) -> String {
    format!("broker{node_id}.internal.test")
}

/// A broker that says no more than the usual.
pub(crate) async fn quiet_broker() -> ScriptBroker {
    broker(Reply::usual).await
}

pub(crate) async fn broker(
    script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
) -> ScriptBroker {
    ScriptBroker::start(script).await.unwrap()
}

/// Settings for a listener by port before this broker, which is known as node 1.
pub(crate) fn settings(broker: &ScriptBroker) -> (Settings, u16) {
    let port = broker.address.port();
    let address = format!("{}:{port}", upstream_name(1));
    let mut settings = Settings::upstream_at(&address);
    settings.set("GATEWAY_UPSTREAM_BROKERS", format!("1={address}"));
    settings.set(
        "GATEWAY_UPSTREAM_ADDRESS_MAP",
        // Answers name the usual port.
        format!("{0}:9092=127.0.0.1:{port},{0}=127.0.0.1", upstream_name(1)),
    );
    let first_port = ports::reserve(PORT_COUNT);
    settings.listen_by_port(first_port, first_port);
    // One line at the end of each session, to know when all of it has been told.
    settings.set("GATEWAY_LOG", "info,throughway::session=debug");
    (settings, first_port)
}

/// What throughway reads its certificates from; kept while it runs.
pub(crate) struct Files {
    pub(crate) authority: Authority,
    pub(crate) identity: Identity,
    pub(crate) folder: TemporaryFolder,
}

/// The same for a listener by name, with TLS.
pub(crate) fn settings_by_name(broker: &ScriptBroker) -> (Settings, u16, Files) {
    let folder = TemporaryFolder::new("throughway-tls-").unwrap();
    let authority = Authority::new(folder.path(), "downstream").unwrap();
    let names = [BOOTSTRAP_NAME, "*.kafka.test"];
    let identity = authority.issue("edge", &names).unwrap();
    let (mut settings, port) = settings(broker);
    settings.unset("GATEWAY_LISTENER_MAIN_ADVERTISED_HOST");
    settings.listen_by_sni(port, port, &identity);
    let files = Files {
        authority,
        identity,
        folder,
    };
    (settings, port, files)
}

/// A running throughway and its first port.
#[derive(Debug)]
pub(crate) struct Edge {
    proxy: Proxy,
    pub(crate) first_port: u16,
    /// Server name and authority, where its clients speak TLS.
    pub(crate) tls: Option<(String, PathBuf)>,
}

impl Edge {
    /// In front of this broker, with nothing special.
    pub(crate) fn before(broker: &ScriptBroker) -> Self {
        let (settings, first_port) = settings(broker);
        Self::start(&settings, first_port)
    }

    pub(crate) fn start(settings: &Settings, first_port: u16) -> Self {
        Self::of(settings.start().unwrap(), first_port)
    }

    /// Where it comes up and is not ready.
    pub(crate) fn start_unready(settings: &Settings, first_port: u16) -> Self {
        Self::of(settings.start_unready().unwrap(), first_port)
    }

    fn of(proxy: Proxy, first_port: u16) -> Self {
        let tls = None;
        Self {
            proxy,
            first_port,
            tls,
        }
    }

    /// Where this node is served.
    pub(crate) fn door(&self, node_id: u16) -> Door {
        Door {
            tls: self.tls.clone(),
            ..Door::plain(self.first_port + node_id)
        }
    }

    /// A connection to the broker that is known.
    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(&self.door(1)).await.unwrap()
    }

    /// The same after authentication.
    pub(crate) async fn log_in(&self, node_id: u16) -> Connection {
        let mut connection = Connection::open(&self.door(node_id)).await.unwrap();
        connection.authenticate(ANYBODY).await.unwrap();
        connection
    }

    /// Sum of the samples of `name` that have all these labels.
    pub(crate) fn metric(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let (status, body) = self.get("/metrics").unwrap();
        assert_eq!(status, 200, "{body}");
        let labels: Vec<_> = labels.iter().map(|(k, v)| format!("{k}=\"{v}\"")).collect();
        let samples = body.lines().filter_map(|line| line.rsplit_once(' '));
        let wanted = samples.filter(|(series, _)| {
            let (family, set) = series.split_once('{').unwrap_or((series, ""));
            family == name && labels.iter().all(|label| set.contains(label.as_str()))
        });
        let values: Vec<u64> = wanted.map(|(_, value)| value.parse().unwrap()).collect();
        assert!(!values.is_empty(), "no {name} {labels:?} in {body}");
        values.iter().sum()
    }

    /// All log lines with this message.
    pub(crate) fn logged(&self, message: &str) -> Vec<Value> {
        let lines = self.process().lines();
        let parsed = lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")));
        parsed
            .filter(|line: &Value| line["message"] == message)
            .collect()
    }

    /// Looks again whenever something is logged, or a little later.
    pub(crate) fn wait_until(&self, limit: Duration, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + limit;
        while !holds() {
            assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
            self.process().wait_for_news(Duration::from_millis(100));
        }
    }

    /// Waits until so many sessions have ended and told so.
    pub(crate) fn wait_for_ends(&self, sessions: usize) -> Result<()> {
        self.wait_for_lines("session closed", sessions)
    }

    /// Waits until so many lines have this message.
    pub(crate) fn wait_for_lines(&self, message: &str, count: usize) -> Result<()> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let seen = self.logged(message).len();
            if seen >= count {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline && !self.process().has_ended(),
                "{seen} of {count} times {message:?}; see {}",
                self.process().log().display()
            );
            self.process().wait_for_news(Duration::from_millis(200));
        }
    }
}

impl Deref for Edge {
    type Target = Proxy;

    fn deref(&self) -> &Proxy {
        &self.proxy
    }
}

impl DerefMut for Edge {
    fn deref_mut(&mut self) -> &mut Proxy {
        &mut self.proxy
    }
}
