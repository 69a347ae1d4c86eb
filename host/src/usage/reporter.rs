//! Brings what was counted into the ledger, seals reports when they are due, and says how it stands.
//!
//! Reads no clock: `flush` is told the time, every 10 seconds and at the end. Holds in memory only what
//! the ledger does not have yet. Blocking; nothing of the data plane waits for it.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::UsageError;
use super::facts::Facts;
use super::identity;
use super::ledger::{Bytes, Counted};
use super::payload::Errors;
use super::schedule::{self, Due, Now};
use super::store::{Books, Outcome, Store};
use crate::licence::UnixTime;
use crate::licence::claims::Reporting;

/// Counted since the process began.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Relayed.
    pub bytes: Bytes,
    /// Client connections.
    pub connections_opened: u64,
    /// Sessions now.
    pub sessions: u64,
    /// Brokers known now.
    pub brokers: u64,
    /// Brokers that could not be connected to.
    pub failed_dials: u64,
    /// TLS handshakes with clients that failed.
    pub failed_handshakes: u64,
}

/// Everything that a flush is told.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Both clocks.
    pub now: Now,
    /// What was counted.
    pub totals: Totals,
    /// About the installation, the licence's id included.
    pub facts: Facts,
    /// What was agreed.
    pub reporting: Reporting,
    /// The licence's source has nothing to use.
    pub licence_fails: bool,
}

/// How reporting stands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Status {
    /// Sealed reports without a receipt.
    pub undelivered: usize,
    /// The vendor has had nothing for longer than agreed.
    pub overdue: bool,
    /// The spool has no room: the open interval grows.
    pub spool_full: bool,
    /// When the vendor last had a report, by the vendor's clock.
    pub last_receipt: Option<UnixTime>,
    /// Flushes that failed, since the process began.
    pub flush_failures: u64,
    /// Things found wrong with what is kept, since the process began.
    pub faults: u64,
}

/// Between what is counted and what is kept. Shared by reference counting.
#[derive(Debug)]
pub struct Reporter {
    store: Store,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    /// What the ledger has of this process.
    flushed: Totals,
    up: Duration,
    peaks: Counted,
    licence_failed: bool,
    /// None until the first flush has seen the ledger.
    due: Option<Due>,
    status: Status,
    said: Said,
}

/// What was said last, so that it is not said every ten seconds.
#[derive(Debug, Default)]
struct Said {
    flush_error: Option<String>,
    overdue: Option<UnixTime>,
    full: bool,
}

impl Reporter {
    /// Opens what is kept in this state directory. A full disk is no reason not to start.
    ///
    /// # Errors
    /// When the folder can never be used: what could not be kept would never be reported.
    pub fn start(state_directory: &Path, now: Now) -> Result<Self, UsageError> {
        let store = Store::new(state_directory);
        let mut held = Held {
            flushed: Totals::default(),
            up: now.up,
            peaks: Counted::default(),
            licence_failed: false,
            due: None,
            status: Status::default(),
            said: Said::default(),
        };
        match store.open(now.wall) {
            Ok(mut books) => held.note_faults(&mut books),
            Err(error) if error.is_full_disk() || matches!(error, UsageError::Locked(_)) => {
                held.say_flush_error(&error);
            }
            Err(error) => return Err(error),
        }
        Ok(Self {
            store,
            held: Mutex::new(held),
        })
    }

    /// Where it is kept.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Brings the ledger up to date, seals a report if one is due, and says how it stands.
    pub fn flush(&self, reading: &Reading) -> Status {
        let mut held = self.held();
        held.peak(reading);
        match self.keep(&mut held, reading) {
            Ok(()) => held.said.flush_error = None,
            Err(error) => {
                held.status.flush_failures = held.status.flush_failures.saturating_add(1);
                held.say_flush_error(&error);
            }
        }
        held.say_overdue(reading);
        held.status
    }

    /// How it stood at the last flush.
    #[must_use]
    pub fn status(&self) -> Status {
        self.held().status
    }

