//! The older global variables, and no variables at all, to the one listener `DEFAULT`.
//!
//! Pure. It must not know the listener variables, but for naming them to those who are to move.

use std::net::SocketAddr;

use super::listeners::{self, MIN_BROKER_ID, Protocol};
use super::reader::Reader;
use super::report::Mode;
use super::value::{self, Outcome};
use super::variables::{self, Kind};
use super::{ListenerConfig, PortPair, Routing, server_tls, sni};

/// Ports bound at start when nobody said how many: brokers are added more often than variables.
const BOUND_AT_START: usize = 100;
/// Where an open-ended range stops.
const OPEN_ENDED: u16 = 1000;
/// What decides addresses with `host` routing, and with `port` routing.
const BY_NAME: [&str; 4] = [
    "GATEWAY_ADVERTISED_HOST_PREFIX",
    "GATEWAY_SNI_HOST_SEPARATOR",
    "GATEWAY_ADVERTISED_HOST",
    "GATEWAY_ADVERTISED_SNI_PORT",
];
const BY_PORT: [&str; 4] = [
    "GATEWAY_ADVERTISED_HOST",
    "GATEWAY_PORT_START",
    "GATEWAY_PORT_COUNT",
    MIN_BROKER_ID,
];

/// Legacy variables that are set.
pub(super) fn set(r: &Reader<'_>) -> Vec<&'static str> {
    let legacy = variables::all().filter(|row| row.kind == Kind::Legacy);
    legacy
        .map(|row| row.name)
        .filter(|name| r.text(name).is_some())
        .collect()
}

/// The listener `DEFAULT`; `None` = an error is on record. `upstream` is what the brokers speak, if
/// that is known.
pub(super) fn read(
    r: &mut Reader<'_>,
    upstream: Option<Protocol>,
    min_broker_id: i32,
    admin: SocketAddr,
) -> Option<ListenerConfig> {
    let by_name = r.value("GATEWAY_ROUTING_MECHANISM", |text| {
        value::one_of(text, &[("port", false), ("host", true)])
    });
    let bind = r.value("GATEWAY_BIND_HOST", value::ip);
    let start = r.value("GATEWAY_PORT_START", value::port);
    let protocol = security_protocol(r, upstream);
    if by_name == Some(true) && protocol == Some(Protocol::SaslPlaintext) {
        let problem = "host routing needs SASL_SSL: the broker's name is read from TLS";
        r.reject_with("GATEWAY_SECURITY_PROTOCOL", problem, "SASL_SSL");
    }
    let (routing, decided_by) = match by_name? {
        true => (host_routing(r, start), BY_NAME),
        false => (port_routing(r, start, min_broker_id, admin), BY_PORT),
    };
    let tls = match protocol? {
        Protocol::SaslSsl => Some(server_tls::read(r, "DEFAULT", None)?),
        Protocol::SaslPlaintext => None,
    };
    let (routing, bind) = (routing?, bind?);
    Some(ListenerConfig {
        name: "DEFAULT".to_owned(),
        routing,
        tls,
        bind,
        proxy_protocol: Vec::new(),
        decided_by: decided_by.map(str::to_owned).to_vec(),
    })
}

/// Without a word of the operator, clients speak what the brokers speak.
fn security_protocol(r: &mut Reader<'_>, upstream: Option<Protocol>) -> Option<Protocol> {
    const NAME: &str = "GATEWAY_SECURITY_PROTOCOL";
    if r.text(NAME).is_some() {
        return r.value(NAME, |text| {
            let text = text.to_ascii_uppercase();
            listeners::protocol(text.strip_prefix("DELEGATED_").unwrap_or(&text))
        });
    }
    r.computed(NAME, label(upstream?));
    upstream
}

pub(super) fn label(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::SaslPlaintext => "SASL_PLAINTEXT",
        Protocol::SaslSsl => "SASL_SSL",
    }
}

fn host_routing(r: &mut Reader<'_>, start: Option<u16>) -> Option<Routing> {
    let host_name = r.given.host_name.clone();
    let bootstrap_host = r.value_or("GATEWAY_ADVERTISED_HOST", host_name, sni::name);
    let prefix = r.string("GATEWAY_ADVERTISED_HOST_PREFIX")?;
    let separator = r.string("GATEWAY_SNI_HOST_SEPARATOR")?;
    // `main` is the id that the product throughway replaces gives its only cluster.
    let pattern = format!("{prefix}main{}{separator}{bootstrap_host}", sni::NODE_ID);
    let host_pattern = match sni::pattern(&pattern) {
        Ok(pattern) => pattern,
        Err(problem) => {
            let name = match r.text("GATEWAY_SNI_HOST_SEPARATOR") {
                Some(_) => "GATEWAY_SNI_HOST_SEPARATOR",
                None => "GATEWAY_ADVERTISED_HOST_PREFIX",
            };
            r.reject(
                name,
                format!("brokers would be called {pattern}: {problem}"),
            );
            return None;
        }
    };
    let local = start?;
    let advertised = r.value_or("GATEWAY_ADVERTISED_SNI_PORT", local, value::port);
    let port = PortPair { advertised, local };
    Some(Routing::Sni {
        port,
        host_pattern,
        bootstrap_host,
    })
}

