//! Ranges are clamped, everything else stays.

use kafka_protocol::messages::ApiVersionsResponse;
use kafka_protocol::messages::api_versions_response::{
    ApiVersion as Range, FinalizedFeatureKey, SupportedFeatureKey,
};
use kafka_protocol::protocol::StrBytes;

use super::*;
use crate::kafka::testing::{Rng, decode, encode, frames};

const DEFAULT: ClampPolicy = ClampPolicy {
    fetch_leader_hints: false,
    clamp_unreviewed: false,
};
const HINTS: ClampPolicy = ClampPolicy {
    fetch_leader_hints: true,
    ..DEFAULT
};
const CLAMP: ClampPolicy = ClampPolicy {
    clamp_unreviewed: true,
    ..DEFAULT
};

/// A broker from the future: every key at 40.
const FUTURE: &[(i16, i16, i16)] = &[
    (1, 4, 40),
    (0, 0, 40),
    (3, 0, 40),
    (10, 0, 40),
    (18, 0, 40),
    (60, 0, 40),
    (78, 1, 40),
    (79, 1, 40),
    (17, 0, 40),
    (11, 0, 40),
    (52, 0, 40),
    (200, 3, 40),
];

fn answer(version: i16, ranges: &[(i16, i16, i16)], error: i16) -> Vec<u8> {
    let flexible = version >= 3;
    let keys = ranges.iter().map(|&(key, min, max)| {
        let range = Range::default()
            .with_api_key(key)
            .with_min_version(min)
            .with_max_version(max);
        let tag = (9, vec![1, 2].into());
        let tags = [tag].into_iter().filter(|_| flexible && key == 3);
        range.with_unknown_tagged_fields(tags.collect())
    });
    let mut answer = ApiVersionsResponse::default()
        .with_error_code(error)
        .with_api_keys(keys.collect());
    if version >= 1 {
        answer = answer.with_throttle_time_ms(77);
    }
    if flexible {
        let name = StrBytes::from_static_str("transaction.version");
        let supported = SupportedFeatureKey::default().with_name(name.clone());
        let finalized = FinalizedFeatureKey::default().with_name(name);
        answer = answer
            .with_supported_features(vec![supported.with_max_version(2)])
            .with_finalized_features(vec![finalized.with_max_version_level(2)])
            .with_finalized_features_epoch(5)
            .with_unknown_tagged_fields([(40, vec![7; 3].into())].into_iter().collect());
    }
    encode(&answer, version, Default::default())
}

fn ranges(payload: &[u8], version: i16) -> Vec<(i16, i16, i16)> {
    let read: ApiVersionsResponse = decode(payload, version);
    let keys = read.api_keys.iter();
    keys.map(|key| (key.api_key, key.min_version, key.max_version))
        .collect()
}

/// Clamps in the oracle's highest version of the same layout when it does not know this one.
fn clamped(version: i16, given: &[(i16, i16, i16)], policy: ClampPolicy) -> Vec<(i16, i16, i16)> {
    let oracle = version.min(4);
    let mut payload = answer(oracle, given, 0);
    let before = payload.clone();
    clamp_api_versions(ApiVersion(version), &mut payload, policy).expect("readable");
    let kept = ranges(&payload, oracle);
    if kept.len() == given.len() {
        assert_eq!(payload.len(), before.len());
    }
    let mut original: ApiVersionsResponse = decode(&before, oracle);
    let mut read: ApiVersionsResponse = decode(&payload, oracle);
    original.api_keys.clear();
    read.api_keys.clear();
    assert_eq!(read, original, "features, tags and throttle time stay");
    kept
}

#[test]
fn only_address_carriers_are_clamped_in_every_version() {
    for version in 0..=5 {
        let expected = [
            (1, 4, 15),
            (0, 0, 13),
            (3, 0, 13),
            (10, 0, 6),
            (18, 0, 5),
            (60, 0, 2),
            (78, 1, 2),
            (79, 1, 2),
            (17, 0, 40),
            (11, 0, 40),
            (52, 0, 40),
            (200, 3, 40),
        ];
        assert_eq!(clamped(version, FUTURE, DEFAULT), expected, "v{version}");
        assert_eq!(clamped(version, FUTURE, HINTS)[0], (1, 4, 18));
    }
}

#[test]
fn unreviewed_ranges_are_clamped_on_demand() {
    for version in 0..=5 {
        let kept = clamped(version, FUTURE, CLAMP);
        let expected = [(17, 0, 1), (11, 0, 9), (52, 0, 2)];
        assert_eq!(kept.get(8..), Some(&expected[..]), "v{version}");
    }
}

/// What a range must become by default, said independently of the table in use.
fn offered((key, min, max): (i16, i16, i16)) -> Option<(i16, i16, i16)> {
    let (least, most) = match key {
        0 | 3 => (0, 13),
        1 if min > 15 => (0, 18),
        1 => (0, 15),
        10 => (0, 6),
        18 => (0, 5),
        60 => (0, 2),
        78 | 79 => (1, 2),
        _ => return Some((key, min, max)),
    };
    let max = max.min(most);
    (max >= min && max >= least).then_some((key, min, max))
}

