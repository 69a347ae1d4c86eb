//! The published table in words: what clients are told now. `explain` says what they would be told.

use std::net::IpAddr;

use serde::Serialize;

use super::table::Table;
use super::why::Row;
use super::{Identity, Inbound, MapBroker};
use crate::config::{Config, Routing};

/// The published table as a client at one address meets it.
#[derive(Debug, Serialize)]
pub struct Published {
    /// The topology version it was computed from.
    table_version: u64,
    listeners: Vec<Listener>,
}

#[derive(Debug, Serialize)]
struct Listener {
    name: String,
    routing: &'static str,
    brokers: Vec<Broker>,
}

#[derive(Debug, Serialize)]
struct Broker {
    /// Where it is dialled.
    upstream: String,
    #[serde(flatten)]
    row: Row,
}

impl Table {
    /// What a client at this address is told for each of these brokers, by listener.
    #[must_use]
    pub fn explain(
        &self,
        config: &Config,
        map: &Identity,
        brokers: &[MapBroker],
        client: IpAddr,
    ) -> Published {
        let listener = |(index, configured): (usize, &crate::config::ListenerConfig)| {
            let (routing, local_port) = match &configured.routing {
                Routing::Port { ports, .. } => ("port", ports.first().map(|pair| pair.local)),
                Routing::Sni { port, .. } => ("sni", Some(port.local)),
            };
            let inbound = Inbound {
                listener: index,
                server_name: None,
                local_port: local_port.unwrap_or_default(),
                client,
            };
            let broker = |broker: &MapBroker| Broker {
                upstream: broker.upstream.to_string(),
                row: self.row(config, map, &inbound, broker),
            };
            Listener {
                name: configured.name.clone(),
                routing,
                brokers: brokers.iter().map(broker).collect(),
            }
        };
        Published {
            table_version: self.topology_version(),
            listeners: config.listeners.iter().enumerate().map(listener).collect(),
        }
    }
}
