//! A client of Kafka 4.4 on a wrong route: the broker tells it so, it begins anew, and it goes on by
//! itself once the route is mended.

use std::fs;
use std::time::{Duration, Instant};

use throughway_tests::clients::{Action, Running, Security, Task};
use throughway_tests::cluster::{self, NODE_IDS, USER};
use throughway_tests::exchanges::{Exchange, REBOOTSTRAP_REQUIRED, api};
use throughway_tests::faults::{FaultyRelay, Route};
use throughway_tests::proxy::{PORT_COUNT, Settings, Upstream};
use throughway_tests::recorder::Recorder;
use throughway_tests::{kafka_jars, leaks, ports};

use crate::ports::java;

const LIMIT: Duration = Duration::from_secs(90);

/// Each port to its own, or those of two brokers to each other's.
fn routes(from: u16, to: u16, swapped: Option<(u16, u16)>) -> Vec<Route> {
    let leads = |port: u16| match swapped {
        Some((one, other)) if port == one => other,
        Some((one, other)) if port == other => one,
        _ => port,
    };
    (0..PORT_COUNT)
        .map(|port| (from + port, to + leads(port)))
        .collect()
}

fn is_wrong(exchange: &Exchange) -> bool {
    matches!(exchange.identity(), Some((_, REBOOTSTRAP_REQUIRED)))
}

/// Until the client was told that it is wrong, and has begun anew.
async fn begins_anew(recorder: &Recorder, client: &Running) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let told = recorder.exchanges().concat().iter().any(is_wrong);
        let said = fs::read_to_string(client.log()).unwrap();
        if told && said.contains("Rebootstrapping with") {
            return;
        }
        assert!(Instant::now() < deadline, "told: {told}; {said}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_on_a_wrong_route_begins_anew_and_goes_on_once_that_is_mended() {
    let cluster = cluster::shared().await;
    let [front, between, behind] = [(); 3].map(|()| ports::reserve(PORT_COUNT));
    let mut settings = Settings::new(&cluster, Upstream::Plaintext);
    settings.listen_by_port(front, behind);
    let mut proxy = settings.start().unwrap();
    let recorder = Recorder::start(front, between, PORT_COUNT, None)
        .await
        .unwrap();
    let right = routes(between, behind, None);
    let relay = FaultyRelay::leading(&right).await.unwrap();
    let security = Security::sasl_plaintext(USER);
    let bootstrap = format!("127.0.0.1:{front}");
    let task = Task::new(Action::Endure, &bootstrap, security, "wrong-route");
    let mut client = java(kafka_jars::CURRENT).start(&task, None).await.unwrap();
    client.goes_on(LIMIT).await.unwrap();
    let all = recorder.exchanges().concat();
    assert!(all.iter().any(|one| one.identity().is_some()));
    assert!(!all.iter().any(is_wrong), "before anything was wrong");

    relay.stop().await;
    let wrong = routes(between, behind, Some((1, 5)));
    let relay = FaultyRelay::leading(&wrong).await.unwrap();
    begins_anew(&recorder, &client).await;
    relay.stop().await;
    let _relay = FaultyRelay::leading(&right).await.unwrap();
    client.goes_on(LIMIT).await.unwrap();

    let report = client.end().await.unwrap();
    assert!(report.is_complete(report.written), "{report:?}");
    let expected = NODE_IDS.map(|id| {
        (
            id,
            format!("127.0.0.1:{}", front + u16::try_from(id).unwrap()),
        )
    });
    assert_eq!(Vec::from_iter(report.brokers), expected);
    for connection in recorder.exchanges() {
        let wrote = connection.iter().any(|one| one.api_key == api::PRODUCE);
        assert!(
            !(wrote && connection.iter().any(is_wrong)),
            "{connection:?}"
        );
    }
    leaks::assert_none(&recorder.received(), &cluster.secret_ports());
    assert_eq!(proxy.stop().unwrap(), Some(0));
}
