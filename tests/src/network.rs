//! A network that a test has for itself, with a second one behind a link that can fail.
//!
//! Owns the namespaces and what is in them. Nothing of the machine's own network is touched; it takes
//! root, or a kernel that lets everybody have namespaces.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::clients::own_program;
use crate::files::log_file;
use crate::process::Process;

/// Tells a test that it has been started in a network of its own.
const INSIDE: &str = "THROUGHWAY_OWN_NETWORK";

/// Our end of the link.
pub const HERE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// The other one.
const AWAY: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

/// Another network, behind the link.
#[derive(Debug)]
pub struct Away {
    keeper: Process,
}

impl Away {
    /// Within the network of the test's own, makes the other one. Outside, runs the test `name` once
    /// more inside, and returns nothing when that has passed.
    ///
    /// # Errors
    ///
    /// When there are no namespaces to be had, or the test fails in there.
    pub fn enter(name: &str) -> Result<Option<Self>> {
        if std::env::var_os(INSIDE).is_some() {
            return Self::make().map(Some);
        }
        let mut command = Command::new("unshare");
        command.arg("--net");
        if !rustix::process::geteuid().is_root() {
            command.arg("--map-root-user");
        }
        command.arg(std::env::current_exe()?);
        command.args([name, "--exact", "--nocapture"]);
        let status = command.env(INSIDE, "1").status().context("run unshare")?;
        ensure!(status.success(), "{name} in a network of its own: {status}");
        Ok(None)
    }

    fn make() -> Result<Self> {
        let keeper = [
            "unshare",
            "--net",
            "sh",
            "-c",
            "echo here; exec sleep infinity",
        ];
        let keeper = Process::start(&keeper.map(OsString::from), &[], &log_file("network"))?;
        keeper.wait_for_line("here", Duration::from_secs(30))?;
        let away = Self { keeper };
        let there = away.keeper.id().to_string();
        run(&["ip", "link", "set", "lo", "up"])?;
        let link = [
            "ip", "link", "add", "here", "type", "veth", "peer", "name", "away",
        ];
        run(&[&link[..], &["netns", &there]].concat())?;
        run(&["ip", "address", "add", &format!("{HERE}/24"), "dev", "here"])?;
        run(&["ip", "link", "set", "here", "up"])?;
        away.ip(&["address", "add", &format!("{AWAY}/24"), "dev", "away"])?;
        away.ip(&["link", "set", "away", "up"])?;
        Ok(away)
    }

    /// Clients in the other network: so many connections to `port` here, all logged in.
    ///
    /// # Errors
    ///
    /// When they do not get in.
    pub fn crowd(&self, port: u16, connections: usize) -> Result<Process> {
        let mut command = self.prefix();
        command.push(own_program("throughway-crowd")?.into());
        command.extend([format!("{HERE}:{port}"), connections.to_string()].map(Into::into));
        let crowd = Process::start(&command, &[], &log_file("crowd"))?;
        crowd.wait_for_line("here", Duration::from_secs(120))?;
        Ok(crowd)
    }

    /// Lets the link fail: from now on nothing comes from there, and nobody is told. (A device that is
    /// down would tell: the kernel does not count a keepalive probe that it could not send.)
    ///
    /// # Errors
    ///
    /// When it does not.
    pub fn cut(&self) -> Result<()> {
        self.ip(&["route", "add", "blackhole", &format!("{HERE}/32")])
    }

    /// How often the kernel sends again what nobody acknowledges, in this network alone
    /// (`net.ipv4.tcp_retries2`).
    ///
    /// # Errors
    ///
    /// When it cannot be told.
    pub fn give_up_after(&self, retransmissions: u32) -> Result<()> {
        let file = "/proc/sys/net/ipv4/tcp_retries2";
        std::fs::write(file, retransmissions.to_string()).context(file)
    }

    fn prefix(&self) -> Vec<OsString> {
        let there = self.keeper.id().to_string();
        ["nsenter", "--net", "--target", &there]
            .map(OsString::from)
            .into()
    }

    fn ip(&self, arguments: &[&str]) -> Result<()> {
        let mut command = self.prefix();
        command.push("ip".into());
        command.extend(arguments.iter().map(Into::into));
        run(&command)
    }
}

fn run<S: AsRef<std::ffi::OsStr> + std::fmt::Debug>(command: &[S]) -> Result<()> {
    let output = Command::new(&command[0]).args(&command[1..]).output();
    let output = output.with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {output:?}");
    Ok(())
}
