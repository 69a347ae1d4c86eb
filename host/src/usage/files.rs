//! The folder `usage/` of the state directory: locked, and its files replaced whole.
//!
//! It must not know what is in the files. The command line may work here as another user than the
//! proxy: what it makes belongs to the owner of the state directory.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::UsageError;
use crate::replace;

/// The folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

/// Held while files are read and written; ends when dropped.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "closing it is what unlocks")] File);

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Moves the whole folder out of the way, keeping it.
    pub(super) fn set_aside(&self, suffix: &str) -> Result<PathBuf, UsageError> {
        let mut to = self.path.with_extension(suffix);
        let mut number: u32 = 1;
        while to.exists() {
            number = number.saturating_add(1);
            to = self.path.with_extension(format!("{suffix}-{number}"));
        }
        fs::rename(&self.path, &to).map_err(UsageError::file("rename", self.path.clone()))?;
        Ok(to)
    }

    /// Makes it and the ones in it, for the owner alone.
    pub(super) fn make(&self, inner: &str) -> Result<(), UsageError> {
        for path in [self.path.clone(), self.path(inner)] {
            let made = DirBuilder::new().mode(0o700).create(&path);
            match made.and_then(|()| self.belongs_to_owner(&File::open(&path)?)) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(UsageError::file("make", path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Waits a moment for whoever has it: nobody needs it for long.
    #[expect(
        clippy::disallowed_methods,
        reason = "on a thread for blocking work, and for two seconds at most"
    )]
    pub(super) fn lock_soon(&self) -> Result<Lock, UsageError> {
        let (file, path) = self.lock_file()?;
        for _ in 0..100 {
            match file.try_lock() {
                Ok(()) => return Ok(Lock(file)),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
                Err(TryLockError::Error(error)) => {
                    return Err(UsageError::file("lock", path)(error));
                }
            }
        }
        Err(UsageError::Locked(path))
    }

    /// Waits for whoever has it.
    pub(super) fn lock(&self) -> Result<Lock, UsageError> {
        let (file, path) = self.lock_file()?;
        file.lock().map_err(UsageError::file("lock", path))?;
        Ok(Lock(file))
    }

    fn lock_file(&self) -> Result<(File, PathBuf), UsageError> {
        let path = self.path("lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let open = || {
            let file = options.open(&path)?;
            self.belongs_to_owner(&file)?;
            Ok(file)
        };
        let file = open().map_err(UsageError::file("open", path.clone()))?;
        Ok((file, path))
    }

    /// The text of a file, if it is there and no larger than any of ours.
    pub(super) fn read(&self, name: &str) -> Result<Option<String>, UsageError> {
        const MOST_BYTES: u64 = 256 * 1024;
        let path = self.path(name);
        let read = match File::open(&path) {
            Ok(file) => io::read_to_string(io::Read::take(file, MOST_BYTES)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => Err(error),
        };
        match read {
            Ok(text) => Ok(Some(text)),
            // What is not text is as good as damaged text.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Some(String::new())),
            Err(error) => Err(UsageError::file("read", path)(error)),
        }
    }

    /// Replaces a file. Only the owner can read it.
    pub(super) fn replace(&self, name: &str, content: &[u8]) -> Result<(), UsageError> {
        let path = self.path(name);
        replace::with(&path, 0o600, &[content], |file| self.belongs_to_owner(file))
            .map_err(UsageError::file("write", path))
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), UsageError> {
        let path = self.path(from);
        fs::rename(&path, self.path(to)).map_err(UsageError::file("rename", path))
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), UsageError> {
        let path = self.path(name);
        fs::remove_file(&path).map_err(UsageError::file("remove", path))
    }

    /// Names and sizes of the files in this or an inner folder; none if it is not there.
    pub(super) fn list(&self, inner: &str) -> Result<Vec<(String, u64)>, UsageError> {
        let path = self.path(inner);
        let list = || -> io::Result<Vec<(String, u64)>> {
            let mut files = Vec::new();
            for entry in fs::read_dir(&path)? {
                let entry = entry?;
                let size = entry.metadata()?.len();
                if let Ok(name) = entry.file_name().into_string() {
                    files.push((name, size));
                }
            }
            Ok(files)
        };
        match list() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            listed => listed.map_err(UsageError::file("read", path.clone())),
        }
    }

    pub(super) fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// Gives it to whoever owns the state directory, where that is somebody else.
    fn belongs_to_owner(&self, file: &File) -> io::Result<()> {
        let state = self.path.parent().unwrap_or_else(|| Path::new("/"));
        let (owner, is) = (fs::metadata(state)?, file.metadata()?);
        if owner.uid() == is.uid() {
            return Ok(());
        }
        fchown(file, Some(owner.uid()), Some(owner.gid()))
    }
}
