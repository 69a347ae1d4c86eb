//! Faults planted on purpose: each check that the other tests rely on is seen to fail once.

use std::time::Duration;

use kafka_protocol::messages::{DescribeClusterRequest, FindCoordinatorRequest};
use kafka_protocol::protocol::StrBytes;
use throughway_tests::clients::{Action, Library, Security, Task};
use throughway_tests::cluster::{self, Cluster, Listener, NODE_IDS, USER};
use throughway_tests::faults::FaultyRelay;
use throughway_tests::probe::{check_one_to_one, probe_table};
use throughway_tests::proxy::{PORT_COUNT, Proxy, Settings, Upstream};
use throughway_tests::recorder::Recorder;
use throughway_tests::wire::{Connection, Door};
use throughway_tests::{leaks, ports};

/// A throughway before `cluster` that listens at `local` and tells clients of `advertised`.
fn throughway(cluster: &Cluster, advertised: u16, local: u16) -> Proxy {
    let mut settings = Settings::new(cluster, Upstream::Plaintext);
    settings.listen_by_port(advertised, local);
    settings.start().unwrap()
}

/// Where a node is in a row of ports.
fn of_row(first: u16, node_id: i32) -> u16 {
    first + u16::try_from(node_id).unwrap()
}

fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// Asks for addresses in all three ways, and returns what the recorder finds in each answer.
async fn found_leaks(cluster: &Cluster, port: u16) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for nth in 0..3 {
        let front = ports::reserve(1);
        let recorder = Recorder::start(front, port, 1, None).await.unwrap();
        let mut connection = Connection::open(&Door::plain(front)).await.unwrap();
        connection.authenticate(USER).await.unwrap();
        match nth {
            0 => {
                assert_eq!(connection.brokers().await.unwrap().len(), 3);
            }
            1 => {
                let request = DescribeClusterRequest::default();
                let answer = connection.call(1, &request).await.unwrap();
                assert_eq!(answer.brokers.len(), 3);
            }
            _ => coordinator(&mut connection).await,
        }
        let all = recorder.received().concat();
        found.push(leaks::find(&all, &cluster.secret_ports()));
    }
    found
}

/// Asks until the brokers have made the topic that coordinators need.
async fn coordinator(connection: &mut Connection) {
    let keys = vec![StrBytes::from_static_str("planted")];
    let request = FindCoordinatorRequest::default().with_coordinator_keys(keys);
    for _ in 0..300 {
        let answer = connection.call(4, &request).await.unwrap();
        if answer.coordinators[0].error_code == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no coordinator");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_rewrote_is_a_leak() {
    let cluster = cluster::shared().await;
    let straight = found_leaks(&cluster, cluster.port(1, Listener::SaslPlain)).await;
    for (api, found) in ["metadata", "cluster", "coordinator"].iter().zip(straight) {
        // By name and by port.
        assert!(found.len() >= 2, "{api}: {found:?}");
    }
    let first = ports::reserve(PORT_COUNT);
    let mut proxy = throughway(&cluster, first, first);
    let through = found_leaks(&cluster, of_row(first, 1)).await;
    assert_eq!(through, [[""; 0]; 3]);
    assert_eq!(proxy.stop().unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_swapped_ports_are_not_one_to_one() {
    let cluster = cluster::shared().await;
    let (front, behind) = (ports::reserve(PORT_COUNT), ports::reserve(PORT_COUNT));
    let _proxy = throughway(&cluster, front, behind);
    for (swapped, violations) in [(false, 0), (true, 4)] {
        let lead = |id: i32| match (swapped, id) {
            (true, 1) => 5,
            (true, 5) => 1,
            _ => id,
        };
        let routes = NODE_IDS.map(|id| (of_row(front, id), of_row(behind, lead(id))));
        let relay = FaultyRelay::leading(&routes).await.unwrap();
        let mut bootstrap = Connection::open(&Door::plain(of_row(front, 12)))
            .await
            .unwrap();
        bootstrap.authenticate(USER).await.unwrap();
        let advertised = bootstrap.brokers().await.unwrap();
        let expected = NODE_IDS.map(|id| (id, local(of_row(front, id))));
        assert_eq!(Vec::from_iter(advertised.clone()), expected);
        let door = |address: &String| Door {
            address: address.clone(),
            tls: None,
        };
        let doors: Vec<Door> = advertised.values().map(door).collect();
        let table = probe_table(&doors, USER, &cluster.id, &NODE_IDS)
            .await
            .unwrap();
        let found = check_one_to_one(&table, &advertised)
            .err()
            .unwrap_or_default();
        assert_eq!(found.len(), violations, "{found:?}");
        relay.stop().await;
    }
}

/// Whether a client has read all that it wrote, within `limit`.
async fn round_trip(bootstrap: u16, topic: &str, limit: Duration) -> Result<(), String> {
    let security = Security::sasl_plaintext(USER);
    let mut task = Task::new(Action::RoundTrip, &local(bootstrap), security, topic);
    let fast = [
        ("message.timeout.ms", "5000"),
        ("socket.timeout.ms", "5000"),
    ];
    task.properties
        .extend(fast.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let running = tokio::time::timeout(limit, Library::Rust.run(&task, None)).await;
    let report = match running {
        Err(_elapsed) => return Err(format!("not done after {limit:?}")),
        Ok(Err(error)) => return Err(format!("{error:#}")),
        Ok(Ok(report)) => report,
    };
    if report.is_complete(task.records) {
        return Ok(());
    }
    Err(format!("{report:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_too_early_spoils_the_round_trip() {
    let cluster = cluster::shared().await;
    let (front, behind) = (ports::reserve(PORT_COUNT), ports::reserve(PORT_COUNT));
    let mut proxy = throughway(&cluster, front, behind);
    let routes: Vec<_> = NODE_IDS
        .map(|id| (of_row(front, id), of_row(behind, id)))
        .into();
    let faithful = FaultyRelay::leading(&routes).await.unwrap();
    let done = round_trip(
        of_row(front, 1),
        "planted-faithful",
        Duration::from_secs(120),
    )
    .await;
    assert_eq!(done, Ok(()));
    faithful.stop().await;
    // Enough for SASL and Metadata, and not for an answer with records.
    let _faulty = FaultyRelay::closing_after(2500, &routes).await.unwrap();
    let spoiled = round_trip(of_row(front, 1), "planted-faulty", Duration::from_secs(30)).await;
    assert!(spoiled.is_err());
    assert_eq!(proxy.stop().unwrap(), Some(0));
}
