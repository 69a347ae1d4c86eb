//! Where this process listens itself, so that it never becomes its own client.
//!
//! Owns the list of bound addresses and the question whether an address is of this machine. It must
//! not know who binds.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{PoisonError, RwLock};

/// The addresses bound so far. Grows while the process runs: some ports are bound late.
#[derive(Debug, Default)]
pub struct OwnAddresses {
    bound: RwLock<BTreeSet<SocketAddr>>,
}

impl OwnAddresses {
    /// Takes in an address that has been bound.
    pub fn add(&self, bound: SocketAddr) {
        let mut all = self.bound.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(bound);
    }

    /// Whether a connection to there would arrive here.
    #[must_use]
    pub fn covers(&self, address: SocketAddr) -> bool {
        let bound = self.bound.read().unwrap_or_else(PoisonError::into_inner);
        let ip = address.ip().to_canonical();
        let same_port = bound.iter().filter(|own| own.port() == address.port());
        // Ports differ nearly always, so that this machine's addresses are hardly ever asked for.
        same_port.into_iter().any(|own| takes(own.ip(), ip))
    }
}

/// Whether a socket bound to `own` takes connections to `ip`.
fn takes(own: IpAddr, ip: IpAddr) -> bool {
    let own = own.to_canonical();
    let any = match own {
        IpAddr::V4(own) => own.is_unspecified() && ip.is_ipv4(),
        // `::` takes IPv4 too.
        IpAddr::V6(own) => own.is_unspecified(),
    };
    own == ip || ip.is_unspecified() || (any && is_of_this_machine(ip))
}

/// The kernel sends what is for this machine from the very address it is for; connecting a datagram
/// socket asks for the route and sends nothing.
fn is_of_this_machine(ip: IpAddr) -> bool {
    let from: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let route = || {
        let socket = UdpSocket::bind((from, 0))?;
        // Any port will do; 0 is none.
        socket.connect((ip, 9))?;
        socket.local_addr()
    };
    ip.is_loopback() || route().is_ok_and(|local| local.ip() == ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(bound: &[&str]) -> OwnAddresses {
        let own = OwnAddresses::default();
        for address in bound {
            own.add(address.parse().unwrap());
        }
        own
    }

    #[track_caller]
    fn covers(own: &OwnAddresses, address: &str, expected: bool) {
        assert_eq!(own.covers(address.parse().unwrap()), expected, "{address}");
    }

    #[test]
    fn an_address_is_ours_by_address_and_port() {
        let own = own(&["127.0.0.1:6969", "[::1]:6970"]);
        covers(&own, "127.0.0.1:6969", true);
        covers(&own, "[::ffff:127.0.0.1]:6969", true);
        covers(&own, "[::1]:6970", true);
        covers(&own, "0.0.0.0:6969", true);
        covers(&own, "127.0.0.1:6971", false);
        covers(&own, "127.0.0.2:6969", false);
        covers(&own, "192.0.2.1:6969", false);
    }

    #[test]
    fn bound_to_any_address_means_all_of_this_machine() {
        for any in ["0.0.0.0:6969", "[::]:6969"] {
            let own = own(&[any]);
            covers(&own, "127.0.0.1:6969", true);
            covers(&own, "127.9.9.9:6969", true);
            // Documentation's networks: no machine has them.
            covers(&own, "192.0.2.1:6969", false);
            covers(&own, "[2001:db8::1]:6969", false);
        }
        covers(&own(&["[::]:6969"]), "[::1]:6969", true);
    }

    #[test]
    fn an_address_of_an_interface_is_of_this_machine() {
        // Whatever this machine would send from; where there is no route, nothing is to be seen.
        let route = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
            socket.connect("192.0.2.1:9")?;
            socket.local_addr()
        });
        if let Ok(local) = route {
            assert!(is_of_this_machine(local.ip()), "{local}");
        }
    }
}