fn random_ranges(rng: &mut Rng) -> Vec<(i16, i16, i16)> {
    const CLAMPED: [i16; 8] = [0, 1, 3, 10, 18, 60, 78, 79];
    let small = |rng: &mut Rng, bound| i16::try_from(rng.below(bound)).expect("small");
    (0..rng.below(90))
        .map(|_| {
            let key = match rng.one_in(2) {
                true => CLAMPED[rng.below(8)],
                false => small(rng, 300),
            };
            let min = if rng.one_in(3) { small(rng, 20) } else { 0 };
            (key, min, min + small(rng, 24))
        })
        .collect()
}

#[test]
fn random_answers_change_only_in_their_ranges() {
    // The oracle does not know v5, which has the layout of v4.
    for version in 0..=5 {
        let mut rng = Rng::new(18);
        for _ in 0..frames(500) {
            let given = random_ranges(&mut rng);
            let expected: Vec<_> = given.iter().copied().filter_map(offered).collect();
            let mut payload = answer(version.min(4), &given, 0);
            clamp_api_versions(ApiVersion(version), &mut payload, DEFAULT).expect("readable");
            assert_eq!(payload, answer(version.min(4), &expected, 0), "v{version}");
        }
    }
}

#[test]
fn ranges_of_a_broker_of_today_are_not_touched() {
    let today = [(0, 0, 13), (1, 4, 15), (3, 0, 13), (18, 0, 4), (17, 0, 1)];
    for policy in [DEFAULT, HINTS, CLAMP] {
        assert_eq!(clamped(4, &today, policy), today);
        let old = [(0, 0, 2), (1, 0, 3), (3, 0, 0), (18, 0, 0)];
        assert_eq!(clamped(0, &old, policy), old);
    }
}

#[test]
fn an_api_of_which_no_version_is_known_is_removed() {
    let given = [
        (3, 14, 20),
        (11, 0, 9),
        (78, 0, 0),
        (1, 16, 40),
        (60, 3, 3),
        (1, 19, 40),
    ];
    for version in 0..=5 {
        let kept = clamped(version, &given, DEFAULT);
        assert_eq!(kept, [(11, 0, 9), (1, 16, 18)], "v{version}");
    }
}

#[test]
fn removal_may_shorten_the_count() {
    let mut given: Vec<_> = (0..127).map(|key| (key + 100, 0, 1)).collect();
    given[5] = (3, 14, 14);
    assert_eq!(clamped(3, &given, DEFAULT).len(), 126);
}

#[test]
fn error_35_is_read_as_v0_whatever_was_asked_for() {
    for version in 0..=5 {
        let mut payload = answer(0, &[(18, 0, 9)], 35);
        clamp_api_versions(ApiVersion(version), &mut payload, DEFAULT).expect("readable");
        assert_eq!(ranges(&payload, 0), [(18, 0, 5)]);
        for unchanged in [answer(0, &[], 35), answer(0, &[(18, 0, 4)], 35)] {
            let mut payload = unchanged.clone();
            clamp_api_versions(ApiVersion(version), &mut payload, DEFAULT).expect("readable");
            assert_eq!(payload, unchanged);
        }
    }
}

#[test]
fn other_errors_pass_with_their_empty_list() {
    for error in [42, 129] {
        let unchanged = answer(4, &[], error);
        let mut payload = unchanged.clone();
        clamp_api_versions(ApiVersion(5), &mut payload, CLAMP).expect("readable");
        assert_eq!(payload, unchanged);
    }
}

#[test]
fn cut_and_lengthened_answers_are_refused() {
    for version in [0, 1, 3, 5] {
        let whole = answer(version.min(4), FUTURE, 0);
        for len in 0..whole.len() {
            let mut cut = whole[..len].to_vec();
            let result = clamp_api_versions(ApiVersion(version), &mut cut, DEFAULT);
            assert!(result.is_err(), "v{version} cut at {len}");
        }
        let mut longer = whole;
        longer.push(0);
        assert_eq!(
            clamp_api_versions(ApiVersion(version), &mut longer, DEFAULT),
            Err(FrameError::LeftOver { left: 1 })
        );
    }
}

#[test]
fn the_outcome_of_authentication_is_read_in_every_version() {
    use kafka_protocol::messages::SaslAuthenticateResponse;

    for version in 0..=2 {
        for error in [0, 58] {
            let message = SaslAuthenticateResponse::default()
                .with_error_code(error)
                .with_auth_bytes(vec![1, 2, 3].into());
            let tags = if version == 2 {
                [(3, vec![9, 9])].into_iter().collect()
            } else {
                Default::default()
            };
            let payload = encode(&message, version, tags);
            let read = sasl_authenticate_error(ApiVersion(version), &payload);
            assert_eq!(read, Ok(error), "v{version}");
        }
        assert!(sasl_authenticate_error(ApiVersion(version), &[0, 0, 0, 1]).is_err());
    }
}
