//! The polite end: stop accepting, finish what is in flight, close broker by broker; or the same for
//! some sessions only, while the process goes on.
//!
//! Owns the tokens that accept loops listen to and every session's task; whom to ask is the
//! inventory's to know. It must not know what a session does when it is asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::ShutdownConfig;
use crate::inventory::{Entry, Inventory, Scope};
use crate::kafka::NodeId;

/// The one drain of the process.
#[derive(Debug, Default)]
pub struct Drain {
    /// Cancelled: nothing is accepted any more.
    pub accepting: CancellationToken,
    /// Cancelled: every session ends at once.
    pub cut: CancellationToken,
    /// Every session's task.
    pub sessions: TaskTracker,
    /// Every session, and who may not go on.
    pub inventory: Arc<Inventory>,
    /// Those that ask sessions broker by broker, and cut them when their grace time is over.
    waiting: TaskTracker,
    ending: AtomicBool,
}

impl Drain {
    /// Runs the drain of the process; returns how many sessions had to be cut when the grace time was
    /// over.
    pub async fn run(&self, config: &ShutdownConfig) -> usize {
        let end = Instant::now() + config.grace;
        self.begin_end();
        self.accepting.cancel();
        self.sessions.close();
        let groups = by_broker(&self.inventory.close(Scope::All));
        let pause = self.pause(config, groups.len());
        ask(&groups, pause).await;
        if timeout_at(end, self.sessions.wait()).await.is_ok() {
            return 0;
        }
        let cut = self.sessions.len();
        self.cut.cancel();
        self.sessions.wait().await;
        cut
    }

    /// The process is on its way to its end, although it may still accept for a while.
    pub fn begin_end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// True from then on; nothing can be taken back.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Asks the sessions of a scope to end, broker by broker, and whoever comes later, until
    /// `take_back`. Those alive after the grace time are cut. Returns how many are asked. Must be called
    /// on a runtime.
    pub fn close(&self, scope: Scope, config: &ShutdownConfig) -> usize {
        let asked = self.inventory.close(scope);
        self.end(&asked, config);
        asked.len()
    }

    /// Asks one session to end; false when there is none with this id. Must be called on a runtime.
    #[must_use]
    pub fn end_one(&self, id: u64, config: &ShutdownConfig) -> bool {
        let entry = self.inventory.entry(id);
        self.end(entry.as_slice(), config);
        entry.is_some()
    }

    /// Lets sessions begin again; those that were asked to end do end.
    pub fn take_back(&self) {
        self.inventory.reopen();
    }

    /// Asks these to end, broker by broker, and cuts those alive after the grace time. Must be called on a
    /// runtime.
    pub fn end(&self, asked: &[Arc<Entry>], config: &ShutdownConfig) {
        let end = Instant::now() + config.grace;
        let groups = by_broker(asked);
        let pause = self.pause(config, groups.len());
        let cut: Vec<_> = asked.iter().map(|entry| entry.cut.clone()).collect();
        self.waiting.spawn(async move {
            ask(&groups, pause).await;
            sleep_until(end).await;
            cut.iter().for_each(CancellationToken::cancel);
        });
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

/// What asks the sessions of each broker to end.
type Groups = BTreeMap<Option<NodeId>, Vec<CancellationToken>>;

/// Asks group after group, with the pause between.
async fn ask(groups: &Groups, pause: Duration) {
    for (nth, polite) in groups.values().enumerate() {
        if nth > 0 && !pause.is_zero() {
            sleep(pause).await;
        }
        polite.iter().for_each(CancellationToken::cancel);
    }
}

/// Bootstrap first, then by node id. Whoever has no broker yet is ended at once.
fn by_broker(entries: &[Arc<Entry>]) -> Groups {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in entries {
        match entry.route() {
            None => entry.polite.cancel(),
            Some(route) => {
                let group = groups.entry(route.node_id).or_default();
                group.push(entry.polite.clone());
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::inventory::{Present, Route};
    use crate::kafka::Endpoint;

    fn config(grace: u64, delay: u64) -> ShutdownConfig {
        ShutdownConfig {
            grace: Duration::from_secs(grace),
            delay_between_brokers: Duration::from_secs(delay),
            readiness_delay: Duration::ZERO,
        }
    }

    fn session(drain: &Drain, id: u64, node_id: Option<i32>) -> Present {
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        let cut = drain.cut.child_token();
        let present = drain.inventory.enter(id, 0, peer, cut);
        let upstream = Endpoint {
            host: "broker.test".to_owned(),
            port: 9092,
        };
        let route = Route {
            node_id: node_id.map(NodeId),
            upstream,
            provisional: false,
        };
        drain.inventory.routed(&present, route);
        present
    }

    #[tokio::test(start_paused = true)]
    async fn closes_broker_by_broker_with_the_pause_between() {
        let drain = Drain::default();
        let began = Instant::now();
        let mut ends = Vec::new();
        for node_id in [5, 1] {
            let present = session(&drain, 10 - node_id, Some(i32::try_from(node_id).unwrap()));
            ends.push(drain.sessions.spawn(async move {
                present.polite.cancelled().await;
                began.elapsed().as_secs()
            }));
        }
        assert_eq!(drain.run(&config(30, 2)).await, 0);
        assert_eq!(ends.remove(0).await.unwrap(), 2);
        assert_eq!(ends.remove(0).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn cuts_what_has_not_ended_within_the_grace_time() {
        let drain = Drain::default();
        let present = session(&drain, 1, None);
        drain.sessions.spawn(async move {
            present.cut.cancelled().await;
        });
        assert_eq!(drain.run(&config(3, 0)).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn ends_one_session_politely_and_cuts_it_after_its_grace_time() {
        let drain = Drain::default();
        let (one, other) = (session(&drain, 1, Some(5)), session(&drain, 2, Some(5)));
        let began = Instant::now();
        assert!(drain.end_one(1, &config(3, 0)));
        assert!(!drain.end_one(7, &config(3, 0)));
        one.polite.cancelled().await;
        assert!(began.elapsed().is_zero() && !one.cut.is_cancelled());
        one.cut.cancelled().await;
        assert_eq!(began.elapsed().as_secs(), 3);
        assert!(!other.polite.is_cancelled() && !other.cut.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_scope_is_closed_broker_by_broker_until_that_is_taken_back() {
        let drain = Drain::default();
        let began = Instant::now();
        let (one, five) = (session(&drain, 1, Some(1)), session(&drain, 2, Some(5)));
        assert_eq!(drain.close(Scope::All, &config(30, 2)), 2);
        five.polite.cancelled().await;
        assert_eq!(began.elapsed().as_secs(), 2);
        assert!(one.polite.is_cancelled() && !drain.is_final());
        assert!(session(&drain, 3, Some(1)).polite.is_cancelled());
        drain.take_back();
        assert!(!session(&drain, 4, Some(1)).polite.is_cancelled());
        five.cut.cancelled().await;
        assert_eq!(began.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn shortens_pauses_that_do_not_fit() {
        let drain = Drain::default();
        assert_eq!(drain.pause(&config(10, 60), 6), Duration::from_secs(1));
        assert_eq!(drain.pause(&config(10, 1), 6), Duration::from_secs(1));
    }
}
