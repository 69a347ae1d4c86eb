//! A map that was loaded and checked and is not in effect yet; and the one that is.
//!
//! It must not know who asks for a swap.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::component::{Component, Identity};
use super::table::Table;
use super::unknown::UnknownNames;
use super::worker::{self, Request};
use super::{AddrMapError, MapBroker};

/// Loaded, checked, and ready to be adopted. Dropping it ends its thread.
#[derive(Debug)]
pub struct Candidate {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) table: Table,
    pub(super) identity: Identity,
}

impl Candidate {
    /// Blocks while it is compiled, configured and asked.
    pub(super) fn load(component: &Component, ground: worker::Start) -> Result<Self, AddrMapError> {
        let (requests, first) = worker::start(component.bytes.clone(), ground)?;
        Ok(Self {
            requests,
            identity: component.identity(&first.scheme),
            table: first.table,
        })
    }

    /// The table it would publish.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Which map it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Computes its table anew, for brokers that have changed since.
    ///
    /// # Errors
    /// When the guest fails or its answers do not hold.
    pub async fn renew(
        &mut self,
        brokers: Vec<MapBroker>,
        topology_version: u64,
    ) -> Result<(), AddrMapError> {
        self.table = compute(&self.requests, brokers, topology_version).await?;
        Ok(())
    }
}

/// The map in effect.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) identity: Identity,
    /// Its answers alone: another map may know other names.
    unknown: Mutex<UnknownNames>,
}

impl Live {
    pub(super) fn new(requests: mpsc::Sender<Request>, identity: Identity) -> Self {
        Self {
            requests,
            identity,
            unknown: Mutex::new(UnknownNames::new()),
        }
    }

    pub(super) fn unknown<T>(&self, run: impl FnOnce(&mut UnknownNames) -> T) -> T {
        run(&mut self.unknown.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Asks a map's thread for a table.
pub(super) async fn compute(
    requests: &mpsc::Sender<Request>,
    brokers: Vec<MapBroker>,
    topology_version: u64,
) -> Result<Table, AddrMapError> {
    let (reply, answer) = oneshot::channel();
    let request = Request::Compute {
        brokers,
        topology_version,
        reply,
    };
    let sent = requests.send(request).await;
    sent.map_err(|_gone| worker::ended("advertise"))?;
    answer.await.map_err(|_gone| worker::ended("advertise"))?
}
