//! The published address table: what clients are told for each broker, and which broker a connection
//! is for. Computed by the WASM guest on a thread of its own, checked, and swapped in atomically.
//!
//! It must not know sockets or Kafka frames. `wasm` runs the guest; this file decides what to ask it,
//! whether its answers hold, and what is published.
//!
//! - `settings`  what is kept of the configuration
//! - `plan`      a map's plan, checked against the listeners
//! - `map`       the map on its thread: computing a table, asking for a name
//! - `ask`       questions to the guest and their answers in our types
//! - `conform`   whether answers hold
//! - `table`     what is published
//! - `unknown`   names the table does not know: cache and rate limit
//! - `worker`    the thread
//! - `explain`   the table in words
//! - `cases`     a file of questions and expected answers, for authors
//! - `name`      host names

mod ask;
pub mod cases;
mod conform;
pub mod explain;
mod map;
mod name;
mod plan;
mod settings;
mod table;
#[cfg(test)]
mod tests;
mod unknown;
mod worker;

use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot, watch};

use self::settings::Settings;
pub use self::table::Table;
use self::unknown::{Question, UnknownNames};
use self::worker::Request;
use crate::config::Config;
use crate::kafka::{Endpoint, NodeId};
pub use crate::wasm::narrow::narrow;

/// Why an address map is not used.
#[derive(Debug, thiserror::Error)]
pub enum AddrMapError {
    /// The component or its configuration is refused, with what was found and what is accepted.
    #[error("address map refused: {0}")]
    Refused(String),
    /// A call failed.
    #[error("address map failed in {call}: {detail}")]
    Trapped {
        /// Which of the four functions, or instantiation.
        call: &'static str,
        /// Escaped and limited in length.
        detail: String,
    },
    /// A call did not end within its deadline.
    #[error("address map did not answer {call} in time")]
    TimedOut {
        /// Which of the four functions, or instantiation.
        call: &'static str,
    },
}

/// One broker as the map is told about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MapBroker {
    /// Never negative.
    pub node_id: NodeId,
    /// Where the cluster says it is.
    pub upstream: Endpoint,
    /// As the cluster says.
    pub rack: Option<String>,
}

/// What is known of a client before any Kafka byte is read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Inbound {
    /// Index into `Config::listeners`.
    pub listener: usize,
    /// SNI, lower case, without a trailing dot.
    pub server_name: Option<String>,
    /// Port that accepted the connection.
    pub local_port: u16,
    /// The client's address, for its zone and for the rate limit of unknown names.
    pub client: IpAddr,
}

/// Where a connection goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// Any bootstrap server will do.
    Bootstrap,
    /// This broker, and none other. `upstream_hint` only with `GATEWAY_ADDRESS_MAP_UPSTREAM_HINTS`.
    Broker {
        /// Its id.
        node_id: NodeId,
        /// Where it is, if the map could tell and it has not been learned.
        upstream_hint: Option<Endpoint>,
    },
    /// The map serves nothing there.
    NotRoutable,
}

/// Handle to the map thread and the published table. Cheap to clone; the thread ends with the last.
#[derive(Clone, Debug)]
pub struct AddressMap {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    table: ArcSwap<Table>,
    version: watch::Sender<u64>,
    requests: mpsc::Sender<Request>,
    unknown: Mutex<UnknownNames>,
}

