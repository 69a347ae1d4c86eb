//! What is kept over restarts in `license/` of the state directory: the last good token, and the
//! clock's high-water mark.
//!
//! Both are only ever a help: without them a start needs its source, and the mark is lower. The token
//! proves itself; the mark has a schema number.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::source;
use super::time::UnixTime;
use crate::config::Secret;
use crate::replace;

/// The schema this version writes and reads.
const SCHEMA: u32 = 1;

#[derive(Deserialize, Serialize)]
struct Clock {
    schema: u32,
    high_water: UnixTime,
}

/// The folder.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    pub(super) fn new(state_directory: &Path) -> Self {
        Self {
            folder: state_directory.join("license"),
        }
    }

    /// The token kept last, unverified.
    pub(super) fn last_good(&self) -> Option<Secret> {
        // Read like any other file with a token in it: bounded, white space removed.
        source::read_file(&self.token_path(), "the kept licence").ok()
    }

    pub(super) fn save_last_good(&self, token: &Secret) -> io::Result<()> {
        replace::private(&self.token_path(), &[token.0.as_bytes()])
    }

    /// Moves a token of a newer product out of the way, so that it is not overwritten.
    pub(super) fn set_newer_aside(&self) -> io::Result<()> {
        set_aside(&self.token_path())
    }

    /// The mark kept last. One of a newer schema is set aside; one that is damaged is no mark.
    pub(super) fn high_water(&self) -> Option<UnixTime> {
        let path = self.clock_path();
        let clock: Clock = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
        if clock.schema > SCHEMA {
            let moved = set_aside(&path);
            tracing::warn!(file = %path.display(), ?moved, "a newer version's file is set aside");
            return None;
        }
        Some(clock.high_water)
    }

    pub(super) fn save_high_water(&self, high_water: UnixTime) -> io::Result<()> {
        let clock = serde_json::to_vec(&Clock {
            schema: SCHEMA,
            high_water,
        })?;
        replace::private(&self.clock_path(), &[&clock])
    }

    /// Where the mark is, for whoever has to remove a wrong one.
    pub(super) fn clock_path(&self) -> PathBuf {
        self.folder.join("clock.json")
    }

    fn token_path(&self) -> PathBuf {
        self.folder.join("last-good.jwt")
    }
}

fn set_aside(path: &Path) -> io::Result<()> {
    let mut kept = path.as_os_str().to_owned();
    kept.push(".newer");
    fs::rename(path, kept)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn reads_back_what_it_kept_and_lets_nobody_else_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        assert_eq!(store.last_good(), None);
        assert_eq!(store.high_water(), None);
        store.save_last_good(&Secret("a.b.c".to_owned())).unwrap();
        store.save_high_water(UnixTime(7)).unwrap();
        assert_eq!(store.last_good().unwrap().0, "a.b.c");
        assert_eq!(store.high_water(), Some(UnixTime(7)));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&store.token_path()), 0o600);
        assert_eq!(mode(&store.folder), 0o700);
    }

    #[test]
    fn a_newer_mark_is_set_aside_and_a_damaged_one_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        store.save_high_water(UnixTime(7)).unwrap();
        fs::write(store.clock_path(), r#"{"schema":2,"high_water":9}"#).unwrap();
        assert_eq!(store.high_water(), None);
        assert!(store.folder.join("clock.json.newer").exists());
        assert!(!store.clock_path().exists());
        fs::write(store.clock_path(), "{").unwrap();
        assert_eq!(store.high_water(), None);
    }
}
