//! A map's plan, checked against the configured listeners. Pure.

use std::collections::BTreeSet;

use super::name;
use super::settings::{ListenerFacts, Settings};
use crate::kafka::Endpoint;
use crate::wasm::bindings::{Advertised, ClientFields, ListenerPlan, Plan};
use crate::wasm::shown;

/// A table by local port has a row for each; beyond this a map is not a map of this proxy.
const MOST_PORTS_BY_PORT: usize = 1_000;

/// What a configured map needs, by listener index.
#[derive(Debug)]
pub(super) struct CheckedPlan {
    pub(super) by_listener: bool,
    pub(super) by_local_port: bool,
    pub(super) by_zone: bool,
    pub(super) by_server_name: bool,
    pub(super) listeners: Vec<CheckedListener>,
}

/// One listener's part.
#[derive(Debug)]
pub(super) struct CheckedListener {
    pub(super) needs_server_name: bool,
    /// Public address and local port.
    pub(super) bootstrap: Vec<(Endpoint, u16)>,
    /// Inclusive.
    pub(super) ranges: Vec<(u16, u16)>,
    pub(super) server_names: Vec<String>,
}

impl CheckedListener {
    pub(super) fn has_port(&self, port: u16) -> bool {
        self.ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&port))
    }

    /// Every port of the plan, in its order.
    pub(super) fn ports(&self) -> impl Iterator<Item = u16> {
        self.ranges.iter().flat_map(|(first, last)| *first..=*last)
    }
}

/// Accepts a plan, or says what in it does not fit the listeners.
pub(super) fn check(plan: &Plan, settings: &Settings) -> Result<CheckedPlan, String> {
    let fields = plan.depends_on;
    let names: BTreeSet<&str> = plan.listeners.iter().map(|one| one.name.as_str()).collect();
    if names.len() != plan.listeners.len() {
        return Err("its plan names a listener twice".into());
    }
    let known = |name: &&str| settings.listeners.iter().any(|facts| facts.name == *name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        return Err(format!(
            "its plan names listener {}, which is not configured",
            shown(unknown)
        ));
    }
    let by_local_port = fields.contains(ClientFields::LOCAL_PORT);
    let mut listeners = Vec::new();
    for facts in &settings.listeners {
        let one = plan.listeners.iter().find(|one| one.name == facts.name);
        let one = one.ok_or_else(|| format!("its plan has no listener {}", shown(&facts.name)))?;
        let checked = listener(one, facts, by_local_port)
            .map_err(|fault| format!("its plan for listener {} {fault}", shown(&facts.name)))?;
        listeners.push(checked);
    }
    Ok(CheckedPlan {
        by_listener: fields.contains(ClientFields::LISTENER),
        by_local_port,
        by_zone: fields.contains(ClientFields::ZONE),
        by_server_name: fields.contains(ClientFields::SERVER_NAME),
        listeners,
    })
}

fn listener(
    plan: &ListenerPlan,
    facts: &ListenerFacts,
    by_local_port: bool,
) -> Result<CheckedListener, String> {
    if plan.needs_server_name && !facts.tls {
        return Err(
            "needs server names, which a listener without TLS never learns; use SASL_SSL \
                    or port routing"
                .into(),
        );
    }
    let ranges: Vec<_> = plan
        .local_ports
        .iter()
        .map(|range| (range.first, range.last))
        .collect();
    if let Some((first, last)) = ranges
        .iter()
        .find(|(first, last)| *first == 0 || first > last)
    {
        return Err(format!("has the port range {first}-{last}, which is none"));
    }
    let checked = CheckedListener {
        needs_server_name: plan.needs_server_name,
        bootstrap: plan.bootstrap.iter().map(endpoint).collect(),
        ranges,
        server_names: plan.server_names.clone(),
    };
    if by_local_port && checked.ports().nth(MOST_PORTS_BY_PORT).is_some() {
        return Err(format!(
            "has more than {MOST_PORTS_BY_PORT} local ports, too many for addresses by local port"
        ));
    }
    if let Some(name) = plan.server_names.iter().find(|name| !is_pattern(name)) {
        return Err(format!(
            "has the server name {}, which is none",
            shown(name)
        ));
    }
    if checked.bootstrap.is_empty() && checked.needs_server_name {
        return Err("has no bootstrap address, though it needs server names".into());
    }
    Ok(checked)
}

fn endpoint(address: &Advertised) -> (Endpoint, u16) {
    let Advertised { public, local_port } = address;
    (
        Endpoint {
            host: public.host.clone(),
            port: public.port,
        },
        *local_port,
    )
}

/// A name, `*.` and a name, or `*` alone.
fn is_pattern(pattern: &str) -> bool {
    pattern == "*" || name::is_dns_name(pattern.strip_prefix("*.").unwrap_or(pattern))
}
