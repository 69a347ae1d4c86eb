//! Real clients as programs, one per library, all told what to do in the same way.
//!
//! Owns the task, the report and the call. What a program does with a task is its own: Rust in
//! `src/bin/client`, Java and Python in `clients/`. Programs, because names of ours (SNI) must
//! resolve for a client, and only a process can have a hosts file of its own.

mod task;

use std::ffi::OsString;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

pub use self::task::{Action, Report, Security, Task};
use crate::files::{TemporaryFolder, log_file};
use crate::{cache_folder, crate_folder, kafka_jars};

/// For one task of one client, on a machine that is busy with others.
const LIMIT: Duration = Duration::from_secs(180);

/// A client library.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Library {
    /// Crate `rdkafka`.
    Rust,
    /// kafka-clients of this version.
    Java(String),
    /// PyPI `confluent-kafka`.
    Python,
}

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

impl Library {
    /// Carries out `task` and returns what the client saw.
    ///
    /// # Errors
    ///
    /// When the client fails or does not end in time; names its log.
    pub async fn run(&self, task: &Task, hosts: Option<&Hosts>) -> Result<Report> {
        let mut arguments = hosts.map(in_own_namespace).unwrap_or_default();
        arguments.extend(self.command(task.action)?);
        let log = log_file(&format!("client-{:?}", task.action).to_lowercase());
        let mut child = Command::new(&arguments[0])
            .args(&arguments[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log)?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {}", arguments[0].display()))?;
        let mut stdin = child.stdin.take().context("piped above")?;
        stdin.write_all(&serde_json::to_vec(task)?).await?;
        drop(stdin);
        let end = tokio::time::timeout(LIMIT, child.wait_with_output()).await;
        let output =
            end.with_context(|| format!("no end of {self:?}; see {}", log.display()))??;
        let success = output.status.success();
        ensure!(
            success,
            "{self:?}: {:?}: {}; see {}",
            task.action,
            output.status,
            log.display()
        );
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!(
                "no report but {:?}",
                String::from_utf8_lossy(&output.stdout)
            )
        })
    }

    fn command(&self, action: Action) -> Result<Vec<OsString>> {
        let folder = crate_folder().join("clients");
        Ok(match self {
            Self::Rust => vec![own_program("throughway-client")?.into()],
            Self::Java(version) => {
                // Older versions have no share consumer, so that it is a program of its own.
                let share = action == Action::Share;
                let source = if share {
                    "ShareClient.java"
                } else {
                    "Client.java"
                };
                let jars = kafka_jars::class_path(version)?;
                let quick = "-XX:TieredStopAtLevel=1";
                let level = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";
                let mut command: Vec<OsString> = ["java", quick, "-Xmx256m", level, "-cp", &jars]
                    .map(Into::into)
                    .to_vec();
                command.push(folder.join("java").join(source).into());
                command
            }
            Self::Python => {
                vec![python()?.into(), folder.join("python/client.py").into()]
            }
        })
    }
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

/// A binary of this crate, which cargo puts beside (a demo's) or above (a test's) our own.
pub(crate) fn own_program(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name));
    found
        .into_iter()
        .find(|path| path.is_file())
        .with_context(|| format!("{name} is not built"))
}

/// The interpreter of the environment with the client libraries, made first if need be.
///
/// # Errors
///
/// When there is no `python3-venv`, or PyPI cannot be reached.
fn python() -> Result<PathBuf> {
    let status = std::process::Command::new(crate_folder().join("clients/python/setup.sh"))
        .stdout(Stdio::null())
        .status()
        .context("run tests/clients/python/setup.sh")?;
    ensure!(status.success(), "no Python environment: {status}");
    Ok(cache_folder().join("python/bin/python3"))
}
