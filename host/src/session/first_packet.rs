//! The first bytes of a connection: is this a Kafka client, or something else at the wrong door?
//!
//! Pure. Clients of a SASL listener begin with ApiVersions or SaslHandshake, so the first prefix
//! tells; whatever else comes is named, so that one log line is enough to find the mistake.

use crate::kafka::request::{PREFIX_LEN, RequestPrefix, first_request_is_plausible};
use crate::metrics::WrongProtocol;

/// What the operator of the client should look at.
#[must_use]
pub fn hint(kind: WrongProtocol) -> &'static str {
    match kind {
        WrongProtocol::Tls => {
            "the client speaks TLS on a SASL_PLAINTEXT listener: one of the two must change"
        }
        WrongProtocol::Http => "an HTTP client: the Admin API has a port of its own",
        WrongProtocol::Zeros => "zeros: a port scanner or a broken client",
        WrongProtocol::ProxyHeader => {
            "a PROXY header: name its sender in GATEWAY_LISTENER_<N>_PROXY_PROTOCOL"
        }
        WrongProtocol::BadSize => "a frame size that no request before authentication has",
        WrongProtocol::KafkaOnTls => {
            "the client speaks plaintext on a SASL_SSL listener: set its security.protocol to SASL_SSL"
        }
        WrongProtocol::NotKafka => {
            "neither ApiVersions nor SASL: set the client's security.protocol to SASL_*"
        }
        WrongProtocol::TlsAlertUpstream => {
            "the broker's port speaks TLS: set KAFKA_SECURITY_PROTOCOL to SASL_SSL"
        }
    }
}

/// What the first bytes say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Judgement {
    /// Too few to tell.
    NeedMore,
    /// The beginning of a request that may come first.
    Kafka,
    /// Something else.
    Wrong(WrongProtocol),
}

/// Judges the bytes of a plaintext connection, or those inside TLS.
#[must_use]
pub fn judge(bytes: &[u8], most: usize) -> Judgement {
    if let Some(other) = other_protocol(bytes) {
        return Judgement::Wrong(other);
    }
    let Some(prefix) = bytes.first_chunk::<PREFIX_LEN>() else {
        // The size alone can already be wrong.
        return match bytes
            .first_chunk::<4>()
            .map(|size| i32::from_be_bytes(*size))
        {
            Some(size)
                if !usize::try_from(size).is_ok_and(|n| n == 0 || (8..=most).contains(&n)) =>
            {
                Judgement::Wrong(WrongProtocol::BadSize)
            }
            _ => Judgement::NeedMore,
        };
    };
    if prefix.iter().all(|byte| *byte == 0) {
        return Judgement::Wrong(WrongProtocol::Zeros);
    }
    match RequestPrefix::read(prefix, most) {
        Err(_) => Judgement::Wrong(WrongProtocol::BadSize),
        Ok(prefix) if first_request_is_plausible(&prefix) => Judgement::Kafka,
        Ok(_) => Judgement::Wrong(WrongProtocol::NotKafka),
    }
}

/// Judges the first byte of a SASL_SSL connection, before TLS.
#[must_use]
pub fn judge_before_tls(bytes: &[u8]) -> Judgement {
    match (other_protocol(bytes), bytes.first()) {
        (_, None) => Judgement::NeedMore,
        // To the TLS library, which answers with a fitting alert when it is no ClientHello.
        (Some(WrongProtocol::Tls), _) | (None, Some(0x16)) => Judgement::Kafka,
        (Some(other), _) => Judgement::Wrong(other),
        (None, Some(0)) => Judgement::Wrong(WrongProtocol::KafkaOnTls),
        (None, Some(_)) if bytes.len() < 8 => Judgement::NeedMore,
        (None, Some(_)) => Judgement::Wrong(WrongProtocol::NotKafka),
    }
}

fn other_protocol(bytes: &[u8]) -> Option<WrongProtocol> {
    const VERBS: [&[u8]; 9] = [
        b"GET ",
        b"PUT ",
        b"POST ",
        b"HEAD ",
        b"PRI * HTTP",
        b"DELETE ",
        b"OPTIONS ",
        b"CONNECT ",
        b"PATCH ",
    ];
    const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    if bytes.starts_with(&[0x16, 0x03]) {
        Some(WrongProtocol::Tls)
    } else if VERBS.iter().any(|verb| bytes.starts_with(verb)) {
        Some(WrongProtocol::Http)
    } else if bytes.starts_with(b"PROXY ") || bytes.starts_with(PROXY_V2) {
        Some(WrongProtocol::ProxyHeader)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 524_288;

    fn wrong(bytes: &[u8]) -> Judgement {
        judge(bytes, MOST)
    }

    #[test]
    fn names_what_stands_at_the_wrong_door() {
        use WrongProtocol::{BadSize, Http, NotKafka, ProxyHeader, Tls, Zeros};
        let table: [(&[u8], WrongProtocol); 11] = [
            (&[0x16, 3, 1, 2, 0, 1], Tls),
            (b"GET / HTTP/1.1\r\n", Http),
            (b"POST /x HTTP/1.1\r\n", Http),
            (&[0; 12], Zeros),
            (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", ProxyHeader),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x11", ProxyHeader),
            (&[0xff; 4], BadSize),
            (&[0x7f, 0xff, 0xff, 0xff], BadSize),
            (
                &[0, 0, 0, 20, 0x60, 0x48, 6, 9, 0x2a, 0x86, 0x48, 0x86],
                NotKafka,
            ),
            (&[0, 0, 0, 20, 0, 3, 0, 9, 0, 0, 0, 1], NotKafka),
            (&[0, 0, 0, 20, 0, 18, 0xff, 0xff, 0, 0, 0, 1], NotKafka),
        ];
        for (bytes, expected) in table {
            assert_eq!(wrong(bytes), Judgement::Wrong(expected), "{bytes:02x?}");
        }
    }

    #[test]
    fn lets_api_versions_and_sasl_begin() {
        for key in [17, 18, 36] {
            let bytes = [0, 0, 0, 20, 0, key, 0, 1, 0, 0, 0, 1];
            assert_eq!(wrong(&bytes), Judgement::Kafka);
            for cut in 0..bytes.len() {
                assert_eq!(wrong(&bytes[..cut]), Judgement::NeedMore, "{cut}");
            }
        }
    }

    #[test]
    fn knows_plaintext_kafka_at_a_tls_door() {
        let kafka = [0, 0, 0, 20, 0, 18, 0, 3];
        assert_eq!(
            judge_before_tls(&kafka),
            Judgement::Wrong(WrongProtocol::KafkaOnTls)
        );
        assert_eq!(judge_before_tls(&[0x16]), Judgement::Kafka);
        assert_eq!(
            judge_before_tls(b"GET / H"),
            Judgement::Wrong(WrongProtocol::Http)
        );
    }
}
