//! Free ports that stay ours.
//!
//! Owns the choice and the reservation; it must not know who listens on them.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::Mutex;

/// Below the range that Linux gives to outgoing connections (32768 and up), so that no connection
/// takes a port between our choice and its server's bind.
const LOWEST: u16 = 12_000;
const HIGHEST: u16 = 32_000;

/// A UDP socket of the same number marks a port as taken for every other test process; it does
/// not hinder a TCP server. Kept until the process ends.
static RESERVED: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// The first of `count` consecutive TCP ports that are free on 127.0.0.1 and reserved for this
/// process until it ends.
///
/// # Panics
///
/// When no such row of ports is left.
#[must_use]
pub fn reserve(count: u16) -> u16 {
    let mut reserved = RESERVED.lock().unwrap();
    // Processes start looking in different places: fewer collisions to step over.
    let span = u32::from(HIGHEST - LOWEST - count);
    let offset = std::process::id().wrapping_mul(977) % span;
    let mut first = LOWEST + u16::try_from(offset).unwrap();
    for _ in 0..span {
        if let Some(sockets) = try_row(first, count) {
            reserved.extend(sockets);
            return first;
        }
        first = if first + count < HIGHEST {
            first + 1
        } else {
            LOWEST
        };
    }
    panic!("no {count} consecutive free ports");
}

fn try_row(first: u16, count: u16) -> Option<Vec<UdpSocket>> {
    let mut sockets = Vec::with_capacity(count.into());
    for port in first..first + count {
        sockets.push(UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok()?);
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).ok()?;
    }
    Some(sockets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_gives_the_same_port_twice() {
        let first = reserve(13);
        let second = reserve(13);
        assert!(first + 13 <= second || second + 13 <= first);
    }
}
