//! A share group whose partitions change their leaders while it reads.

use std::time::Duration;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use throughway_tests::clients::{Action, Security, Task};
use throughway_tests::cluster::{self, Cluster, NODE_IDS, USER};
use throughway_tests::load::PARTITIONS;
use throughway_tests::proxy::Upstream;
use throughway_tests::{kafka_jars, soak};

use crate::placement::{broker, lead, place};
use crate::ports::{Setup, java};

const TOPIC: &str = "share-elections";

/// Who leads each partition of the topic, once all are led by somebody.
async fn leaders(cluster: &Cluster) -> Vec<i32> {
    let mut broker = broker(cluster).await;
    let name = TopicName(StrBytes::from_static_str(TOPIC));
    let asked = MetadataRequestTopic::default().with_name(Some(name));
    let request = MetadataRequest::default().with_topics(Some(vec![asked]));
    loop {
        let answer = broker.call(12, &request).await.unwrap();
        let partitions = answer.topics[0].partitions.iter();
        let led: Vec<_> = partitions.map(|one| one.leader_id.0).collect();
        if led.len() == usize::try_from(PARTITIONS).unwrap() && led.iter().all(|id| *id > 0) {
            return led;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Gives all partitions to one broker after the other, and returns how many have moved.
async fn move_leaders(cluster: &Cluster) -> usize {
    let mut before = leaders(cluster).await;
    let (mut order, mut moved) = (NODE_IDS, 0);
    for _ in 0..soak::times(12, 100) {
        order.rotate_left(1);
        place(cluster, TOPIC, &order).await;
        lead(cluster, TOPIC).await;
        let now = leaders(cluster).await;
        moved += before.iter().zip(&now).filter(|(a, b)| a != b).count();
        before = now;
    }
    moved
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_group_reads_on_while_leaders_move_and_its_acknowledgements_arrive() {
    let cluster = cluster::shared_alone().await;
    let mut setup = Setup::with(&cluster, Upstream::Plaintext, |settings| {
        settings.set("GATEWAY_FETCH_LEADER_HINTS", "true");
    })
    .await;
    let security = Security::sasl_plaintext(USER);
    let task = Task::new(Action::ShareElections, &setup.address(0), security, TOPIC);
    let library = java(kafka_jars::CURRENT);
    // They begin to move once the topic is there, which is before anything is written.
    let (report, moved) = tokio::join!(setup.run(&library, &task), move_leaders(&cluster));
    assert!(report.is_complete(task.records), "{report:?}");
    // Each partition, and more than once.
    assert!(moved > 2 * usize::try_from(PARTITIONS).unwrap(), "{moved}");
    setup.assert_no_leak(&cluster);
    assert_eq!(setup.proxy.stop().unwrap(), Some(0));
}
