//! How many TLS handshakes begin each second: they cost more than anything else a stranger can ask for.
//!
//! Those over the rate wait their turn inside their own deadline; none beyond that is let in.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// So much of unused rate may be made up for at once.
const BURST: Duration = Duration::from_secs(1);

/// The turns of the whole process.
#[derive(Debug)]
pub struct Handshakes {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Handshakes {
    /// At most so many a second, and at least one.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        Self {
            interval: Duration::from_secs(1) / per_second.max(1),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for a turn; false at once when none comes before `due`. Cancelled, the turn is lost.
    pub async fn turn(&self, due: Instant) -> bool {
        let at = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let earliest = Instant::now().checked_sub(BURST).unwrap_or(*next);
            let at = (*next).max(earliest);
            if at > due {
                return false;
            }
            *next = at + self.interval;
            at
        };
        sleep_until(at).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn those_over_the_rate_wait_and_those_who_cannot_are_turned_away() {
        let handshakes = Handshakes::new(10);
        tokio::time::advance(Duration::from_secs(60)).await;
        let began = Instant::now();
        let due = began + Duration::from_millis(450);
        // Ten of burst and the one that is due now, then one each tenth of a second.
        for _ in 0..11 {
            assert!(handshakes.turn(due).await);
        }
        assert_eq!(began.elapsed().as_millis(), 0);
        assert!(handshakes.turn(due).await);
        assert!(began.elapsed() >= Duration::from_millis(99));
        for _ in 0..3 {
            assert!(handshakes.turn(due).await);
        }
        assert!(!handshakes.turn(due).await);
    }
}
