//! What clients would be told, and why: computed offline, for people and scripts.
//!
//! Loads the map as `serve` does and asks it the same questions; opens no port and dials nobody.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::thread;

use serde::Serialize;

use super::component::{Component, Origin};
use super::map::Map;
use super::settings::Settings;
use super::table::{Answer, Table};
use super::{AddrMapError, Inbound, MapBroker, worker};
use crate::config::{Config, Routing};
use crate::kafka::{Endpoint, NodeId};

/// Everything `throughway explain` says. The JSON form is stable.
#[derive(Debug, Serialize)]
pub struct Explained {
    address_map: MapFacts,
    listeners: Vec<Listener>,
}

#[derive(Debug, Serialize)]
struct MapFacts {
    name: String,
    version: String,
    summary: String,
    /// Where the component comes from.
    component: String,
}

#[derive(Debug, Serialize)]
struct Listener {
    name: String,
    routing: &'static str,
    /// Empty: every broker's address serves.
    bootstrap: Vec<String>,
    brokers: Vec<Broker>,
    /// First and last, inclusive: what firewalls and balancers must let through.
    local_ports: Vec<(u16, u16)>,
    /// What DNS and certificates must cover.
    names: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Broker {
    node_id: i32,
    /// What a client is told; `None` = the broker is removed from answers.
    told: Option<String>,
    local_port: Option<u16>,
    why: String,
}

/// Asks the configured map about these brokers, as a client at this address would be answered.
///
/// # Errors
/// Everything for which `serve` would exit with 78.
pub fn explain(
    config: &Config,
    brokers: &[i32],
    client: Option<IpAddr>,
) -> Result<Explained, AddrMapError> {
    let (component, settings) = (Component::configured(config)?, Settings::of(config));
    let brokers = map_brokers(config, brokers);
    let (profile, asked) = (config.address_map.limits, brokers.clone());
    // Compiling needs the same deep stack here as on the map's own thread.
    let load = move || {
        let mut map = Map::load(&component.bytes, profile, settings)?;
        let table = map.compute(&asked, 0)?;
        Ok((map, table))
    };
    let thread = thread::Builder::new().stack_size(worker::STACK).spawn(load);
    let joined = thread.map(thread::JoinHandle::join);
    let Ok(Ok(loaded)) = joined else {
        return Err(worker::ended("configure"));
    };
    let (map, table) = loaded?;
    let client = client.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    Ok(Explained {
        address_map: facts(config, &map),
        listeners: (0..config.listeners.len())
            .filter_map(|index| listener(config, &map, &table, (index, client), &brokers))
            .collect(),
    })
}

/// The brokers asked for; else the seeds; else the first three ids. One that is not known gets an
/// address that no cluster has.
fn map_brokers(config: &Config, ids: &[i32]) -> Vec<MapBroker> {
    let seeds = &config.upstream.seeds;
    let ids: Vec<NodeId> = match (ids.is_empty(), seeds.is_empty()) {
        (false, _) => ids.iter().map(|id| NodeId(*id)).collect(),
        (true, false) => seeds.keys().copied().collect(),
        (true, true) => (0..3).map(NodeId).collect(),
    };
    let unknown = |id: NodeId| Endpoint {
        host: format!("node-{id}.invalid"),
        port: 9092,
    };
    let broker = |node_id: NodeId| MapBroker {
        node_id,
        upstream: seeds
            .get(&node_id)
            .cloned()
            .unwrap_or_else(|| unknown(node_id)),
        rack: None,
    };
    ids.into_iter().map(broker).collect()
}

fn facts(config: &Config, map: &Map) -> MapFacts {
    MapFacts {
        name: map.scheme.name.clone(),
        version: map.scheme.version.clone(),
        summary: map.scheme.summary.clone(),
        component: Origin::configured(config).to_string(),
    }
}

fn listener(
    config: &Config,
    map: &Map,
    table: &Table,
    (index, client): (usize, IpAddr),
    brokers: &[MapBroker],
) -> Option<Listener> {
    let (configured, plan) = (config.listeners.get(index)?, map.plan.listeners.get(index)?);
    let (routing, key) = match configured.routing {
        Routing::Port { .. } => ("port", "PORTS and GATEWAY_MIN_BROKERID"),
        Routing::Sni { .. } => ("sni", "ADVERTISED_HOST_PATTERN"),
    };
    let local_port = plan.ports().next().unwrap_or(0);
    let inbound = Inbound {
        listener: index,
        server_name: None,
        local_port,
        client,
    };
    let broker = |broker: &MapBroker| {
        let node_id = broker.node_id.0;
        let said = |reason: &str| format!("{} {}: {reason}", map.scheme.name, map.scheme.version);
        match table.answer(&inbound, broker.node_id) {
            Some(Answer::Advertised { public, local_port }) => Broker {
                node_id,
                told: Some(public.to_string()),
                local_port: Some(*local_port),
                why: said(&format!("{routing} routing, from the listener's {key}")),
            },
            Some(Answer::NotMapped(reason)) => Broker {
                node_id,
                told: None,
                local_port: None,
                why: said(reason),
            },
            None => Broker {
                node_id,
                told: None,
                local_port: None,
                why: said("no answer"),
            },
        }
    };
    Some(Listener {
        name: configured.name.clone(),
        routing,
        bootstrap: plan
            .bootstrap
            .iter()
            .map(|(public, _)| public.to_string())
            .collect(),
        brokers: brokers.iter().map(broker).collect(),
        local_ports: plan.ranges.clone(),
        names: plan.server_names.clone(),
    })
}

impl Explained {
    /// The map's name and version, and where it comes from.
    #[must_use]
    pub fn map(&self) -> String {
        let map = &self.address_map;
        format!("{} {} ({})", map.name, map.version, map.component)
    }

