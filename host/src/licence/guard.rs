//! Holds the licence in use: takes a better one when its source has one, keeps the last good one
//! otherwise, and says whether new sessions are accepted.
//!
//! Reads no clock: every method is told what the clock shows. `tick` is to be called every few
//! seconds, and `refresh` when the source may have changed (after each `pause`, and on SIGHUP).
//! It must not know sessions, listeners or HTTP.

mod choose;
mod pace;
mod say;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::anchors::Trust;
use super::error::LicenceError;
use super::source::Source;
use super::state::{HighWater, State, remaining_days};
use super::store::Store;
use super::time::UnixTime;
use super::token::Licence;
use crate::config::Secret;

/// How often the clock's high-water mark is kept, in seconds.
const KEEP_CLOCK: i64 = 600;

/// The licence in use. Shared by reference counting.
#[derive(Debug)]
pub struct Guard {
    trust: Trust,
    source: Source,
    store: Store,
    serves: AtomicBool,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    current: Option<Current>,
    /// Why the source's present text is not `current`.
    refusal: Option<Refusal>,
    /// Reads in a row that came to a refusal.
    failures: u32,
    high_water: HighWater,
    clock_kept: UnixTime,
    last_success: Option<UnixTime>,
    said: say::Said,
}

#[derive(Clone, Debug)]
struct Current {
    token: Secret,
    licence: Licence,
}

#[derive(Debug)]
struct Refusal {
    state: State,
    kind: String,
    text: String,
}

/// What a refresh came to.
#[derive(Debug)]
pub enum Refreshed {
    /// The source has the token in use.
    Unchanged,
    /// The source's licence is in use now.
    Replaced {
        /// The one until now, if any.
        before: Option<Box<Licence>>,
        /// The one from now on.
        after: Box<Licence>,
    },
    /// The source has nothing better; what was in use still is.
    Refused(LicenceError),
}

/// Everything to be told about the licence.
#[derive(Clone, Debug)]
pub struct Status {
    /// What it amounts to now.
    pub state: State,
    /// The one in use.
    pub licence: Option<Licence>,
    /// Whole days until its end, without grace; negative from its end on.
    pub remaining_days: Option<i64>,
    /// The variable it comes from.
    pub source: &'static str,
    /// When the source last had the licence in use.
    pub last_success: Option<UnixTime>,
    /// Why what the source has now is not in use.
    pub candidate_error: Option<String>,
    /// Seconds by which the clock is behind what it has shown before, when that is too much.
    pub clock_behind: Option<i64>,
}

impl Guard {
    /// Reads the source and decides whether the process may start.
    ///
    /// The token that an earlier run kept steps in for a source that cannot be read. Without one, only
    /// a source that will have one later lets the process start, not ready.
    ///
    /// # Errors
    /// `LicenceError`: refused, exit 78.
    pub fn start(
        source: Source,
        state_directory: &Path,
        clock: UnixTime,
    ) -> Result<Self, LicenceError> {
        Self::start_with(Trust::built_in(), source, state_directory, clock)
    }

    fn start_with(
        trust: Trust,
        source: Source,
        state_directory: &Path,
        clock: UnixTime,
    ) -> Result<Self, LicenceError> {
        let store = Store::new(state_directory);
        let mut high_water = HighWater(trust.source_time);
        if let Some(kept) = store.high_water() {
            high_water.raise(kept);
        }
        let guard = Self {
            trust,
            source,
            store,
            serves: AtomicBool::new(false),
            held: Mutex::new(Held {
                current: None,
                refusal: None,
                failures: 0,
                high_water,
                clock_kept: clock,
                last_success: None,
                said: say::Said::default(),
            }),
        };
        guard.first(clock)?;
        guard.tick(clock);
        Ok(guard)
    }

    /// Whether new sessions are accepted, as of the last `tick` or `refresh`. One atomic load.
    #[must_use]
    pub fn allows_new_sessions(&self) -> bool {
        self.serves.load(Ordering::Relaxed)
    }

    /// What the licence amounts to.
    #[must_use]
    pub fn state(&self, clock: UnixTime) -> State {
        self.judge(&self.held(), clock)
    }

