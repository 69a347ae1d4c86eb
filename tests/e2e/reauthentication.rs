//! Authentication again on a live connection (KIP-368), as brokers demand it with
//! `connections.max.reauth.ms`.

use throughway_tests::cluster::{self, NODE_IDS, REAUTHENTICATION, USER};
use throughway_tests::proxy::Upstream;
use throughway_tests::wire::{Connection, Door};
use tokio::time::{Instant, sleep};

use crate::ports::Setup;

#[tokio::test(flavor = "multi_thread")]
async fn clients_authenticate_again_and_their_answers_go_on_being_rewritten() {
    let cluster = cluster::shared().await;
    let setup = Setup::with(&cluster, Upstream::Mtls, |_| {}).await;
    let door = Door {
        address: setup.address(1),
        tls: None,
    };
    let told = NODE_IDS.map(|id| (id, setup.address(id)));
    let mut connections = Vec::new();
    for _ in 0..2 {
        let mut connection = Connection::open(&door).await.unwrap();
        connection.authenticate(USER).await.unwrap();
        assert_eq!(Vec::from_iter(connection.brokers().await.unwrap()), told);
        connections.push(connection);
    }
    let [mut renewed, mut forgotten] = <[Connection; 2]>::try_from(connections).unwrap();
    let began = Instant::now();
    // The second life ends after the first would have: only who renews it is there to see.
    while began.elapsed() < REAUTHENTICATION * 2 {
        sleep(REAUTHENTICATION / 3).await;
        assert_eq!(Vec::from_iter(renewed.brokers().await.unwrap()), told);
        renewed.authenticate(USER).await.unwrap();
    }
    assert_eq!(Vec::from_iter(renewed.brokers().await.unwrap()), told);
    assert!(
        forgotten.brokers().await.is_err(),
        "the broker did not demand it"
    );
    setup.assert_no_leak(&cluster);
}
