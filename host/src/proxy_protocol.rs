//! Reads the PROXY protocol header, versions 1 and 2, that a load balancer puts in front of a
//! connection to say where it came from.
//!
//! Owns the format; pure: it must not know sockets or which sources are trusted to send one.
//!
//! A parser of our own, by the HAProxy specification. The crates `ppp` and `proxy-header` have ten
//! times its code, mostly for writing headers; neither caps version 2, and `proxy-header` refuses
//! families it does not know and notices a connection without a header only at its 15th byte.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The most bytes a header may have. What fits TCP's default segment (RFC 9293 §3.7.1) comes in
/// one piece, and addresses with the extensions of load balancers take less than half of it.
pub const MAX_HEADER_BYTES: usize = 536;

/// Version 1 with two addresses at their longest, by the specification's §2.1.
const MAX_V1_BYTES: usize = 107;
const V1_START: &[u8] = b"PROXY ";
const V2_START: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Start, version and command, family, length.
const V2_FIXED_BYTES: usize = 16;

/// What the bytes so far are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Parsed {
    /// The beginning of a header; more is needed.
    Incomplete,
    /// A whole header.
    Complete {
        /// Where the connection came from. `None` when the load balancer speaks for itself
        /// (a health check) or does not say: then the peer's address counts.
        source: Option<SocketAddr>,
        /// Bytes of the header, from the first. What follows belongs to the connection.
        header_len: usize,
    },
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProxyHeaderError {
    /// The connection does not start with a header.
    #[error("no PROXY header at the start of the connection")]
    Missing,
    /// It starts with one that breaks the specification.
    #[error("malformed PROXY header")]
    Malformed,
    /// It is longer than [`MAX_HEADER_BYTES`], or for version 1 than 107 bytes.
    #[error("PROXY header too long")]
    TooLong,
}

/// Judges the first bytes of a connection. Call it again with all bytes so far after
/// [`Parsed::Incomplete`]; never more than [`MAX_HEADER_BYTES`] are needed.
///
/// # Errors
/// As soon as the bytes cannot become a header.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    if let Some(rest) = bytes.strip_prefix(V1_START) {
        v1(bytes, rest)
    } else if bytes.starts_with(V2_START) {
        v2(bytes)
    } else if V1_START.starts_with(bytes) || V2_START.starts_with(bytes) {
        Ok(Parsed::Incomplete)
    } else {
        Err(ProxyHeaderError::Missing)
    }
}

/// `TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n`, source first.
fn v1(bytes: &[u8], rest: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    let seen = bytes.get(..MAX_V1_BYTES).unwrap_or(bytes);
    let Some(end) = seen.windows(2).position(|pair| pair == b"\r\n") else {
        let full = seen.len() == MAX_V1_BYTES;
        return if full {
            Err(ProxyHeaderError::TooLong)
        } else {
            Ok(Parsed::Incomplete)
        };
    };
    let line = rest.get(..end - V1_START.len()).unwrap_or_default();
    let line = str::from_utf8(line)
        .ok()
        .ok_or(ProxyHeaderError::Malformed)?;
    let source = match line.split_once(' ') {
        Some(("TCP4", fields)) => Some(v1_source::<Ipv4Addr>(fields)?),
        Some(("TCP6", fields)) => Some(v1_source::<Ipv6Addr>(fields)?),
        // Whatever follows is to be ignored.
        Some(("UNKNOWN", _)) => None,
        None if line == "UNKNOWN" => None,
        _ => return Err(ProxyHeaderError::Malformed),
    };
    Ok(Parsed::Complete {
        source,
        header_len: end + 2,
    })
}

fn v1_source<A>(fields: &str) -> Result<SocketAddr, ProxyHeaderError>
where
    A: Into<IpAddr> + std::str::FromStr,
{
    let mut fields = fields.split(' ');
    let mut address = || fields.next()?.parse::<A>().ok();
    let addresses = (address(), address());
    let mut port = || {
        // `parse` would take a sign.
        let digits = fields.next()?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let ports: (Option<u16>, Option<u16>) = (port(), port());
    match (addresses, ports, fields.next()) {
        ((Some(source), Some(_)), (Some(port), Some(_)), None) => Ok(socket(source.into(), port)),
        _ => Err(ProxyHeaderError::Malformed),
    }
}

fn v2(bytes: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    let Some([.., command, family, high, low]) = bytes.get(..V2_FIXED_BYTES) else {
        return Ok(Parsed::Incomplete);
    };
    let local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(ProxyHeaderError::Malformed),
    };
    let header_len = V2_FIXED_BYTES + usize::from(u16::from_be_bytes([*high, *low]));
    if header_len > MAX_HEADER_BYTES {
        return Err(ProxyHeaderError::TooLong);
    }
    let Some(addresses) = bytes.get(V2_FIXED_BYTES..header_len) else {
        return Ok(Parsed::Incomplete);
    };
    let source = match family {
        _ if local => None,
        // TCP only: another transport says nothing about this connection, nor does a UNIX path.
        0x11 => Some(v2_source::<4>(addresses)?),
        0x21 => Some(v2_source::<16>(addresses)?),
        _ => None,
    };
    Ok(Parsed::Complete { source, header_len })
}

/// Both addresses, then both ports, the source first. Extensions behind them are passed over.
fn v2_source<const N: usize>(bytes: &[u8]) -> Result<SocketAddr, ProxyHeaderError>
where
    IpAddr: From<[u8; N]>,
{
    let read = || {
        let (source, rest) = bytes.split_first_chunk::<N>()?;
        let (_destination, rest) = rest.split_first_chunk::<N>()?;
        let ([high, low, _, _], _) = rest.split_first_chunk::<4>()?;
        Some(socket(
            IpAddr::from(*source),
            u16::from_be_bytes([*high, *low]),
        ))
    };
    read().ok_or(ProxyHeaderError::Malformed)
}

/// An IPv4 address in IPv6 clothes is taken for what it is: networks are written without them.
fn socket(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip.to_canonical(), port)
}

#[cfg(test)]
mod tests;
