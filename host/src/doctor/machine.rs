//! The machine: its clock, its limits, its ports.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::process::{Resource, getrlimit};

use super::Finding;
use crate::admin::Client;
use crate::admission::most_connections;
use crate::build_info;
use crate::config::Config;
use crate::licence::{self, UnixTime};
use crate::listener::{bind, ports_at_start};

const CLOCK: &str = "clock";
const FILES: &str = "file limit";
const PORTS: &str = "ports";

/// systemd's own service touches it once it has heard of the time.
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";

/// Fewer connections than this are few for a machine that does nothing else.
const FEW: usize = 10_000;

/// Against what is known to have passed: this program was made, and a proxy has run here.
pub(super) fn clock(config: &Config) -> Finding {
    let now = UnixTime::from(SystemTime::now());
    let seen = licence::last_seen(&config.state_directory);
    let made = UnixTime(build_info::SOURCE_TIME);
    let passed = seen.map_or(made, |seen| seen.max(made));
    let behind = passed.since(now);
    if behind > 3600 {
        let remedy = format!(
            "set the clock; if it was wrong before and is right now, remove license/clock.json in {}",
            config.state_directory.display()
        );
        let detail =
            format!("shows {now}, {behind} s behind a time known to have passed ({passed})");
        return Finding::fail(CLOCK, detail, remedy);
    }
    let synchronised = match Path::new(SYNCHRONISED).exists() {
        true => ", synchronised by systemd-timesyncd",
        false => "",
    };
    Finding::pass(CLOCK, format!("shows {now}{synchronised}"))
}

/// Two files for each connection.
pub(super) fn files(config: &Config) -> Finding {
    let limit = getrlimit(Resource::Nofile).current;
    let limit = limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
    let carries = most_connections();
    let detail = format!("{limit} open files, here, carry {carries} connections");
    let raise = "raise it: LimitNOFILE in the unit, `ulimit -n` in a shell";
    match config.limits.max_connections {
        Some(wanted) if wanted > carries => Finding::fail(
            FILES,
            format!("{detail}, and GATEWAY_MAX_CONNECTIONS is {wanted}"),
            raise,
        ),
        None if carries < FEW => Finding::warn(FILES, detail, raise),
        Some(_) | None => Finding::pass(FILES, detail),
    }
}

/// Free, or held by a proxy that runs here.
pub(super) async fn ports(config: &Config, beside: &Client) -> Vec<Finding> {
    let admin = config.admin.bind;
    let mut taken = Vec::new();
    let mut findings = Vec::new();
    let name = |index: usize| config.listeners.get(index).map_or("", |l| l.name.as_str());
    let mut free = usize::from(try_port("Admin API", admin, &mut taken, &mut findings));
    for (index, port) in ports_at_start(config) {
        let address = config
            .listeners
            .get(index)
            .map(|l| SocketAddr::new(l.bind, port));
        let whose = format!("listener {}", name(index));
        if let Some(address) = address {
            free += usize::from(try_port(&whose, address, &mut taken, &mut findings));
        }
    }
    if !taken.is_empty() && runs_here(admin, beside).await {
        let held = format!("{} held by the proxy that runs here", taken.len());
        findings.push(Finding::pass(PORTS, held));
    } else {
        findings.extend(taken.iter().map(|(whose, address)| {
            Finding::fail(
                PORTS,
                format!("{address} of {whose} is in use"),
                format!(
                    "`ss -ltnp sport = {}` says by whom; end that, or choose another port",
                    address.port()
                ),
            )
        }));
    }
    if free > 0 {
        findings.push(Finding::pass(PORTS, format!("{free} free")));
    }
    findings
}

/// True when it is free; notes what it is otherwise.
fn try_port(
    whose: &str,
    address: SocketAddr,
    taken: &mut Vec<(String, SocketAddr)>,
    findings: &mut Vec<Finding>,
) -> bool {
    let Err(error) = bind(address) else {
        return true;
    };
    match error.kind() {
        io::ErrorKind::AddrInUse => taken.push((whose.to_owned(), address)),
        io::ErrorKind::AddrNotAvailable => findings.push(Finding::fail(
            PORTS,
            format!("this machine has no address {} ({whose})", address.ip()),
            "bind an address of this machine, or 0.0.0.0",
        )),
        io::ErrorKind::PermissionDenied => findings.push(Finding::fail(
            PORTS,
            format!("{address} of {whose} needs a privilege"),
            "choose a port from 1024 on, or run the doctor as the service does",
        )),
        _ => findings.push(Finding::fail(
            PORTS,
            format!("{address} of {whose}: {error}"),
            "choose another port",
        )),
    }
    false
}

/// Whether throughway answers: on its control socket, or else on the admin port.
async fn runs_here(admin: SocketAddr, beside: &Client) -> bool {
    let status = beside
        .get::<serde_json::Value>("/throughway/v1/status")
        .await;
    if status.is_ok() {
        return true;
    }
    let here = match admin.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        address => address,
    };
    let open = Client::Open(SocketAddr::new(here, admin.port()));
    let health = open.get::<serde_json::Value>("/health");
    // Whoever holds the port may say nothing at all.
    let health = tokio::time::timeout(Duration::from_secs(3), health).await;
    let answer = health.ok().and_then(Result::ok);
    let id = answer
        .as_ref()
        .and_then(|answer| answer.pointer("/checks/0/id"));
    id.is_some_and(|id| id == "buildInfo")
}
