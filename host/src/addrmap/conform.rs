//! Whether a map's answers hold: each address on its own, and all of them together. Pure; it must not
//! know how they were obtained.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::CheckedPlan;
use super::settings::{ListenerFacts, Settings, collide};
use super::table::{Answer, View};
use super::{MapBroker, name};
use crate::kafka::{Endpoint, NodeId};
use crate::wasm::shown;

/// Every answer of one computation.
pub(super) type Answers = BTreeMap<View, BTreeMap<NodeId, Answer>>;

/// Addresses inside the cluster, which no client may be told.
struct Upstream<'a> {
    endpoints: BTreeSet<(String, u16)>,
    names: BTreeSet<String>,
    settings: &'a Settings,
}

/// Every address a client may be told: listener, whose it is (`None` = bootstrap), what is told, and
/// the local port.
pub(super) fn addresses<'a>(
    answers: &'a Answers,
    plan: &'a CheckedPlan,
) -> impl Iterator<Item = (usize, Option<NodeId>, &'a Endpoint, u16)> {
    let listeners = plan.listeners.iter().enumerate();
    let bootstrap = listeners.flat_map(|(listener, one)| {
        let addresses = one.bootstrap.iter();
        addresses.map(move |(public, port)| (listener, None, public, *port))
    });
    let advertised = answers.iter().flat_map(|(view, rows)| {
        rows.iter().filter_map(|(node_id, answer)| match answer {
            Answer::Advertised { public, local_port } => {
                Some((view.listener, Some(*node_id), public, *local_port))
            }
            Answer::NotMapped(_) => None,
        })
    });
    bootstrap.chain(advertised)
}

/// Accepts all answers and the plan's bootstrap addresses, or names the first that does not hold.
pub(super) fn check(
    answers: &Answers,
    plan: &CheckedPlan,
    settings: &Settings,
    brokers: &[MapBroker],
) -> Result<(), String> {
    let upstream = Upstream::of(settings, brokers);
    let mut public: BTreeMap<&Endpoint, Option<NodeId>> = BTreeMap::new();
    let mut arrivals: BTreeMap<(&str, u16), Option<NodeId>> = BTreeMap::new();
    for (listener, whose, address, local_port) in addresses(answers, plan) {
        address_holds(listener, (address, local_port), plan, &upstream)
            .map_err(|fault| format!("{} {fault}", subject(whose)))?;
        let same_public = public
            .insert(address, whose)
            .filter(|other| *other != whose);
        let arrival = (address.host.as_str(), local_port);
        let same_arrival = arrivals
            .insert(arrival, whose)
            .filter(|other| *other != whose);
        if let Some(other) = same_public.or(same_arrival) {
            return Err(format!(
                "{} and {} share the address {} (local port {local_port}), so connections could \
                 not be told apart",
                subject(other),
                subject(whose),
                shown(&address.to_string()),
            ));
        }
    }
    Ok(())
}

/// Accepts local ports that every listener can have for itself.
pub(super) fn check_ports(needed: &[(usize, u16)], settings: &Settings) -> Result<(), String> {
    for (listener, port) in needed {
        let Some(own) = settings.listeners.get(*listener) else {
            continue;
        };
        let taken = settings
            .listeners
            .iter()
            .enumerate()
            .find(|(index, other)| {
                index != listener
                    && collide(own.bind, other.bind)
                    && (other.ports.contains(port) || needed.contains(&(*index, *port)))
            });
        if let Some((_, other)) = taken {
            return Err(format!(
                "listener {} would need local port {port}, which listener {} has",
                shown(&own.name),
                shown(&other.name)
            ));
        }
    }
    Ok(())
}

fn subject(whose: Option<NodeId>) -> String {
    whose.map_or_else(
        || "bootstrap".into(),
        |node_id| format!("node id {node_id}"),
    )
}

fn address_holds(
    listener: usize,
    (address, local_port): (&Endpoint, u16),
    plan: &CheckedPlan,
    upstream: &Upstream<'_>,
) -> Result<(), String> {
    let host = address.host.as_str();
    let facts = upstream.settings.listeners.get(listener);
    let (Some(plan), Some(facts)) = (plan.listeners.get(listener), facts) else {
        return Err("belongs to no listener".into());
    };
    if !name::is_host(host) {
        return Err(format!(
            "is given the host {}, accepted is a lower-case DNS name or an IP address",
            shown(host)
        ));
    }
    if address.port == 0 || local_port == 0 {
        return Err("is given port 0".into());
    }
    if !plan.has_port(local_port) {
        return Err(format!(
            "is given local port {local_port}, which the plan does not name"
        ));
    }
    let is_name = name::is_dns_name(host);
    if plan.needs_server_name && !is_name {
        return Err(format!(
            "is given {}, which no client sends as a server name",
            shown(host)
        ));
    }
    if is_name
        && !plan
            .server_names
            .iter()
            .any(|pattern| name::covers(pattern, host))
    {
        return Err(format!(
            "is given the name {}, which the plan does not name",
            shown(host)
        ));
    }
    upstream.forbids(address, facts)
}

impl<'a> Upstream<'a> {
    fn of(settings: &'a Settings, brokers: &[MapBroker]) -> Self {
        let all = || {
            settings
                .upstream
                .iter()
                .chain(brokers.iter().map(|broker| &broker.upstream))
        };
        let lower = |endpoint: &Endpoint| endpoint.host.to_ascii_lowercase();
        Self {
            endpoints: all()
                .map(|endpoint| (lower(endpoint), endpoint.port))
                .collect(),
            names: all()
                .map(lower)
                .filter(|host| name::is_dns_name(host))
                .collect(),
            settings,
        }
    }

    /// A broker's address never passes; its name or this machine's only where the operator's own
    /// variables give that host to the listener.
    fn forbids(&self, address: &Endpoint, facts: &ListenerFacts) -> Result<(), String> {
        let host = &address.host;
        if self.endpoints.contains(&(host.clone(), address.port)) {
            return Err(format!(
                "is given {}, an upstream address",
                shown(&address.to_string())
            ));
        }
        if self.names.contains(host) && !facts.own_hosts.contains(host) {
            return Err(format!(
                "is given {}, the name of an upstream broker",
                shown(host)
            ));
        }
        let local_is_meant = facts.own_hosts.iter().any(|own| name::is_local(own));
        if name::is_local(host) && !local_is_meant {
            return Err(format!(
                "is given {}, the client's own machine",
                shown(host)
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
