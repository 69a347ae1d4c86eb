//! When something is due, by two clocks at once. Pure.
//!
//! The wall clock can be set, in both directions; the other one stands still while the machine sleeps.
//! Whichever arrives first counts, so neither can put anything off.

use std::time::Duration;

use crate::licence::UnixTime;

/// A moment by both clocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Now {
    /// Can be set.
    pub wall: UnixTime,
    /// Since some moment before the process began to report; cannot be set.
    pub up: Duration,
}

/// A moment to wait for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Due(Now);

impl Due {
    /// So much later than now.
    #[must_use]
    pub fn after(now: Now, wait: Duration) -> Self {
        let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
        Self(Now {
            wall: now.wall.plus(seconds),
            up: now.up.saturating_add(wait),
        })
    }

    /// Whether it has come.
    #[must_use]
    pub fn is_reached(self, now: Now) -> bool {
        now.wall >= self.0.wall || now.up >= self.0.up
    }

    /// By the wall clock.
    #[must_use]
    pub fn wall(self) -> UnixTime {
        self.0.wall
    }
}

/// Five to fifteen minutes after a start, so that a fleet does not report at once; `random` is from 0
/// to `u32::MAX`.
pub(super) fn first(random: u32) -> Duration {
    Duration::from_secs(300).saturating_add(fraction(Duration::from_secs(600), random))
}

/// From one report to the next: as agreed, and up to a 24th more.
pub(super) fn interval(hours: u32, random: u32) -> Duration {
    let agreed = Duration::from_secs(u64::from(hours).saturating_mul(3600));
    agreed.saturating_add(fraction(agreed / 24, random))
}

/// After so many failures in a row: at random up to a bound that doubles from one minute to six hours
/// ("full jitter"), but not at once.
pub(super) fn back_off(failures: u32, random: u32) -> Duration {
    const LEAST: Duration = Duration::from_secs(1);
    const MOST: Duration = Duration::from_secs(6 * 3600);
    let doubled = 60_u64.saturating_mul(1 << failures.saturating_sub(1).min(20));
    fraction(Duration::from_secs(doubled).min(MOST), random).max(LEAST)
}

fn fraction(of: Duration, random: u32) -> Duration {
    of.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(wall: i64, up: u64) -> Now {
        Now {
            wall: UnixTime(wall),
            up: Duration::from_secs(up),
        }
    }

    #[test]
    fn either_clock_makes_it_due_and_neither_puts_it_off() {
        let due = Due::after(now(1_000_000, 50), Duration::from_secs(100));
        assert!(!due.is_reached(now(1_000_099, 149)));
        assert!(due.is_reached(now(1_000_100, 60)));
        // Set back by a day: the other clock still arrives.
        assert!(!due.is_reached(now(913_600, 149)));
        assert!(due.is_reached(now(913_600, 150)));
        assert_eq!(due.wall(), UnixTime(1_000_100));
    }

    #[test]
    fn waits_stay_within_their_bounds() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        assert_eq!((first(0), first(u32::MAX)), (minutes(5), minutes(15)));
        assert_eq!(
            (interval(24, 0), interval(24, u32::MAX)),
            (minutes(24 * 60), minutes(25 * 60))
        );
        assert_eq!(back_off(1, u32::MAX), minutes(1));
        assert_eq!(back_off(3, u32::MAX), minutes(4));
        assert_eq!(back_off(u32::MAX, u32::MAX), minutes(360));
        assert_eq!(back_off(9, 0), Duration::from_secs(1));
    }
}
