//! Files that are replaced whole: written beside, synced, renamed over. Whoever reads one, a crash or a
//! full disk later too, finds the old content or the new one, never half of it.
//!
//! It must not know what is in them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Replaces a file that nobody but its owner can read; what `content` is made of follows each other.
/// Its folder is made if need be, for the owner alone.
///
/// # Errors
/// Those of the system; the old file stays.
pub(crate) fn private(path: &Path, content: &[&[u8]]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder)?;
    }
    with(path, 0o600, content, |_| Ok(()))
}

/// Replaces a file in a folder that is there; `made` sees the new one before anything is in it.
///
/// # Errors
/// Those of the system; the old file stays.
pub(crate) fn with(
    path: &Path,
    mode: u32,
    content: &[&[u8]],
    made: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let beside = path.with_extension("new");
    // What a crash has left there is written over.
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&beside)?;
    made(&file)?;
    for part in content {
        file.write_all(part)?;
    }
    file.sync_all()?;
    fs::rename(&beside, path)?;
    // It is in its place; a folder that cannot be synced could only bring the old one back.
    let folder = path.parent().map(File::open);
    let _as_good_as_it_gets = folder.map(|folder| folder.and_then(|folder| folder.sync_all()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_new_content_is_there_whole_and_the_owners_alone() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("inner/kept.json");
        for content in ["old", "new"] {
            private(&path, &[content.as_bytes(), b"."]).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{content}."));
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_fails_leaves_the_old_content() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("kept.json");
        private(&path, &[b"old"]).unwrap();
        let fails = |_: &File| Err(io::Error::from(io::ErrorKind::StorageFull));
        with(&path, 0o600, &[b"new"], fails).unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        // What that left beside is no hindrance.
        private(&path, &[b"newer"]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "newer");
    }
}
