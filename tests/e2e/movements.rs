//! Brokers that come, go, move and exchange addresses under load; and how partitions are moved.

use std::time::Duration;

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, ElectLeadersRequest,
    ListPartitionReassignmentsRequest, TopicName, UnregisterBrokerRequest,
};
use kafka_protocol::protocol::StrBytes;
use throughway_tests::cluster::{Cluster, ClusterOptions, Listener, NODE_IDS, USER};
use throughway_tests::leaks;
use throughway_tests::load::{Load, PARTITIONS, Way};
use throughway_tests::probe::{check_one_to_one, probe_table};
use throughway_tests::proxy::Upstream;
use throughway_tests::wire::{Connection, Door, brokers_told};

use crate::ports::Setup;

/// For clients to go on after brokers have moved.
const BACK: Duration = Duration::from_secs(90);

/// One that was not there when throughway started.
const NEWCOMER: i32 = 7;

async fn broker(cluster: &Cluster) -> Connection {
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

/// Each address that clients are told leads to the broker it is told for, and no other.
async fn assert_one_to_one(cluster: &Cluster, setup: &Setup, ids: &[i32]) {
    let bootstrap = Door {
        address: setup.address(NODE_IDS[2]),
        tls: None,
    };
    let told = brokers_told(&bootstrap, USER).await.unwrap();
    assert_eq!(told.keys().copied().collect::<Vec<_>>(), ids);
    let doors: Vec<Door> = told
        .values()
        .map(|address| Door {
            address: address.clone(),
            tls: None,
        })
        .collect();
    let table = probe_table(&doors, USER, &cluster.id, ids).await.unwrap();
    check_one_to_one(&table, &told).unwrap();
}

/// A broker with a new id comes, takes every partition, and is at once where clients are told it is.
async fn a_broker_comes(cluster: &Cluster, load: &Load) {
    cluster.add(NEWCOMER).unwrap();
    place(cluster, load.topic(), &[NEWCOMER, 1, 5]).await;
    lead(cluster, load.topic()).await;
    load.wait_for_all(BACK).unwrap();
}

/// It goes for good, and comes back with the same id and no data in another place.
async fn it_is_replaced(cluster: &Cluster, load: &Load) {
    place(cluster, load.topic(), &[1, 5, 12]).await;
    lead(cluster, load.topic()).await;
    cluster.stop(NEWCOMER).unwrap();
    let request = UnregisterBrokerRequest::default().with_broker_id(BrokerId(NEWCOMER));
    let answer = broker(cluster).await.call(0, &request).await.unwrap();
    assert_eq!(answer.error_code, 0, "{answer:?}");
    cluster.discard(NEWCOMER).unwrap();
    load.wait_for_all(BACK).unwrap();
    a_broker_comes(cluster, load).await;
}

/// A broker starts anew in another place.
async fn one_moves(cluster: &Cluster, load: &Load) {
    cluster.stop(5).unwrap();
    let place = cluster.new_place(5, cluster.address(5).controller);
    cluster.settle(5, &place).unwrap();
    cluster.restart(5).unwrap();
    load.wait_for_all(BACK).unwrap();
}

/// Each of two is where the other was, by name and by port.
async fn two_exchange_places(cluster: &Cluster, load: &Load) {
    let (five, newcomer) = (cluster.address(5), cluster.address(NEWCOMER));
    for id in [NEWCOMER, 5] {
        cluster.stop(id).unwrap();
    }
    cluster.settle(5, &five.moved_to(&newcomer)).unwrap();
    cluster.settle(NEWCOMER, &newcomer.moved_to(&five)).unwrap();
    for id in [NEWCOMER, 5] {
        cluster.restart(id).unwrap();
    }
    load.wait_for_all(BACK).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_may_come_go_move_and_exchange_addresses() {
    let cluster = Cluster::start(&ClusterOptions::default()).unwrap();
    let mut setup = Setup::with(&cluster, Upstream::Plaintext, |settings| {
        settings.set("GATEWAY_UPSTREAM_ADDRESS_MAP", address_map());
        settings.set("GATEWAY_UPSTREAM_ALLOWED", ".internal.test");
        settings.set("GATEWAY_FETCH_LEADER_HINTS", "true");
        settings.tolerate("broker not reached");
    })
    .await;
    let load = Load::start(&Way::plain(setup.address(0)), "movements")
        .await
        .unwrap();
    let mut secret = cluster.secret_ports();

    a_broker_comes(&cluster, &load).await;
    assert_one_to_one(&cluster, &setup, &[1, 5, NEWCOMER, 12]).await;
    secret.extend(cluster.secret_ports());
    it_is_replaced(&cluster, &load).await;
    assert_one_to_one(&cluster, &setup, &[1, 5, NEWCOMER, 12]).await;
    one_moves(&cluster, &load).await;
    assert_one_to_one(&cluster, &setup, &[1, 5, NEWCOMER, 12]).await;
    two_exchange_places(&cluster, &load).await;
    assert_one_to_one(&cluster, &setup, &[1, 5, NEWCOMER, 12]).await;

    load.stop_and_check(&Way::direct(&cluster)).unwrap();
    assert_eq!(setup.proxy.stop().unwrap(), Some(0));
    secret.extend(cluster.secret_ports());
    leaks::assert_none(&setup.received(), &secret);
}

/// Of every broker that there ever is.
fn address_map() -> String {
    let all = [&NODE_IDS[..], &[NEWCOMER]].concat();
    let entry = |id: &i32| {
        format!(
            "{}=127.0.0.1",
            throughway_tests::cluster::advertised_host(*id)
        )
    };
    all.iter().map(entry).collect::<Vec<_>>().join(",")
}
