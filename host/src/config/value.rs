//! Parsers of single values: numbers, hosts, ports, networks, lists.
//!
//! Pure. Each takes the trimmed text and answers with what is wrong; what would be accepted stands
//! in the table of variables. They must not know any variable by name.

use std::net::{IpAddr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Cidr;
use crate::kafka::Endpoint;

/// What a value's parser says: the value, or what is wrong with it.
pub(super) type Outcome<T> = Result<T, String>;

pub(super) fn number<T>(text: &str, range: RangeInclusive<T>) -> Outcome<T>
where
    T: std::fmt::Display + PartialOrd + std::str::FromStr,
{
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err("not a whole number".to_owned());
    }
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("outside {} to {}", range.start(), range.end())),
    }
}

pub(super) fn port(text: &str) -> Outcome<u16> {
    number(text, 1..=65_535).map_err(|problem| format!("port `{text}` is {problem}"))
}

pub(super) fn millis(text: &str, range: RangeInclusive<u64>) -> Outcome<Duration> {
    number(text, range).map(Duration::from_millis)
}

pub(super) fn boolean(text: &str) -> Outcome<bool> {
    one_of(text, &[("true", true), ("false", false)])
}

/// Case does not matter: the product that throughway replaces was set up with both.
pub(super) fn one_of<T: Copy>(text: &str, choices: &[(&str, T)]) -> Outcome<T> {
    let found = choices
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text));
    found
        .map(|(_, value)| *value)
        .ok_or_else(|| "not one of the known values".to_owned())
}

/// Comma list, blanks around entries ignored, empty entries refused.
pub(super) fn list<T>(text: &str, mut entry: impl FnMut(&str) -> Outcome<T>) -> Outcome<Vec<T>> {
    text.split(',')
        .map(|part| match part.trim() {
            "" => Err("an entry is empty".to_owned()),
            part => entry(part),
        })
        .collect()
}

pub(super) fn ip(text: &str) -> Outcome<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|t| t.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse()
        .map_err(|_invalid| format!("`{text}` is not an IP address"))
}

/// A DNS name (lower case, no trailing dot) or an IP literal. Underscores pass: container networks
/// use them.
pub(super) fn host(text: &str) -> Outcome<String> {
    if let Ok(address) = ip(text) {
        return Ok(address.to_string());
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    // All digits and dots, yet no address: a mistyped address, never a name (RFC 1123 §2.1).
    let all_digits = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if name.len() > 253 || all_digits || !name.split('.').all(label) {
        return Err(format!(
            "`{}` is not a host name or IP address",
            text.escape_debug()
        ));
    }
    Ok(name)
}

/// `host:port` or `[v6]:port`.
pub(super) fn endpoint(text: &str) -> Outcome<Endpoint> {
    let (name, port) = host_and_port(text)?;
    let port = port.ok_or_else(|| format!("`{text}` has no port"))?;
    Ok(Endpoint { host: name, port })
}

/// `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address.
pub(super) fn host_and_port(text: &str) -> Outcome<(String, Option<u16>)> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((host(text)?, None));
    }
    match text.rsplit_once(':').filter(|_| !text.ends_with(']')) {
        Some((name, _)) if name.contains(':') && !name.starts_with('[') => {
            Err(format!("`{text}` is neither host:port nor [IPv6]:port"))
        }
        Some((name, digits)) => Ok((host(name)?, Some(port(digits)?))),
        None => Ok((host(text)?, None)),
    }
}

/// `address/bits` or an address alone (all its bits). Bits beyond the prefix must be 0, so that a
/// mistyped network is not taken for a larger one.
pub(super) fn cidr(text: &str) -> Outcome<Cidr> {
    let (address, bits) = text
        .split_once('/')
        .map_or((text, None), |(a, b)| (a, Some(b)));
    let network = ip(address)?;
    let most = if network.is_ipv4() { 32 } else { 128 };
    let prefix = match bits {
        None => most,
        Some(bits) => {
            number(bits, 0..=most).map_err(|problem| format!("prefix of `{text}` is {problem}"))?
        }
    };
    let given = Cidr { network, prefix };
    let masked = given.masked();
    if masked.network != network {
        return Err(format!(
            "`{text}` has bits beyond its prefix; `{masked}` is the network"
        ));
    }
    Ok(given)
}

