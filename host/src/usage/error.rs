//! Why usage could not be kept. No variant holds a key.

use std::io;
use std::path::PathBuf;

use super::receipt::ReceiptError;
use crate::in_full::in_full;

/// Why usage could not be kept or told.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// A file or folder cannot be used.
    #[error("{what} {path:?}")]
    File {
        /// What was tried.
        what: &'static str,
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another process has held the folder's lock for too long.
    #[error("another process holds {0:?}")]
    Locked(PathBuf),
    /// There is nothing here yet.
    #[error("no usage is kept in {0:?}: the proxy has not run with this state directory")]
    Nothing(PathBuf),
    /// The cryptographic library failed.
    #[error("make random bytes or a key")]
    Random,
    /// A report cannot be written.
    #[error("write a report")]
    Json(#[from] serde_json::Error),
    /// A receipt does not count.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
}

impl UsageError {
    pub(super) fn file(what: &'static str, path: PathBuf) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { what, path, source }
    }

    /// Whether there is no room: everything goes on in memory until there is.
    #[must_use]
    pub fn is_full_disk(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::File { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }

    /// This and what caused it, in one line.
    #[must_use]
    pub fn in_full(&self) -> String {
        in_full(self)
    }
}
