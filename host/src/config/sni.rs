//! Host names of sni routing: the pattern of the brokers' names and the name of first contact.
//!
//! Pure. It must not know where they come from.

use super::value::{self, Outcome};

/// Stands for the broker's id in a pattern.
pub(super) const NODE_ID: &str = "{{nodeId}}";

/// A host name with one `{{nodeId}}`; lower case but for that.
pub(super) fn pattern(text: &str) -> Outcome<String> {
    let Some((before, after)) = text.split_once(NODE_ID) else {
        return Err(format!("does not contain {NODE_ID}"));
    };
    if after.contains(NODE_ID) {
        return Err(format!("contains {NODE_ID} more than once"));
    }
    // The longest id must fit into a label, too.
    value::host(&format!("{before}{}{after}", i32::MAX))?;
    let after = after.strip_suffix('.').unwrap_or(after);
    Ok(format!(
        "{}{NODE_ID}{}",
        before.to_ascii_lowercase(),
        after.to_ascii_lowercase()
    ))
}

/// A DNS name: a client sends no server name for an IP address (RFC 6066 §3).
pub(super) fn name(text: &str) -> Outcome<String> {
    if text.contains(NODE_ID) {
        return Err(format!("contains {NODE_ID}"));
    }
    let name = value::host(text)?;
    if value::ip(&name).is_ok() {
        return Err("an IP address cannot be a server name in TLS".to_owned());
    }
    Ok(name)
}

/// The domain after the pattern's first label, if it is fixed.
pub(super) fn domain(pattern: &str) -> Option<&str> {
    let (_, domain) = pattern.split_once('.')?;
    (!domain.contains(NODE_ID)).then_some(domain)
}

/// Whether a name is some broker's by the pattern.
pub(super) fn is_brokers(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once(NODE_ID) else {
        return false;
    };
    name.strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after))
        .is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_contain_the_id_exactly_once() {
        let found = pattern("Broker-{{nodeId}}.Kafka.example.com.");
        assert_eq!(found, Ok("broker-{{nodeId}}.kafka.example.com".to_owned()));
        for text in [
            "broker.example.com",
            "{{nodeId}}{{nodeId}}.x",
            "b {{nodeId}}.x",
            "{{nodeid}}",
        ] {
            assert!(pattern(text).is_err(), "{text}");
        }
        assert!(pattern(&format!("{}{NODE_ID}.x", "b".repeat(54))).is_err());
        assert!(pattern(&format!("{}{NODE_ID}.x", "b".repeat(53))).is_ok());
    }

    #[test]
    fn the_name_of_first_contact_is_no_brokers_name() {
        assert!(is_brokers("b{{nodeId}}.x", "b12.x"));
        assert!(!is_brokers("b{{nodeId}}.x", "b.x"));
        assert!(!is_brokers("b{{nodeId}}.x", "bootstrap.x"));
        assert!(name("10.0.0.1").is_err());
        assert!(name("b{{nodeId}}.x").is_err());
    }

    #[test]
    fn the_domain_follows_the_first_label() {
        assert_eq!(
            domain("b-{{nodeId}}.kafka.example.com"),
            Some("kafka.example.com")
        );
        assert_eq!(domain("b-{{nodeId}}"), None);
        assert_eq!(domain("b.{{nodeId}}.example.com"), None);
    }
}