    fn keep(&self, held: &mut Held, reading: &Reading) -> Result<(), UsageError> {
        let mut books = self.store.open(reading.now.wall)?;
        held.note_faults(&mut books);
        let (bytes, counted) = held.since_flushed(reading);
        books.add(bytes, &counted, &reading.facts);
        books.save()?;
        // From here on the ledger has it, whatever comes.
        held.flushed = reading.totals;
        held.up = reading.now.up;
        held.peaks = Counted::default();
        held.licence_failed = reading.licence_fails;
        let sealed = held.seal_when_due(&mut books, reading);
        held.status.undelivered = books.pending()?.len();
        held.status.last_receipt = books.last_receipt();
        held.status.overdue =
            books.is_overdue(reading.reporting.max_silence_days, reading.now.wall);
        sealed
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Every change leaves it whole, so a panic elsewhere is no reason to stop.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Peaks are kept over flushes that fail.
    fn peak(&mut self, reading: &Reading) {
        let totals = &reading.totals;
        self.peaks.add(&Counted {
            brokers: totals.brokers,
            peak_connections: totals.sessions,
            ..Counted::default()
        });
    }

    /// What the ledger does not have yet.
    fn since_flushed(&self, reading: &Reading) -> (Bytes, Counted) {
        let (now, before) = (&reading.totals, &self.flushed);
        let up = reading.now.up.saturating_sub(self.up);
        let counted = Counted {
            up_ms: u64::try_from(up.as_millis()).unwrap_or(u64::MAX),
            connections_opened: now
                .connections_opened
                .saturating_sub(before.connections_opened),
            errors: Errors {
                upstream_connect: now.failed_dials.saturating_sub(before.failed_dials),
                tls_handshake: now
                    .failed_handshakes
                    .saturating_sub(before.failed_handshakes),
                license_refresh: u64::from(reading.licence_fails && !self.licence_failed),
            },
            ..self.peaks
        };
        (now.bytes.minus(before.bytes), counted)
    }

    fn seal_when_due(&mut self, books: &mut Books, reading: &Reading) -> Result<(), UsageError> {
        let now = reading.now;
        let hours = reading.reporting.interval_h;
        let due = match self.due {
            Some(due) => due,
            None => *self.due.insert(first_due(books, now, hours)?),
        };
        if !due.is_reached(now) {
            return Ok(());
        }
        let outcome = books.seal(now.wall)?;
        self.status.spool_full = outcome == Outcome::Full;
        if self.status.spool_full && !self.said.full {
            tracing::warn!(
                "the usage spool is full: no more reports are sealed until some are delivered, what is \
                 counted goes into the next one"
            );
        }
        self.said.full = self.status.spool_full;
        // With a full spool it stays due.
        if let Outcome::Sealed(seq) = outcome {
            tracing::info!(seq, "usage report sealed");
            let interval = schedule::interval(hours, identity::random_u32()?);
            self.due = Some(Due::after(now, interval));
        }
        Ok(())
    }

    fn note_faults(&mut self, books: &mut Books) {
        for fault in books.take_faults() {
            self.status.faults = self.status.faults.saturating_add(1);
            tracing::warn!(fault, "usage: what is kept is not as it was left");
        }
    }

    fn say_flush_error(&mut self, error: &UsageError) {
        let error = error.in_full();
        if self.said.flush_error.as_ref() != Some(&error) {
            tracing::warn!(
                error,
                "usage cannot be kept: it is counted in memory until it can"
            );
            self.said.flush_error = Some(error);
        }
    }

    fn say_overdue(&mut self, reading: &Reading) {
        const DAILY: i64 = crate::licence::time::DAY;
        let now = reading.now.wall;
        if !self.status.overdue {
            if self.said.overdue.take().is_some() {
                tracing::info!("usage reporting is no longer overdue");
            }
            return;
        }
        let recently = |said: UnixTime| (0..DAILY).contains(&now.since(said));
        if !self.said.overdue.is_some_and(recently) {
            self.said.overdue = Some(now);
            tracing::warn!(
                undelivered = self.status.undelivered,
                max_silence_days = reading.reporting.max_silence_days,
                "usage reporting is overdue: let the proxy reach the usage endpoint, or carry reports by \
                 hand with `throughway usage export` and `import-receipt`"
            );
        }
    }
}

/// Of the first report of this process: soon after the start, but not sooner than an interval after the
/// report before, however often the process is started.
fn first_due(books: &Books, now: Now, hours: u32) -> Result<Due, UsageError> {
    let soon = schedule::first(identity::random_u32()?);
    if books.next_seq() == 0 {
        return Ok(Due::after(now, soon));
    }
    let interval = schedule::interval(hours, identity::random_u32()?);
    let passed = u64::try_from(now.wall.since(books.since())).unwrap_or_default();
    let left = interval.saturating_sub(Duration::from_secs(passed));
    Ok(Due::after(now, left.max(soon)))
}

#[cfg(test)]
mod tests;
