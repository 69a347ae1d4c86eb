//! Brokers asked for partitions they do not lead answer with the leader's address at the tail: small
//! answers are rewritten, large ones made harmless, none leaks.

use std::collections::BTreeSet;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::share_acknowledge_request::{
    AcknowledgePartition, AcknowledgeTopic, AcknowledgementBatch,
};
use kafka_protocol::messages::share_fetch_request as share;
use kafka_protocol::messages::{
    BrokerId, CreateTopicsRequest, FetchRequest, FetchResponse, GroupId, MetadataRequest,
    ProduceRequest, ShareAcknowledgeRequest, ShareFetchRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record,
    RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use throughway_tests::cluster::{self, USER};
use throughway_tests::proxy::Upstream;
use throughway_tests::wire::{Connection, Door, brokers_told};

use crate::ports::Setup;

const TOPIC: &str = "tails";

/// More than a frame that is rewritten whole.
const LARGE: usize = 100_000;

/// One topic, seen from broker 1.
struct Scene {
    setup: Setup,
    connection: Connection,
    topic: MetadataResponseTopic,
}

impl Scene {
    async fn new(cluster: &cluster::Cluster) -> Self {
        let setup = Setup::with(cluster, Upstream::Plaintext, |settings| {
            settings.set("GATEWAY_FETCH_LEADER_HINTS", "true");
        })
        .await;
        let door = Door {
            address: setup.address(1),
            tls: None,
        };
        // Broker 1 is reached by its address once an answer has named it.
        brokers_told(&door, USER).await.unwrap();
        let mut connection = Connection::open(&door).await.unwrap();
        connection.authenticate(USER).await.unwrap();
        let topic = make_topic(&mut connection).await;
        Self {
            setup,
            connection,
            topic,
        }
    }

    /// A partition that broker 1 leads, and one that it does not, with its leader.
    fn partitions(&self) -> (i32, i32, i32) {
        let led = |wanted: bool| {
            let mut found = self
                .topic
                .partitions
                .iter()
                .filter(|p| (p.leader_id == 1) == wanted);
            let partition = found.next().unwrap();
            (partition.partition_index, partition.leader_id.0)
        };
        let (ours, (theirs, leader)) = (led(true).0, led(false));
        (ours, theirs, leader)
    }

    async fn fetch(&mut self, partitions: &[i32]) -> FetchResponse {
        let partition = |index: &i32| {
            FetchPartition::default()
                .with_partition(*index)
                .with_current_leader_epoch(-1)
                .with_partition_max_bytes(1 << 20)
        };
        let topic = FetchTopic::default()
            .with_topic_id(self.topic.topic_id)
            .with_partitions(partitions.iter().map(partition).collect());
        let request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(500)
            .with_min_bytes(1)
            .with_max_bytes(10 << 20)
            .with_session_epoch(-1)
            .with_topics(vec![topic]);
        self.connection.call(16, &request).await.unwrap()
    }

    fn told(&self, leader: i32) -> (String, i32) {
        let address = self.setup.address(leader);
        let (host, port) = address.rsplit_once(':').unwrap();
        (host.to_owned(), port.parse().unwrap())
    }

    fn count(&self, api: &str, fate: &str) -> u64 {
        let (_, metrics) = self.setup.proxy.get("/metrics").unwrap();
        let series = format!("throughway_responses_total{{api=\"{api}\",fate=\"{fate}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap().parse().unwrap()
    }
}

/// Six partitions without replicas: a replica would serve a fetch though it does not lead (KIP-392).
async fn make_topic(connection: &mut Connection) -> MetadataResponseTopic {
    let alone = CreatableTopicConfig::default()
        .with_name(StrBytes::from_static_str("min.insync.replicas"))
        .with_value(Some(StrBytes::from_static_str("1")));
    let topic = CreatableTopic::default()
        .with_name(name())
        .with_num_partitions(6)
        .with_replication_factor(1)
        .with_configs(vec![alone]);
    let request = CreateTopicsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(10_000);
    let made = connection.call(7, &request).await.unwrap();
    assert_eq!(made.topics[0].error_code, 0, "{made:?}");
    let asked = MetadataRequestTopic::default().with_name(Some(name()));
    let request = MetadataRequest::default().with_topics(Some(vec![asked]));
    // Until every broker has heard of it; each answer takes a round trip.
    for _ in 0..1000 {
        let topic = connection
            .call(12, &request)
            .await
            .unwrap()
            .topics
            .remove(0);
        let led = |p: &MetadataResponsePartition| p.error_code == 0 && p.leader_id.0 > 0;
        if topic.partitions.len() == 6 && topic.partitions.iter().all(led) {
            return topic;
        }
    }
    panic!("the topic has no leaders");
}

fn name() -> TopicName {
    TopicName(StrBytes::from_static_str(TOPIC))
}

fn record(len: usize) -> Bytes {
    let record = Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: NO_SEQUENCE,
        timestamp: 1,
        key: None,
        value: Some(vec![7; len].into()),
        headers: Default::default(),
    };
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let mut bytes = BytesMut::new();
    RecordBatchEncoder::encode(&mut bytes, [&record], &options).unwrap();
    bytes.freeze()
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_at_the_tail_are_rewritten_or_hidden_and_never_leak() {
    let cluster = cluster::shared().await;
    let mut scene = Scene::new(&cluster).await;
    let (ours, theirs, leader) = scene.partitions();
    let told = scene.told(leader);

    // A broker may hear late of the topic, or that it leads; each answer takes a round trip.
    let mut tries = 0..1000;
    loop {
        let (error, _) = produce(&mut scene.connection, ours, LARGE).await;
        if error == 0 {
            break;
        }
        assert!(tries.next().is_some(), "broker 1 takes nothing: {error}");
    }
    let small = scene.fetch(&[theirs]).await;
    let named: BTreeSet<_> = small
        .node_endpoints
        .iter()
        .map(|n| (n.host.to_string(), n.port))
        .collect();
    assert_eq!(named, BTreeSet::from([told.clone()]), "{small:?}");

    let large = scene.fetch(&[ours, theirs]).await;
    let records = |p: &kafka_protocol::messages::fetch_response::PartitionData| {
        p.records.as_ref().map_or(0, Bytes::len)
    };
    let bytes: usize = large
        .responses
        .iter()
        .flat_map(|t| &t.partitions)
        .map(records)
        .sum();
    assert!(bytes > 64 << 10, "only {bytes} bytes of records");
    assert!(
        large.node_endpoints.is_empty(),
        "{:?}",
        large.node_endpoints
    );
    assert!(
        large.unknown_tagged_fields.contains_key(&127),
        "hidden as an unknown tag"
    );

    let (_, named) = produce(&mut scene.connection, theirs, 10).await;
    assert_eq!(named, std::slice::from_ref(&told));
    assert_eq!(share(&mut scene, theirs).await, [vec![told], vec![]]);

    for (api, fate) in [
        ("fetch", "rewritten"),
        ("fetch", "neutralised"),
        ("produce", "rewritten"),
        ("share_fetch", "rewritten"),
    ] {
        assert!(scene.count(api, fate) > 0, "{api} {fate}");
    }
    scene.setup.assert_no_leak(&cluster);
}

/// The error code and whom the answer names.
async fn produce(
    connection: &mut Connection,
    partition: i32,
    len: usize,
) -> (i16, Vec<(String, i32)>) {
    let data = PartitionProduceData::default()
        .with_index(partition)
        .with_records(Some(record(len)));
    let topic = TopicProduceData::default()
        .with_name(name())
        .with_partition_data(vec![data]);
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topic]);
    let answer = connection.call(12, &request).await.unwrap();
    let named = answer.node_endpoints.iter();
    let named = named.map(|n| (n.host.to_string(), n.port)).collect();
    (answer.responses[0].partition_responses[0].error_code, named)
}

