//! What was learned of the upstream cluster: its id, and where each broker is.
//!
//! Learned from answers on authenticated connections only, keyed by node id; the last word wins and a
//! previous address is never dialled again. It must not know sockets or the address map.

mod forget;
pub mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

pub use self::forget::Forgotten;
use self::store::Remembered;
use crate::addrmap::MapBroker;
use crate::config::UpstreamConfig;
use crate::kafka::answer::Found;
use crate::kafka::{Endpoint, NodeId};

/// One broker as the cluster describes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownBroker {
    /// Where it is dialled.
    pub upstream: Endpoint,
    /// Its rack, if it said.
    pub rack: Option<String>,
}

/// An immutable view of the cluster.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Grows by one with each change; 0 is what was known at start.
    pub version: u64,
    /// `None` until an answer carried it.
    pub cluster_id: Option<String>,
    /// The id was in an answer since start, not only in the file of an earlier one.
    pub confirmed: bool,
    /// By node id.
    pub brokers: BTreeMap<NodeId, KnownBroker>,
}

impl Snapshot {
    /// The brokers as the address map is told about them.
    #[must_use]
    pub fn map_brokers(&self) -> Vec<MapBroker> {
        let one = |(node_id, broker): (&NodeId, &KnownBroker)| MapBroker {
            node_id: *node_id,
            upstream: broker.upstream.clone(),
            rack: broker.rack.clone(),
        };
        self.brokers.iter().map(one).collect()
    }

    /// Whether this broker is somewhere else now and another one at this address. One of both is not
    /// enough: a single wrong answer must not end anybody's session.
    #[must_use]
    pub fn has_given_up(&self, upstream: &Endpoint, node_id: NodeId) -> bool {
        let is_there = |known: &KnownBroker| known.upstream == *upstream;
        let own = self.brokers.get(&node_id);
        own.is_some_and(|own| !is_there(own)) && self.brokers.values().any(is_there)
    }
}

/// An answer that belongs to another cluster than the one known.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("answer of cluster {found}, but this is cluster {known}")]
pub struct OtherCluster {
    /// The id learned first.
    pub known: String,
    /// The id in the answer.
    pub found: String,
}

/// What an answer taught.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Lesson {
    /// The topology version that holds all of it.
    pub version: u64,
    /// Brokers whose address is outside the allow-list. Not learned, never advertised.
    pub not_allowed: BTreeSet<NodeId>,
    /// Brokers whose address is no address. Not learned, never advertised.
    pub invalid: BTreeSet<NodeId>,
    /// Of `not_allowed`, those met for the first time, with the address to name in the log.
    pub first_refused: Vec<(NodeId, Endpoint)>,
}

/// The one owner of broker knowledge.
#[derive(Debug)]
pub struct Topology {
    upstream: Arc<UpstreamConfig>,
    snapshot: ArcSwap<Snapshot>,
    /// Held while learning, so that versions are handed out in order; also the refusals logged.
    learning: Mutex<BTreeSet<(NodeId, Endpoint)>>,
    version: watch::Sender<u64>,
}

/// Refused (id, address) pairs remembered so that each is logged once; beyond that none is.
const MOST_REFUSALS_REMEMBERED: usize = 1000;

impl Topology {
    /// Knows the configured seeds, and what is remembered, which wins. Of the latter only what the
    /// allow-list still covers.
    #[must_use]
    pub fn new(upstream: Arc<UpstreamConfig>, remembered: Remembered) -> Self {
        let mut brokers = seeds(&upstream);
        let allowed = |known: &KnownBroker| upstream.allows_name(&known.upstream);
        brokers.extend(
            remembered
                .brokers
                .into_iter()
                .filter(|(_, known)| allowed(known)),
        );
        let snapshot = Snapshot {
            cluster_id: remembered.cluster_id,
            brokers,
            ..Snapshot::default()
        };
        Self {
            upstream,
            snapshot: ArcSwap::from_pointee(snapshot),
            learning: Mutex::default(),
            version: watch::Sender::new(0),
        }
    }

    /// The current view.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Told each new version.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Takes in what an answer says about brokers. An unchanged answer takes no lock.
    ///
    /// # Errors
    /// `OtherCluster`; then nothing was learned.
    pub fn learn(&self, found: &Found) -> Result<Lesson, OtherCluster> {
        let before = self.snapshot.load();
        let mut lesson = self.judge(found);
        let news = |snapshot: &Snapshot| self.news(snapshot, found, &lesson);
        if news(&before)?.is_none() && lesson.not_allowed.is_empty() {
            lesson.version = before.version;
            return Ok(lesson);
        }
        let mut refused = self.learning.lock().unwrap_or_else(PoisonError::into_inner);
        // Read again under the lock: another session may have learned in between.
        let current = self.snapshot.load();
        let next = news(&current)?;
        lesson.first_refused = first_refused(&mut refused, found, &lesson);
        lesson.version = current.version;
        if let Some(next) = next {
            lesson.version = next.version;
            self.snapshot.store(Arc::new(next));
            self.version.send_replace(lesson.version);
        }
        Ok(lesson)
    }

