//! Bounds the log lines that peers can provoke: so many of a kind each minute, the rest are counted.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Lines of one kind in one window.
const LINES: u32 = 20;

/// A kind's budget is full again after this time.
const WINDOW: Duration = Duration::from_secs(60);

/// The budgets of all kinds.
#[derive(Debug, Default)]
pub struct Budget {
    kinds: Mutex<BTreeMap<&'static str, (Instant, u32)>>,
}

impl Budget {
    /// True when one more line of this kind may be written. The last of a window says so itself.
    pub fn allows(&self, kind: &'static str) -> bool {
        let now = Instant::now();
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, spent) = kinds.entry(kind).or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            if *spent > LINES {
                tracing::info!(kind, suppressed = *spent - LINES, "log lines were left out");
            }
            (*since, *spent) = (now, 0);
        }
        *spent = spent.saturating_add(1);
        *spent <= LINES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_million_provocations_are_a_few_lines_a_minute() {
        let budget = Budget::default();
        assert_eq!((0..1_000_000).filter(|_| budget.allows("tls")).count(), 20);
        assert!(budget.allows("http"));
        tokio::time::advance(WINDOW).await;
        assert!(budget.allows("tls"));
    }
}
