//! Where brokers may be: the allow-list, its derivation, and its judgement of names and addresses.
//!
//! Pure. A broker's address comes from the network (a Metadata answer), so it is judged twice: by
//! name before it is learned, and by the address that the name resolved to before it is dialled
//! (DNS rebinding).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::value::{self, Outcome};
use super::{AllowHost, AllowRule, Cidr, UpstreamConfig};
use crate::kafka::Endpoint;

impl Cidr {
    /// Whether the network holds the address. An IPv4-mapped IPv6 address counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if address.is_ipv4() != self.network.is_ipv4() {
            return false;
        }
        let masked = Self {
            network: address,
            prefix: self.prefix,
        }
        .masked();
        masked.network == self.masked().network
    }

    /// The same network with all bits beyond the prefix 0.
    pub(super) fn masked(self) -> Self {
        let network = match self.network {
            IpAddr::V4(v4) => {
                let host_bits = 32_u32.saturating_sub(u32::from(self.prefix));
                let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::from((v4.to_bits() & mask).to_be_bytes())
            }
            IpAddr::V6(v6) => {
                let host_bits = 128_u32.saturating_sub(u32::from(self.prefix));
                let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::from((v6.to_bits() & mask).to_be_bytes())
            }
        };
        Self {
            network,
            prefix: self.prefix,
        }
    }

    /// The highest address of the network.
    fn last(self) -> IpAddr {
        match self.network {
            IpAddr::V4(v4) => {
                let host = u32::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
                IpAddr::from((v4.to_bits() | host).to_be_bytes())
            }
            IpAddr::V6(v6) => {
                let host = u128::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
                IpAddr::from((v6.to_bits() | host).to_be_bytes())
            }
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

impl fmt::Display for AllowRule {
    /// As `GATEWAY_UPSTREAM_ALLOWED` has it, but for the derived "any one-label name".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            AllowHost::Exact(host) => f.write_str(host)?,
            AllowHost::Below(suffix) => write!(f, ".{suffix}")?,
            AllowHost::AnySingleLabel => f.write_str("any one-label name")?,
            AllowHost::Network(network) if network.network.is_ipv6() => write!(f, "[{network}]")?,
            AllowHost::Network(network) => write!(f, "{network}")?,
        }
        match self.ports {
            None => Ok(()),
            Some((first, last)) if first == last => write!(f, ":{first}"),
            Some((first, last)) => write!(f, ":{first}-{last}"),
        }
    }
}

impl AllowRule {
    fn has_port(&self, port: u16) -> bool {
        self.ports
            .is_none_or(|(first, last)| (first..=last).contains(&port))
    }

    fn has_name(&self, name: &str) -> bool {
        match &self.host {
            AllowHost::Exact(host) => host == name,
            AllowHost::Below(suffix) => name
                .strip_suffix(suffix.as_str())
                .is_some_and(|rest| rest.ends_with('.')),
            AllowHost::AnySingleLabel => !name.contains('.') && literal(name).is_none(),
            AllowHost::Network(_) => false,
        }
    }
}

impl UpstreamConfig {
    /// Whether a broker may be there, judged before resolution. Where a network is listed for this
    /// port, a name passes for now: [`Self::allows_address`] decides.
    #[must_use]
    pub fn allows_name(&self, endpoint: &Endpoint) -> bool {
        match literal(&endpoint.host) {
            Some(address) => self.allows_address(endpoint, address),
            None => {
                self.names(endpoint)
                    || self
                        .rules(endpoint)
                        .any(|rule| matches!(rule.host, AllowHost::Network(_)))
            }
        }
    }

    /// Whether this address, which the endpoint's host resolved to, may be dialled. An address out
    /// of `GATEWAY_UPSTREAM_ADDRESS_MAP` is the operator's own word and need not be asked about.
    #[must_use]
    pub fn allows_address(&self, endpoint: &Endpoint, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let networks = self.rules(endpoint).filter_map(|rule| match rule.host {
            AllowHost::Network(network) if network.contains(address) => Some(network),
            _ => None,
        });
        let networks: Vec<Cidr> = networks.collect();
        if !self.names(endpoint) && networks.is_empty() {
            return false;
        }
        let special = Special::of(address);
        special.is_none()
            // A network that merely reaches over the special one, such as 0.0.0.0/0, does not name it.
            || networks.iter().any(|network| {
                Special::of(network.network) == special && Special::of(network.last()) == special
            })
            || self.own_words().any(|server| Special::of_host(&server.host) == special)
    }

    /// What an operator adds to `GATEWAY_UPSTREAM_ALLOWED` to let this endpoint pass.
    #[must_use]
    pub fn value_to_add(endpoint: &Endpoint, address: Option<IpAddr>) -> String {
        let special = address.filter(|address| Special::of(*address).is_some());
        special.map_or_else(
            || endpoint.host.clone(),
            |address| address.to_canonical().to_string(),
        )
    }

