//! Counts the engine's epochs, by which a running guest is looked at, while one runs and no longer.
//!
//! An idle process is not woken. It must not know what a guest may use.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::thread;
use std::time::Duration;

use wasmtime::{Engine, Result};

/// How often a running guest is looked at.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// The thread that counts; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Epochs {
    running: Arc<AtomicUsize>,
    /// One word that has not been heard yet is as good as many.
    begun: SyncSender<()>,
}

/// A guest that runs until this is dropped.
#[derive(Debug)]
pub(super) struct Running<'a>(&'a AtomicUsize);

impl Epochs {
    /// Starts the thread, which waits.
    pub(super) fn new(engine: &Engine) -> Result<Self> {
        let engine = engine.weak();
        Self::told(move || {
            let engine = engine.upgrade();
            engine.is_some_and(|engine| {
                engine.increment_epoch();
                true
            })
        })
    }

    /// `tick` says whether there is anybody to count for.
    fn told(mut tick: impl FnMut() -> bool + Send + 'static) -> Result<Self> {
        let running = Arc::new(AtomicUsize::new(0));
        let (begun, heard) = mpsc::sync_channel(1);
        let seen = Arc::clone(&running);
        thread::Builder::new()
            .name("address-map-epoch".into())
            .spawn(move || while heard.recv().is_ok() && count(&mut tick, &seen) {})?;
        Ok(Self { running, begun })
    }

    /// A guest begins to run.
    pub(super) fn run(&self) -> Running<'_> {
        self.running.fetch_add(1, Ordering::SeqCst);
        // Full: the thread has yet to hear of an earlier one, and will see this one as well.
        _ = self.begun.try_send(());
        Running(&self.running)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Until no guest runs; false when there is nobody to count for. A tick is always waited for, so that many
/// short calls do not wake the thread each.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing else runs on this thread"
)]
fn count(tick: &mut impl FnMut() -> bool, running: &AtomicUsize) -> bool {
    loop {
        thread::sleep(TICK);
        if !tick() {
            return false;
        }
        if running.load(Ordering::SeqCst) == 0 {
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_while_a_guest_runs_and_is_quiet_else() {
        // None is waiting to be seen, however late this thread is.
        let (ticked, ticks) = mpsc::sync_channel(0);
        let epochs = Epochs::told(move || ticked.send(()).is_ok()).unwrap();
        for _ in 0..2 {
            assert!(ticks.try_recv().is_err(), "nobody runs");
            let one = epochs.run();
            let other = epochs.run();
            drop(one);
            // More than are begun with anyway, two words and a tick on its way.
            for _ in 0..5 {
                ticks.recv().unwrap();
            }
            drop(other);
            let mut late = 0;
            while ticks.recv_timeout(20 * TICK).is_ok() {
                late += 1;
                assert!(late < 5, "goes on for nobody");
            }
        }
        drop(epochs);
        ticks.recv().expect_err("the thread has ended");
    }
}
