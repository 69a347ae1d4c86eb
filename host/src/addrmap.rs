//! The published address table: what clients are told for each broker, and which broker a connection
//! is for. Computed by the WASM guest on a thread of its own, checked, and swapped in atomically.
//!
//! It must not know sockets or Kafka frames. `wasm` runs the guest; this file decides what to ask it,
//! whether its answers hold, and what is published.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::kafka::{Endpoint, NodeId};

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

/// One immutable answer table.
#[derive(Debug)]
pub struct Table {
    _todo: (),
}

impl Table {
    /// What a client that came in this way is told for a broker; `None` = not mapped.
    #[must_use]
    pub fn advertise(&self, _inbound: &Inbound, _node_id: NodeId) -> Option<&Endpoint> {
        None
    }

    /// Local ports this table needs bound, as (listener index, port), beyond those bound at start.
    #[must_use]
    pub fn local_ports(&self) -> &[(usize, u16)] {
        &[]
    }

    /// The topology version it was computed from.
    #[must_use]
    pub fn topology_version(&self) -> u64 {
        0
    }
}

/// Handle to the map thread and the published table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AddressMap {
    _todo: (),
}

impl AddressMap {
    /// Loads and checks the component, computes the first table from `brokers` (topology version 0)
    /// and publishes it.
    ///
    /// # Errors
    /// Everything that makes `serve` exit with 78.
    pub fn start(_config: &Config, _brokers: Vec<MapBroker>) -> Result<Self, AddrMapError> {
        Ok(Self { _todo: () })
    }

    /// The published table.
    #[must_use]
    pub fn table(&self) -> Arc<Table> {
        Arc::new(Table { _todo: () })
    }

    /// Computes and checks a table for these brokers; does not publish it (its ports must be bound
    /// first).
    ///
    /// # Errors
    /// When the guest fails or its answers do not hold; the published table stays.
    pub async fn compute(
        &self,
        _brokers: Vec<MapBroker>,
        _topology_version: u64,
    ) -> Result<Table, AddrMapError> {
        Ok(Table { _todo: () })
    }

    /// Publishes a computed table and wakes everyone in `published`.
    pub fn publish(&self, _table: Table) {}

    /// Waits until a table of at least this topology version is published; false after `most`.
    /// Cancel safe.
    pub async fn published(&self, _topology_version: u64, _most: Duration) -> bool {
        false
    }

    /// Where a connection goes. Answers from the table; a server name it does not know is asked of
    /// the guest once, bounded, cached and rate-limited per client address. Cancel safe.
    pub async fn route(&self, _inbound: &Inbound) -> Target {
        Target::NotRoutable
    }
}
