//! throughway as a process: the real binary, with the variables of one test.
//!
//! Owns its start, its log and its end. It must not know throughway's code: what the variables
//! mean is throughway's affair.

mod licence;
mod settings;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

pub use self::licence::Licence;
pub use self::settings::{BOOTSTRAP_NAME, PORT_COUNT, Settings, Upstream, broker_name};
use crate::clients;
use crate::crate_folder;
use crate::files::{TemporaryFolder, log_file};
use crate::process::Process;

/// A debug build compiles its address map for a while.
const START_LIMIT: Duration = Duration::from_secs(120);
/// A poll answers at once; between two, the log is watched.
const PAUSE: Duration = Duration::from_millis(50);
/// What it logs once everything is up.
const STARTED: &str = "throughway is ready";
/// Longer than the default grace time.
const STOP_LIMIT: Duration = Duration::from_secs(45);

/// A running throughway.
#[derive(Debug)]
pub struct Proxy {
    process: Process,
    /// The Admin API's port on 127.0.0.1.
    pub admin_port: u16,
    tolerated: Vec<String>,
    stopped: bool,
    state: TemporaryFolder,
}

impl Proxy {
    /// Starts the binary and waits until it says that it is ready.
    ///
    /// # Errors
    ///
    /// When there is no binary, or it ends or is not ready in time; names its log.
    pub(self) fn start(settings: &Settings) -> Result<Self> {
        let proxy = Self::launched(settings)?;
        proxy.wait_until_ready()?;
        Ok(proxy)
    }

    /// Starts the binary and waits until it serves, ready or not.
    ///
    /// # Errors
    ///
    /// As for `start`.
    pub(self) fn start_unready(settings: &Settings) -> Result<Self> {
        let proxy = Self::launched(settings)?;
        proxy.process.wait_for_line(STARTED, START_LIMIT)?;
        Ok(proxy)
    }

    fn launched(settings: &Settings) -> Result<Self> {
        let state = TemporaryFolder::new("throughway-state-")?;
        let admin_port = crate::ports::reserve(1);
        let process = launch(settings, &state, admin_port)?;
        Ok(Self {
            process,
            admin_port,
            tolerated: settings.tolerated(),
            stopped: false,
            state,
        })
    }

    /// Starts the binary where it must not come up; returns its exit code and all it said.
    ///
    /// # Errors
    ///
    /// When there is no binary, or it does not end.
    pub(self) fn start_in_vain(settings: &Settings) -> Result<(Option<i32>, String)> {
        let state = TemporaryFolder::new("throughway-state-")?;
        let mut process = launch(settings, &state, crate::ports::reserve(1))?;
        let code = process.wait(START_LIMIT)?.code();
        Ok((code, process.lines().join("\n")))
    }

