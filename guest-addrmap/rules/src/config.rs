//! The configuration text, version 1: JSON in, checked `Listener`s out.
//!
//! Everything that could make two brokers share an address is refused here, with the key at fault.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::Deserialize;

use crate::name;
use crate::port::{PortPair, PortRules};
use crate::sni::SniRules;

const PLACEHOLDER: &str = "{{nodeId}}";
/// More would only slow the start down; a listener binds far fewer.
const MOST_PORTS: usize = 10_000;

/// What is wrong with the configuration text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// Offending key such as `listeners[0].ports`, or a line such as `line 3`.
    pub at: Option<String>,
    /// What was found and what is accepted.
    pub message: String,
}

/// One listener, checked.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) name: String,
    pub(crate) routing: Routing,
}

#[derive(Clone, Debug)]
pub(crate) enum Routing {
    Port(PortRules),
    Sni(SniRules),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    listeners: Vec<RawListener>,
}

/// The keys of both kinds of routing; those that do not belong to the kind are absent or null.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawListener {
    name: String,
    routing: String,
    advertised_host: Option<String>,
    #[serde(default)]
    ports: Vec<RawPort>,
    min_broker_id: Option<i32>,
    host_pattern: Option<String>,
    bootstrap_host: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPort {
    advertised: u16,
    local: u16,
}

/// A fault and the key inside its listener.
type Fault = (&'static str, String);

pub(crate) fn parse(text: &str) -> Result<Vec<Listener>, ConfigError> {
    let document: Document = serde_json::from_str(text).map_err(|error| ConfigError {
        at: (error.line() > 0).then(|| format!("line {}", error.line())),
        message: error.to_string(),
    })?;
    if document.version != 1 {
        return Err(ConfigError {
            at: Some("version".to_string()),
            message: format!("is {}, only 1 is known", document.version),
        });
    }
    let mut names = BTreeSet::new();
    let mut listeners = Vec::new();
    for (index, raw) in document.listeners.into_iter().enumerate() {
        let name = raw.name.clone();
        let checked = listener(raw).and_then(|one| match names.insert(name) {
            true => Ok(one),
            false => Err(("name", "is used twice".to_string())),
        });
        listeners.push(checked.map_err(|(key, message)| ConfigError {
            at: Some(format!("listeners[{index}].{key}")),
            message,
        })?);
    }
    Ok(listeners)
}

fn listener(raw: RawListener) -> Result<Listener, Fault> {
    let ports = port_pairs(&raw.ports)?;
    let routing = match raw.routing.as_str() {
        "port" => Routing::Port(port_rules(&raw, ports)?),
        "sni" => Routing::Sni(sni_rules(&raw, &ports)?),
        other => {
            return Err((
                "routing",
                format!("is \"{other:.32}\", not \"port\" or \"sni\""),
            ));
        }
    };
    Ok(Listener {
        name: raw.name,
        routing,
    })
}

fn port_pairs(raw: &[RawPort]) -> Result<Vec<PortPair>, Fault> {
    if raw.len() > MOST_PORTS {
        return Err((
            "ports",
            format!("has {} entries, at most {MOST_PORTS} fit", raw.len()),
        ));
    }
    let mut advertised = BTreeSet::new();
    let mut local = BTreeSet::new();
    let mut pairs = Vec::with_capacity(raw.len());
    for port in raw {
        if port.advertised == 0 || port.local == 0 {
            return Err(("ports", "has a port 0, 1 to 65535 are accepted".to_string()));
        }
        if !advertised.insert(port.advertised) {
            return Err((
                "ports",
                format!("advertises port {} twice", port.advertised),
            ));
        }
        if !local.insert(port.local) {
            return Err(("ports", format!("uses local port {} twice", port.local)));
        }
        pairs.push(PortPair {
            advertised: port.advertised,
            local: port.local,
        });
    }
    Ok(pairs)
}

fn port_rules(raw: &RawListener, ports: Vec<PortPair>) -> Result<PortRules, Fault> {
    if ports.is_empty() {
        return Err((
            "ports",
            "is empty, port routing needs one for each broker".to_string(),
        ));
    }
    let host = required("advertised_host", raw.advertised_host.as_ref())?.to_ascii_lowercase();
    if !name::is_ip(&host) {
        dns_name("advertised_host", &host)?;
    }
    let min_broker_id = raw.min_broker_id.unwrap_or(0);
    if min_broker_id < 0 {
        return Err((
            "min_broker_id",
            format!("is {min_broker_id}, 0 or more is accepted"),
        ));
    }
    Ok(PortRules {
        advertised_host: host,
        ports,
        min_broker_id,
    })
}

fn sni_rules(raw: &RawListener, ports: &[PortPair]) -> Result<SniRules, Fault> {
    let &[port] = ports else {
        return Err((
            "ports",
            format!("has {} entries, sni routing takes one", ports.len()),
        ));
    };
    let pattern = required("host_pattern", raw.host_pattern.as_ref())?;
    let parts: Vec<&str> = pattern.split(PLACEHOLDER).collect();
    let &[before, after] = parts.as_slice() else {
        return Err((
            "host_pattern",
            format!("must contain {PLACEHOLDER} exactly once"),
        ));
    };
    let bootstrap_host =
        required("bootstrap_host", raw.bootstrap_host.as_ref())?.to_ascii_lowercase();
    dns_name("bootstrap_host", &bootstrap_host)?;
    let rules = SniRules {
        port,
        before: before.to_ascii_lowercase(),
        after: after.to_ascii_lowercase(),
        bootstrap_host,
    };
    // The longest id is the one that can make a name too long.
    dns_name("host_pattern", &rules.host(i32::MAX))?;
    if name::is_ip(&rules.host(0)) {
        return Err((
            "host_pattern",
            "makes IP addresses, which carry no server name".to_string(),
        ));
    }
    if let Some(node_id) = rules.node_id(&rules.bootstrap_host) {
        let message = format!("is also the name that host_pattern gives to node id {node_id}");
        return Err(("bootstrap_host", message));
    }
    Ok(rules)
}

fn required<'a>(key: &'static str, value: Option<&'a String>) -> Result<&'a str, Fault> {
    value
        .map(String::as_str)
        .ok_or_else(|| (key, "is missing".to_string()))
}

fn dns_name(key: &'static str, host: &str) -> Result<(), Fault> {
    if name::is_dns_name(host) {
        return Ok(());
    }
    let message = format!(
        "\"{host:.80}\" is not a host name (labels of 1 to 63 letters, digits and inner hyphens, \
         253 bytes in all)"
    );
    Err((key, message))
}
