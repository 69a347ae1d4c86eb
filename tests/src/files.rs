//! Folders that never outlive us, and logs that do.
//!
//! Owns where things are written. Logs stay for a day, so that a failed test can be understood.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use tempfile::TempDir;

const KEEP_LOGS: Duration = Duration::from_secs(24 * 60 * 60);

/// A new log file of this process, named after `what`.
///
/// # Panics
///
/// When the folder for logs cannot be made.
#[must_use]
pub fn log_file(what: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let folder = FOLDER.get_or_init(|| log_folder().expect("make a folder for logs"));
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    folder.join(format!("{number:03}-{what}.log"))
}

fn log_folder() -> Result<PathBuf> {
    let all = crate::cache_folder().join("logs");
    fs::create_dir_all(&all)?;
    let oldest = SystemTime::now() - KEEP_LOGS;
    for entry in fs::read_dir(&all)?.flatten() {
        // Another test process may tidy up at the same time.
        if entry
            .metadata()
            .is_ok_and(|about| about.modified().is_ok_and(|at| at < oldest))
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let started = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)?
        .as_secs();
    let own = all.join(format!("{started}-{}", std::process::id()));
    fs::create_dir(&own).with_context(|| format!("make {}", own.display()))?;
    Ok(own)
}

/// A temporary folder that also goes when we end without dropping it, as statics do.
#[derive(Debug)]
pub struct TemporaryFolder {
    folder: TempDir,
    cleaner: Child,
}

/// Waits for the end of standard input, which is our end. Those who write to the folder are ended
/// by the same event, hence the tries.
const CLEANER: &str = r#"
cat >/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf -- "$1" && sleep 0.3 && [ ! -e "$1" ] && exit
done
"#;

impl TemporaryFolder {
    /// A new folder whose name begins with `prefix`.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn new(prefix: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir()?;
        let cleaner = Command::new("sh")
            .args(["-c", CLEANER, "sh"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("start sh")?;
        Ok(Self { folder, cleaner })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // `wait` closes standard input first.
        let _ = self.cleaner.wait();
    }
}
