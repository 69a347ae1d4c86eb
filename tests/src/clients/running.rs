//! A client at work: one that ends by itself with its task, or one that goes on until it is told to end
//! and says on the way how far it has come.
//!
//! Owns the child and its words. Every line of its standard output says how far it is; the last one is
//! its report.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Failure, LIMIT, Report, Task};

/// A running client; ends when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// Open as long as it is to go on.
    stdin: Option<ChildStdin>,
    progress: watch::Receiver<Progress>,
    last_line: JoinHandle<String>,
    about: String,
    log: PathBuf,
}

/// How far a client has come.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Progress {
    /// Acknowledged records.
    written: usize,
    /// Of these, those read.
    read: usize,
}

/// Records that are written and read again after something has happened, so that it is over.
const FURTHER: usize = 100;

impl Running {
    pub(super) async fn start(
        arguments: &[OsString],
        task: &Task,
        about: String,
        log: PathBuf,
    ) -> Result<Self> {
        let mut child = Command::new(&arguments[0])
            .args(&arguments[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log)?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {}", arguments[0].display()))?;
        let mut stdin = child.stdin.take().context("piped above")?;
        let mut line = serde_json::to_vec(task)?;
        line.push(b'\n');
        stdin.write_all(&line).await?;
        let (told, progress) = watch::channel(Progress::default());
        let stdout = child.stdout.take().context("piped above")?;
        Ok(Self {
            child,
            stdin: Some(stdin),
            progress,
            last_line: tokio::spawn(follow(stdout, told)),
            about,
            log,
        })
    }

    /// Where it talks.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Waits until it has read again what it has written from now on, and says how long that took.
    ///
    /// # Errors
    ///
    /// When it stands still for that long, or ends; names its log.
    pub async fn goes_on(&mut self, limit: Duration) -> Result<Duration> {
        let began = Instant::now();
        let goal = self.progress.borrow().written + FURTHER;
        let far = async {
            let far = self.progress.wait_for(|progress| progress.read >= goal);
            far.await.is_ok()
        };
        let far = tokio::time::timeout(limit, far).await;
        let (about, log) = (&self.about, self.log.display());
        match far {
            Ok(true) => Ok(began.elapsed()),
            Ok(false) => bail!("{about} has ended; see {log}"),
            Err(_elapsed) => {
                let progress = *self.progress.borrow();
                bail!("{about} has not come to {goal} in {limit:?}: {progress:?}; see {log}")
            }
        }
    }

    /// Tells it to end, or lets it end by itself, and returns what it saw.
    ///
    /// # Errors
    ///
    /// [`Failure`] when it fails; else when it does not end in time. Both name its log.
    pub async fn end(mut self) -> Result<Report> {
        drop(self.stdin.take());
        let log = self.log.display();
        let ended =
            async { Ok::<_, anyhow::Error>((self.child.wait().await?, self.last_line.await?)) };
        let ended = tokio::time::timeout(LIMIT, ended).await;
        let (status, line) =
            ended.with_context(|| format!("no end of {}; see {log}", self.about))??;
        if !status.success() {
            return Err(failure(&self.about, status, &self.log)?.into());
        }
        let report = serde_json::from_str(&line);
        let mut report: Report =
            report.with_context(|| format!("no report but {line:?}; see {log}"))?;
        if report.wrong > 0 {
            report.complaints = super::complaints(&fs::read_to_string(&self.log)?);
            report.complaints.push(format!("see {log}"));
        }
        Ok(report)
    }
}

fn failure(about: &str, status: ExitStatus, log: &Path) -> Result<Failure> {
    Ok(Failure {
        words: super::complaint(&fs::read_to_string(log)?),
        about: format!("{about}: {status}; see {}", log.display()),
    })
}

/// Passes on how far it is, and returns its last line once it has ended.
async fn follow(stdout: ChildStdout, told: watch::Sender<Progress>) -> String {
    let mut lines = BufReader::new(stdout).lines();
    let mut last = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Ok(progress) = serde_json::from_str(&line) {
            told.send_replace(progress);
        }
        last = line;
    }
    last
}
