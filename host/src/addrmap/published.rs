//! The published table in words: what clients are told now. `explain` says what they would be told.

use std::net::IpAddr;

use serde::Serialize;

use super::table::{Answer, Table};
use super::{Inbound, MapBroker};
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
    node_id: i32,
    /// Where it is dialled.
    upstream: String,
    /// What a client is told; `None` = the broker is removed from answers.
    told: Option<String>,
    local_port: Option<u16>,
    why: String,
}

impl Table {
    /// What a client at this address is told for each of these brokers, by listener.
    #[must_use]
    pub fn explain(&self, config: &Config, brokers: &[MapBroker], client: IpAddr) -> Published {
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
            let brokers = brokers.iter().map(|broker| self.told(&inbound, broker));
            Listener {
                name: configured.name.clone(),
                routing,
                brokers: brokers.collect(),
            }
        };
        Published {
            table_version: self.topology_version(),
            listeners: config.listeners.iter().enumerate().map(listener).collect(),
        }
    }

    fn told(&self, inbound: &Inbound, broker: &MapBroker) -> Broker {
        let (told, local_port, why) = match self.answer(inbound, broker.node_id) {
            Some(Answer::Advertised { public, local_port }) => (
                Some(public.to_string()),
                Some(*local_port),
                "by the address map".to_owned(),
            ),
            Some(Answer::NotMapped(reason)) => (None, None, reason.clone()),
            None => (None, None, "learned, not in the table yet".to_owned()),
        };
        Broker {
            node_id: broker.node_id.0,
            upstream: broker.upstream.to_string(),
            told,
            local_port,
            why,
        }
    }
}
