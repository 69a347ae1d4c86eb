//! Finds upstream addresses in what clients received.
//!
//! Pure. Knows how Kafka writes a host and a port one after the other, and nothing else of it.

use std::collections::BTreeSet;

/// In every name that brokers advertise.
pub const UPSTREAM_DOMAIN: &str = "internal.test";

/// Longest host name there is.
const LONGEST_HOST: usize = 255;

/// `::1`. The size of a frame (353, say, is `\0\0\x01a`) with its correlation id behind it can look like
/// a shorter host and a port.
const SHORTEST_HOST: usize = 3;

/// Every place where `received` tells of an upstream address: the domain anywhere, or one of
/// `ports` right after a host. Empty is what a test wants.
#[must_use]
pub fn find(received: &[u8], ports: &[u16]) -> Vec<String> {
    let mut found = Vec::new();
    let domain = UPSTREAM_DOMAIN.as_bytes();
    for (at, window) in received.windows(domain.len()).enumerate() {
        if window == domain {
            found.push(format!("{UPSTREAM_DOMAIN} at byte {at}"));
        }
    }
    let ports: BTreeSet<u32> = ports.iter().map(|&port| port.into()).collect();
    for (at, window) in received.windows(4).enumerate() {
        let value = u32::from_be_bytes([window[0], window[1], window[2], window[3]]);
        if ports.contains(&value)
            && let Some(host) = host_before(&received[..at])
        {
            found.push(format!("{host}:{value} at byte {at}"));
        }
    }
    found
}

/// Panics with every leak in what connections received, or when they received nothing at all.
///
/// # Panics
///
/// That is what it is for.
pub fn assert_none(received: &[Vec<u8>], ports: &[u16]) {
    assert!(
        received.iter().any(|bytes| !bytes.is_empty()),
        "nothing was recorded"
    );
    let found: Vec<_> = received
        .iter()
        .flat_map(|bytes| find(bytes, ports))
        .collect();
    assert!(
        found.is_empty(),
        "upstream addresses reached a client: {found:?}"
    );
}

/// The host that ends here, by its own length: two bytes, or one more in a varint (compact).
fn host_before(bytes: &[u8]) -> Option<String> {
    let start = bytes.len().saturating_sub(LONGEST_HOST);
    let length = bytes[start..]
        .iter()
        .rev()
        .take_while(|&&byte| is_of_host(byte))
        .count();
    (SHORTEST_HOST..=length).rev().find_map(|length| {
        let (before, host) = bytes.split_at(bytes.len() - length);
        let plain = u16::try_from(length).ok()?.to_be_bytes();
        let compact = varint(length + 1);
        let prefixed = before.ends_with(&plain) || before.ends_with(&compact);
        prefixed.then(|| String::from_utf8_lossy(host).into_owned())
    })
}

fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_:".contains(&byte)
}

fn varint(value: usize) -> Vec<u8> {
    let low = u8::try_from(value & 0x7f).unwrap();
    match value >> 7 {
        0 => vec![low],
        high => vec![low | 0x80, u8::try_from(high).unwrap()],
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    const PORTS: &[u16] = &[20_011];

    #[test]
    fn finds_the_domain_anywhere() {
        assert_eq!(find(b"..broker1.internal.test..", PORTS).len(), 1);
    }

    #[test]
    fn finds_a_port_after_a_host_of_either_encoding() {
        assert_eq!(find(b"\0\x09127.0.0.1\0\0\x4e\x2b", PORTS).len(), 1);
        assert_eq!(find(b"\x0a127.0.0.1\0\0\x4e\x2b", PORTS).len(), 1);
    }

    #[test]
    fn leaves_a_number_alone_that_is_no_port() {
        assert!(find(b"\0\0\0\0\0\0\x4e\x2b", PORTS).is_empty());
        let (size, correlation_id) = (353_u32.to_be_bytes(), 20_011_u32.to_be_bytes());
        assert!(find(&[size, correlation_id].concat(), PORTS).is_empty());
        assert_eq!(find(b"\0\x03::1\0\0\x4e\x2b", PORTS).len(), 1);
    }
}
