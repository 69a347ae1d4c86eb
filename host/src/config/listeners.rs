//! Listener mode: `GATEWAY_LISTENER_<N>_*` to listeners.
//!
//! Pure. A variable whose name fits no listener is an error, never a listener that silently is not
//! there. It must not know the older global variables.

use std::collections::BTreeSet;

use super::reader::Reader;
use super::value::{self, Outcome};
use super::variables::{self, LISTENER};
use super::{ListenerConfig, PortPair, Routing, ports, server_tls, sni};

const NAMES: &str = "GATEWAY_LISTENER_NAMES";
/// The variable that gives a listener its ports.
pub(super) const LISTENER_PORTS: &str = "GATEWAY_LISTENER_<N>_PORTS";

/// The node id of the first port, of all listeners.
pub(super) const MIN_BROKER_ID: &str = "GATEWAY_MIN_BROKERID";

/// What clients of a listener, or brokers, speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Protocol {
    SaslPlaintext,
    SaslSsl,
}

/// SASL_PLAINTEXT or SASL_SSL.
pub(super) fn protocol(text: &str) -> Outcome<Protocol> {
    match text.to_ascii_uppercase().as_str() {
        "SASL_PLAINTEXT" => Ok(Protocol::SaslPlaintext),
        "SASL_SSL" => Ok(Protocol::SaslSsl),
        "PLAINTEXT" | "SSL" => Err("carries no SASL, so clients could not authenticate".to_owned()),
        _ => Err("not one of the known values".to_owned()),
    }
}

/// Whether any listener variable is set.
pub(super) fn any(r: &Reader<'_>) -> bool {
    r.sources
        .settings
        .keys()
        .any(|name| name.starts_with(LISTENER) && r.text(name).is_some())
}

/// All listeners, those without errors; in the order of `GATEWAY_LISTENER_NAMES`, else by name.
pub(super) fn read(r: &mut Reader<'_>, min_broker_id: i32) -> Vec<ListenerConfig> {
    let names = names(r);
    names
        .iter()
        .filter_map(|name| listener(r, name, min_broker_id))
        .collect()
}

fn names(r: &mut Reader<'_>) -> Vec<String> {
    let found = found(r);
    let listed = r.value(NAMES, |text| {
        value::list(text, |name| match is_name(name) {
            true => Ok(name.to_owned()),
            false => Err(format!(
                "`{}` is not a listener's name",
                name.escape_debug()
            )),
        })
    });
    let Some(listed) = listed else {
        return found.into_iter().collect();
    };
    let known: BTreeSet<String> = listed.iter().cloned().collect();
    if known.len() != listed.len() {
        r.reject(NAMES, "names a listener twice");
    }
    for name in known.difference(&found) {
        r.reject(NAMES, format!("names {name}, which has no variables"));
    }
    for name in found.difference(&known) {
        r.reject(NAMES, format!("does not name {name}, which has variables"));
    }
    // What is named twice, or has no variables, is on record and taken once, or not at all.
    let mut left = found;
    listed
        .into_iter()
        .filter(|name| left.remove(name))
        .collect()
}

/// Listeners that have variables.
fn found(r: &mut Reader<'_>) -> BTreeSet<String> {
    let sources = r.sources;
    let mut found = BTreeSet::new();
    for full in sources
        .settings
        .keys()
        .filter(|name| name.as_str() != NAMES)
    {
        let Some(rest) = full.strip_prefix(LISTENER) else {
            continue;
        };
        if r.text(full).is_none() {
            continue;
        }
        match split(rest) {
            Ok(name) => {
                found.insert(name.to_owned());
            }
            Err(problem) => r.reject_with(
                full,
                problem,
                "GATEWAY_LISTENER_<N>_ and a known ending, <N> a letter, then letters and digits",
            ),
        }
    }
    found
}