    /// What certificates of this listener must cover.
    #[must_use]
    pub fn names(&self, listener: &str) -> &[String] {
        let named = self.listeners.iter().find(|l| l.name == listener);
        named.map_or(&[], |l| l.names.as_slice())
    }

    /// Every host that a client is told, once.
    #[must_use]
    pub fn hosts(&self) -> BTreeSet<String> {
        let told = self.listeners.iter().flat_map(|listener| {
            let brokers = listener.brokers.iter().filter_map(|b| b.told.as_ref());
            listener.bootstrap.iter().chain(brokers)
        });
        told.filter_map(|address| Some(address.rsplit_once(':')?.0.to_owned()))
            .collect()
    }

    /// For scripts (`json`) or for people.
    #[must_use]
    pub fn render(&self, json: bool) -> String {
        if json {
            let json = serde_json::to_string_pretty(self).unwrap_or_default();
            return format!("{json}\n");
        }
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _infallible = self.write(&mut text);
        text
    }

    fn write(&self, to: &mut String) -> std::fmt::Result {
        let map = &self.address_map;
        writeln!(
            to,
            "address map  {} {} ({})",
            map.name, map.version, map.component
        )?;
        writeln!(to, "             {}", map.summary)?;
        for listener in &self.listeners {
            listener.write(to)?;
        }
        Ok(())
    }
}

impl Listener {
    fn write(&self, to: &mut String) -> std::fmt::Result {
        writeln!(to, "\nlistener {}, routing by {}", self.name, self.routing)?;
        match self.bootstrap.as_slice() {
            [] => writeln!(to, "  bootstrap  any address below")?,
            addresses => writeln!(to, "  bootstrap  {}", addresses.join(", "))?,
        }
        for broker in &self.brokers {
            let told = broker.told.as_deref().unwrap_or("removed from answers");
            writeln!(to, "  node {:<5} {told}  ({})", broker.node_id, broker.why)?;
        }
        let range = |(first, last): &(u16, u16)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        let ports: Vec<String> = self.local_ports.iter().map(range).collect();
        writeln!(
            to,
            "  firewalls  must let through local ports {}",
            ports.join(", ")
        )?;
        if !self.names.is_empty() {
            writeln!(
                to,
                "  DNS and certificates must cover {}",
                self.names.join(", ")
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::addrmap::tests::{PORT, SNI, config};

    #[test]
    fn people_are_told_addresses_ports_and_names() {
        let explained = explain(&config(PORT), &[0, 12], None).unwrap();
        let expected = "\
address map  built-in 0.1.0 (built in)
             addresses by port or by server name, from the listener variables

listener SAMPLE, routing by port
  bootstrap  any address below
  node 0     kafka.example.com:7000  (built-in 0.1.0: port routing, from the listener's PORTS and GATEWAY_MIN_BROKERID)
  node 12    removed from answers  (built-in 0.1.0: \"node id 12 is outside the 10 ports that start at node id 0\")
  firewalls  must let through local ports 7000-7009
  DNS and certificates must cover kafka.example.com
";
        assert_eq!(explained.render(false), expected);
    }

    #[test]
    fn scripts_are_told_the_same_as_json() {
        let text = explain(&config(SNI), &[3], None).unwrap().render(true);
        let explained: Value = serde_json::from_str(&text).unwrap();
        let expected = json!({
            "address_map": {
                "name": "built-in",
                "version": "0.1.0",
                "summary": "addresses by port or by server name, from the listener variables",
                "component": "built in",
            },
            "listeners": [{
                "name": "SAMPLE",
                "routing": "sni",
                "bootstrap": ["bootstrap.kafka.example.com:7000"],
                "brokers": [{
                    "node_id": 3,
                    "told": "b-3.example.com:7000",
                    "local_port": 7000,
                    "why": "built-in 0.1.0: sni routing, from the listener's ADVERTISED_HOST_PATTERN",
                }],
                "local_ports": [[7000, 7000]],
                "names": ["*.example.com", "bootstrap.kafka.example.com"],
            }],
        });
        assert_eq!(explained, expected);
    }

    #[test]
    fn without_ids_the_first_three_are_explained() {
        let explained = explain(&config(PORT), &[], None).unwrap();
        let brokers = &explained.listeners[0].brokers;
        let ids: Vec<i32> = brokers.iter().map(|broker| broker.node_id).collect();
        assert_eq!(ids, [0, 1, 2]);
    }
}
