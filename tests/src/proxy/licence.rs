//! Licences for a throughway under test, signed by itself with a key that it accepts.
//!
//! Owns the command line that makes one. It must not know what is in a token.

use std::process::Command;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};

use super::binary;
use crate::keys_folder;

/// A licence to be issued. Times are in seconds and relative to now.
#[derive(Clone, Copy, Debug)]
pub struct Licence {
    /// When it begins; negative for the past.
    pub begins: i64,
    /// From its beginning to its end.
    pub days: u32,
    /// From its end on.
    pub grace_days: u32,
}

impl Licence {
    /// An ordinary one: it begins now, lasts so many days and has a month of grace.
    #[must_use]
    pub const fn of(days: u32) -> Self {
        Self {
            begins: 0,
            days,
            grace_days: 30,
        }
    }

    /// Signs it.
    ///
    /// # Errors
    ///
    /// When there is no binary, or it refuses.
    pub fn issue(&self) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let begins = i64::try_from(now)? + self.begins;
        let output = Command::new(binary()?)
            .args(["license", "issue", "--customer", "tests", "--env", "dev"])
            .arg("--key")
            .arg(keys_folder().join("dev-license.pem"))
            .args(["--begins", &begins.to_string()])
            .args(["--days", &self.days.to_string()])
            .args(["--grace-days", &self.grace_days.to_string()])
            .output()
            .context("run throughway license issue")?;
        let why = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "license issue: {why}");
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

/// One that outlives every test and is not about to expire.
///
/// # Panics
///
/// When it cannot be issued: no test could run.
pub(super) fn of_this_process() -> String {
    static TOKEN: OnceLock<String> = OnceLock::new();
    let issue = || Licence::of(60).issue();
    let token = TOKEN.get_or_init(|| issue().expect("issue a licence for tests"));
    token.clone()
}
