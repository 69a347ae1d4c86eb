//! The fate of every request.

use super::*;

const OPEN: Permissions = Permissions {
    authenticated: true,
    provisional: false,
    clamp_unreviewed: false,
};

fn prefix(key: i16, version: i16) -> RequestPrefix {
    RequestPrefix {
        payload_len: 100,
        api_key: ApiKey(key),
        api_version: ApiVersion(version),
        correlation_id: CorrelationId(7),
    }
}

fn fate(key: i16, version: i16, permissions: Permissions) -> RequestFate {
    classify(&prefix(key, version), permissions)
}

fn frame(size: i32) -> [u8; PREFIX_LEN] {
    let [a, b, c, d] = size.to_be_bytes();
    [a, b, c, d, 0, 3, 0, 12, 0xff, 0xff, 0xff, 0xfe]
}

#[test]
fn reads_the_four_fields() {
    let expected = RequestPrefix {
        payload_len: 30,
        api_key: ApiKey(3),
        api_version: ApiVersion(12),
        correlation_id: CorrelationId(-2),
    };
    assert_eq!(RequestPrefix::read(&frame(30), 100), Ok(expected));
}

#[test]
fn refuses_a_size_outside_the_limits() {
    for size in [
        i32::MIN,
        -1,
        0,
        3,
        7,
        101,
        i32::MAX,
        0x1603_0100,
        0x4745_5420,
    ] {
        let refused = FrameError::Size {
            size,
            least: 8,
            most: 100,
        };
        assert_eq!(RequestPrefix::read(&frame(size), 100), Err(refused));
    }
    for size in [8, 100] {
        assert!(RequestPrefix::read(&frame(size), 100).is_ok());
    }
    assert!(RequestPrefix::read(&frame(i32::MAX), usize::MAX).is_ok());
}

#[test]
fn our_answers_are_exact_and_readable_by_the_oracle() {
    use crate::kafka::testing::decode;
    use kafka_protocol::messages::{ApiVersionsResponse, SaslHandshakeResponse};

    let id = CorrelationId(0x0102_0304);
    let versions = LocalAnswer::ApiVersionsUnsupported.frame(id);
    let expected = [
        0, 0, 0, 16, 1, 2, 3, 4, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 5,
    ];
    assert_eq!(versions, expected);
    let read: ApiVersionsResponse = decode(&versions[4..], 0);
    assert_eq!((read.error_code, read.api_keys.len()), (35, 1));

    let handshake = LocalAnswer::SaslHandshakeV0Refused.frame(id);
    assert_eq!(handshake, [0, 0, 0, 10, 1, 2, 3, 4, 0, 35, 0, 0, 0, 0]);
    let read: SaslHandshakeResponse = decode(&handshake[4..], 0);
    assert_eq!((read.error_code, read.mechanisms.len()), (35, 0));
    assert!(LocalAnswer::SaslHandshakeV0Refused.closes());
    assert!(!LocalAnswer::ApiVersionsUnsupported.closes());
}

#[test]
fn before_authentication_only_three_apis_pass() {
    let before = Permissions {
        authenticated: false,
        ..OPEN
    };
    for key in 0..128 {
        let expected = match key {
            17 => RequestFate::Forward(ResponseKind::Opaque),
            18 => RequestFate::Forward(ResponseKind::ApiVersions),
            36 => RequestFate::Forward(ResponseKind::SaslAuthenticate),
            _ => RequestFate::Refuse(Refusal::BeforeAuthentication),
        };
        assert_eq!(fate(key, 1, before), expected, "key {key}");
        assert_eq!(
            first_request_is_plausible(&prefix(key, 1)),
            matches!(key, 17 | 18 | 36)
        );
    }
    let local = RequestFate::AnswerLocally(LocalAnswer::ApiVersionsUnsupported);
    assert_eq!(fate(18, 6, before), local);
    let refused = RequestFate::AnswerLocally(LocalAnswer::SaslHandshakeV0Refused);
    assert_eq!(fate(17, 0, before), refused);
    assert_eq!(fate(17, 0, OPEN), refused);
}

#[test]
fn api_versions_is_answered_by_us_above_five() {
    for version in 0..=5 {
        let forward = RequestFate::Forward(ResponseKind::ApiVersions);
        assert_eq!(fate(18, version, OPEN), forward);
    }
    for version in [6, 9, i16::MAX] {
        let local = RequestFate::AnswerLocally(LocalAnswer::ApiVersionsUnsupported);
        assert_eq!(fate(18, version, OPEN), local);
    }
}

