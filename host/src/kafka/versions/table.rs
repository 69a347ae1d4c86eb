//! Which versions of which APIs have been reviewed: read field by field for broker addresses, in the
//! message definitions of Kafka 3.9 to 4.5-dev.

use super::super::{ApiKey, ApiVersion};

pub(in crate::kafka) const PRODUCE: ApiKey = ApiKey(0);
pub(in crate::kafka) const FETCH: ApiKey = ApiKey(1);
pub(in crate::kafka) const METADATA: ApiKey = ApiKey(3);
pub(in crate::kafka) const FIND_COORDINATOR: ApiKey = ApiKey(10);
pub(in crate::kafka) const SASL_HANDSHAKE: ApiKey = ApiKey(17);
pub(in crate::kafka) const API_VERSIONS: ApiKey = ApiKey(18);
pub(in crate::kafka) const INIT_PRODUCER_ID: ApiKey = ApiKey(22);
pub(in crate::kafka) const SASL_AUTHENTICATE: ApiKey = ApiKey(36);
pub(in crate::kafka) const DESCRIBE_CLUSTER: ApiKey = ApiKey(60);
pub(in crate::kafka) const GET_TELEMETRY_SUBSCRIPTIONS: ApiKey = ApiKey(71);
pub(in crate::kafka) const PUSH_TELEMETRY: ApiKey = ApiKey(72);
pub(in crate::kafka) const DESCRIBE_TOPIC_PARTITIONS: ApiKey = ApiKey(75);
pub(in crate::kafka) const SHARE_FETCH: ApiKey = ApiKey(78);
pub(in crate::kafka) const SHARE_ACKNOWLEDGE: ApiKey = ApiKey(79);

/// The highest reviewed version of each API, indexed by key.
#[rustfmt::skip]
const REVIEWED: [i16; 95] = [
    // 0 Produce .. 9 OffsetFetch
    13, 18, 11, 13, 7, 5, 8, 3, 10, 10,
    // 10 FindCoordinator .. 19 CreateTopics
    6, 9, 4, 5, 5, 6, 5, 1, 5, 7,
    // 20 DeleteTopics .. 29 DescribeAcls
    6, 2, 6, 4, 5, 4, 5, 2, 6, 3,
    // 30 CreateAcls .. 39 RenewDelegationToken
    3, 3, 4, 2, 2, 5, 2, 3, 3, 2,
    // 40 ExpireDelegationToken .. 49 AlterClientQuotas
    2, 3, 3, 2, 1, 1, 0, 0, 1, 1,
    // 50 DescribeUserScramCredentials .. 59 FetchSnapshot
    0, 0, 2, 1, 1, 2, 3, 2, 0, 1,
    // 60 DescribeCluster .. 69 ConsumerGroupDescribe
    2, 0, 4, 2, 0, 0, 2, 0, 1, 1,
    // 70 ControllerRegistration .. 79 ShareAcknowledge
    0, 0, 0, 0, 1, 0, 1, 1, 2, 2,
    // 80 AddRaftVoter .. 89 StreamsGroupDescribe
    1, 0, 0, 0, 0, 1, 0, 1, 1, 1,
    // 90 DescribeShareGroupOffsets .. 94 UnregisterController
    1, 0, 0, 0, 0,
];

/// The highest reviewed version of an API; `None` for an unknown key.
pub(in crate::kafka) fn reviewed(api_key: ApiKey) -> Option<ApiVersion> {
    let index = usize::try_from(api_key.0).ok()?;
    REVIEWED.get(index).copied().map(ApiVersion)
}

/// The APIs whose answers carry broker addresses (or, for ApiVersions, ranges to clamp).
pub(in crate::kafka) fn carries_addresses(api_key: ApiKey) -> bool {
    matches!(
        api_key,
        PRODUCE
            | FETCH
            | METADATA
            | FIND_COORDINATOR
            | API_VERSIONS
            | DESCRIBE_CLUSTER
            | SHARE_FETCH
            | SHARE_ACKNOWLEDGE
    )
}

/// The lowest version whose answer's layout is known. The share APIs' version 0 was early access:
/// its layout changed from build to build, and it carried addresses.
pub(in crate::kafka) fn least_known(api_key: ApiKey) -> ApiVersion {
    match api_key {
        SHARE_FETCH | SHARE_ACKNOWLEDGE => ApiVersion(1),
        _ => ApiVersion(0),
    }
}

/// APIs between brokers and controllers, which no client sends: LeaderAndIsr, StopReplica,
/// UpdateMetadata, ControlledShutdown, Vote, BeginQuorumEpoch, EndQuorumEpoch, AlterPartition,
/// Envelope, FetchSnapshot, BrokerRegistration, BrokerHeartbeat, AllocateProducerIds,
/// ControllerRegistration, AssignReplicasToDirs, UpdateRaftVoter.
pub(in crate::kafka) fn inter_broker(api_key: ApiKey) -> bool {
    matches!(
        api_key.0,
        4..=7 | 52..=54 | 56 | 58 | 59 | 62 | 63 | 67 | 70 | 73 | 82
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::messages::ApiKey as Known;

    /// Where Kafka 4.2 to 4.4 went beyond the Kafka 4.1 of the oracle, or 3.9 stays above it.
    const DIFFERENT: [i16; 17] = [
        2, 4, 5, 6, 18, 27, 28, 35, 42, 63, 78, 79, 80, 85, 87, 90, 7,
    ];

    #[test]
    fn agrees_with_the_oracle_where_that_knows_the_api() {
        for known in Known::iter() {
            let key = known as i16;
            let reviewed = reviewed(ApiKey(key)).map(|version| version.0);
            if !DIFFERENT.contains(&key) {
                assert_eq!(reviewed, Some(known.valid_versions().max), "key {key}");
            } else {
                assert!(reviewed >= Some(known.valid_versions().max), "key {key}");
            }
        }
    }

    #[test]
    fn knows_no_key_beyond_94_and_no_negative_one() {
        assert_eq!(reviewed(ApiKey(94)), Some(ApiVersion(0)));
        assert_eq!(reviewed(ApiKey(95)), None);
        assert_eq!(reviewed(ApiKey(-1)), None);
    }
}
