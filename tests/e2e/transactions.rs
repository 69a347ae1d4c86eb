//! Transactions of both versions: in the second, a Produce takes its partition into the transaction by
//! itself, so that what throughway passes on is not the same.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kafka_protocol::messages::update_features_request::FeatureUpdateKey;
use kafka_protocol::messages::{ApiVersionsRequest, UpdateFeaturesRequest};
use kafka_protocol::protocol::StrBytes;
use throughway_tests::clients::{Action, Security, Task};
use throughway_tests::cluster::{self, NODE_IDS, USER};
use throughway_tests::exchanges::{Exchange, api};
use throughway_tests::kafka_jars;
use throughway_tests::proxy::Upstream;
use throughway_tests::wire::{Connection, Door};

use crate::ports::{Setup, java};

const FEATURE: &str = "transaction.version";
/// An upgrade, and a downgrade that loses nothing.
const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) async fn connection(setup: &Setup, node_id: i32) -> Connection {
    let door = Door {
        address: setup.address(node_id),
        tls: None,
    };
    let mut connection = Connection::open(&door).await.unwrap();
    connection.authenticate(USER).await.unwrap();
    connection
}

/// The level of a feature, as a broker tells clients.
pub(crate) async fn level(connection: &mut Connection, feature: &str) -> i16 {
    let name = StrBytes::from_static_str("throughway-tests");
    let request = ApiVersionsRequest::default()
        .with_client_software_name(name.clone())
        .with_client_software_version(name);
    let answer = connection.call(3, &request).await.unwrap();
    let mut features = answer.finalized_features.iter();
    let found = features.find(|one| *one.name == *feature);
    found.unwrap().max_version_level
}

/// Has the cluster go to another version of transactions, and waits until every broker says so.
async fn go_to(setup: &Setup, version: i16, how: i8) {
    let update = FeatureUpdateKey::default()
        .with_feature(StrBytes::from_static_str(FEATURE))
        .with_max_version_level(version)
        .with_upgrade_type(how);
    let request = UpdateFeaturesRequest::default()
        .with_timeout_ms(30_000)
        .with_feature_updates(vec![update]);
    // One that is known by now: whoever comes for another may only ask where it is.
    let mut any = connection(setup, 1).await;
    let answer = any.call(1, &request).await.unwrap();
    assert_eq!(answer.error_code, 0, "{answer:?}");
    let deadline = Instant::now() + LIMIT;
    for node_id in NODE_IDS {
        let mut broker = connection(setup, node_id).await;
        while level(&mut broker, FEATURE).await != version {
            assert!(Instant::now() < deadline, "{node_id} knows of no change");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Carries records over in transactions, and returns what that took: requests with their versions.
async fn carry_over(setup: &Setup, topic: &str) -> Vec<Exchange> {
    let before = setup.recorder.exchanges().len();
    let security = Security::sasl_plaintext(USER);
    let task = Task::new(Action::Transfer, &setup.address(0), security, topic);
    let report = setup.run(&java(kafka_jars::CURRENT), &task).await;
    assert!(report.is_complete(task.records), "{report:?}");
    setup.recorder.exchanges().split_off(before).concat()
}

/// The versions in which requests were sent that are part of transactions, and nothing else.
fn versions(exchanges: &[Exchange], api_key: i16) -> BTreeSet<i16> {
    let is_one = |exchange: &&Exchange| {
        exchange.api_key == api_key
            && (api_key != api::PRODUCE || exchange.is_transactional_produce())
    };
    let all = exchanges.iter().filter(is_one);
    all.map(|exchange| exchange.version).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_both_versions_carry_records_and_offsets_over() {
    let cluster = cluster::shared_alone().await;
    let mut setup = Setup::with(&cluster, Upstream::Plaintext, |_| {}).await;
    assert_eq!(level(&mut connection(&setup, 0).await, FEATURE).await, 2);
    let second = carry_over(&setup, "transactions-2").await;
    go_to(&setup, 1, SAFE_DOWNGRADE).await;
    let first = carry_over(&setup, "transactions-1").await;
    go_to(&setup, 2, UPGRADE).await;

    let (least, most) = (
        versions(&second, api::PRODUCE).pop_first(),
        versions(&first, api::PRODUCE).pop_last(),
    );
    assert!(least >= Some(12), "{least:?}");
    assert!(most.is_some() && most < Some(12), "{most:?}");
    for (api_key, since) in [(api::END_TXN, 5), (api::TXN_OFFSET_COMMIT, 5)] {
        let (second, first) = (versions(&second, api_key), versions(&first, api_key));
        assert!(second.first() >= Some(&since), "{api_key}: {second:?}");
        assert!(
            !first.is_empty() && first.last() < Some(&since),
            "{api_key}: {first:?}"
        );
    }
    // What the second version does without.
    for api_key in [api::ADD_PARTITIONS_TO_TXN, api::ADD_OFFSETS_TO_TXN] {
        assert!(versions(&second, api_key).is_empty(), "{api_key}");
        assert!(!versions(&first, api_key).is_empty(), "{api_key}");
    }
    setup.assert_no_leak(&cluster);
    assert_eq!(setup.proxy.stop().unwrap(), Some(0));
}
