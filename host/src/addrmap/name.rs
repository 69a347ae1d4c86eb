//! What counts as a host name, and what a plan's names cover. Pure.

use std::net::IpAddr;

/// True for a lower-case DNS name of at most 253 bytes whose labels are letters, digits and inner
/// hyphens (RFC 1123 §2.1, RFC 1035 §2.3.4).
pub(super) fn is_dns_name(name: &str) -> bool {
    name.len() <= 253 && !is_ip(name) && name.split('.').all(is_label)
}

/// True for an IP literal without brackets, also in a short form such as `10.1` that some resolvers
/// take for one.
pub(super) fn is_ip(name: &str) -> bool {
    let all_digits = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    name.parse::<IpAddr>().is_ok() || name.rsplit('.').next().is_some_and(all_digits)
}

/// True for what a client may be told: a lower-case DNS name or an IP literal.
pub(super) fn is_host(host: &str) -> bool {
    is_dns_name(host) || (host.parse::<IpAddr>().is_ok() && host.to_ascii_lowercase() == host)
}

/// True for a host that means the client's own machine.
pub(super) fn is_local(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host == "localhost"
        || host.ends_with(".localhost")
        || address.is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

/// True if a plan's name reaches this host: the name itself, `*.` and everything below, or `*`.
pub(super) fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(below) => below.starts_with('.') && host.len() > below.len() && host.ends_with(below),
        None => pattern == host,
    }
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lower_case_names_and_plain_addresses_are_hosts() {
        for good in [
            "a",
            "b-1.kafka.example.com",
            "1.a",
            "10.0.0.1",
            "2001:db8::1",
        ] {
            assert!(is_host(good), "{good}");
        }
        let long = format!("{}.x", "a".repeat(64));
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "A",
            "a_b",
            "-a",
            "a-",
            "a b",
            "a\0",
            "ü",
            "[::1]",
            "2001:DB8::1",
            "10.1",
            &long,
        ] {
            assert!(!is_host(bad), "{bad:?}");
        }
        assert!(!is_host(&["a"; 128].join(".")));
    }

    #[test]
    fn a_wildcard_covers_what_is_below_and_not_itself() {
        assert!(covers("*.example.com", "b.example.com"));
        assert!(covers("*.example.com", "c.b.example.com"));
        assert!(!covers("*.example.com", "example.com"));
        assert!(!covers("*.example.com", ".example.com"));
        assert!(!covers("*example.com", "badexample.com"));
        assert!(covers("*", "anything") && covers("a", "a") && !covers("a", "b"));
    }
}