    /// Whole days until the licence's end, without grace; negative from its end on.
    #[must_use]
    pub fn remaining_days(&self, clock: UnixTime) -> Option<i64> {
        self.held().remaining_days(clock)
    }

    /// Everything to be told about the licence.
    #[must_use]
    pub fn status(&self, clock: UnixTime) -> Status {
        let held = self.held();
        Status {
            state: self.judge(&held, clock),
            licence: held.current.as_ref().map(|current| current.licence.clone()),
            remaining_days: held.remaining_days(clock),
            source: self.source.variable(),
            last_success: held.last_success,
            candidate_error: held.refusal.as_ref().map(|refusal| refusal.text.clone()),
            clock_behind: held.high_water.read(clock).behind,
        }
    }

    /// Brings everything up to this moment: the answer of `allows_new_sessions`, the log's reminders,
    /// and every 10 minutes the clock's mark on disk.
    pub fn tick(&self, clock: UnixTime) -> State {
        let mut held = self.held();
        let state = self.publish(&held, clock);
        self.say(&mut held, state, clock);
        // Backwards too, so that a clock that was put right is kept again.
        if (0..KEEP_CLOCK).contains(&clock.since(held.clock_kept)) {
            return state;
        }
        held.clock_kept = clock;
        held.high_water.raise(clock);
        if let Err(error) = self.store.save_high_water(held.high_water.0) {
            tracing::warn!(%error, "the clock's mark cannot be kept");
        }
        state
    }

    /// Reads the source again and takes what it has if that is no worse. Blocks as the source does.
    pub fn refresh(&self, clock: UnixTime) -> Refreshed {
        let read = self.source.read();
        let mut held = self.held();
        let refreshed = match read.and_then(|token| self.consider(&held, token, clock)) {
            Ok(None) => {
                held.failures = 0;
                held.last_success = Some(clock);
                if held.refusal.take().is_some() {
                    say::recovered(self.source.variable());
                }
                Refreshed::Unchanged
            }
            Ok(Some(better)) => {
                let after = Box::new(better.licence.clone());
                let before = self.adopt(&mut held, better, clock);
                Refreshed::Replaced {
                    before: before.map(|before| Box::new(before.licence)),
                    after,
                }
            }
            Err(error) => {
                held.refuse(&error);
                Refreshed::Refused(error)
            }
        };
        self.publish(&held, clock);
        refreshed
    }

    /// Whether there has been no licence yet, and will be none without somebody's doing: then a process
    /// that has been asking for so long should end.
    #[must_use]
    pub fn is_in_vain(&self, refusal: &LicenceError, asking_since: Duration) -> bool {
        self.held().current.is_none() && !self.source.may_come_later(refusal, asking_since)
    }

    /// The token in use, for who passes it on.
    #[must_use]
    pub fn token(&self) -> Option<Secret> {
        let held = self.held();
        held.current.as_ref().map(|current| current.token.clone())
    }

    fn judge(&self, held: &Held, clock: UnixTime) -> State {
        match (&held.current, &held.refusal) {
            (Some(current), _) => self.state_of(held, &current.licence, clock),
            (None, Some(refusal)) => refusal.state,
            (None, None) => State::Missing,
        }
    }

    fn publish(&self, held: &Held, clock: UnixTime) -> State {
        let state = self.judge(held, clock);
        self.serves.store(state.serves(), Ordering::Relaxed);
        state
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Every change leaves it whole, so a panic elsewhere is no reason to stop.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn remaining_days(&self, clock: UnixTime) -> Option<i64> {
        let now = self.high_water.read(clock).now;
        self.current
            .as_ref()
            .map(|current| remaining_days(&current.licence.claims, now))
    }

    /// Keeps the reason, and says it when it is another one than last time.
    fn refuse(&mut self, error: &LicenceError) {
        self.failures = self.failures.saturating_add(1);
        let refusal = Refusal {
            state: error.state(),
            kind: error.kind(),
            text: error.in_full(),
        };
        if self
            .refusal
            .as_ref()
            .is_none_or(|known| known.kind != refusal.kind)
        {
            say::refused(&refusal.text, self.current.is_some());
        }
        self.refusal = Some(refusal);
    }
}

#[cfg(test)]
mod tests;
