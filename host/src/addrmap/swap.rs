//! Puts another map into effect: from the watched file, or by value through the Admin API.
//!
//! A map is loaded and checked beside the one in effect, with its ports bound, before anything
//! changes; whatever is wrong with it leaves the last good one where it is. Sessions live on. It must
//! not know sockets or HTTP.

mod kept;
#[cfg(test)]
mod tests;
mod watch;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::{Mutex, OwnedMutexGuard};

use self::kept::Kept;
use self::watch::Watched;
use super::candidate::Candidate;
use super::change::{self, Change};
use super::component::{Component, Identity, Origin};
use super::{AddrMapError, AddressMap, MapBroker};
use crate::config::Config;
use crate::metrics::Metrics;

/// Binds local ports of listeners, given by index; says why it cannot.
pub type Bind = dyn Fn(&[(usize, u16)]) -> Result<(), String> + Send + Sync;

/// What a swap needs of its surroundings.
pub struct Ground {
    /// The brokers known now, and the version of that knowledge.
    pub brokers: Box<dyn Fn() -> (Vec<MapBroker>, u64) + Send + Sync>,
    /// Binds what a map needs.
    pub bind: Box<Bind>,
    /// Counts swaps and refusals.
    pub metrics: Arc<Metrics>,
}

/// Why the map in effect stays.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// The variable says which map it is.
    #[error("GATEWAY_ADDRESS_MAP={} decides which address map is used; take it out to use this", .0.display())]
    Configured(PathBuf),
    /// The component, its configuration or its answers.
    #[error(transparent)]
    Map(#[from] AddrMapError),
    /// A port it needs.
    #[error("address map refused: {0}")]
    Ports(String),
    /// It could not be written down, so that a restart would lose it.
    #[error("address map not kept")]
    Kept(#[source] std::io::Error),
}

/// What a swap came to, or would.
#[derive(Clone, Debug, Serialize)]
pub struct Swapped {
    /// The map.
    pub map: Identity,
    /// What clients are told otherwise than before.
    pub changes: Vec<Change>,
    /// Nothing was done.
    pub dry: bool,
}

/// Changes which map is in effect; one change at a time.
pub struct Maps {
    map: AddressMap,
    ground: Ground,
    variable: Option<PathBuf>,
    kept: Kept,
    watched: Mutex<Watched>,
}

impl Maps {
    /// For this map and its surroundings.
    #[must_use]
    pub fn new(map: AddressMap, ground: Ground, config: &Config) -> Self {
        Self {
            map,
            ground,
            variable: config.address_map.component.clone(),
            kept: Kept::new(&config.state_directory),
            watched: Mutex::default(),
        }
    }

    /// Which map is in effect.
    #[must_use]
    pub fn in_effect(&self) -> Identity {
        self.map.identity()
    }

    /// Puts these bytes into effect and keeps them for the next start.
    ///
    /// # Errors
    /// Then the map in effect stays, also over a restart.
    pub async fn put(&self, bytes: Vec<u8>, dry: bool) -> Result<Swapped, SwapError> {
        let component = Component::of(Origin::Stored(self.kept.path().to_owned()), bytes);
        self.by_value(component, dry).await
    }

    /// Goes back to the built-in map.
    ///
    /// # Errors
    /// Then the map in effect stays, also over a restart.
    pub async fn delete(&self, dry: bool) -> Result<Swapped, SwapError> {
        let built_in = Component::from(Origin::BuiltIn, self.map.profile())?;
        self.by_value(built_in, dry).await
    }

    async fn by_value(&self, component: Component, dry: bool) -> Result<Swapped, SwapError> {
        if let Some(path) = &self.variable {
            return Err(SwapError::Configured(path.clone()));
        }
        let _one_at_a_time = self.watched.lock().await;
        let swapped = self.swap(&component, dry).await;
        self.tell(&component, &swapped);
        swapped
    }

    /// Loads, checks, binds, keeps, publishes; in this order, so that whatever fails changes nothing
    /// that clients see.
    async fn swap(&self, component: &Component, dry: bool) -> Result<Swapped, SwapError> {
        let (brokers, version) = (self.ground.brokers)();
        let mut candidate = self.map.prepare(component, brokers, version).await?;
        // From here to the end nobody else computes or publishes a table.
        let turn = self.map.turn().await;
        let (brokers, version) = (self.ground.brokers)();
        if candidate.table().topology_version() != version {
            candidate.renew(brokers, version).await?;
        }
        let swapped = Swapped {
            map: candidate.identity().clone(),
            changes: self.map.changes(candidate.table()),
            dry,
        };
        if !dry {
            (self.ground.bind)(candidate.table().local_ports()).map_err(SwapError::Ports)?;
            self.commit(component.clone(), candidate, turn).await?;
        }
        Ok(swapped)
    }

    /// Keeps it and publishes it, both or neither, also for a caller who has stopped waiting.
    async fn commit(
        &self,
        component: Component,
        candidate: Candidate,
        turn: OwnedMutexGuard<()>,
    ) -> Result<(), SwapError> {
        let (kept, map) = (self.kept.clone(), self.map.clone());
        let both = move || {
            kept.keep(&component).map(|()| map.adopt(candidate))?;
            drop(turn);
            Ok(())
        };
        let done = tokio::task::spawn_blocking(both).await;
        done.map_err(std::io::Error::other)
            .and_then(|kept| kept)
            .map_err(SwapError::Kept)
    }

    /// One log line, and the metric.
    fn tell(&self, component: &Component, swapped: &Result<Swapped, SwapError>) {
        match swapped {
            Ok(swapped) if swapped.dry => {}
            Ok(Swapped { map, changes, .. }) => {
                self.ground.metrics.addrmap_swapped();
                tracing::info!(
                    component = map.component,
                    name = map.name,
                    version = map.version,
                    sha256 = map.sha256,
                    changed = change::told(changes),
                    "address map changed"
                );
            }
            Err(error) => {
                self.ground.metrics.addrmap_refused();
                let error = match std::error::Error::source(error) {
                    Some(source) => format!("{error}: {source}"),
                    None => error.to_string(),
                };
                tracing::warn!(
                    component = %component.origin,
                    sha256 = component.sha256,
                    error,
                    "address map not changed; the last good one stays"
                );
            }
        }
    }
}

impl fmt::Debug for Maps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Maps({:?})", self.in_effect())
    }
}
