//! Brokers that fail, restart and hand over their partitions under load: nothing is lost, and whoever
//! uses another broker notices nothing.

use std::thread;
use std::time::Duration;

use throughway_tests::cluster::{self, Cluster, NODE_IDS, USER};
use throughway_tests::load::{Load, Way};
use throughway_tests::proxy::{PORT_COUNT, Proxy, Settings, Upstream};
use throughway_tests::wire::{Connection, Door};
use throughway_tests::{ports, soak};

use crate::placement::{in_sync, lead, place};

/// For clients to go on after a broker has gone or come.
const BACK: Duration = Duration::from_secs(120);

/// That clients may need longer for than without a throughway, in `make soak`.
const LATER: Duration = Duration::from_secs(2);

/// Load through a throughway before the cluster, and the same beside it at the brokers themselves.
struct Ground {
    proxy: Proxy,
    load: Load,
    beside: Load,
    /// For all to go on, through throughway and beside it.
    longest: (Duration, Duration),
    first: u16,
}

impl Ground {
    async fn new(cluster: &Cluster, name: &str) -> Self {
        let first = ports::reserve(PORT_COUNT);
        let mut settings = Settings::new(cluster, Upstream::Plaintext);
        settings.listen_by_port(first, first);
        settings.set("GATEWAY_FETCH_LEADER_HINTS", "true");
        settings.tolerate("broker not reached");
        let proxy = settings.start().unwrap();
        let through = Way::plain(format!("127.0.0.1:{first}")).one_by_one();
        let load = Load::start(&through, name).await.unwrap();
        let direct = Way::direct(cluster).one_by_one();
        let beside = Load::start(&direct, &format!("{name}-beside"))
            .await
            .unwrap();
        Self {
            proxy,
            load,
            beside,
            longest: (Duration::ZERO, Duration::ZERO),
            first,
        }
    }

    /// Until both have gone on.
    fn go_on(&mut self) {
        let (through, beside) = thread::scope(|scope| {
            let beside = scope.spawn(|| self.beside.wait_for_all(BACK).unwrap());
            (
                self.load.wait_for_all(BACK).unwrap(),
                beside.join().unwrap(),
            )
        });
        self.longest.0 = self.longest.0.max(through);
        self.longest.1 = self.longest.1.max(beside);
    }

    /// An idle client of a broker.
    async fn client_of(&self, node_id: i32) -> Connection {
        let port = self.first + u16::try_from(node_id).unwrap();
        let mut connection = Connection::open(&Door::plain(port)).await.unwrap();
        connection.authenticate(USER).await.unwrap();
        connection
    }

    fn end(mut self, cluster: &Cluster, (name, rounds): (&str, usize), more: &str) {
        let direct = Way::direct(cluster);
        let summary = self.load.stop_and_check(&direct).unwrap();
        self.beside.stop_and_check(&direct).unwrap();
        assert_eq!(self.proxy.stop().unwrap(), Some(0));
        let (through, beside) = self.longest;
        let result = format!(
            "{rounds} times: {summary}; every client went on within {:.1} s, without throughway {:.1} s{more}",
            through.as_secs_f64(),
            beside.as_secs_f64(),
        );
        soak::note(name, &result);
        assert!(!soak::is_on() || through <= beside + LATER, "{result}");
    }
}

/// Any broker but this one.
fn another(node_id: i32) -> i32 {
    if node_id == NODE_IDS[0] {
        NODE_IDS[1]
    } else {
        NODE_IDS[0]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_takes_nothing_with_it() {
    let cluster = cluster::shared_alone().await;
    let mut ground = Ground::new(&cluster, "broker-killed").await;
    let rounds = soak::times(1, 5);
    for node_id in NODE_IDS.into_iter().cycle().skip(1).take(rounds) {
        let mut others = ground.client_of(another(node_id)).await;
        cluster.kill(node_id).unwrap();
        ground.go_on();
        cluster.restart(node_id).unwrap();
        in_sync(&cluster).await;
        ground.go_on();
        // Not closed: whoever it belongs to can still ask and is answered.
        others
            .ask_identity(&cluster.id, another(node_id))
            .await
            .unwrap();
    }
    ground.end(&cluster, ("brokers killed", rounds), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_restarted_one_by_one_lose_nothing() {
    let cluster = cluster::shared_alone().await;
    let mut ground = Ground::new(&cluster, "brokers-rolled").await;
    let rounds = soak::times(1, 3);
    for node_id in NODE_IDS.into_iter().cycle().take(rounds * NODE_IDS.len()) {
        cluster.stop(node_id).unwrap();
        cluster.restart(node_id).unwrap();
        in_sync(&cluster).await;
        ground.go_on();
    }
    ground.end(&cluster, ("brokers restarted one by one", rounds), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn leaders_that_change_all_the_time_lose_nothing() {
    let cluster = cluster::shared_alone().await;
    let mut ground = Ground::new(&cluster, "leaders-change").await;
    let rounds = soak::times(6, 100);
    for round in 0..rounds {
        let mut order = NODE_IDS;
        order.rotate_left(round % NODE_IDS.len());
        for topic in [ground.load.topic(), ground.beside.topic()] {
            place(&cluster, topic, &order).await;
            lead(&cluster, topic).await;
        }
        ground.go_on();
    }
    // Who is told of the new leader with the refusal need not ask for it.
    let (through, beside) = (ground.load.refreshes(), ground.beside.refreshes());
    let asked = format!("; its writer asked for metadata {through} times, the other {beside}");
    let slack = if soak::is_on() { 0 } else { 10 };
    assert!(through <= beside + beside / 10 + slack, "{asked}");
    ground.end(&cluster, ("reassignments and elections", rounds), &asked);
}