/// The listener's name in `<N>_<suffix>`.
fn split(rest: &str) -> Result<&str, String> {
    let Some((name, suffix)) = rest.split_once('_') else {
        return Err("does not say which variable of which listener it is".to_owned());
    };
    if is_name(name) && variables::find_listener(suffix).is_some() {
        return Ok(name);
    }
    // The longest known ending tells how the name was meant.
    let ending = variables::listener_suffixes()
        .filter_map(|known| rest.strip_suffix(known)?.strip_suffix('_'))
        .min_by_key(|name| name.len());
    if let Some(meant) = ending {
        return Err(format!(
            "`{}` is not a listener's name",
            meant.escape_debug()
        ));
    }
    // Its name in a preview of the product that throughway replaces.
    let hint = match suffix {
        "HOST" => Some("ADVERTISED_HOST"),
        _ => variables::nearest(suffix, variables::listener_suffixes()),
    };
    Err(match hint {
        Some(hint) => {
            format!("unknown variable of a listener (did you mean {LISTENER}{name}_{hint}?)")
        }
        None => "unknown variable of a listener".to_owned(),
    })
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn listener(r: &mut Reader<'_>, name: &str, min_broker_id: i32) -> Option<ListenerConfig> {
    let own = format!("{LISTENER}{name}_");
    let variable = |suffix: &str| format!("{own}{suffix}");
    let protocol = r.required(&variable("SECURITY_PROTOCOL"), protocol);
    let choices = [("port", false), ("sni", true)];
    let by_name = r.required(&variable("ROUTING"), |text| value::one_of(text, &choices));
    let ports = r.required(&variable("PORTS"), ports::parse);
    let bind = r.value(&variable("BIND_ADDRESS"), value::ip);
    let proxied = r.value(&variable("PROXY_PROTOCOL"), value::cidrs);
    let tls = match protocol {
        Some(Protocol::SaslSsl) => Some(server_tls::read(r, name, Some(&own))),
        _ => None,
    };
    if by_name == Some(true) && protocol == Some(Protocol::SaslPlaintext) {
        let problem = "sni routing needs SASL_SSL: the broker's name is read from TLS";
        r.reject_with(&variable("SECURITY_PROTOCOL"), problem, "SASL_SSL");
    }
    warn_without_effect(r, &own, protocol, by_name);
    let by_name = by_name?;
    let routing = match by_name {
        true => sni_routing(r, &own, ports),
        false => port_routing(r, &own, ports, min_broker_id),
    };
    // An error is on record wherever one of these is missing.
    let tls = match tls {
        Some(tls) => Some(tls?),
        None => None,
    };
    protocol?;
    let proxy_protocol = proxied.unwrap_or_default();
    Some(ListenerConfig {
        name: name.to_owned(),
        routing: routing?,
        tls,
        bind: bind?,
        proxy_protocol,
        decided_by: decided_by(&own, by_name),
    })
}

fn decided_by(own: &str, by_name: bool) -> Vec<String> {
    let host = if by_name {
        "ADVERTISED_HOST_PATTERN"
    } else {
        "ADVERTISED_HOST"
    };
    let mut variables = vec![format!("{own}{host}"), format!("{own}PORTS")];
    if !by_name {
        variables.push(MIN_BROKER_ID.to_owned());
    }
    variables
}

fn port_routing(
    r: &mut Reader<'_>,
    own: &str,
    ports: Option<Vec<PortPair>>,
    min_broker_id: i32,
) -> Option<Routing> {
    let host_name = r.given.host_name.clone();
    let advertised_host = r.value_or(&format!("{own}ADVERTISED_HOST"), host_name, value::host);
    let ports = ports?;
    let bound_at_start = ports.len();
    Some(Routing::Port {
        advertised_host,
        ports,
        bound_at_start,
        min_broker_id,
    })
}

fn sni_routing(r: &mut Reader<'_>, own: &str, ports: Option<Vec<PortPair>>) -> Option<Routing> {
    let host_pattern = r.required(&format!("{own}ADVERTISED_HOST_PATTERN"), sni::pattern);
    let host = r.value(&format!("{own}ADVERTISED_HOST"), sni::name);
    let bootstrap_name = format!("{own}BOOTSTRAP_HOST_PATTERN");
    let mut bootstrap = r.value(&bootstrap_name, sni::name);
    if let Some(pattern) = host_pattern
        .as_deref()
        .filter(|_| r.text(&bootstrap_name).is_none())
    {
        let domain = host.as_deref().or_else(|| sni::domain(pattern));
        bootstrap = domain.map(|domain| format!("bootstrap.{domain}"));
        match &bootstrap {
            Some(name) => r.computed(&bootstrap_name, name),
            None => r.reject(
                &bootstrap_name,
                format!("is required: no domain follows the first label of {pattern}"),
            ),
        }
    }
    let port = ports.and_then(|ports| only_port(r, own, &ports));
    let (host_pattern, bootstrap_host) = (host_pattern?, bootstrap?);
    if sni::is_brokers(&host_pattern, &bootstrap_host) {
        r.reject(
            &bootstrap_name,
            format!("{bootstrap_host} is a broker's name by {host_pattern}"),
        );
    }
    Some(Routing::Sni {
        port: port?,
        host_pattern,
        bootstrap_host,
    })
}

fn only_port(r: &mut Reader<'_>, own: &str, ports: &[PortPair]) -> Option<PortPair> {
    if let [port] = ports {
        return Some(*port);
    }
    let problem = format!(
        "sni routing needs exactly one port, here are {}",
        ports.len()
    );
    r.reject_with(
        &format!("{own}PORTS"),
        problem,
        "`port` or `advertised:local`",
    );
    None
}

/// Says which variables of a listener change nothing, given its protocol and routing.
fn warn_without_effect(
    r: &mut Reader<'_>,
    own: &str,
    protocol: Option<Protocol>,
    by_name: Option<bool>,
) {
    let mut idle = Vec::new();
    if by_name == Some(false) {
        idle.extend(["ADVERTISED_HOST_PATTERN", "BOOTSTRAP_HOST_PATTERN"]);
    }
    if protocol == Some(Protocol::SaslPlaintext) {
        idle.extend(variables::listener_suffixes().filter(|suffix| suffix.starts_with("SSL_")));
    }
    let names: BTreeSet<String> = idle.iter().map(|suffix| format!("{own}{suffix}")).collect();
    let set: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|n| r.text(n).is_some())
        .collect();
    if !set.is_empty() {
        let text = format!(
            "no effect with this routing and protocol: {}",
            set.join(", ")
        );
        r.warn(text);
    }
}
