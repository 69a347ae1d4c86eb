//! The published address table: what clients are told for each broker, and which broker a connection
//! is for. Computed by the WASM guest on a thread of its own, checked, and swapped in atomically.
//!
//! It must not know sockets or Kafka frames. `wasm` runs the guest; this file decides what to ask it,
//! whether its answers hold, and what is published.
//!
//! - `component` where a component comes from, and which is in effect
//! - `candidate` a map that is loaded and checked, and the one in effect
//! - `swap`      puts another map into effect
//! - `change`    what a new table tells otherwise
//! - `settings`  what is kept of the configuration
//! - `plan`      a map's plan, checked against the listeners
//! - `map`       the map on its thread: computing a table, asking for a name
//! - `ask`       questions to the guest and their answers in our types
//! - `conform`   whether answers hold
//! - `table`     what is published
//! - `unknown`   names the table does not know: cache and rate limit
//! - `named`     addresses by the server name a client sent
//! - `worker`    the thread
//! - `explain`   a table in words, `published` the one that is published
//! - `cases`     a file of questions and expected answers, for authors
//! - `name`      host names

mod ask;
mod candidate;
pub mod cases;
mod change;
mod component;
mod conform;
pub mod explain;
mod map;
mod name;
mod named;
mod plan;
pub mod published;
#[cfg(test)]
mod rebuild;
mod settings;
mod swap;
mod table;
#[cfg(test)]
mod tests;
mod unknown;
mod worker;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot, watch};

pub use self::candidate::Candidate;
use self::candidate::{Live, compute};
pub use self::change::Change;
pub use self::component::{Component, Identity, Origin};
pub use self::named::Told;
use self::settings::Settings;
pub use self::swap::{Bind, Ground, Maps, SwapError, Swapped};
pub use self::table::Table;
use self::unknown::Question;
use self::worker::{Request, Start};
use crate::config::{Config, LimitsProfile};
use crate::kafka::{Endpoint, NodeId};
pub use crate::wasm::AddrMapError;
pub use crate::wasm::narrow::narrow;

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
    live: ArcSwap<Live>,
    version: watch::Sender<u64>,
    settings: Settings,
    profile: LimitsProfile,
    /// Held from computing a table to publishing it.
    turn: Arc<Mutex<()>>,
}

impl AddressMap {
    /// Loads and checks the component, computes the first table from `brokers` (topology version 0)
    /// and publishes it. Blocks for about as long as compiling takes (0.1 s for the built-in map).
    ///
    /// # Errors
    /// Everything that makes `serve` exit with 78.
    pub fn start(config: &Config, brokers: Vec<MapBroker>) -> Result<Self, AddrMapError> {
        let component = Component::configured(config)?;
        let settings = Settings {
            code: Some(config.state_directory.join("address-map")),
            ..Settings::of(config)
        };
        let profile = config.address_map.limits;
        let first = Start {
            profile,
            settings: settings.clone(),
            brokers,
            topology_version: 0,
        };
        let Candidate {
            requests,
            table,
            identity,
        } = Candidate::load(&component, first)?;
        let Identity {
            component,
            name,
            version,
            sha256,
            ..
        } = &identity;
        tracing::info!(component, name, version, sha256, "address map loaded");
        let shared = Shared {
            version: watch::Sender::new(table.topology_version()),
            table: ArcSwap::from_pointee(table),
            live: ArcSwap::from_pointee(Live::new(requests, identity)),
            settings,
            profile,
            turn: Arc::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Which map is in effect.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.shared.live.load().identity.clone()
    }

    /// How much a map may use.
    #[must_use]
    pub fn profile(&self) -> LimitsProfile {
        self.shared.profile
    }

    /// Whoever holds it computes and publishes, and nobody else: a table of the map before must not
    /// come after the first of the next one. Cancel safe.
    pub async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.shared.turn).lock_owned().await
    }

    /// Loads and checks another component beside the one in effect.
    ///
    /// # Errors
    /// Everything that makes `serve` exit with 78.
    pub async fn prepare(
        &self,
        component: &Component,
        brokers: Vec<MapBroker>,
        topology_version: u64,
    ) -> Result<Candidate, AddrMapError> {
        let start = Start {
            profile: self.shared.profile,
            settings: self.shared.settings.clone(),
            brokers,
            topology_version,
        };
        let component = component.clone();
        let loading = tokio::task::spawn_blocking(move || Candidate::load(&component, start));
        loading.await.map_err(|_panic| worker::ended("its start"))?
    }

    /// What clients would be told otherwise by this table.
    #[must_use]
    pub fn changes(&self, table: &Table) -> Vec<Change> {
        change::between(&self.table(), table, &self.shared.settings)
    }

    /// Puts a map into effect, with the table it has. Only in one's `turn`, with its ports bound.
    pub fn adopt(&self, candidate: Candidate) {
        let live = Live::new(candidate.requests, candidate.identity);
        self.shared.live.store(Arc::new(live));
        self.publish(candidate.table);
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
        let requests = self.shared.live.load().requests.clone();
        compute(&requests, brokers, topology_version).await
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

    /// What a client is told: by the table, or where the map goes by the server name that it sent, by
    /// rows that the map is asked for once for each name and table. Cancel safe.
    pub async fn told(&self, inbound: &Inbound) -> Told {
        self.told_within(inbound, |_| true).await
    }

    /// False for a client that is told by its server name, and for whom there is nothing to tell: the
    /// map failed, or too many new names were asked for. To be called once, before relaying. Cancel
    /// safe.
    pub async fn introduce(&self, inbound: &Inbound) -> bool {
        let may_ask = |live: &Live| live.unknown(|names| names.may_ask(inbound.client));
        self.told_within(inbound, may_ask).await.is_known()
    }

    async fn told_within(&self, inbound: &Inbound, may_ask: impl FnOnce(&Live) -> bool) -> Told {
        let table = self.table();
        let Some((by_name, named)) = table.named(inbound) else {
            return Told::by_table(table);
        };
        let live = self.shared.live.load_full();
        if by_name.find(&named).is_none() && may_ask(&live) {
            let bound = table.local_ports().into();
            match by_name.ask(&live.requests, named.clone(), bound).await {
                Ok(rows) => by_name.keep(named.clone(), rows),
                Err(error) => {
                    tracing::warn!(%error, "address map failed for a server name's addresses");
                }
            }
        }
        let rows = by_name.find(&named);
        Told::by_name(table, rows)
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
        let live = self.shared.live.load_full();
        let Some(answer) = ask(&live, &question, inbound.client) else {
            return Target::NotRoutable;
        };
        match answer {
            Answer::Known(target) => target,
            // A failed call says nothing about the name, so nothing is remembered.
            Answer::Asked(answer) => match answer.await {
                Ok(Ok(target)) => {
                    live.unknown(|names| names.remember(question, target.clone()));
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
}

/// The remembered answer or one that is under way; `None` over a limit.
fn ask(live: &Live, question: &Question, client: IpAddr) -> Option<Answer> {
    let known = live.unknown(|names| match names.known(question) {
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
    live.requests.try_send(request).ok()?;
    Some(Answer::Asked(answer))
}

/// Of a name that the table does not know.
enum Answer {
    Known(Target),
    Asked(oneshot::Receiver<Result<Target, AddrMapError>>),
}

/// Compiles a component handed over on standard input, within limits that cannot be taken back: the
/// child's side of loading one.
///
/// # Errors
/// In words, for standard error.
pub fn compile_child(limits: &str) -> Result<(), String> {
    crate::wasm::compile_child(limits)
}