    /// Endpoints that the operator wrote down.
    fn own_words(&self) -> impl Iterator<Item = &Endpoint> {
        self.bootstrap_servers.iter().chain(self.seeds.values())
    }

    fn rules(&self, endpoint: &Endpoint) -> impl Iterator<Item = &AllowRule> {
        let port = endpoint.port;
        self.allowed.iter().filter(move |rule| rule.has_port(port))
    }

    fn names(&self, endpoint: &Endpoint) -> bool {
        let host = endpoint
            .host
            .strip_suffix('.')
            .unwrap_or(&endpoint.host)
            .to_ascii_lowercase();
        self.own_words()
            .any(|own| own.host == host && own.port == endpoint.port)
            || self.rules(endpoint).any(|rule| rule.has_name(&host))
    }
}

/// Addresses that no broker of a cluster elsewhere has, and that must not be reached by tricking the
/// proxy: only the operator's own word opens them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Special {
    Loopback,
    LinkLocal,
    /// Credentials of the machine are to be had there.
    MetadataService(IpAddr),
    Unspecified,
    Multicast,
}

impl Special {
    fn of(address: IpAddr) -> Option<Self> {
        // fd00:ec2::254 is EC2's over IPv6, 169.254.170.2 the one of ECS tasks.
        const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
        let address = address.to_canonical();
        match address {
            IpAddr::V4(v4) if matches!(v4.octets(), [169, 254, 169, 254] | [169, 254, 170, 2]) => {
                Some(Self::MetadataService(address))
            }
            IpAddr::V6(METADATA_V6) => Some(Self::MetadataService(address)),
            _ if address.is_loopback() => Some(Self::Loopback),
            // 0.0.0.0/8 is "this host" (RFC 1122 §3.2.1.3).
            IpAddr::V4(v4) if v4.octets().first() == Some(&0) => Some(Self::Unspecified),
            _ if address.is_unspecified() => Some(Self::Unspecified),
            _ if address.is_multicast() => Some(Self::Multicast),
            IpAddr::V4(v4) if v4.is_broadcast() => Some(Self::Multicast),
            IpAddr::V4(v4) if v4.is_link_local() => Some(Self::LinkLocal),
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Some(Self::LinkLocal),
            _ => None,
        }
    }

    /// `localhost` and what is below it mean loopback, whatever a resolver says (RFC 6761 §6.3).
    fn of_host(host: &str) -> Option<Self> {
        if host == "localhost" || host.ends_with(".localhost") {
            return Some(Self::Loopback);
        }
        literal(host).and_then(Self::of)
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    host.parse().ok()
}

/// `GATEWAY_UPSTREAM_ALLOWED`.
pub(super) fn rules(text: &str) -> Outcome<Vec<AllowRule>> {
    value::list(text, rule)
}

fn rule(entry: &str) -> Outcome<AllowRule> {
    let (host, ports) = match entry.rsplit_once(':') {
        // Inside brackets or of a bare IPv6 network, the colon belongs to the address.
        Some((host, _)) if entry.ends_with(']') || (host.contains(':') && !host.ends_with(']')) => {
            (entry, None)
        }
        Some((host, ports)) => (host, Some(port_range(ports)?)),
        None => (entry, None),
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    let suffix = bare.strip_prefix("*.").or_else(|| bare.strip_prefix('.'));
    let host = if bare.contains('/') || literal(bare).is_some() {
        AllowHost::Network(value::cidr(bare)?)
    } else if let Some(suffix) = suffix {
        AllowHost::Below(value::host(suffix)?)
    } else {
        AllowHost::Exact(value::host(bare)?)
    };
    Ok(AllowRule { host, ports })
}

fn port_range(text: &str) -> Outcome<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (value::port(first)?, value::port(last)?);
    match first <= last {
        true => Ok((first, last)),
        false => Err(format!("range `{text}` ends before it begins")),
    }
}

/// What follows from the bootstrap servers when the operator listed nothing; any port.
pub(super) fn derived(bootstrap: &[Endpoint]) -> Vec<AllowRule> {
    let mut rules: Vec<AllowRule> = Vec::new();
    for host in bootstrap
        .iter()
        .flat_map(|server| derived_hosts(&server.host))
    {
        let rule = AllowRule { host, ports: None };
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    rules
}

fn derived_hosts(host: &str) -> Vec<AllowHost> {
    if let Some(network) = literal(host) {
        let prefix = if network.is_ipv4() { 24 } else { 64 };
        return vec![AllowHost::Network(Cidr { network, prefix }.masked())];
    }
    match host.split_once('.') {
        None => vec![AllowHost::AnySingleLabel],
        Some((_, parent)) if parent.contains('.') => vec![AllowHost::Below(parent.to_owned())],
        Some(_) => vec![
            AllowHost::Exact(host.to_owned()),
            AllowHost::Below(host.to_owned()),
        ],
    }
}

#[cfg(test)]
mod tests;
