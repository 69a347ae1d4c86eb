//! Who is connected: every live session, what is known of it, and which of them are asked to end.
//!
//! Sessions write what they learn of themselves; whoever lists them only reads. A session that begins,
//! or finds its broker, while its kind is closed is asked to end at once, so none slips through. It
//! must not know sockets, frames or HTTP.

mod entry;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::{Bound, Deref};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

pub use self::entry::{Entry, Login, Route, Who};
use crate::kafka::NodeId;

/// Which sessions.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Scope {
    /// Every one.
    All,
    /// Those that came in by this listener, an index into `Config::listeners`.
    Listener(usize),
    /// Those of this broker.
    Broker(NodeId),
}

/// Which sessions to list. An empty one is all of them.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only those that came in by this listener.
    pub listener: Option<usize>,
    /// Only those of this broker.
    pub broker: Option<NodeId>,
    /// Only those of clients at this address.
    pub client: Option<IpAddr>,
    /// Only those with a greater id: where the page before ended.
    pub after: u64,
}

impl Wanted {
    fn has(&self, entry: &Entry) -> bool {
        self.listener
            .is_none_or(|listener| listener == entry.listener)
            && self
                .broker
                .is_none_or(|broker| entry.node_id() == Some(broker))
            && self
                .client
                .is_none_or(|client| client.to_canonical() == entry.client().ip().to_canonical())
    }
}

/// All live sessions.
#[derive(Debug, Default)]
pub struct Inventory {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    live: BTreeMap<u64, Arc<Entry>>,
    closed: BTreeSet<Scope>,
}

impl State {
    fn is_closed_to(&self, entry: &Entry) -> bool {
        self.closed.iter().any(|scope| entry.is_in(*scope))
    }
}

/// A session's place in the inventory, until dropped.
#[derive(Debug)]
pub struct Present {
    inventory: Arc<Inventory>,
    entry: Arc<Entry>,
}

impl Deref for Present {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.entry
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.inventory.state().live.remove(&self.entry.id);
    }
}

impl Inventory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a session that begins now; `cut` ends it at once when cancelled.
    #[must_use]
    pub fn enter(
        self: &Arc<Self>,
        id: u64,
        listener: usize,
        peer: SocketAddr,
        cut: CancellationToken,
    ) -> Present {
        let entry = Arc::new(Entry::new(id, listener, peer, cut));
        let mut state = self.state();
        if state.is_closed_to(&entry) {
            entry.polite.cancel();
        }
        state.live.insert(id, Arc::clone(&entry));
        Present {
            inventory: Arc::clone(self),
            entry,
        }
    }

    /// Notes which broker a session has found.
    pub fn routed(&self, entry: &Entry, route: Route) {
        let state = self.state();
        entry.set_route(route);
        if state.is_closed_to(entry) {
            entry.polite.cancel();
        }
    }

    /// Sessions with such a broker that were not asked to end yet.
    #[must_use]
    pub fn routed_where(&self, is_such: impl Fn(&Route) -> bool) -> Vec<Arc<Entry>> {
        let state = self.state();
        let is_such = |entry: &&Arc<Entry>| {
            !entry.polite.is_cancelled() && entry.route().is_some_and(&is_such)
        };
        state.live.values().filter(is_such).cloned().collect()
    }

    /// The session with this id.
    #[must_use]
    pub fn entry(&self, id: u64) -> Option<Arc<Entry>> {
        self.state().live.get(&id).cloned()
    }

    /// Up to `most` sessions in the order of their ids, and whether there are more.
    #[must_use]
    pub fn list(&self, wanted: &Wanted, most: usize) -> (Vec<Arc<Entry>>, bool) {
        let state = self.state();
        let range = (Bound::Excluded(wanted.after), Bound::Unbounded);
        let mut found = state
            .live
            .range(range)
            .filter(|(_, entry)| wanted.has(entry));
        let page = found
            .by_ref()
            .take(most)
            .map(|(_, entry)| Arc::clone(entry));
        let page = page.collect();
        (page, found.next().is_some())
    }

    /// How many sessions are alive.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().live.len()
    }

    /// True when nobody is connected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// From now on, sessions of this scope are asked to end as soon as they begin or find their
    /// broker. Returns those that are alive and not asked yet.
    pub fn close(&self, scope: Scope) -> Vec<Arc<Entry>> {
        let mut state = self.state();
        state.closed.insert(scope);
        let mut live: Vec<_> = state.live.values().map(Arc::clone).collect();
        live.retain(|entry| entry.is_in(scope) && !entry.polite.is_cancelled());
        live
    }

    /// Takes every `close` back. Sessions that were asked to end do end.
    pub fn reopen(&self) {
        self.state().closed.clear();
    }

    /// Whether sessions of this scope are asked to end as they begin.
    #[must_use]
    pub fn is_closed(&self, scope: Scope) -> bool {
        self.state().closed.contains(&scope)
    }

    /// What is closed.
    #[must_use]
    pub fn closed(&self) -> Vec<Scope> {
        self.state().closed.iter().copied().collect()
    }
}
