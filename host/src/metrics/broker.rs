//! What is counted for each broker.
//!
//! A series for each node id the cluster has told of, up to a bound: ids come from brokers, which
//! must not be able to grow the output without end. It must not know addresses.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::{Counters, Labels, Raised, Registrar, label_set, resolve};
use crate::kafka::NodeId;

/// Node ids with series of their own. Ten times the brokers of a large cluster.
const MOST_BROKERS: usize = 1_000;

/// The label value of all further ones.
const OTHER: &str = "other";

/// The label value of sessions that first contact was made on.
const BOOTSTRAP: &str = "bootstrap";

/// The registered families that have a `node_id` label.
#[derive(Debug)]
pub(super) struct Brokers {
    sessions: Family<Labels, Gauge>,
    opened: Counters,
    failed: Counters,
    requests: Counters,
    bytes: Counters,
    other: BrokerMetrics,
    each: Mutex<BTreeMap<Option<NodeId>, BrokerMetrics>>,
}

impl Brokers {
    pub(super) fn new(new: &mut Registrar<'_>) -> Arc<Self> {
        let sessions = Family::default();
        new.0.register(
            "broker_sessions",
            "Sessions connected to the broker now",
            sessions.clone(),
        );
        let opened = new.by_labels(
            "broker_sessions_opened",
            "Sessions that were connected to the broker",
        );
        let failed = new.by_labels(
            "broker_dials_failed",
            "Dials for the broker that did not end in a connection",
        );
        let requests = new.by_labels("broker_requests", "Requests forwarded to the broker");
        let bytes = new.by_labels(
            "broker_bytes",
            "Bytes forwarded: upstream is to the broker, downstream is from it to clients",
        );
        let handles =
            |name: &str| Self::handles((&sessions, [&opened, &failed, &requests, &bytes]), name);
        let (other, bootstrap) = (handles(OTHER), handles(BOOTSTRAP));
        Arc::new(Self {
            other,
            each: Mutex::new([(None, bootstrap)].into()),
            sessions,
            opened,
            failed,
            requests,
            bytes,
        })
    }

    fn handles(
        (sessions, [opened, failed, requests, bytes]): (&Family<Labels, Gauge>, [&Counters; 4]),
        node_id: &str,
    ) -> BrokerMetrics {
        let own = [("node_id", node_id)];
        let towards = |direction| resolve(bytes, &[("node_id", node_id), ("direction", direction)]);
        BrokerMetrics {
            sessions: sessions.get_or_create_owned(&label_set(&own)),
            opened: resolve(opened, &own),
            failed: resolve(failed, &own),
            requests: resolve(requests, &own),
            bytes_downstream: towards("downstream"),
            bytes_upstream: towards("upstream"),
        }
    }

    /// The handles of a broker, at zero from now on if they are new; `None` is first contact.
    pub(super) fn of(&self, node_id: Option<NodeId>) -> BrokerMetrics {
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = each.get(&node_id) {
            return known.clone();
        }
        let Some(id) = node_id.filter(|_| each.len() <= MOST_BROKERS) else {
            return self.other.clone();
        };
        let families = [&self.opened, &self.failed, &self.requests, &self.bytes];
        let handles = Self::handles((&self.sessions, families), &id.to_string());
        each.insert(node_id, handles.clone());
        handles
    }

    /// Sessions opened to any broker since start, and those alive.
    pub(super) fn sessions(&self) -> (u64, i64) {
        let each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        let all = each.values().chain([&self.other]);
        all.fold((0, 0), |(opened, alive), broker| {
            (opened + broker.opened.get(), alive + broker.sessions.get())
        })
    }
}

/// The handles of one broker. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BrokerMetrics {
    sessions: Gauge,
    opened: Counter,
    failed: Counter,
    requests: Counter,
    bytes_downstream: Counter,
    bytes_upstream: Counter,
}

impl BrokerMetrics {
    /// Counts a session that is connected to it, alive until the guard is dropped.
    #[must_use = "the session counts as alive only while the guard lives"]
    pub fn opened(&self) -> BrokerGuard {
        self.opened.inc();
        BrokerGuard {
            _alive: Raised::new(&self.sessions),
        }
    }

    /// Counts a dial for it that ended without a connection.
    pub fn dial_failed(&self) {
        self.failed.inc();
    }

    /// Counts a request forwarded to it.
    pub fn request(&self) {
        self.requests.inc();
    }

    /// Adds forwarded bytes: `downstream` came from it, `upstream` went to it.
    pub fn add_bytes(&self, downstream: u64, upstream: u64) {
        if downstream > 0 {
            self.bytes_downstream.inc_by(downstream);
        }
        if upstream > 0 {
            self.bytes_upstream.inc_by(upstream);
        }
    }
}

/// Keeps the gauge of the broker's sessions true, however the session ends.
#[derive(Debug)]
pub struct BrokerGuard {
    _alive: Raised,
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn ids_beyond_the_bound_share_one_series() {
        let mut registry = Registry::default();
        let brokers = Brokers::new(&mut Registrar(&mut registry));
        for id in 0..100_000 {
            drop(brokers.of(Some(NodeId(id))).opened());
        }
        assert_eq!(brokers.each.lock().unwrap().len(), MOST_BROKERS + 1);
        assert_eq!(brokers.other.opened.get(), 100_000 - 1_000);
        assert_eq!(brokers.sessions(), (100_000, 0));
    }
}