pub(super) fn cidrs(text: &str) -> Outcome<Vec<Cidr>> {
    list(text, cidr)
}

/// As it may be shown: no control characters, no login inside a URL, and of bounded length.
pub(super) fn shown(value: &str) -> String {
    const MOST: usize = 160;
    let value = match value.split_once("://") {
        Some((scheme, rest)) => match rest.split_once('@') {
            Some((_, host)) => format!("{scheme}://[redacted]@{host}"),
            None => value.to_owned(),
        },
        None => value.to_owned(),
    };
    let mut text: String = value.escape_debug().take(MOST.saturating_add(1)).collect();
    // `escape_debug` is for quoted text; here quotes are as harmless as other signs.
    text = text.replace("\\\"", "\"").replace("\\'", "'");
    if text.chars().count() > MOST {
        text = text.chars().take(MOST).collect();
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_and_inside_their_range() {
        assert_eq!(number("7", 1..=9), Ok(7));
        assert_eq!(number("10", 1..=9), Err("outside 1 to 9".to_owned()));
        assert_eq!(number("-1", 0..=9), Err("outside 0 to 9".to_owned()));
        assert_eq!(
            number("99999999999999999999", 1..=9_u64),
            Err("outside 1 to 9".to_owned())
        );
        for text in ["", "-", "1.5", "0x1", "+1", "1_000", "ten"] {
            assert!(number(text, 1..=9).is_err(), "{text}");
        }
    }

    #[test]
    fn hosts_are_lower_case_names_or_addresses() {
        assert_eq!(
            host("Kafka.Example.COM."),
            Ok("kafka.example.com".to_owned())
        );
        assert_eq!(host("kafka_1"), Ok("kafka_1".to_owned()));
        assert_eq!(host("[2001:DB8::1]"), Ok("2001:db8::1".to_owned()));
        for text in [
            "",
            ".",
            "a..b",
            "-a",
            "a b",
            "10.0.0.256",
            "10.1",
            "a/b",
            "{{nodeId}}",
        ] {
            assert!(host(text).is_err(), "{text}");
        }
    }

    #[test]
    fn endpoints_have_a_host_and_a_port() {
        let found = endpoint("[2001:db8::1]:9092").map(|e| e.to_string());
        assert_eq!(found, Ok("[2001:db8::1]:9092".to_owned()));
        for text in [
            "kafka",
            "kafka:",
            "kafka:0",
            "kafka:70000",
            "2001:db8::1",
            "a:b:1",
            ":9092",
        ] {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn networks_have_no_bits_beyond_their_prefix() {
        assert_eq!(
            cidr("10.0.0.0/8").map(|c| c.to_string()),
            Ok("10.0.0.0/8".to_owned())
        );
        assert_eq!(cidr("10.0.0.1").map(|c| c.prefix), Ok(32));
        assert_eq!(cidr("::/0").map(|c| c.prefix), Ok(0));
        assert!(cidr("10.0.0.1/8").is_err_and(|problem| problem.contains("10.0.0.0/8")));
        for text in ["10.0.0.0/33", "::/129", "10.0.0/8", "a/8", "10.0.0.0/"] {
            assert!(cidr(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shown_values_are_short_and_hold_no_login() {
        assert_eq!(
            shown("http://u:p@proxy:3128"),
            "http://[redacted]@proxy:3128"
        );
        assert_eq!(shown("a\nb"), "a\\nb");
        assert_eq!(shown(&"x".repeat(500)).chars().count(), 161);
    }
}
