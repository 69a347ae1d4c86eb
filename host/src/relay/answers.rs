//! What an answer that names brokers teaches, and what the client is told instead.
//!
//! The bridge between frames and the owners: topology learns, the address map advertises, metrics
//! count. It must not know streams.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::addrmap::{AddressMap, Inbound, Told};
use crate::kafka::answer::{self, Found, Replaced};
use crate::kafka::in_flight::{Answerer, Due};
use crate::kafka::versions::{ClampPolicy, clamp_api_versions};
use crate::kafka::{FrameError, NodeId};
use crate::metrics::{Api, Fate, Metrics, RemovedBroker};
use crate::topology::{Lesson, OtherCluster, Topology};

/// How long an answer that introduces a broker waits for the table that places it.
const WAIT_FOR_TABLE: Duration = Duration::from_secs(2);

/// What a session's answers are rewritten with.
pub(crate) struct Answers<'a> {
    /// Learns.
    pub(crate) topology: &'a Topology,
    /// Advertises.
    pub(crate) address_map: &'a AddressMap,
    /// How this client came in.
    pub(crate) inbound: &'a Inbound,
    /// Tells what has no address.
    pub(crate) unmapped: &'a Unmapped,
    /// Counts.
    pub(crate) metrics: &'a Metrics,
    /// For ApiVersions answers.
    pub(crate) clamp: ClampPolicy,
}

/// Brokers that a listener's clients have missed in an answer because the map has no address for
/// them: each is told once. Bounded by listeners × brokers of the cluster, and by a cap.
#[derive(Debug, Default)]
pub struct Unmapped {
    told: Mutex<BTreeSet<(usize, NodeId)>>,
}

/// Beyond this nothing more is told; the metric goes on counting.
const MOST_TOLD: usize = 10_000;

impl Unmapped {
    fn tell(&self, listener: usize, node_id: NodeId) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < MOST_TOLD && told.insert((listener, node_id)) {
            tracing::warn!(
                %node_id,
                "broker removed from answers: the address map has no address for it here; \
                 give the listener more ports or another GATEWAY_MIN_BROKERID",
            );
        }
    }
}

/// The table to write an answer with, and the brokers that must not appear in it.
pub(crate) struct Placed {
    told: Told,
    refused: BTreeSet<NodeId>,
}

impl Answers<'_> {
    /// Clamps an ApiVersions answer.
    pub(crate) fn clamp(&self, due: Due, payload: &mut Vec<u8>) -> Result<(), FrameError> {
        clamp_api_versions(due.api_version, payload, self.clamp)?;
        self.count(due, Fate::Rewritten);
        Ok(())
    }

    /// Counts what became of an answer.
    pub(crate) fn count(&self, due: Due, fate: Fate) {
        if let Answerer::Broker(kind) = due.answer
            && let Some(api) = Api::of(kind)
        {
            self.metrics.response(api, fate);
        }
    }

    /// Learns from an answer; what may not be learned is logged once and counted.
    pub(crate) fn learn(&self, due: Due, found: &Found) -> Result<Lesson, OtherCluster> {
        let lesson = self.topology.learn(found)?;
        for (node_id, address) in &lesson.first_refused {
            tracing::warn!(
                %node_id, api_key = %due.api_key, upstream_addr = %address,
                "broker address outside GATEWAY_UPSTREAM_ALLOWED removed from answers; \
                 add it there if it is right",
            );
        }
        Ok(lesson)
    }

    /// Learns, and waits for a table that knows every broker of the answer. Cancel safe.
    pub(crate) async fn place(&self, due: Due, found: &Found) -> Result<Placed, OtherCluster> {
        let lesson = self.learn(due, found)?;
        let refused: BTreeSet<NodeId> =
            lesson.not_allowed.union(&lesson.invalid).copied().collect();
        let mut told = self.address_map.told(self.inbound).await;
        let missing = |told: &Told| {
            let unknown =
                |id: NodeId| !refused.contains(&id) && told.advertise(self.inbound, id).is_none();
            found.brokers.iter().any(|broker| unknown(broker.node_id))
        };
        if told.table().topology_version() < lesson.version && missing(&told) {
            self.address_map
                .published(lesson.version, WAIT_FOR_TABLE)
                .await;
            told = self.address_map.told(self.inbound).await;
        }
        lesson
            .not_allowed
            .iter()
            .for_each(|_| self.metrics.broker_removed(RemovedBroker::NotAllowed));
        lesson
            .invalid
            .iter()
            .for_each(|_| self.metrics.broker_removed(RemovedBroker::Invalid));
        Ok(Placed { told, refused })
    }

    /// Writes the section of an answer anew.
    pub(crate) fn replace(
        &self,
        due: Due,
        found: &Found,
        arrived: &[u8],
        placed: &Placed,
    ) -> Result<Replaced, FrameError> {
        let mut place = |node_id| {
            let allowed = !placed.refused.contains(&node_id);
            allowed
                .then(|| placed.told.advertise(self.inbound, node_id))
                .flatten()
        };
        let replaced = answer::replace(found, arrived, &mut place)?;
        let not_mapped = |id: &&NodeId| !placed.refused.contains(id);
        for node_id in replaced.removed.iter().filter(not_mapped) {
            self.metrics.broker_removed(RemovedBroker::NotMapped);
            self.unmapped.tell(self.inbound.listener, *node_id);
        }
        let touched = replaced.rewritten > 0 || !replaced.removed.is_empty();
        self.count(
            due,
            if touched {
                Fate::Rewritten
            } else {
                Fate::Passed
            },
        );
        Ok(replaced)
    }
}
