//! Whether event loops run: each counts its own turns, somebody else looks whether they went on.
//!
//! Owns the counters. It must not know what runs on the loops, nor what follows when one stands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::sleep;

/// Counts the turns of one event loop.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Beats on the loop that this runs on, which it proves to run. Never returns. Cancel safe.
pub async fn beat(pulse: Pulse, every: Option<Duration>) {
    let Some(every) = every else {
        return std::future::pending().await;
    };
    loop {
        pulse.beat();
        sleep(every).await;
    }
}

/// All loops, and where their counters stood when they were last looked at.
#[derive(Debug)]
pub struct Pulses(Vec<(Pulse, u64)>);

impl Pulses {
    /// Of these loops.
    #[must_use]
    pub fn new(pulses: Vec<Pulse>) -> Self {
        let unseen = |pulse| (pulse, 0);
        Self(pulses.into_iter().map(unseen).collect())
    }

    /// The first loop that has not beaten since this was last asked.
    pub fn stopped(&mut self) -> Option<usize> {
        let mut stopped = None;
        for (nth, (pulse, seen)) in self.0.iter_mut().enumerate() {
            let now = pulse.0.load(Ordering::Relaxed);
            if now == *seen && stopped.is_none() {
                stopped = Some(nth);
            }
            *seen = now;
        }
        stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_loop_must_have_run_since_the_last_look() {
        let (first, second) = (Pulse::default(), Pulse::default());
        let mut pulses = Pulses::new(vec![first.clone(), second.clone()]);
        assert_eq!(pulses.stopped(), Some(0));
        first.beat();
        assert_eq!(pulses.stopped(), Some(1));
        first.beat();
        second.beat();
        assert_eq!(pulses.stopped(), None);
        second.beat();
        assert_eq!(pulses.stopped(), Some(0));
    }
}
