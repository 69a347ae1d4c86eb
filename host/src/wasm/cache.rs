//! Compiled code, kept in a folder that this process alone can write.
//!
//! `Component::deserialize` trusts its input completely, so a file counts only in our own folder,
//! under a key made of the component, wasmtime's exact version and the engine's configuration, and
//! with the digest of its content. It must not know how code is made.

use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::{Hash as _, Hasher};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;

use crate::replace;

/// Wasmtime sees no difference between patch releases in code; their fixes may be in just that.
const WASMTIME: &str = env!("THROUGHWAY_WASMTIME");
const DIGEST: usize = 32;
/// Files kept: the map in use, the one before, and a few tried ones.
const MOST_KEPT: usize = 4;
/// Nobody else may even read.
const PRIVATE_FOLDER: u32 = 0o700;
const OTHERS: u32 = 0o077;

/// One component's place in the cache.
#[derive(Debug)]
pub(super) struct Place {
    folder: PathBuf,
    file: PathBuf,
}

impl Place {
    /// For this component and this engine.
    pub(super) fn of(folder: &Path, bytes: &[u8], engine: &Engine) -> Self {
        let mut key = Key(Sha256::new());
        key.write(WASMTIME.as_bytes());
        key.write(Sha256::digest(bytes).as_slice());
        engine.precompile_compatibility_hash().hash(&mut key);
        let key = hex(&key.0.finalize());
        Self {
            folder: folder.to_owned(),
            file: folder.join(format!("{key}.code")),
        }
    }

    /// The code, if it is there, ours and whole.
    pub(super) fn find(&self) -> Option<Vec<u8>> {
        private(&self.folder).ok()?;
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(i32::try_from(OFlags::NOFOLLOW.bits()).ok()?)
            .open(&self.file)
            .ok()?;
        let about = file.metadata().ok()?;
        let ours = about.uid() == rustix::process::geteuid().as_raw() && about.is_file();
        if !ours || about.mode() & OTHERS != 0 {
            return None;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let code = bytes.split_off(DIGEST.min(bytes.len()));
        (Sha256::digest(&code).as_slice() == bytes.as_slice()).then_some(code)
    }

    /// Keeps code for the next start.
    pub(super) fn keep(&self, code: &[u8]) -> io::Result<()> {
        match DirBuilder::new().mode(PRIVATE_FOLDER).create(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => private(&self.folder)?,
        }
        replace::private(&self.file, &[&Sha256::digest(code), code])?;
        self.tidy()
    }

    /// Forgets the oldest files.
    fn tidy(&self) -> io::Result<()> {
        let mut files: Vec<_> = fs::read_dir(&self.folder)?
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort();
        let beyond = files.len().saturating_sub(MOST_KEPT);
        for (_, path) in files.into_iter().take(beyond) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// A real folder, ours, and nobody else's.
fn private(folder: &Path) -> io::Result<()> {
    let about = fs::symlink_metadata(folder)?;
    let ours = about.uid() == rustix::process::geteuid().as_raw();
    if about.is_dir() && ours && about.mode() & OTHERS == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!(
            "{} is not a folder of this user alone (0700)",
            folder.display()
        ),
    ))
}

/// In hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Everything that is hashed into it becomes the key.
struct Key(Sha256);

impl Hasher for Key {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The key is the digest, not this.
    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::config::LimitsProfile;
    use crate::wasm::engine::{Limits, engine};

    fn place(folder: &Path, bytes: &[u8], profile: LimitsProfile) -> Place {
        Place::of(folder, bytes, &engine(&Limits::of(profile)).unwrap())
    }

    #[test]
    fn code_comes_back_as_it_was_kept_for_the_same_component_and_limits_alone() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("code");
        let kept = place(&folder, b"a", LimitsProfile::Small);
        assert_eq!(kept.find(), None);
        kept.keep(b"code").unwrap();
        assert_eq!(kept.find(), Some(b"code".to_vec()));
        assert_eq!(
            place(&folder, b"a", LimitsProfile::Small).find(),
            Some(b"code".to_vec())
        );
        assert_eq!(place(&folder, b"b", LimitsProfile::Small).find(), None);
        assert_eq!(place(&folder, b"a", LimitsProfile::Runtime).find(), None);
    }

    #[test]
    fn a_damaged_file_is_not_used() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("code");
        let kept = place(&folder, b"a", LimitsProfile::Small);
        kept.keep(b"code").unwrap();
        let good = fs::read(&kept.file).unwrap();
        for damage in [&good[..good.len() - 1], &good[..10], b""] {
            fs::write(&kept.file, damage).unwrap();
            assert_eq!(kept.find(), None);
        }
    }

    #[test]
    fn a_file_or_folder_that_others_can_change_is_not_used() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("code");
        let kept = place(&folder, b"a", LimitsProfile::Small);
        kept.keep(b"code").unwrap();
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        set(&kept.file, 0o620);
        assert_eq!(kept.find(), None);
        set(&kept.file, 0o600);
        set(&folder, 0o770);
        assert_eq!(kept.find(), None);
        assert!(kept.keep(b"code").is_err());
        set(&folder, 0o700);
        assert!(kept.find().is_some());
        let elsewhere = state.path().join("elsewhere");
        fs::rename(&kept.file, &elsewhere).unwrap();
        symlink(&elsewhere, &kept.file).unwrap();
        assert_eq!(kept.find(), None);
    }

    #[test]
    fn old_files_go() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("code");
        for number in 0..10_u8 {
            place(&folder, &[number], LimitsProfile::Small)
                .keep(b"code")
                .unwrap();
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), MOST_KEPT);
    }
}