#[test]
fn negative_keys_and_versions_are_not_kafka() {
    for (key, version) in [(-1, 0), (3, -1), (i16::MIN, i16::MIN), (18, -1), (17, -1)] {
        let refused = RequestFate::Refuse(Refusal::NotKafka);
        assert_eq!(fate(key, version, OPEN), refused);
    }
}

#[test]
fn inter_broker_apis_are_refused() {
    const KEYS: [i16; 16] = [4, 5, 6, 7, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 82];
    let provisional = Permissions {
        provisional: true,
        ..OPEN
    };
    for key in 0..128 {
        let refused = RequestFate::Refuse(Refusal::InterBroker);
        assert_eq!(fate(key, 0, OPEN) == refused, KEYS.contains(&key), "{key}");
        assert_eq!(fate(key, 0, provisional) == refused, KEYS.contains(&key));
    }
}

#[test]
fn address_carriers_pass_up_to_the_last_known_version() {
    use ResponseKind::{
        DescribeCluster, Fetch, FindCoordinator, Metadata, ShareAcknowledge, ShareFetch,
    };
    for (key, most, kind) in [
        (1, 18, Fetch),
        (3, 13, Metadata),
        (10, 6, FindCoordinator),
        (60, 2, DescribeCluster),
        (78, 2, ShareFetch),
        (79, 2, ShareAcknowledge),
    ] {
        assert_eq!(fate(key, most, OPEN), RequestFate::Forward(kind));
        for version in [most + 1, 40, i16::MAX] {
            let refused = RequestFate::Refuse(Refusal::VersionTooNew);
            assert_eq!(fate(key, version, OPEN), refused);
        }
    }
    for key in [78, 79] {
        let refused = RequestFate::Refuse(Refusal::VersionTooNew);
        assert_eq!(fate(key, 0, OPEN), refused);
    }
}

#[test]
fn fetch_and_produce_carry_addresses_only_in_late_versions() {
    for version in 0..=18 {
        let kind = if version >= 16 {
            ResponseKind::Fetch
        } else {
            ResponseKind::Opaque
        };
        assert_eq!(fate(1, version, OPEN), RequestFate::Forward(kind));
    }
    for version in 0..=13 {
        let kind = if version >= 10 {
            ResponseKind::Produce
        } else {
            ResponseKind::Opaque
        };
        assert_eq!(fate(0, version, OPEN), RequestFate::ForwardProduce(kind));
    }
    let refused = RequestFate::Refuse(Refusal::VersionTooNew);
    assert_eq!(fate(0, 14, OPEN), refused);
}

#[test]
fn a_provisional_session_ends_where_the_broker_matters() {
    const ALIKE: [i16; 10] = [3, 10, 17, 18, 22, 36, 60, 71, 72, 75];
    let provisional = Permissions {
        provisional: true,
        ..OPEN
    };
    for key in (0..128).filter(|key| !table::inter_broker(ApiKey(*key))) {
        let ends = fate(key, 1, provisional) == RequestFate::EndProvisional;
        assert_eq!(ends, !ALIKE.contains(&key), "key {key}");
    }
    let refused = RequestFate::Refuse(Refusal::VersionTooNew);
    assert_eq!(fate(3, 14, provisional), refused);
}

#[test]
fn what_was_never_reviewed_passes_unless_clamped() {
    let clamped = Permissions {
        clamp_unreviewed: true,
        ..OPEN
    };
    for (key, version) in [(200, 0), (95, 0), (11, 10), (36, 3), (i16::MAX, i16::MAX)] {
        assert!(unreviewed(&prefix(key, version)));
        assert!(matches!(
            fate(key, version, OPEN),
            RequestFate::Forward(ResponseKind::Opaque | ResponseKind::SaslAuthenticate)
        ));
        let refused = RequestFate::Refuse(Refusal::Unreviewed);
        assert_eq!(fate(key, version, clamped), refused);
    }
    for (key, version) in [(94, 0), (11, 9), (36, 2)] {
        assert!(!unreviewed(&prefix(key, version)));
        assert!(matches!(
            fate(key, version, clamped),
            RequestFate::Forward(_)
        ));
    }
}
