//! Port specifications of listeners, and the check that no two of them want the same local port.
//!
//! Pure. It must not know where a specification comes from.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::reader::Reader;
use super::value::{self, Outcome};
use super::{ListenerConfig, PortPair, Routing};

/// `p`, `a-b`, `advertised:local` or `a-b:c-d`, in a comma list, flattened in order.
pub(super) fn parse(text: &str) -> Outcome<Vec<PortPair>> {
    let pairs: Vec<PortPair> = value::list(text, pairs)?.into_iter().flatten().collect();
    let mut advertised = BTreeSet::new();
    let mut local = BTreeSet::new();
    for pair in &pairs {
        if !advertised.insert(pair.advertised) {
            return Err(format!("port {} is advertised twice", pair.advertised));
        }
        if !local.insert(pair.local) {
            return Err(format!("local port {} is used twice", pair.local));
        }
    }
    Ok(pairs)
}

fn pairs(spec: &str) -> Outcome<Vec<PortPair>> {
    let (advertised, local) = spec.split_once(':').unwrap_or((spec, spec));
    let (advertised, local) = (range(advertised)?, range(local)?);
    if advertised.len() != local.len() {
        return Err(format!(
            "`{spec}` advertises {} ports and binds {}",
            advertised.len(),
            local.len()
        ));
    }
    let both = advertised.zip(local);
    Ok(both
        .map(|(advertised, local)| PortPair { advertised, local })
        .collect())
}

fn range(text: &str) -> Outcome<std::ops::RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (value::port(first.trim())?, value::port(last.trim())?);
    if last < first {
        return Err(format!("range `{text}` ends before it begins"));
    }
    Ok(first..=last)
}

/// Every local port of a listener.
pub(super) fn local_ports(listener: &ListenerConfig) -> Vec<u16> {
    match &listener.routing {
        Routing::Port { ports, .. } => ports.iter().map(|pair| pair.local).collect(),
        Routing::Sni { port, .. } => vec![port.local],
    }
}

/// Rejects listeners that share a local port with an earlier one or with the Admin API. The pairs
/// are (variable to name, listener).
pub(super) fn check_disjoint(
    r: &mut Reader<'_>,
    listeners: &[(String, &ListenerConfig)],
    admin: SocketAddr,
) {
    for (index, (variable, listener)) in listeners.iter().enumerate() {
        let ports = local_ports(listener);
        if shares_address(listener.bind, admin.ip()) && ports.contains(&admin.port()) {
            let port = admin.port();
            r.reject_with(
                variable,
                format!("port {port} is also the Admin API's"),
                "ports without it, or another GATEWAY_HTTP_PORT",
            );
        }
        for (_, earlier) in listeners.iter().take(index) {
            let taken: BTreeSet<u16> = local_ports(earlier).into_iter().collect();
            let shared = ports.iter().find(|port| taken.contains(port));
            if let Some(port) = shared.filter(|_| shares_address(listener.bind, earlier.bind)) {
                let problem = format!("local port {port} is also listener {}'s", earlier.name);
                r.reject_with(
                    variable,
                    problem,
                    "local ports of its own for each listener",
                );
            }
        }
    }
}

/// An unspecified address binds all of them; `::` the IPv4 ones too, on a Linux machine as it comes.
fn shares_address(a: IpAddr, b: IpAddr) -> bool {
    a == b || a.is_unspecified() || b.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> Outcome<Vec<(u16, u16)>> {
        let pairs = parse(text)?;
        Ok(pairs
            .iter()
            .map(|pair| (pair.advertised, pair.local))
            .collect())
    }

    #[test]
    fn flattens_specifications_in_order() {
        assert_eq!(flat("6969"), Ok(vec![(6969, 6969)]));
        assert_eq!(flat("443:9092"), Ok(vec![(443, 9092)]));
        let mixed = flat("29092-29093:9092-9093, 29100:9100,7-8");
        let expected = vec![(29092, 9092), (29093, 9093), (29100, 9100), (7, 7), (8, 8)];
        assert_eq!(mixed, Ok(expected));
    }

    #[test]
    fn refuses_ranges_that_do_not_fit() {
        for (text, telling) in [
            ("1-3:4-5", "advertises 3 ports and binds 2"),
            ("9-7", "ends before it begins"),
            ("0", "outside"),
            ("65536", "outside"),
            ("a", "not a whole number"),
            ("1,,2", "empty"),
            ("1-2-3", "not a whole number"),
            ("1:2:3", "not a whole number"),
            ("5,4-6", "advertised twice"),
            ("5:9,6:9", "local port 9 is used twice"),
        ] {
            let problem = flat(text).unwrap_err();
            assert!(problem.contains(telling), "{text}: {problem}");
        }
    }
}
