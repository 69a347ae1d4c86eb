//! What is counted for each API: one pre-resolved counter each, so that a request costs an addition.
//!
//! The label set is closed: Kafka's published APIs, and one value for every other key.

use prometheus_client::metrics::counter::Counter;

use super::{Counters, resolve};
use crate::kafka::{ApiKey, names};

/// The label value of keys that have no name.
pub(super) const UNKNOWN: &str = "unknown";

/// Requests forwarded, by API.
#[derive(Debug)]
pub(super) struct RequestCounters {
    /// Indexed by key; those of brokers among themselves, which are never forwarded, stand for
    /// `unknown`.
    by_key: Vec<Counter>,
    unknown: Counter,
}

impl RequestCounters {
    pub(super) fn new(family: &Counters) -> Self {
        let unknown = resolve(family, &[("api", UNKNOWN)]);
        let mut by_key = Vec::new();
        for (key, name) in names::of_clients() {
            let index = usize::try_from(key.0).unwrap_or_default();
            by_key.resize(index, unknown.clone());
            by_key.push(resolve(family, &[("api", name)]));
        }
        Self { by_key, unknown }
    }

    pub(super) fn of(&self, api_key: ApiKey) -> &Counter {
        let index = usize::try_from(api_key.0).ok();
        let known = index.and_then(|index| self.by_key.get(index));
        known.unwrap_or(&self.unknown)
    }

    /// Every API that has a name of its own, and what was counted.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let named = names::of_clients().map(|(key, name)| (name, self.of(key).get()));
        named.chain([(UNKNOWN, self.unknown.get())])
    }
}
