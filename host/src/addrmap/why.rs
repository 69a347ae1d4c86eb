//! Why a broker has the address it has: the rule, the component whose rule it is, and the variables
//! that decide. Pure; it must not know who asks.

use serde::Serialize;

use super::component::{Identity, Origin};
use super::settings::zone_of;
use super::table::{Answer, Table};
use super::{Inbound, MapBroker};
use crate::config::{Config, Routing};

/// What a client is told for one broker, and why.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) node_id: i32,
    /// `None` = the broker is removed from answers.
    pub(super) told: Option<String>,
    pub(super) local_port: Option<u16>,
    pub(super) why: Why,
}

/// The reason of one row.
#[derive(Debug, Serialize)]
pub(super) struct Why {
    /// How the address came about, or what the map said instead of one.
    pub(super) rule: String,
    /// Name and version of the map.
    pub(super) component: String,
    /// The variables that decide.
    pub(super) keys: Vec<String>,
}

impl Table {
    /// What a client that came in this way is told for a broker, by this map.
    pub(super) fn row(
        &self,
        config: &Config,
        map: &Identity,
        inbound: &Inbound,
        broker: &MapBroker,
    ) -> Row {
        let (told, local_port, rule) = match self.answer(inbound, broker.node_id) {
            Some(Answer::Advertised { public, local_port }) => (
                Some(public.to_string()),
                Some(*local_port),
                self.rule(config, map, inbound, broker),
            ),
            Some(Answer::NotMapped(reason)) => (None, None, reason.clone()),
            None => (None, None, "learned, not in the table yet".to_owned()),
        };
        Row {
            node_id: broker.node_id.0,
            told,
            local_port,
            why: Why {
                rule,
                component: format!("{} {}", map.name, map.version),
                keys: self.keys(config, inbound),
            },
        }
    }

    /// The built-in rules are known here. Another map's are its own: what it was told is what it can
    /// have gone by.
    fn rule(
        &self,
        config: &Config,
        map: &Identity,
        inbound: &Inbound,
        broker: &MapBroker,
    ) -> String {
        let listener = config.listeners.get(inbound.listener);
        let by_listener = config.address_map.decided_by.is_none();
        match listener.map(|listener| &listener.routing) {
            Some(Routing::Port { min_broker_id, .. })
                if map.origin == Origin::BuiltIn && by_listener =>
            {
                format!("port routing, the first port is node id {min_broker_id}")
            }
            Some(Routing::Sni { host_pattern, .. })
                if map.origin == Origin::BuiltIn && by_listener =>
            {
                format!("sni routing by {host_pattern}")
            }
            _ => {
                let mut rule = "the map's own rule".to_owned();
                if self.by_zone {
                    let zone = zone_of(&self.zones, inbound.client);
                    let zone = zone.and_then(|zone| self.zones.get(zone));
                    let zone = zone.map_or("none", |(name, _)| name);
                    rule.push_str(&format!(", zone {zone}"));
                }
                if self.by_local_port {
                    rule.push_str(&format!(", local port {}", inbound.local_port));
                }
                if let Some(rack) = &broker.rack {
                    rule.push_str(&format!(", rack {}", crate::wasm::shown(rack)));
                }
                rule
            }
        }
    }

    fn keys(&self, config: &Config, inbound: &Inbound) -> Vec<String> {
        let listener = config.listeners.get(inbound.listener);
        let mut keys = match config.address_map.decided_by {
            Some(key) => vec![key.to_owned()],
            None => listener.map_or_else(Vec::new, |listener| listener.decided_by.clone()),
        };
        if self.by_zone {
            keys.push("GATEWAY_ZONES".to_owned());
        }
        keys
    }
}

impl Why {
    /// For people, in one line.
    pub(super) fn line(&self) -> String {
        format!(
            "{}; {}; {}",
            self.rule,
            self.component,
            self.keys.join(", ")
        )
    }
}
