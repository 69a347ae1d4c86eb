//! Random answers of each kind, within what brokers may send.

use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::fetch_response as fetch;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response as produce;
use kafka_protocol::messages::share_acknowledge_response as share_ack;
use kafka_protocol::messages::share_fetch_response as share;
use kafka_protocol::messages::{
    BrokerId, DescribeClusterResponse, FetchResponse, FindCoordinatorResponse, MetadataResponse,
    ProduceResponse, ShareAcknowledgeResponse, ShareFetchResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::{Answer, Rng};
use crate::kafka::in_flight::ResponseKind;

impl Answer {
    /// A random answer that the oracle can write in this version.
    pub(in crate::kafka) fn random(rng: &mut Rng, kind: ResponseKind, version: i16) -> Self {
        match kind {
            ResponseKind::Metadata => Self::Metadata(metadata(rng, version)),
            ResponseKind::DescribeCluster => Self::DescribeCluster(describe_cluster(rng, version)),
            ResponseKind::FindCoordinator => Self::FindCoordinator(coordinator(rng, version)),
            ResponseKind::Produce => Self::Produce(produce(rng, version)),
            ResponseKind::Fetch => Self::Fetch(fetch(rng)),
            ResponseKind::ShareFetch => Self::ShareFetch(share_fetch(rng)),
            ResponseKind::ShareAcknowledge => Self::ShareAcknowledge(share_acknowledge(rng)),
            _ => panic!("no answer that carries addresses"),
        }
    }
}

/// Up to `most` elements, often none.
fn some<T>(rng: &mut Rng, most: usize, mut one: impl FnMut(&mut Rng) -> T) -> Vec<T> {
    (0..rng.below(most + 1)).map(|_| one(rng)).collect()
}

/// Mostly mapped (below 10), sometimes not.
fn node_id(rng: &mut Rng) -> BrokerId {
    BrokerId(i32::try_from(rng.below(12)).expect("small"))
}

fn port(rng: &mut Rng) -> i32 {
    1 + i32::try_from(rng.below(65_535)).expect("small")
}

macro_rules! endpoints {
    ($rng:expr, $type:ty) => {
        some($rng, 3, |rng| {
            <$type>::default()
                .with_node_id(node_id(rng))
                .with_host(rng.name(140))
                .with_port(port(rng))
                .with_rack(rng.nullable(20))
                .with_unknown_tagged_fields(rng.tags(0))
        })
    };
}

fn metadata(rng: &mut Rng, version: i16) -> MetadataResponse {
    let flexible = version >= 9;
    let brokers = some(rng, 4, |rng| {
        let broker = MetadataResponseBroker::default()
            .with_node_id(node_id(rng))
            .with_host(rng.name(140))
            .with_port(port(rng));
        let rack = rng.nullable(150);
        let tags = rng.tags(0);
        broker
            .with_rack(rack.filter(|_| version >= 1))
            .with_unknown_tagged_fields(if flexible { tags } else { Default::default() })
    });
    let topics = some(rng, 2, |rng| {
        let partitions = some(rng, 2, |rng| {
            MetadataResponsePartition::default()
                .with_leader_id(node_id(rng))
                .with_replica_nodes(vec![node_id(rng)])
        });
        MetadataResponseTopic::default()
            .with_name(Some(rng.name(20).into()))
            .with_partitions(partitions)
    });
    let cluster_id = rng.nullable(22).filter(|_| version >= 2);
    let tags = rng.tags(0);
    MetadataResponse::default()
        .with_brokers(brokers)
        .with_cluster_id(cluster_id)
        .with_controller_id(if version >= 1 {
            node_id(rng)
        } else {
            BrokerId(-1)
        })
        .with_topics(topics)
        .with_unknown_tagged_fields(if flexible { tags } else { Default::default() })
}

fn describe_cluster(rng: &mut Rng, version: i16) -> DescribeClusterResponse {
    let brokers = some(rng, 4, |rng| {
        DescribeClusterBroker::default()
            .with_broker_id(node_id(rng))
            .with_host(rng.name(140))
            .with_port(port(rng))
            .with_rack(rng.nullable(20))
            .with_is_fenced(version >= 2 && rng.one_in(2))
            .with_unknown_tagged_fields(rng.tags(0))
    });
    let controllers = version >= 1 && rng.one_in(4);
    DescribeClusterResponse::default()
        .with_error_message(rng.nullable(20))
        .with_endpoint_type(if controllers { 2 } else { 1 })
        .with_cluster_id(rng.name(22))
        .with_controller_id(node_id(rng))
        .with_brokers(brokers)
        .with_unknown_tagged_fields(rng.tags(0))
}

fn coordinator(rng: &mut Rng, version: i16) -> FindCoordinatorResponse {
    let mut answer = FindCoordinatorResponse::default();
    let nobody = rng.one_in(3);
    if version >= 4 {
        answer.coordinators = some(rng, 4, |rng| {
            let one = Coordinator::default()
                .with_key(rng.name(20))
                .with_error_message(rng.nullable(20))
                .with_unknown_tagged_fields(rng.tags(0));
            if rng.one_in(3) {
                return one
                    .with_node_id(BrokerId(-1))
                    .with_port(-1)
                    .with_error_code(15);
            }
            one.with_node_id(node_id(rng))
                .with_host(rng.name(140))
                .with_port(port(rng))
        });
    } else if nobody {
        answer = answer
            .with_node_id(BrokerId(-1))
            .with_port(-1)
            .with_error_code(15);
    } else {
        answer = answer
            .with_node_id(node_id(rng))
            .with_host(rng.name(140))
            .with_port(port(rng));
    }
    let message: Option<StrBytes> = rng.nullable(20);
    let tags = rng.tags(0);
    answer
        .with_error_message(if (1..=3).contains(&version) {
            message
        } else {
            Some(StrBytes::default())
        })
        .with_unknown_tagged_fields(if version >= 3 {
            tags
        } else {
            Default::default()
        })
}

fn produce(rng: &mut Rng, version: i16) -> ProduceResponse {
    let topics = some(rng, 3, |rng| {
        let partitions = some(rng, 3, |rng| {
            let errors = some(rng, 2, |rng| {
                produce::BatchIndexAndErrorMessage::default()
                    .with_batch_index_error_message(rng.nullable(20))
                    .with_unknown_tagged_fields(rng.tags(0))
            });
            let leader = produce::LeaderIdAndEpoch::default()
                .with_leader_id(node_id(rng))
                .with_unknown_tagged_fields(rng.tags(0));
            produce::PartitionProduceResponse::default()
                .with_record_errors(errors)
                .with_error_message(rng.nullable(20))
                .with_current_leader(leader)
                .with_unknown_tagged_fields(rng.tags(5))
        });
        let topic = produce::TopicProduceResponse::default()
            .with_partition_responses(partitions)
            .with_unknown_tagged_fields(rng.tags(0));
        let name = rng.name(20);
        if version >= 13 {
            topic
        } else {
            topic.with_name(name.into())
        }
    });
    ProduceResponse::default()
        .with_responses(topics)
        .with_throttle_time_ms(rng.i32())
        .with_node_endpoints(endpoints!(rng, produce::NodeEndpoint))
        .with_unknown_tagged_fields(rng.tags(1))
}

fn fetch(rng: &mut Rng) -> FetchResponse {
    let topics = some(rng, 3, |rng| {
        let partitions = some(rng, 3, |rng| {
            let aborted = some(rng, 2, |rng| {
                fetch::AbortedTransaction::default().with_unknown_tagged_fields(rng.tags(0))
            });
            let leader = fetch::LeaderIdAndEpoch::default().with_leader_id(node_id(rng));
            fetch::PartitionData::default()
                .with_aborted_transactions((!rng.one_in(3)).then_some(aborted))
                .with_current_leader(leader)
                .with_records(rng.one_in(2).then(|| rng.bytes(200).into()))
                .with_unknown_tagged_fields(rng.tags(5))
        });
        fetch::FetchableTopicResponse::default()
            .with_partitions(partitions)
            .with_unknown_tagged_fields(rng.tags(0))
    });
    FetchResponse::default()
        .with_session_id(rng.i32())
        .with_responses(topics)
        .with_node_endpoints(endpoints!(rng, fetch::NodeEndpoint))
        .with_unknown_tagged_fields(rng.tags(1))
}

fn share_fetch(rng: &mut Rng) -> ShareFetchResponse {
    let topics = some(rng, 3, |rng| {
        let partitions = some(rng, 3, |rng| {
            let acquired = some(rng, 2, |rng| {
                share::AcquiredRecords::default().with_unknown_tagged_fields(rng.tags(0))
            });
            let leader = share::LeaderIdAndEpoch::default()
                .with_leader_id(rng.i32())
                .with_unknown_tagged_fields(rng.tags(0));
            share::PartitionData::default()
                .with_error_message(rng.nullable(20))
                .with_acknowledge_error_message(rng.nullable(20))
                .with_current_leader(leader)
                .with_records(rng.one_in(2).then(|| rng.bytes(200).into()))
                .with_acquired_records(acquired)
                .with_unknown_tagged_fields(rng.tags(0))
        });
        share::ShareFetchableTopicResponse::default()
            .with_partitions(partitions)
            .with_unknown_tagged_fields(rng.tags(0))
    });
    ShareFetchResponse::default()
        .with_error_message(rng.nullable(20))
        .with_acquisition_lock_timeout_ms(rng.i32())
        .with_responses(topics)
        .with_node_endpoints(endpoints!(rng, share::NodeEndpoint))
        .with_unknown_tagged_fields(rng.tags(0))
}

fn share_acknowledge(rng: &mut Rng) -> ShareAcknowledgeResponse {
    let topics = some(rng, 3, |rng| {
        let partitions = some(rng, 3, |rng| {
            let leader = share_ack::LeaderIdAndEpoch::default()
                .with_leader_id(rng.i32())
                .with_unknown_tagged_fields(rng.tags(0));
            share_ack::PartitionData::default()
                .with_error_message(rng.nullable(20))
                .with_current_leader(leader)
                .with_unknown_tagged_fields(rng.tags(0))
        });
        share_ack::ShareAcknowledgeTopicResponse::default()
            .with_partitions(partitions)
            .with_unknown_tagged_fields(rng.tags(0))
    });
    ShareAcknowledgeResponse::default()
        .with_error_message(rng.nullable(20))
        .with_responses(topics)
        .with_node_endpoints(endpoints!(rng, share_ack::NodeEndpoint))
        .with_unknown_tagged_fields(rng.tags(0))
}
