//! The polite end: stop accepting, finish what is in flight, close broker by broker.
//!
//! Owns the tokens that sessions and accept loops listen to, and the count of sessions per broker. It
//! must not know what a session does with them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::ShutdownConfig;
use crate::kafka::NodeId;

/// The one drain of the process.
#[derive(Debug, Default)]
pub struct Drain {
    /// Cancelled: nothing is accepted any more.
    pub accepting: CancellationToken,
    /// Cancelled: sessions that have no broker yet are closed.
    pub unrouted: CancellationToken,
    /// Cancelled: every session ends at once.
    pub cut: CancellationToken,
    /// Every session's task.
    pub sessions: TaskTracker,
    brokers: Mutex<BTreeMap<Option<NodeId>, Group>>,
}

/// The sessions of one broker; `None` are those of bootstrap servers.
#[derive(Debug, Default)]
struct Group {
    polite: CancellationToken,
    live: usize,
}

/// A session's membership in its broker's group.
#[derive(Debug)]
pub struct Member {
    drain: Arc<Drain>,
    node_id: Option<NodeId>,
    /// Cancelled: take no more requests, deliver what is due, close.
    pub polite: CancellationToken,
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(group) = self.drain.groups().get_mut(&self.node_id) {
            group.live = group.live.saturating_sub(1);
        }
    }
}

impl Drain {
    fn groups(&self) -> MutexGuard<'_, BTreeMap<Option<NodeId>, Group>> {
        self.brokers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the group of a broker.
    #[must_use]
    pub fn join(self: &Arc<Self>, node_id: Option<NodeId>) -> Member {
        let mut groups = self.groups();
        let group = groups.entry(node_id).or_default();
        group.live += 1;
        Member {
            drain: Arc::clone(self),
            node_id,
            polite: group.polite.clone(),
        }
    }

    /// Runs the drain; returns how many sessions had to be cut when the grace time was over.
    pub async fn run(&self, config: &ShutdownConfig) -> usize {
        let end = Instant::now() + config.grace;
        self.accepting.cancel();
        self.unrouted.cancel();
        self.sessions.close();
        let groups = self.polite_groups();
        let pause = self.pause(config, groups.len());
        for (nth, polite) in groups.iter().enumerate() {
            if nth > 0 && !pause.is_zero() {
                sleep(pause).await;
            }
            polite.cancel();
        }
        if timeout_at(end, self.sessions.wait()).await.is_ok() {
            return 0;
        }
        let cut = self.sessions.len();
        self.cut.cancel();
        self.sessions.wait().await;
        cut
    }

    /// Groups with live sessions, bootstrap first, then by node id; the others' tokens are cancelled
    /// as well, for sessions that join late.
    fn polite_groups(&self) -> Vec<CancellationToken> {
        let groups = self.groups();
        let (live, idle): (Vec<_>, Vec<_>) = groups.values().partition(|group| group.live > 0);
        for group in idle {
            group.polite.cancel();
        }
        live.into_iter().map(|group| group.polite.clone()).collect()
    }

    /// The configured pause, shortened when all pauses would not fit into the grace time.
    fn pause(&self, config: &ShutdownConfig, brokers: usize) -> Duration {
        let pauses = u32::try_from(brokers.saturating_sub(1)).unwrap_or(u32::MAX);
        let wanted = config.delay_between_brokers;
        if pauses == 0 || wanted.saturating_mul(pauses) <= config.grace / 2 {
            return wanted;
        }
        let pause = config.grace / 2 / pauses;
        tracing::warn!(
            wanted_ms = wanted.as_millis(),
            pause_ms = pause.as_millis(),
            brokers,
            "GATEWAY_SHUTDOWN_DELAY_BETWEEN_BROKERS_MS shortened to fit into \
             GATEWAY_SHUTDOWN_GRACE_MS",
        );
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(grace: u64, delay: u64) -> ShutdownConfig {
        ShutdownConfig {
            grace: Duration::from_secs(grace),
            delay_between_brokers: Duration::from_secs(delay),
            readiness_delay: Duration::ZERO,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn closes_broker_by_broker_with_the_pause_between() {
        let drain = Arc::new(Drain::default());
        let began = Instant::now();
        let mut ends = Vec::new();
        for node_id in [5, 1] {
            let member = drain.join(Some(NodeId(node_id)));
            ends.push(drain.sessions.spawn(async move {
                member.polite.cancelled().await;
                began.elapsed().as_secs()
            }));
        }
        assert_eq!(drain.run(&config(30, 2)).await, 0);
        assert_eq!(ends.remove(0).await.unwrap(), 2);
        assert_eq!(ends.remove(0).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn cuts_what_has_not_ended_within_the_grace_time() {
        let drain = Arc::new(Drain::default());
        let member = drain.join(None);
        let cut = drain.cut.clone();
        drain.sessions.spawn(async move {
            cut.cancelled().await;
            drop(member);
        });
        assert_eq!(drain.run(&config(3, 0)).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn shortens_pauses_that_do_not_fit() {
        let drain = Drain::default();
        assert_eq!(drain.pause(&config(10, 60), 6), Duration::from_secs(1));
        assert_eq!(drain.pause(&config(10, 1), 6), Duration::from_secs(1));
    }
}