    fn judge(&self, found: &Found) -> Lesson {
        let mut lesson = Lesson::default();
        for broker in &found.brokers {
            match &broker.address {
                None => {
                    lesson.invalid.insert(broker.node_id);
                }
                Some(address) if !self.upstream.allows_name(address) => {
                    lesson.not_allowed.insert(broker.node_id);
                }
                Some(_) => {}
            }
        }
        lesson
    }

    /// Takes in the cluster id of an answer. One that differs from a remembered id means that the
    /// cluster was made anew: all that was remembered goes. One that differs from an id seen since
    /// start is an answer from somewhere else.
    fn with_cluster_id(
        &self,
        snapshot: &Snapshot,
        found: Option<&str>,
    ) -> Result<Option<Snapshot>, OtherCluster> {
        let Some(found) = found else { return Ok(None) };
        let known = snapshot.cluster_id.as_deref();
        if known == Some(found) && snapshot.confirmed {
            return Ok(None);
        }
        if let (Some(known), true) = (known, snapshot.confirmed) {
            return Err(OtherCluster {
                known: known.to_owned(),
                found: found.to_owned(),
            });
        }
        let mut next = Snapshot {
            cluster_id: Some(found.to_owned()),
            confirmed: true,
            ..snapshot.clone()
        };
        if known.is_some_and(|known| known != found) {
            next.brokers = seeds(&self.upstream);
        }
        Ok(Some(next))
    }

    /// The snapshot that follows, or `None` when the answer says nothing new.
    fn news(
        &self,
        snapshot: &Snapshot,
        found: &Found,
        lesson: &Lesson,
    ) -> Result<Option<Snapshot>, OtherCluster> {
        let mut next = self.with_cluster_id(snapshot, found.cluster_id.as_deref())?;
        for broker in &found.brokers {
            let Some(address) = &broker.address else {
                continue;
            };
            if lesson.not_allowed.contains(&broker.node_id) {
                continue;
            }
            let known = next
                .as_ref()
                .unwrap_or(snapshot)
                .brokers
                .get(&broker.node_id);
            // Coordinator answers carry no rack; they must not wipe out the one known.
            let rack = broker
                .rack
                .clone()
                .or_else(|| known.and_then(|k| k.rack.clone()));
            let fresh = KnownBroker {
                upstream: address.clone(),
                rack,
            };
            if known != Some(&fresh) {
                let next = next.get_or_insert_with(|| snapshot.clone());
                next.brokers.insert(broker.node_id, fresh);
            }
        }
        Ok(next.map(|mut next| {
            forget_the_displaced(&mut next.brokers, found);
            Snapshot {
                version: snapshot.version + 1,
                ..next
            }
        }))
    }
}

/// Brokers that an answer says nothing of, at an address that it gives to another one: they have left
/// it, and whoever dialled it for them would reach the wrong broker.
fn forget_the_displaced(brokers: &mut BTreeMap<NodeId, KnownBroker>, found: &Found) {
    let named: BTreeSet<NodeId> = found.brokers.iter().map(|broker| broker.node_id).collect();
    let taken: BTreeSet<Endpoint> = brokers
        .iter()
        .filter(|(node_id, _)| named.contains(node_id))
        .map(|(_, known)| known.upstream.clone())
        .collect();
    brokers.retain(|node_id, known| named.contains(node_id) || !taken.contains(&known.upstream));
}

fn seeds(upstream: &UpstreamConfig) -> BTreeMap<NodeId, KnownBroker> {
    let seed = |(node_id, endpoint): (&NodeId, &Endpoint)| {
        (
            *node_id,
            KnownBroker {
                upstream: endpoint.clone(),
                rack: None,
            },
        )
    };
    upstream.seeds.iter().map(seed).collect()
}

fn first_refused(
    refused: &mut BTreeSet<(NodeId, Endpoint)>,
    found: &Found,
    lesson: &Lesson,
) -> Vec<(NodeId, Endpoint)> {
    let mut first = Vec::new();
    for broker in &found.brokers {
        let Some(address) = &broker.address else {
            continue;
        };
        let entry = (broker.node_id, address.clone());
        if lesson.not_allowed.contains(&broker.node_id)
            && refused.len() < MOST_REFUSALS_REMEMBERED
            && refused.insert(entry.clone())
        {
            first.push(entry);
        }
    }
    first
}

#[cfg(test)]
pub(crate) mod tests;