/// What ShareFetch and then ShareAcknowledge name. The latter names nobody: a broker that never led a
/// partition answers that it does not host it. `protocol::endpoints` has answers that do.
async fn share(scene: &mut Scene, partition: i32) -> [Vec<(String, i32)>; 2] {
    let group = Some(GroupId(StrBytes::from_static_str("tails-share")));
    let member = Some(StrBytes::from_static_str("AAAAAAAAAAAAAAAAAAAAAQ"));
    let topic_id = scene.topic.topic_id;
    let asked = share::FetchPartition::default().with_partition_index(partition);
    let topic = share::FetchTopic::default()
        .with_topic_id(topic_id)
        .with_partitions(vec![asked]);
    let fetch = ShareFetchRequest::default()
        .with_group_id(group.clone())
        .with_member_id(member.clone())
        .with_share_session_epoch(0)
        .with_max_wait_ms(100)
        .with_max_bytes(1 << 20)
        .with_max_records(10)
        .with_batch_size(10)
        .with_topics(vec![topic]);
    let fetched = scene.connection.call(1, &fetch).await.unwrap();
    let batch = AcknowledgementBatch::default()
        .with_first_offset(0)
        .with_last_offset(0)
        .with_acknowledge_types(vec![1]);
    let acknowledged = AcknowledgePartition::default()
        .with_partition_index(partition)
        .with_acknowledgement_batches(vec![batch]);
    let topic = AcknowledgeTopic::default()
        .with_topic_id(topic_id)
        .with_partitions(vec![acknowledged]);
    let acknowledge = ShareAcknowledgeRequest::default()
        .with_group_id(group)
        .with_member_id(member)
        .with_share_session_epoch(1)
        .with_topics(vec![topic]);
    let answered = scene.connection.call(1, &acknowledge).await.unwrap();
    [
        fetched
            .node_endpoints
            .iter()
            .map(|n| (n.host.to_string(), n.port))
            .collect(),
        answered
            .node_endpoints
            .iter()
            .map(|n| (n.host.to_string(), n.port))
            .collect(),
    ]
}
