//! What the map thread keeps of the configuration. Pure.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{Cidr, Config, ListenerConfig, Routing};
use crate::kafka::Endpoint;

/// The parts of `Config` that decide what is asked and what is allowed as an answer.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// In the order of `Config::listeners`.
    pub(super) listeners: Vec<ListenerFacts>,
    /// The map's configuration, passed through unread.
    pub(super) text: String,
    pub(super) zones: Arc<[(String, Cidr)]>,
    pub(super) upstream_hints: bool,
    /// Bootstrap servers and seeds: like any broker's, addresses that no client may be told.
    pub(super) upstream: Vec<Endpoint>,
    /// Where compiled code is kept; `None` = nowhere.
    pub(super) code: Option<PathBuf>,
}

/// One listener, as far as the map's answers are judged by it.
#[derive(Clone, Debug)]
pub(super) struct ListenerFacts {
    pub(super) name: String,
    pub(super) tls: bool,
    pub(super) bind: IpAddr,
    /// Local ports in the order of node ids.
    pub(super) ports: Vec<u16>,
    /// How many of `ports` are bound at start.
    pub(super) bound_at_start: usize,
    /// Hosts that the operator's own variables name, lower case: allowed even where a broker has the
    /// same name or where they mean this machine.
    pub(super) own_hosts: Vec<String>,
}

impl Settings {
    pub(super) fn of(config: &Config) -> Self {
        let upstream = config
            .upstream
            .bootstrap_servers
            .iter()
            .chain(config.upstream.seeds.values());
        Self {
            listeners: config.listeners.iter().map(ListenerFacts::of).collect(),
            text: config.address_map.text.clone(),
            zones: config.address_map.zones.clone().into(),
            upstream_hints: config.address_map.upstream_hints,
            upstream: upstream.cloned().collect(),
            code: None,
        }
    }
}

impl ListenerFacts {
    fn of(config: &ListenerConfig) -> Self {
        let (ports, bound_at_start, own_hosts) = match &config.routing {
            Routing::Port {
                advertised_host,
                ports,
                bound_at_start,
                ..
            } => (ports.as_slice(), *bound_at_start, vec![advertised_host]),
            Routing::Sni {
                port,
                bootstrap_host,
                ..
            } => (std::slice::from_ref(port), 1, vec![bootstrap_host]),
        };
        Self {
            name: config.name.clone(),
            tls: config.tls.is_some(),
            bind: config.bind,
            ports: ports.iter().map(|pair| pair.local).collect(),
            bound_at_start,
            own_hosts: own_hosts
                .into_iter()
                .map(|host| host.to_ascii_lowercase())
                .collect(),
        }
    }

    pub(super) fn is_bound_at_start(&self, port: u16) -> bool {
        self.ports
            .iter()
            .take(self.bound_at_start)
            .any(|bound| *bound == port)
    }
}

/// True if the two cannot both listen on one port.
pub(super) fn collide(one: IpAddr, other: IpAddr) -> bool {
    one == other || one.is_unspecified() || other.is_unspecified()
}

/// The index of the first zone whose network holds the client. A PROXY header or a dual-stack socket
/// may bring an IPv4 address in IPv6 form.
pub(super) fn zone_of(zones: &[(String, Cidr)], client: IpAddr) -> Option<usize> {
    let client = client.to_canonical();
    zones
        .iter()
        .position(|(_, network)| network.contains(client))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str, network: &str, prefix: u8) -> (String, Cidr) {
        (
            name.into(),
            Cidr {
                network: network.parse().unwrap(),
                prefix,
            },
        )
    }

    #[test]
    fn the_first_zone_that_holds_the_client_counts() {
        let zones = [
            zone("office", "10.1.0.0", 16),
            zone("inside", "10.0.0.0", 8),
            zone("v6", "2001:db8::", 32),
            zone("rest", "0.0.0.0", 0),
        ];
        let found = |client: &str| zone_of(&zones, client.parse().unwrap());
        assert_eq!(found("10.1.2.3"), Some(0));
        assert_eq!(found("::ffff:10.2.2.3"), Some(1));
        assert_eq!(found("2001:db8:1::1"), Some(2));
        assert_eq!(found("192.0.2.1"), Some(3));
        assert_eq!(found("2001:db9::1"), None);
    }
}
