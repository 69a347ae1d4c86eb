//! The harness against itself: a cluster without throughway.

use throughway_tests::cluster;

#[tokio::test(flavor = "multi_thread")]
async fn comes_up() {
    let cluster = cluster::shared().await;
    assert_eq!(cluster.secret_ports().len(), 12);
}
