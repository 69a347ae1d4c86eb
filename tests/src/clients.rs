//! Real clients as programs, one per library, all told what to do in the same way.
//!
//! Owns the task, the report, the call and what goes on until then. What a program does with a task is its own: Rust in
//! `src/bin/client`, all others in `clients/`. Programs, because names of ours (SNI) must
//! resolve for a client, and only a process can have a hosts file of its own.

mod library;
mod running;
mod task;

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Result;

pub(crate) use self::library::own_program;
pub use self::library::{Library, NotHere};
pub use self::running::Running;
pub use self::task::{Action, Report, Security, Task};
use crate::files::{TemporaryFolder, log_file};

/// For one task of one client, on a machine that is busy with others.
const LIMIT: Duration = Duration::from_secs(180);

/// Names that resolve to 127.0.0.1 for one process, and for nobody else.
#[derive(Debug)]
pub struct Hosts {
    folder: TemporaryFolder,
}

impl Hosts {
    /// # Errors
    ///
    /// When no temporary file can be written.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        Self::at(Ipv4Addr::LOCALHOST, names)
    }

    /// Names that resolve to another address of this machine.
    ///
    /// # Errors
    ///
    /// When no temporary file can be written.
    pub fn at<'a>(address: Ipv4Addr, names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let folder = TemporaryFolder::new("throughway-hosts-")?;
        let mut text = "127.0.0.1 localhost\n".to_owned();
        for name in names {
            text.push_str(&format!("{address} {name}\n"));
        }
        fs::write(folder.path().join("hosts"), text)?;
        Ok(Self { folder })
    }

    /// Lets `name` resolve to `address`, and nothing else to anything, from now on: the same file, as
    /// whoever sees it sees that one.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn flip(&self, name: &str, address: &str) -> Result<()> {
        let text = format!("{address} {name}\n");
        Ok(fs::write(self.folder.path().join("hosts"), text)?)
    }
}

/// A client did not carry out its task.
#[derive(Debug)]
pub struct Failure {
    /// In the client's own words, one line.
    pub words: String,
    /// Which client, what, where its log is.
    about: String,
}

impl Library {
    /// Carries out `task` and returns what the client saw.
    ///
    /// # Errors
    ///
    /// [`Failure`] when the client fails; else when it does not end in time. Both name its log.
    pub async fn run(&self, task: &Task, hosts: Option<&Hosts>) -> Result<Report> {
        self.start(task, hosts).await?.end().await
    }

    /// Begins to carry out `task`.
    ///
    /// # Errors
    ///
    /// When the client cannot be started.
    pub async fn start(&self, task: &Task, hosts: Option<&Hosts>) -> Result<Running> {
        let mut arguments = hosts.map(in_own_namespace).unwrap_or_default();
        arguments.extend(self.command(task.action)?);
        let log = log_file(&format!("client-{:?}", task.action).to_lowercase());
        let about = format!("{self:?}: {:?}", task.action);
        Running::start(&arguments, task, about, log).await
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.about, self.words)
    }
}

impl std::error::Error for Failure {}

/// The line of a log that most likely says what went wrong: the first that speaks of an error, else
/// the last.
fn complaint(log: &str) -> String {
    let lines = || log.lines().filter(|line| !line.trim().is_empty());
    let speaks = |line: &&str| line.contains("Exception") || line.to_lowercase().contains("error");
    let found = lines().find(speaks).or_else(|| lines().next_back());
    found.unwrap_or("no word").trim().to_owned()
}

/// What a client that found something wrong said of the first things that it found.
fn complaints(log: &str) -> Vec<String> {
    let wrong = log.lines().filter(|line| line.starts_with("wrong: "));
    wrong.take(10).map(str::to_owned).collect()
}

/// Prefix of a command that sees the hosts file in place of the machine's.
pub(crate) fn in_own_namespace(hosts: &Hosts) -> Vec<OsString> {
    let script = r#"mount --bind "$1" /etc/hosts && shift && exec "$@""#;
    let mut prefix: Vec<OsString> = vec!["unshare".into(), "--mount".into()];
    if !rustix::process::geteuid().is_root() {
        prefix.push("--map-root-user".into());
    }
    prefix.extend(["sh", "-c", script, "sh"].map(Into::into));
    prefix.push(hosts.folder.path().join("hosts").into());
    prefix
}

#[cfg(test)]
mod tests {
    use super::complaint;
    #[test]
    fn a_complaint_is_the_first_line_that_speaks_of_an_error() {
        let log = "connecting\nFatal error: no such host\n  at Client\n";
        assert_eq!(complaint(log), "Fatal error: no such host");
        assert_eq!(complaint("one\ntwo\n\n"), "two");
    }
}