impl AddressMap {
    /// Loads and checks the component, computes the first table from `brokers` (topology version 0)
    /// and publishes it. Blocks for about as long as compiling takes (0.1 s for the built-in map).
    ///
    /// # Errors
    /// Everything that makes `serve` exit with 78.
    pub fn start(config: &Config, brokers: Vec<MapBroker>) -> Result<Self, AddrMapError> {
        let map = &config.address_map;
        let bytes = component_bytes(config)?;
        let (requests, table) = worker::start(bytes, map.limits, Settings::of(config), brokers)?;
        let shared = Shared {
            version: watch::Sender::new(table.topology_version()),
            table: ArcSwap::from_pointee(table),
            requests,
            unknown: Mutex::new(UnknownNames::new()),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The published table.
    #[must_use]
    pub fn table(&self) -> Arc<Table> {
        self.shared.table.load_full()
    }

    /// Computes and checks a table for these brokers; does not publish it (its ports must be bound
    /// first).
    ///
    /// # Errors
    /// When the guest fails or its answers do not hold; the published table stays.
    pub async fn compute(
        &self,
        brokers: Vec<MapBroker>,
        topology_version: u64,
    ) -> Result<Table, AddrMapError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Compute {
            brokers,
            topology_version,
            reply,
        };
        self.shared
            .requests
            .send(request)
            .await
            .map_err(|_gone| worker::ended("advertise"))?;
        answer.await.map_err(|_gone| worker::ended("advertise"))?
    }

    /// Publishes a computed table and wakes everyone in `published`. A table of an older topology
    /// than the published one is dropped.
    pub fn publish(&self, table: Table) {
        let version = table.topology_version();
        let table = Arc::new(table);
        self.shared.version.send_if_modified(|published| {
            // Inside the watch's lock, so that two publishers cannot swap their tables.
            let newer = version >= *published;
            if newer {
                self.shared.table.store(table);
                *published = version;
            }
            newer
        });
    }

    /// Waits until a table of at least this topology version is published; false after `most`.
    /// Cancel safe.
    pub async fn published(&self, topology_version: u64, most: Duration) -> bool {
        let mut version = self.shared.version.subscribe();
        let reached = version.wait_for(|published| *published >= topology_version);
        tokio::time::timeout(most, reached)
            .await
            .is_ok_and(|waited| waited.is_ok())
    }

    /// Where a connection goes. Answers from the table; a server name it does not know is asked of
    /// the guest once, bounded, cached and rate-limited per client address. Cancel safe.
    pub async fn route(&self, inbound: &Inbound) -> Target {
        if let Some(target) = self.table().routes.find(inbound) {
            return target;
        }
        let Some(server_name) = inbound.server_name.clone().filter(|n| name::is_dns_name(n)) else {
            return Target::NotRoutable;
        };
        let question = Question {
            listener: inbound.listener,
            local_port: inbound.local_port,
            server_name,
        };
        let Some(answer) = self.ask(&question, inbound.client) else {
            return Target::NotRoutable;
        };
        match answer {
            Answer::Known(target) => target,
            // A failed call says nothing about the name, so nothing is remembered.
            Answer::Asked(answer) => match answer.await {
                Ok(Ok(target)) => {
                    self.unknown(|names| names.remember(question, target.clone()));
                    target
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "address map failed for a server name");
                    Target::NotRoutable
                }
                Err(_) => Target::NotRoutable,
            },
        }
    }

    /// The remembered answer or one that is under way; `None` over a limit.
    fn ask(&self, question: &Question, client: IpAddr) -> Option<Answer> {
        let known = self.unknown(|names| match names.known(question) {
            Some(target) => Some(Some(target)),
            None => names.may_ask(client).then_some(None),
        })?;
        if let Some(target) = known {
            return Some(Answer::Known(target));
        }
        let (reply, answer) = oneshot::channel();
        let request = Request::Route {
            question: question.clone(),
            reply,
        };
        self.shared.requests.try_send(request).ok()?;
        Some(Answer::Asked(answer))
    }

    fn unknown<T>(&self, run: impl FnOnce(&mut UnknownNames) -> T) -> T {
        run(&mut self
            .shared
            .unknown
            .lock()
            .unwrap_or_else(PoisonError::into_inner))
    }
}

/// Of a name that the table does not know.
enum Answer {
    Known(Target),
    Asked(oneshot::Receiver<Result<Target, AddrMapError>>),
}

/// The component named in the configuration, else the built-in one; both are loaded the same way.
fn component_bytes(config: &Config) -> Result<Vec<u8>, AddrMapError> {
    let Some(path) = &config.address_map.component else {
        return Ok(crate::wasm::BUILT_IN.to_vec());
    };
    let most = crate::wasm::most_bytes(config.address_map.limits);
    read(path, most)
        .map_err(|error| AddrMapError::Refused(format!("cannot read {}: {error}", path.display())))
}

/// Reads one byte beyond the most that is accepted, so that the gate can tell.
fn read(path: &Path, most: usize) -> std::io::Result<Vec<u8>> {
    let most = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