    /// Status and body of a plain GET of `path` from the Admin API.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn get(&self, path: &str) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.admin_port))?;
        stream.set_read_timeout(Some(START_LIMIT))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        Ok((status, body.to_owned()))
    }

    /// Ends it with SIGTERM and returns its exit code.
    ///
    /// # Errors
    ///
    /// When it has not ended well after its grace time.
    pub fn stop(&mut self) -> Result<Option<i32>> {
        self.stopped = true;
        Ok(self.process.terminate(STOP_LIMIT)?.code())
    }

    /// Waits until it has ended after a signal, and returns its exit code.
    ///
    /// # Errors
    ///
    /// When it has not ended well after its grace time.
    pub fn wait_for_end(&mut self) -> Result<Option<i32>> {
        self.stopped = true;
        Ok(self.process.wait(STOP_LIMIT)?.code())
    }

    /// Ends it with SIGKILL, as a machine that fails does.
    ///
    /// # Errors
    ///
    /// When the kernel does not let it go.
    pub fn kill(&mut self) -> Result<()> {
        self.stopped = true;
        self.process.kill().map(drop)
    }

    /// Starts it anew after its end, with what it has left in its state directory, and waits until it
    /// is ready.
    ///
    /// # Errors
    ///
    /// When it does not get ready, or there was trouble in the log of the one before.
    pub fn start_again(&mut self, settings: &Settings) -> Result<()> {
        let trouble = self.unexpected_lines();
        ensure!(trouble.is_empty(), "unexpected: {trouble:#?}");
        self.process = launch(settings, &self.state, self.admin_port)?;
        self.tolerated = settings.tolerated();
        self.stopped = false;
        self.wait_until_ready()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// The child itself, for its log lines and their arrival.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The folder of `GATEWAY_STATE_DIRECTORY`, unless the test has set another.
    #[must_use]
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    /// Lines of its log that speak of trouble and that the test did not expect.
    #[must_use]
    pub fn unexpected_lines(&self) -> Vec<String> {
        let mut lines = self.process.lines();
        lines.retain(|line| is_trouble(line) && !self.tolerated.iter().any(|t| line.contains(t)));
        lines
    }

    fn wait_until_ready(&self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while !self
            .get("/health/ready")
            .is_ok_and(|(status, _)| status == 200)
        {
            let log = self.process.log().display();
            if self.process.has_ended() {
                bail!("throughway ended instead of getting ready; see {log}");
            }
            if Instant::now() > deadline {
                bail!("throughway is not ready after {START_LIMIT:?}; see {log}");
            }
            self.process.wait_for_news(PAUSE);
        }
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let log = self.process.log().display().to_string();
        if std::thread::panicking() {
            crate::say(&format!("throughway's log: {log}"));
            return;
        }
        // Readiness is not awaited by those that failed to start: `start` has said so already.
        assert!(
            self.stopped || !self.process.has_ended(),
            "throughway ended by itself; see {log}"
        );
        let lines = self.unexpected_lines();
        assert!(
            lines.is_empty(),
            "unexpected in {log}:\n{}",
            lines.join("\n")
        );
    }
}

fn launch(settings: &Settings, state: &TemporaryFolder, admin_port: u16) -> Result<Process> {
    let mut environment = settings.environment();
    let mut set = |name: &str, value: String| {
        environment.entry(name.to_owned()).or_insert(value);
    };
    set(
        "GATEWAY_STATE_DIRECTORY",
        state.path().display().to_string(),
    );
    set("GATEWAY_HTTP_PORT", admin_port.to_string());
    set("GATEWAY_HTTP_BIND_ADDRESS", "127.0.0.1".to_owned());
    set("GATEWAY_LOG_FORMAT", "json".to_owned());
    let environment: Vec<_> = environment.into_iter().collect();
    let mut command = settings.launcher().to_vec();
    if let Some(hosts) = settings.hosts() {
        command.extend(clients::in_own_namespace(hosts));
    }
    command.extend([binary()?.into(), "serve".into()]);
    Process::start(&command, &environment, &log_file("throughway"))
}

fn is_trouble(line: &str) -> bool {
    let parsed: Option<serde_json::Value> = serde_json::from_str(line).ok();
    match parsed.as_ref().and_then(|event| event["level"].as_str()) {
        Some(level) => matches!(level, "WARN" | "ERROR"),
        // Not of the log: most likely a panic's words.
        None => line.contains("panicked"),
    }
}

/// The binary under test: `THROUGHWAY_BIN`, else the newest local build.
///
/// # Errors
///
/// When there is none.
pub fn binary() -> Result<PathBuf> {
    if let Ok(path) = std::env::var("THROUGHWAY_BIN") {
        return Ok(path.into());
    }
    let target = crate_folder()
        .parent()
        .unwrap_or_else(|| Path::new("."))
        .join("target");
    let built = ["local", "debug"].map(|profile| target.join(profile).join("throughway"));
    built
        .into_iter()
        .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
        .max()
        .map(|(_, path)| path)
        .context("throughway is not built: make build, or set THROUGHWAY_BIN")
}

#[cfg(test)]
mod tests {
    use super::is_trouble;

    #[test]
    fn trouble_is_a_level_and_not_a_word() {
        assert!(is_trouble(
            r#"{"level":"WARN","fields":{"message":"slow"}}"#
        ));
        assert!(!is_trouble(
            r#"{"level":"INFO","fields":{"message":"no ERROR, no WARN"}}"#
        ));
        assert!(is_trouble("thread 'main' panicked at src/main.rs:1:1:"));
    }
}
