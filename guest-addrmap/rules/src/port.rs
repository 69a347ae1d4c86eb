//! Routing by local port: index i of the ports serves node id `min_broker_id + i`.
//!
//! Which port a broker has follows from its own id alone, so adding a broker never moves another.
//! Every port serves as bootstrap, so the plan names none.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::{Advertised, ListenerPlan, Target, name};

/// A port that clients are told and the one on which their connections arrive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PortPair {
    pub(crate) advertised: u16,
    pub(crate) local: u16,
}

/// One port-routed listener. Ports are distinct and never 0.
#[derive(Clone, Debug)]
pub(crate) struct PortRules {
    pub(crate) advertised_host: String,
    pub(crate) ports: Vec<PortPair>,
    /// Never negative.
    pub(crate) min_broker_id: i32,
}

impl PortRules {
    pub(crate) fn plan(&self, listener: &str) -> ListenerPlan {
        let mut server_names = Vec::new();
        if !name::is_ip(&self.advertised_host) {
            server_names.push(self.advertised_host.clone());
        }
        ListenerPlan {
            name: listener.to_string(),
            needs_server_name: false,
            bootstrap: Vec::new(),
            local_ports: ranges(&self.ports),
            server_names,
        }
    }

    pub(crate) fn advertise(&self, node_id: i32) -> Result<Advertised, String> {
        let index = node_id
            .checked_sub(self.min_broker_id)
            .and_then(|offset| usize::try_from(offset).ok());
        let pair = index
            .and_then(|index| self.ports.get(index))
            .ok_or_else(|| {
                format!(
                    "node id {node_id} is outside the {} ports that start at node id {}",
                    self.ports.len(),
                    self.min_broker_id
                )
            })?;
        Ok(Advertised {
            host: self.advertised_host.clone(),
            port: pair.advertised,
            local_port: pair.local,
        })
    }

    pub(crate) fn route(&self, local_port: u16) -> Result<Target, String> {
        self.ports
            .iter()
            .position(|pair| pair.local == local_port)
            .and_then(|index| i32::try_from(index).ok())
            .and_then(|index| self.min_broker_id.checked_add(index))
            .map(Target::Broker)
            .ok_or_else(|| format!("local port {local_port} belongs to no broker"))
    }
}

/// Neighbours joined, in the order of the node ids.
fn ranges(ports: &[PortPair]) -> Vec<(u16, u16)> {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for pair in ports {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(pair.local) => *last = pair.local,
            _ => ranges.push((pair.local, pair.local)),
        }
    }
    ranges
}
