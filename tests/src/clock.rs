//! The wall clock of a program under test, moved from outside by Debian's `faketime`.
//!
//! Owns the file that says how far off it is. The program is the unmodified one: it only asks the C
//! library for the time, as ever. The clock that cannot be set is left alone, as nobody can set it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::files::TemporaryFolder;
use crate::proxy::Settings;

/// A clock to be set.
#[derive(Debug)]
pub struct Clock {
    folder: TemporaryFolder,
}

impl Clock {
    /// One that is right.
    ///
    /// # Errors
    ///
    /// When there is no folder.
    pub fn new() -> Result<Self> {
        let folder = TemporaryFolder::new("throughway-clock-")?;
        let clock = Self { folder };
        clock.set(0)?;
        Ok(clock)
    }

    /// From now on so many seconds later than the right one.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn set(&self, seconds: i64) -> Result<()> {
        let beside = self.folder.path().join("new");
        fs::write(&beside, format!("{seconds:+}\n"))?;
        fs::rename(beside, self.file())?;
        Ok(())
    }

    /// Lets what is started with these settings live by it.
    ///
    /// # Errors
    ///
    /// When faketime is not installed.
    pub fn rule(&self, settings: &mut Settings) -> Result<()> {
        settings.set("LD_PRELOAD", library()?.display().to_string());
        settings.set("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string());
        settings.set("FAKETIME_NO_CACHE", "1");
        settings.set("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        settings.set("DONT_FAKE_MONOTONIC", "1");
        Ok(())
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }
}

/// The one for programs with threads, wherever this machine's libraries are.
fn library() -> Result<PathBuf> {
    let places = fs::read_dir(Path::new("/usr/lib"))?;
    let candidates = places
        .flatten()
        .map(|place| place.path().join("faketime/libfaketimeMT.so.1"));
    candidates
        .into_iter()
        .find(|path| path.exists())
        .context("faketime is not installed: tests/setup/packages.sh test")
}
