//! Room for connections: so many at a time, and one that waits for a request makes room for a new one.
//!
//! Whoever opens connections and says nothing only pushes out others like that, the oldest first. It
//! must not know sockets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// All slots.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    most: usize,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    open: usize,
    next: u64,
    /// Those without a request under way, by when they began to wait.
    waiting: BTreeMap<u64, CancellationToken>,
}

/// One connection's place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Slots,
    turn: Mutex<Option<u64>>,
    /// Cancelled: another connection needs the place.
    pub(crate) displaced: CancellationToken,
}

impl Slots {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            inner: Arc::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place, if need be that of the connection that has waited longest; `None` when every
    /// connection has a request under way.
    pub(crate) fn enter(&self) -> Option<Slot> {
        let displaced = CancellationToken::new();
        let mut inner = self.inner();
        if inner.open >= self.most {
            let (_, oldest) = inner.waiting.pop_first()?;
            oldest.cancel();
            inner.open = inner.open.saturating_sub(1);
        }
        inner.open += 1;
        let turn = inner.wait(&displaced);
        drop(inner);
        Some(Slot {
            slots: self.clone(),
            turn: Mutex::new(Some(turn)),
            displaced,
        })
    }
}

impl Inner {
    fn wait(&mut self, displaced: &CancellationToken) -> u64 {
        let turn = self.next;
        self.next += 1;
        self.waiting.insert(turn, displaced.clone());
        turn
    }
}

impl Slot {
    fn turn(&self) -> MutexGuard<'_, Option<u64>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request is under way: the place is kept until `waits`.
    pub(crate) fn works(&self) {
        if let Some(turn) = self.turn().take() {
            self.slots.inner().waiting.remove(&turn);
        }
    }

    /// Waits for the next request.
    pub(crate) fn waits(&self) {
        let mut turn = self.turn();
        let mut inner = self.slots.inner();
        if turn.is_none() && !self.displaced.is_cancelled() {
            *turn = Some(inner.wait(&self.displaced));
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let turn = self.turn().take();
        let mut inner = self.slots.inner();
        if let Some(turn) = turn {
            inner.waiting.remove(&turn);
        }
        // Whoever was displaced has left its place already.
        if !self.displaced.is_cancelled() {
            inner.open = inner.open.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_waits_longest_makes_room() {
        let slots = Slots::new(2);
        let (first, second) = (slots.enter().unwrap(), slots.enter().unwrap());
        first.works();
        first.waits();
        let _third = slots.enter().unwrap();
        assert!(second.displaced.is_cancelled() && !first.displaced.is_cancelled());
        drop(second);
        let _fourth = slots.enter().unwrap();
        assert!(first.displaced.is_cancelled());
    }

    #[test]
    fn who_works_is_not_displaced() {
        let slots = Slots::new(1);
        let busy = slots.enter().unwrap();
        busy.works();
        assert!(slots.enter().is_none());
        busy.waits();
        let next = slots.enter().unwrap();
        assert!(busy.displaced.is_cancelled());
        // One that was displaced as it answered does not come back.
        busy.works();
        busy.waits();
        next.works();
        assert!(slots.enter().is_none());
        drop(next);
        assert!(slots.enter().is_some());
    }
}
