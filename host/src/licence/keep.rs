//! Keeps a guard up to date, hour by hour: reads its source when that is due or asked for, and tells it
//! the time.
//!
//! The one place that reads the clock for it. It must not know what makes a licence count.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

use super::error::LicenceError;
use super::guard::{Guard, Refreshed};
use super::time::UnixTime;

/// How often the clock is looked at, whether or not the source is read.
const EVERY: Duration = Duration::from_secs(10);

/// What the system's clock shows.
#[must_use]
pub fn now() -> UnixTime {
    SystemTime::now().into()
}

/// Runs until there is no hope of a licence: only where there has been none. `asked` has the source
/// read at once and is told when it was; `told` is called after each look. Cancel safe.
pub async fn keep(
    guard: Arc<Guard>,
    mut asked: mpsc::Receiver<oneshot::Sender<()>>,
    told: impl Fn(UnixTime),
) -> LicenceError {
    let began = Instant::now();
    let mut due = began + guard.pause(now(), random());
    loop {
        let wait = due.saturating_duration_since(Instant::now()).min(EVERY);
        let asked = tokio::select! {
            () = sleep(wait) => None,
            Some(asked) = asked.recv() => Some(asked),
        };
        let read = asked.is_some() || Instant::now() >= due;
        let refused = look(&guard, read).await;
        if read {
            due = Instant::now() + guard.pause(now(), random());
        }
        told(now());
        if let Some(asked) = asked {
            let _gone_meanwhile = asked.send(());
        }
        if let Some(error) = refused
            && guard.is_in_vain(&error, began.elapsed())
        {
            return error;
        }
    }
}

/// The guard says in the log what came of it. Files and services may be slow, and the event loop has
/// others to serve.
async fn look(guard: &Arc<Guard>, read: bool) -> Option<LicenceError> {
    let guard = Arc::clone(guard);
    let look = move || {
        let refreshed = read.then(|| guard.refresh(now()));
        guard.tick(now());
        match refreshed {
            Some(Refreshed::Refused(error)) => Some(error),
            _ => None,
        }
    };
    tokio::task::spawn_blocking(look)
        .await
        .unwrap_or_else(|_panicked| {
            tracing::error!("reading the licence panicked");
            None
        })
}

fn random() -> u32 {
    let mut bytes = [0; 4];
    // Without random numbers a fleet asks at once, which is no reason not to ask.
    let _asks_at_once = aws_lc_rs::rand::fill(&mut bytes);
    u32::from_be_bytes(bytes)
}
