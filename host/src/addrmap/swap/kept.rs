//! The component that the Admin API put, kept over restarts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::addrmap::component::{Component, Origin, stored};
use crate::replace;

/// One file of the state directory.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    path: PathBuf,
}

impl Kept {
    pub(super) fn new(state_directory: &Path) -> Self {
        Self {
            path: stored(state_directory),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it down, or takes away what was there, by where the component comes from. Blocks.
    pub(super) fn keep(&self, component: &Component) -> io::Result<()> {
        match component.origin {
            Origin::Stored(_) => replace::private(&self.path, &[&component.bytes]),
            Origin::BuiltIn => match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
            Origin::File(_) => Ok(()),
        }
    }
}
