//! Forgets a broker on an operator's word: one that has left the cluster is in no answer, so nothing
//! else would ever take it out.

use std::sync::{Arc, PoisonError};

use super::{KnownBroker, Snapshot, Topology};
use crate::kafka::NodeId;

/// What became of the wish.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Forgotten {
    /// It is gone, or is back where `GATEWAY_UPSTREAM_BROKERS` says it is.
    Done,
    /// It was not known.
    Unknown,
    /// It is where `GATEWAY_UPSTREAM_BROKERS` says it is.
    Configured,
}

impl Topology {
    /// Forgets where a broker is, until an answer tells it again. Sessions with it go on.
    pub fn forget(&self, node_id: NodeId) -> Forgotten {
        let _learning = self.learning.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.snapshot.load();
        let Some(known) = current.brokers.get(&node_id) else {
            return Forgotten::Unknown;
        };
        let mut next = Snapshot {
            version: current.version + 1,
            ..Snapshot::clone(&current)
        };
        match self.upstream.seeds.get(&node_id) {
            Some(seed) if known.upstream == *seed => return Forgotten::Configured,
            Some(seed) => {
                let upstream = seed.clone();
                let rack = None;
                next.brokers.insert(node_id, KnownBroker { upstream, rack });
            }
            None => {
                next.brokers.remove(&node_id);
            }
        }
        let version = next.version;
        self.snapshot.store(Arc::new(next));
        self.version.send_replace(version);
        Forgotten::Done
    }
}
