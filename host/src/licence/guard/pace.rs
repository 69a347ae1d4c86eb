//! How long the guard leaves its source alone.
//!
//! A file is read every 10 s. A service is asked as often as configured while all is well, sooner when
//! a renewal is awaited or a read came to nothing, and later again the longer that lasts. All of it
//! with some chance, so that a fleet does not ask at once.

use std::time::Duration;

use super::Guard;
use crate::licence::state::State;
use crate::licence::time::UnixTime;

/// While a renewal is awaited, and after the first failure.
const SOONER: Duration = Duration::from_secs(300);
/// After many failures.
const LATER: Duration = Duration::from_secs(3600);
/// The same while there is no licence at all.
const FIRST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

impl Guard {
    /// From one read to the next; `random` is from 0 to `u32::MAX`.
    #[must_use]
    pub fn pause(&self, clock: UnixTime, random: u32) -> Duration {
        let every = self.source.every();
        if !self.source.is_remote() {
            return every;
        }
        let held = self.held();
        let state = self.judge(&held, clock);
        let pause = between(every, state, held.failures, held.current.is_some());
        // From 90 % to 110 %.
        pause.mul_f64(0.9 + 0.2 * f64::from(random) / f64::from(u32::MAX))
    }
}

fn between(every: Duration, state: State, failures: u32, has_licence: bool) -> Duration {
    let sooner = SOONER.min(every);
    match (failures, state) {
        (0, State::Valid | State::Expiring | State::NotYetValid) => every,
        (0, _) => sooner,
        _ if has_licence => doubled(sooner, failures).min(LATER),
        _ => doubled(FIRST.0, failures).min(FIRST.1),
    }
}

fn doubled(first: Duration, failures: u32) -> Duration {
    first.saturating_mul(1 << failures.saturating_sub(1).min(20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_asked_sooner_in_grace_and_less_and_less_often_in_trouble() {
        let hour = Duration::from_secs(3600);
        let seconds = |state, failures, has| between(hour, state, failures, has).as_secs();
        assert_eq!(seconds(State::Valid, 0, true), 3600);
        assert_eq!(seconds(State::Grace, 0, true), 300);
        let in_trouble = [1, 2, 3, 9].map(|n| seconds(State::Valid, n, true));
        assert_eq!(in_trouble, [300, 600, 1200, 3600]);
        let without = [1, 2, 6, 7, u32::MAX].map(|n| seconds(State::Missing, n, false));
        assert_eq!(without, [1, 2, 32, 60, 60]);
    }

    #[test]
    fn trouble_never_makes_it_more_patient_than_it_was_told_to_be_at_first() {
        let minute = Duration::from_secs(60);
        assert_eq!(between(minute, State::Grace, 0, true), minute);
        assert_eq!(between(minute, State::Valid, 1, true), minute);
        assert_eq!(between(minute, State::Valid, 2, true), 2 * minute);
    }
}