fn port_routing(
    r: &mut Reader<'_>,
    start: Option<u16>,
    min_broker_id: i32,
    admin: SocketAddr,
) -> Option<Routing> {
    let host_name = r.given.host_name.clone();
    let advertised_host = r.value_or("GATEWAY_ADVERTISED_HOST", host_name, value::host);
    let start = start?;
    let exact = r.value("GATEWAY_PORT_COUNT", |text| count(text, start));
    let last = match exact {
        Some(count) => start.saturating_add(count.saturating_sub(1)),
        None => open_end(start, admin.port()),
    };
    let ports: Vec<PortPair> = (start..=last)
        .map(|port| PortPair {
            advertised: port,
            local: port,
        })
        .collect();
    let bound_at_start = match exact {
        Some(_) => ports.len(),
        None => BOUND_AT_START.min(ports.len()),
    };
    if exact.is_none() && r.text("GATEWAY_PORT_COUNT").is_none() {
        let text = format!("{bound_at_start}, more as needed, at most {}", ports.len());
        r.computed("GATEWAY_PORT_COUNT", &text);
    }
    Some(Routing::Port {
        advertised_host,
        ports,
        bound_at_start,
        min_broker_id,
    })
}

fn count(text: &str, start: u16) -> Outcome<u16> {
    let count: u16 = value::number(text, 1..=u16::MAX)?;
    match start.checked_add(count.saturating_sub(1)) {
        Some(_) => Ok(count),
        None => Err(format!("from port {start} on, there are not so many")),
    }
}

/// The last port of an open-ended range. It ends before the Admin API's port when that lies beyond
/// what is bound at start; nearer, it is a conflict that the operator must hear of.
fn open_end(start: u16, admin: u16) -> u16 {
    let last = start.saturating_add(OPEN_ENDED.saturating_sub(1));
    let near = start.saturating_add(99);
    match admin > near && admin <= last {
        true => admin.saturating_sub(1),
        false => last,
    }
}

/// Says that the older names go away, and what to write instead.
pub(super) fn deprecation(r: &mut Reader<'_>, listener: &ListenerConfig) {
    let names = set(r).join(", ");
    let protocol = if listener.tls.is_some() {
        "SASL_SSL"
    } else {
        "SASL_PLAINTEXT"
    };
    let own = "GATEWAY_LISTENER_DEFAULT_";
    let mut instead = vec![format!("{own}SECURITY_PROTOCOL={protocol}")];
    match &listener.routing {
        Routing::Port {
            advertised_host,
            ports,
            bound_at_start,
            ..
        } => {
            let bound = ports.get(..*bound_at_start).unwrap_or(ports);
            let first = bound.first().map_or(0, |pair| pair.local);
            let last = bound.last().map_or(0, |pair| pair.local);
            instead.push(format!("{own}ROUTING=port"));
            instead.push(format!("{own}PORTS={first}-{last}"));
            instead.push(format!("{own}ADVERTISED_HOST={advertised_host}"));
        }
        Routing::Sni {
            port,
            host_pattern,
            bootstrap_host,
        } => {
            instead.push(format!("{own}ROUTING=sni"));
            instead.push(format!("{own}PORTS={}:{}", port.advertised, port.local));
            instead.push(format!("{own}ADVERTISED_HOST_PATTERN={host_pattern}"));
            instead.push(format!("{own}BOOTSTRAP_HOST_PATTERN={bootstrap_host}"));
        }
    }
    if !listener.bind.is_unspecified() {
        instead.push(format!("{own}BIND_ADDRESS={}", listener.bind));
    }
    r.warn(format!(
        "deprecated: {names}; the same as {}",
        instead.join(" ")
    ));
}

/// In listener mode: names the older variables that are set and do not count.
pub(super) fn warn_unused(r: &mut Reader<'_>) {
    let names = set(r).join(", ");
    if !names.is_empty() {
        r.warn(format!(
            "no effect beside GATEWAY_LISTENER_* variables: {names}"
        ));
    }
}

/// Which family of variables describes the listeners.
pub(super) fn mode(r: &Reader<'_>) -> Mode {
    if listeners::any(r) {
        Mode::Listener
    } else if set(r).is_empty() {
        Mode::ZeroConfig
    } else {
        Mode::Legacy
    }
}
