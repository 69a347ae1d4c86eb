//! What counts as a host name. It must not know what the names are for.

use core::net::IpAddr;

/// True for a lower-case DNS name of at most 253 bytes whose labels are letters, digits and inner
/// hyphens (RFC 1123 §2.1, RFC 1035 §2.3.4).
pub(crate) fn is_dns_name(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

/// True for an IPv4 or IPv6 literal without brackets.
pub(crate) fn is_ip(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok()
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}
