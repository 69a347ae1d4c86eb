//! What is counted for each API: a pre-resolved handle each, so that a request costs an addition.
//!
//! The label set is closed: Kafka's published APIs, and one value for every other key.

use crate::kafka::{ApiKey, names};

/// The label value of keys that have no name.
pub(super) const UNKNOWN: &str = "unknown";

/// A handle for each API, by key.
#[derive(Debug)]
pub(super) struct ByApi<T> {
    /// Indexed by key; those of brokers among themselves, which are never forwarded, stand for
    /// `unknown`.
    by_key: Vec<T>,
    unknown: T,
}

impl<T: Clone> ByApi<T> {
    /// Makes each handle from the name of its API; clones of one must count together.
    pub(super) fn new(of: impl Fn(&'static str) -> T) -> Self {
        let unknown = of(UNKNOWN);
        let mut by_key = Vec::new();
        for (key, name) in names::of_clients() {
            let index = usize::try_from(key.0).unwrap_or_default();
            by_key.resize(index, unknown.clone());
            by_key.push(of(name));
        }
        Self { by_key, unknown }
    }

    pub(super) fn of(&self, api_key: ApiKey) -> &T {
        let index = usize::try_from(api_key.0).ok();
        let known = index.and_then(|index| self.by_key.get(index));
        known.unwrap_or(&self.unknown)
    }

    /// Every API that has a name of its own, and its handle.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'static str, &T)> {
        let named = names::of_clients().map(|(key, name)| (name, self.of(key)));
        named.chain([(UNKNOWN, &self.unknown)])
    }
}
