//! Which brokers have the partitions of a topic, and which of them leads: changed, and waited for, by
//! word to a broker.

use std::time::Duration;

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, ElectLeadersRequest,
    ListPartitionReassignmentsRequest, MetadataRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use throughway_tests::cluster::{Cluster, Listener, NODE_IDS};
use throughway_tests::load::PARTITIONS;
use throughway_tests::wire::{Connection, Door};

pub(crate) async fn broker(cluster: &Cluster) -> Connection {
    let port = cluster.port(NODE_IDS[2], Listener::Internal);
    Connection::open(&Door::plain(port)).await.unwrap()
}

fn named(topic: &str) -> TopicName {
    StrBytes::from_string(topic.to_owned()).into()
}

/// Puts each partition of a topic on these brokers, the first of which is to lead, and waits until it
/// is done.
pub(crate) async fn place(cluster: &Cluster, topic: &str, order: &[i32]) {
    let mut broker = broker(cluster).await;
    let partition = |index| {
        ReassignablePartition::default()
            .with_partition_index(index)
            .with_replicas(Some(order.iter().copied().map(BrokerId).collect()))
    };
    let moves = ReassignableTopic::default()
        .with_name(named(topic))
        .with_partitions((0..PARTITIONS).map(partition).collect());
    let request = AlterPartitionReassignmentsRequest::default()
        .with_timeout_ms(60_000)
        .with_topics(vec![moves]);
    let answer = broker.call(0, &request).await.unwrap();
    assert_eq!(answer.error_code, 0, "{answer:?}");
    let listing = ListPartitionReassignmentsRequest::default().with_timeout_ms(60_000);
    for _ in 0..600 {
        let answer = broker.call(0, &listing).await.unwrap();
        if answer.error_code == 0 && answer.topics.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{topic} was not moved in a minute");
}

/// Lets the first of its brokers lead each partition.
pub(crate) async fn lead(cluster: &Cluster, topic: &str) {
    let mut broker = broker(cluster).await;
    let partitions = TopicPartitions::default()
        .with_topic(named(topic))
        .with_partitions((0..PARTITIONS).collect());
    let request = ElectLeadersRequest::default()
        .with_timeout_ms(60_000)
        .with_topic_partitions(Some(vec![partitions]));
    let answer = broker.call(2, &request).await.unwrap();
    assert_eq!(answer.error_code, 0, "{answer:?}");
}

/// Until every replica is in sync: what whoever restarts broker after broker waits for.
pub(crate) async fn in_sync(cluster: &Cluster) {
    let mut broker = broker(cluster).await;
    let request = MetadataRequest::default().with_topics(None);
    for _ in 0..600 {
        let answer = broker.call(12, &request).await.unwrap();
        let mut partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
        if partitions.all(|one| one.isr_nodes.len() == one.replica_nodes.len()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("replicas are not in sync after a minute");
}
