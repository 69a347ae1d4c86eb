//! Load that goes on while something breaks, and the check that nothing of it was lost.
//!
//! Three kinds at once, each with an account of what it was promised: an idempotent writer, a writer in
//! transactions, and a group that reads both. What the accounts must add up to is in [`check`]. It must
//! not know what is between the clients and the brokers.

pub mod check;
mod client;
mod group;
mod transactions;
mod writer;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use self::check::{Accounts, Topic, Transaction, place};
pub use self::client::Way;

/// Partitions of each topic: more than there are brokers, so that each leads some.
pub const PARTITIONS: i32 = 6;

/// The longest that anything here is waited for on a machine that is busy with others.
const LIMIT: Duration = Duration::from_secs(120);

/// What goes on.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Records acknowledged to the idempotent writer.
    Written,
    /// Transactions committed.
    Committed,
    /// Records that the group has read.
    Read,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Written, Self::Committed, Self::Read];
}

/// How often each kind has happened, and what ends them all.
#[derive(Debug, Default)]
struct Progress {
    counts: Mutex<[u64; 3]>,
    changed: Condvar,
    stop: AtomicBool,
    /// How often the idempotent writer has asked where its partitions are led.
    refreshes: AtomicU64,
    /// Why a client ended before it was told to.
    broken: Mutex<Option<String>>,
}

impl Progress {
    fn add(&self, kind: Kind, count: u64) {
        self.counts.lock().unwrap()[kind as usize] += count;
        self.changed.notify_all();
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// Runs a client, and tells those who wait for it when it fails.
    fn watch<T>(&self, what: &str, client: impl FnOnce() -> Result<T>) -> Result<T> {
        let result = client();
        if let Err(error) = &result {
            let mut broken = self.broken.lock().unwrap();
            broken.get_or_insert_with(|| format!("{what}: {error:#}"));
            drop(broken);
            self.changed.notify_all();
        }
        result
    }
}

/// Running load; its threads end when it is stopped.
#[derive(Debug)]
pub struct Load {
    through: Way,
    names: Names,
    progress: Arc<Progress>,
    writer: JoinHandle<Result<check::Acknowledged>>,
    transactions: JoinHandle<Result<Vec<Transaction>>>,
    members: Vec<JoinHandle<Result<Vec<check::Seen>>>>,
}

/// What one load calls its own.
#[derive(Clone, Debug)]
struct Names {
    written: String,
    transactional: String,
    group: String,
}

impl Load {
    /// Makes two topics named after `name` and begins; returns once all three kinds are under way.
    ///
    /// # Errors
    ///
    /// When the topics cannot be made, or nothing moves.
    pub async fn start(through: &Way, name: &str) -> Result<Self> {
        let names = Names {
            written: format!("{name}-written"),
            transactional: format!("{name}-transactional"),
            group: format!("{name}-group"),
        };
        client::create_topics(through, &[&names.written, &names.transactional]).await?;
        let progress = Arc::new(Progress::default());
        let shared = || (through.clone(), names.clone(), Arc::clone(&progress));
        let (way, own, counted) = shared();
        let writer = thread::spawn(move || {
            counted.watch("writer", || writer::run(&way, &own.written, &counted))
        });
        let (way, own, counted) = shared();
        let transactions = thread::spawn(move || {
            let client = || transactions::run(&way, &own.transactional, &counted);
            counted.watch("writer in transactions", client)
        });
        // Two, so that there is somebody to take over from.
        let members = [shared(), shared()].map(|(way, own, counted)| {
            thread::spawn(move || counted.watch("member", || group::run(&way, &own, &counted)))
        });
        let load = Self {
            through: through.clone(),
            writer,
            transactions,
            members: members.into(),
            names,
            progress,
        };
        load.wait_for_all(LIMIT).context("start the load")?;
        Ok(load)
    }

    /// The topic of the idempotent writer.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.names.written
    }

    /// How often the idempotent writer had asked where its partitions are led, half a second ago.
    #[must_use]
    pub fn refreshes(&self) -> u64 {
        self.progress.refreshes.load(Ordering::Relaxed)
    }

    /// Waits until every kind has gone on from here, and says how long that took.
    ///
    /// # Errors
    ///
    /// When one of them stands still for that long, or its client failed; names it.
    pub fn wait_for_all(&self, limit: Duration) -> Result<Duration> {
        let began = Instant::now();
        let mut counts = self.progress.counts.lock().unwrap();
        let before = *counts;
        loop {
            if let Some(why) = &*self.progress.broken.lock().unwrap() {
                bail!("{why}");
            }
            let still = |kind: &Kind| counts[*kind as usize] == before[*kind as usize];
            let waiting: Vec<Kind> = Kind::ALL.into_iter().filter(still).collect();
            let left = limit.saturating_sub(began.elapsed());
            if waiting.is_empty() {
                return Ok(began.elapsed());
            }
            if left.is_zero() {
                bail!("nothing more {waiting:?} for {limit:?}");
            }
            counts = self.progress.changed.wait_timeout(counts, left).unwrap().0;
        }
    }

    /// Ends it and compares what was promised with what is there: read from the brokers themselves by
    /// `direct`, and once more through whatever is in between.
    ///
    /// # Errors
    ///
    /// With everything that is wrong.
    pub fn stop_and_check(self, direct: &Way) -> Result<String> {
        self.progress.stop.store(true, Ordering::Relaxed);
        let died = |_| anyhow::anyhow!("a client's thread panicked");
        let acknowledged = self.writer.join().map_err(died)??;
        let transactions = self.transactions.join().map_err(died)??;
        let mut seen = Vec::new();
        for member in self.members {
            seen.extend(member.join().map_err(died)??);
        }
        let ways = (direct, &self.through);
        let committed = transactions.iter().map(Transaction::promised);
        let (written, transactional) = (
            read(ways, &self.names.written, acknowledged.len())?,
            read(ways, &self.names.transactional, committed.sum())?,
        );
        // Whatever the group had not come to yet when it was stopped.
        let mut missing: BTreeSet<_> = [&written, &transactional]
            .into_iter()
            .flat_map(|topic| topic.direct.iter().map(|record| place(&topic.name, record)))
            .collect();
        for seen in &seen {
            missing.remove(&seen.place());
        }
        let group = (
            &*self.names.group,
            &[&*written.name, &*transactional.name][..],
        );
        seen.extend(client::read_rest(&self.through, group, missing)?);
        let accounts = Accounts {
            acknowledged,
            transactions,
            seen,
            written,
            transactional,
        };
        let violations = accounts.violations();
        if violations.is_empty() {
            return Ok(accounts.summary());
        }
        let shown: Vec<_> = violations.iter().take(20).collect();
        bail!("{} violations: {shown:#?}", violations.len())
    }
}

/// A topic of which so many records were promised, as both observers have it. Brokers that have just
/// begun to lead tell how far a topic may be read a moment late, as do markers of transactions: whoever
/// finds too few looks again, and what is lost stays lost.
fn read((direct, through): (&Way, &Way), name: &str, promised: usize) -> Result<Topic> {
    let deadline = Instant::now() + LIMIT;
    loop {
        let topic = Topic {
            name: name.to_owned(),
            direct: client::read_all(direct, name)?,
            through: client::read_all(through, name)?,
        };
        let late = topic.direct.len() < promised || topic.is_behind();
        if !late || Instant::now() > deadline {
            return Ok(topic);
        }
    }
}
