//! What clients would be told, and why: computed offline, for people and scripts.
//!
//! Loads the map as `serve` does and asks it the same questions; opens no port and dials nobody.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::thread;

use serde::Serialize;

use super::component::{Component, Identity, plain};
use super::map::Map;
use super::settings::Settings;
use super::table::Table;
use super::why::Row;
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
    brokers: Vec<Row>,
    /// First and last, inclusive: what firewalls and balancers must let through.
    local_ports: Vec<(u16, u16)>,
    /// What DNS and certificates must cover.
    names: Vec<String>,
}

/// A broker to explain, as people write it: `5`, or `5@eu-west-1a` with its rack.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    node_id: NodeId,
    rack: Option<String>,
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, rack) = match text.split_once('@') {
            Some((id, rack)) => (id, Some(rack.to_owned())),
            None => (text, None),
        };
        match id.parse() {
            Ok(id) if id >= 0 => Ok(Self {
                node_id: NodeId(id),
                rack,
            }),
            _ => Err("accepted is a node id from 0, or a node id, `@` and a rack".to_owned()),
        }
    }
}

/// Asks the configured map about these brokers, as a client at this address would be answered.
///
/// # Errors
/// Everything for which `serve` would exit with 78.
pub fn explain(
    config: &Config,
    brokers: &[Asked],
    client: Option<IpAddr>,
) -> Result<Explained, AddrMapError> {
    let (component, settings) = (Component::configured(config)?, Settings::of(config));
    let brokers = map_brokers(config, brokers);
    let (profile, asked) = (config.address_map.limits, brokers.clone());
    let bytes = component.bytes.clone();
    // Compiling needs the same deep stack here as on the map's own thread.
    let load = move || {
        let mut map = Map::load(&bytes, profile, settings)?;
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
    let identity = component.identity(&map.scheme);
    let explaining = Explaining {
        config,
        map: &map,
        table: &table,
        identity: &identity,
        client,
    };
    let listeners = 0..config.listeners.len();
    let listeners = listeners.filter_map(|index| explaining.listener(index, &brokers));
    let listeners = listeners.collect();
    Ok(Explained {
        listeners,
        address_map: MapFacts {
            summary: plain(&map.scheme.summary),
            name: identity.name,
            version: identity.version,
            component: identity.component,
        },
    })
}

/// The brokers asked for; else the seeds; else the first three ids. One that is not known gets an
/// address that no cluster has.
fn map_brokers(config: &Config, asked: &[Asked]) -> Vec<MapBroker> {
    let seeds = &config.upstream.seeds;
    let alone = |node_id| Asked {
        node_id,
        rack: None,
    };
    let asked: Vec<Asked> = match (asked.is_empty(), seeds.is_empty()) {
        (false, _) => asked.to_vec(),
        (true, false) => seeds.keys().copied().map(alone).collect(),
        (true, true) => (0..3).map(NodeId).map(alone).collect(),
    };
    let unknown = |id: NodeId| Endpoint {
        host: format!("node-{id}.invalid"),
        port: 9092,
    };
    let broker = |Asked { node_id, rack }| MapBroker {
        node_id,
        upstream: seeds
            .get(&node_id)
            .cloned()
            .unwrap_or_else(|| unknown(node_id)),
        rack,
    };
    asked.into_iter().map(broker).collect()
}

/// A map that was loaded, and whom to explain it to.
struct Explaining<'a> {
    config: &'a Config,
    map: &'a Map,
    table: &'a Table,
    identity: &'a Identity,
    client: IpAddr,
}

impl Explaining<'_> {
    fn listener(&self, index: usize, brokers: &[MapBroker]) -> Option<Listener> {
        let configured = self.config.listeners.get(index)?;
        let plan = self.map.plan.listeners.get(index)?;
        let inbound = Inbound {
            listener: index,
            server_name: None,
            local_port: plan.ports().next().unwrap_or(0),
            client: self.client,
        };
        let row = |broker: &MapBroker| self.table.row(self.config, self.identity, &inbound, broker);
        let bootstrap = plan.bootstrap.iter();
        Some(Listener {
            name: configured.name.clone(),
            routing: match configured.routing {
                Routing::Port { .. } => "port",
                Routing::Sni { .. } => "sni",
            },
            bootstrap: bootstrap.map(|(public, _)| public.to_string()).collect(),
            brokers: brokers.iter().map(row).collect(),
            local_ports: plan.ranges.clone(),
            names: plan.server_names.clone(),
        })
    }
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
}

/// For people.
impl fmt::Display for Explained {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    fn write(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "\nlistener {}, routing by {}", self.name, self.routing)?;
        match self.bootstrap.as_slice() {
            [] => writeln!(to, "  bootstrap  any address below")?,
            addresses => writeln!(to, "  bootstrap  {}", addresses.join(", "))?,
        }
        for broker in &self.brokers {
            let told = broker.told.as_deref().unwrap_or("removed from answers");
            let why = broker.why.line();
            writeln!(to, "  node {:<5} {told}  ({why})", broker.node_id)?;
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
    use serde_json::json;

    use super::*;
    use crate::addrmap::tests::{PORT, SNI, config};

    fn asked(brokers: &[&str]) -> Vec<Asked> {
        let parsed = brokers.iter().map(|broker| broker.parse());
        parsed.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn people_are_told_addresses_ports_and_names() {
        let explained = explain(&config(PORT), &asked(&["0", "12"]), None).unwrap();
        let expected = "\
address map  built-in 0.1.0 (built in)
             addresses by port or by server name, from the listener variables

listener SAMPLE, routing by port
  bootstrap  any address below
  node 0     kafka.example.com:7000  (port routing, the first port is node id 0; built-in 0.1.0; GATEWAY_LISTENER_SAMPLE_ADVERTISED_HOST, GATEWAY_LISTENER_SAMPLE_PORTS, GATEWAY_MIN_BROKERID)
  node 12    removed from answers  (\"node id 12 is outside the 10 ports that start at node id 0\"; built-in 0.1.0; GATEWAY_LISTENER_SAMPLE_ADVERTISED_HOST, GATEWAY_LISTENER_SAMPLE_PORTS, GATEWAY_MIN_BROKERID)
  firewalls  must let through local ports 7000-7009
  DNS and certificates must cover kafka.example.com
";
        assert_eq!(explained.to_string(), expected);
    }

    #[test]
    fn scripts_are_told_the_same_as_json() {
        let explained = explain(&config(SNI), &asked(&["3"]), None).unwrap();
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
                    "why": {
                        "rule": "sni routing by b-{{nodeId}}.example.com",
                        "component": "built-in 0.1.0",
                        "keys": [
                            "GATEWAY_LISTENER_SAMPLE_ADVERTISED_HOST_PATTERN",
                            "GATEWAY_LISTENER_SAMPLE_PORTS",
                        ],
                    },
                }],
                "local_ports": [[7000, 7000]],
                "names": ["*.example.com", "bootstrap.kafka.example.com"],
            }],
        });
        assert_eq!(serde_json::to_value(&explained).unwrap(), expected);
    }

    #[test]
    fn without_ids_the_first_three_are_explained() {
        let explained = explain(&config(PORT), &[], None).unwrap();
        let brokers = &explained.listeners[0].brokers;
        let ids: Vec<i32> = brokers.iter().map(|broker| broker.node_id).collect();
        assert_eq!(ids, [0, 1, 2]);
    }
}
