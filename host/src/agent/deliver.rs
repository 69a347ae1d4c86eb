//! The licence on its way to the proxy: a file that is replaced whole whenever there is a better one.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::config::Secret;
use crate::licence::Guard;
use crate::replace;
use crate::telemetry::Budget;

/// The proxy is in the agent's group, and nobody else is.
const MODE: u32 = 0o640;

/// The file, and what was written there last.
pub(super) struct Delivery {
    file: PathBuf,
    written: Mutex<Option<Secret>>,
    budget: Budget,
}

impl Delivery {
    pub(super) fn to(file: PathBuf) -> Self {
        Self {
            file,
            written: Mutex::new(None),
            budget: Budget::default(),
        }
    }

    /// Where the file is: a place of the agent's own.
    pub(super) fn folder(&self) -> &Path {
        self.file.parent().unwrap_or_else(|| Path::new("."))
    }

    /// Writes the licence in use if that is another one than last time. Who reads the file verifies it
    /// once more.
    pub(super) fn bring(&self, guard: &Guard) {
        let Some(token) = guard.token() else { return };
        // Nothing panics while this is held.
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.as_ref() == Some(&token) {
            return;
        }
        let file = self.file.display();
        match replace::with(&self.file, MODE, &[token.0.as_bytes()], |_| Ok(())) {
            Ok(()) => {
                tracing::info!(%file, "licence written for the proxy");
                *written = Some(token);
            }
            Err(error) if self.budget.allows("deliver") => {
                tracing::error!(%file, %error, "the licence cannot be written for the proxy");
            }
            Err(_said_lately) => {}
        }
    }
}
