//! Puts the parts together: everything given to one checked `Config`, or all that is wrong with it.
//!
//! Pure. It must not know how a single variable is parsed.

use std::collections::BTreeSet;

use super::listeners::{LISTENER_PORTS, MIN_BROKER_ID};
use super::reader::Reader;
use super::report::{ConfigErrors, Mode, Parsed};
use super::sources::{Given, Sources};
use super::{
    Config, ListenerConfig, address_map, admin, legacy, listeners, names, ports, process, upstream,
    usage, value,
};

/// Parses everything once.
///
/// # Errors
/// All that is wrong, at once; each names the variable, its value (redacted if secret) and what is
/// accepted.
pub fn parse(given: &Given) -> Result<Parsed, ConfigErrors> {
    let sources = Sources::merge(given);
    let mut reader = Reader::new(given, &sources);
    let r = &mut reader;
    if r.text("GATEWAY_ENV_FILE").is_some() {
        r.record_set("GATEWAY_ENV_FILE");
    }
    let mode = legacy::mode(r);
    let config = config(r, mode);
    // A listener with errors in it is no model for anyone.
    if mode == Mode::Legacy
        && r.errors.is_empty()
        && let Some(listener) = config.listeners.first()
    {
        legacy::deprecation(r, listener);
    }
    let later = names::read(r);
    let Reader {
        mut errors,
        notices,
        mut values,
        ..
    } = reader;
    // Two listeners may meet the same missing or misspelt global variable.
    let mut seen = BTreeSet::new();
    values.retain(|value| seen.insert(value.name.clone()));
    let mut said = BTreeSet::new();
    errors.retain(|error| said.insert(error.to_string()));
    match errors.is_empty() {
        true => Ok(Parsed {
            config,
            mode,
            notices,
            values,
            later,
        }),
        false => Err(ConfigErrors { errors, notices }),
    }
}

fn config(r: &mut Reader<'_>, mode: Mode) -> Config {
    let protocol = upstream::protocol(r);
    let upstream = upstream::read(r, protocol);
    let bind = admin::bind(r);
    let min = r.value(MIN_BROKER_ID, |text| value::number(text, 0..=2_000_000_000));
    let min = min.unwrap_or_default();
    let listeners = match mode {
        Mode::Listener => {
            legacy::warn_unused(r);
            listeners::read(r, min)
        }
        Mode::Legacy | Mode::ZeroConfig => {
            legacy::read(r, protocol, min, bind).into_iter().collect()
        }
    };
    check_ports(r, mode, &listeners, bind);
    Config {
        upstream,
        address_map: address_map::read(r, &listeners),
        listeners,
        admin: admin::read(r, bind),
        usage: usage::read(r),
        state_directory: process::state_directory(r),
        limits: process::limits(r),
        timeouts: process::timeouts(r),
        shutdown: process::shutdown(r),
        tcp: process::tcp(r),
        workers: process::workers(r),
        log: process::log(r),
        access_log: r
            .value("GATEWAY_ACCESS_LOG", value::boolean)
            .unwrap_or_default(),
        fetch_leader_hints: r
            .value("GATEWAY_FETCH_LEADER_HINTS", value::boolean)
            .unwrap_or_default(),
        unreviewed_versions: process::unreviewed_versions(r),
    }
}

fn check_ports(
    r: &mut Reader<'_>,
    mode: Mode,
    listeners: &[ListenerConfig],
    admin: std::net::SocketAddr,
) {
    let variable = |listener: &ListenerConfig| match mode {
        Mode::Listener => LISTENER_PORTS.replace("<N>", &listener.name),
        Mode::Legacy | Mode::ZeroConfig => "GATEWAY_PORT_START".to_owned(),
    };
    let named: Vec<_> = listeners
        .iter()
        .map(|listener| (variable(listener), listener))
        .collect();
    ports::check_disjoint(r, &named, admin);
}
