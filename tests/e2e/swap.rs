//! Address maps are swapped under traffic: good ones take effect at once and sessions live on, bad
//! ones never do and cost no client anything.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sha2::{Digest, Sha256};
use throughway_tests::clients::{Action, Library, Security, Task};
use throughway_tests::cluster::{self, Cluster, NODE_IDS, USER};
use throughway_tests::files::TemporaryFolder;
use throughway_tests::ports;
use throughway_tests::proxy::{PORT_COUNT, Proxy, Settings, Upstream};
use throughway_tests::wire::{Connection, Door, Verdict};
use tokio::task::JoinSet;

use crate::guests::{Bad, Parts, bad, good};

/// For one swap, on a machine that is busy with others.
const LIMIT: Duration = Duration::from_secs(120);
/// Two names of the same ports: whatever table a client has, its addresses lead on.
const HOSTS: [&str; 2] = ["127.0.0.1", "127.0.0.2"];
const REFUSED: &str = "address map not changed; the last good one stays";

/// A proxy whose address map is a file.
struct Rig {
    proxy: Proxy,
    file: PathBuf,
    /// Makes each component a new one.
    number: u32,
    _folder: TemporaryFolder,
}

impl Rig {
    fn start(cluster: &Cluster, map: &Parts, first: u16) -> Self {
        let folder = TemporaryFolder::new("throughway-swap-").unwrap();
        let file = folder.path().join("map.wasm");
        fs::write(&file, map.component()).unwrap();
        let mut settings = Settings::new(cluster, Upstream::Plaintext);
        settings.listen_by_port(first, first);
        settings.set("GATEWAY_LISTENER_MAIN_BIND_ADDRESS", "0.0.0.0");
        settings.set("GATEWAY_ADDRESS_MAP", file.display().to_string());
        settings.tolerate(REFUSED);
        Self {
            proxy: settings.start().unwrap(),
            file,
            number: 0,
            _folder: folder,
        }
    }

    /// Ships a component as an operator would, and returns the line that says what came of it.
    fn ship(&mut self, component: &[u8]) -> String {
        self.number += 1;
        let mut component = component.to_vec();
        // A custom section, named by the number.
        component.extend([0, 5, 4]);
        component.extend(format!("{:04}", self.number).bytes());
        let digest: String = Sha256::digest(&component)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        let beside = self.file.with_extension("new");
        fs::write(&beside, &component).unwrap();
        fs::rename(&beside, &self.file).unwrap();
        self.proxy.signal(Signal::HUP);
        self.proxy.process().wait_for_line(&digest, LIMIT).unwrap()
    }

    fn take_effect(&mut self, map: &Parts) -> String {
        let line = self.ship(&map.component());
        assert!(line.contains("address map changed"), "{line}");
        line
    }

    fn counted(&self, metric: &str) -> usize {
        let (_, metrics) = self.proxy.get("/metrics").unwrap();
        let line = metrics
            .lines()
            .find(|line| line.starts_with(metric))
            .unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    fn lines_with(&self, text: &str) -> usize {
        let lines = self.proxy.process().lines();
        lines.iter().filter(|line| line.contains(text)).count()
    }

    fn resident_mib(&self) -> usize {
        let status = format!("/proc/{}/status", self.proxy.process().id());
        let status = fs::read_to_string(status).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<usize>()
            .unwrap()
            / 1024
    }
}

fn addresses(host: &str, first: u16) -> BTreeMap<i32, String> {
    let address = |id: i32| format!("{host}:{}", first + u16::try_from(id).unwrap());
    NODE_IDS.into_iter().map(|id| (id, address(id))).collect()
}

async fn authenticated(port: u16) -> anyhow::Result<Connection> {
    let mut connection = Connection::open(&Door::plain(port)).await?;
    connection.authenticate(USER).await?;
    Ok(connection)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shipped_map_takes_effect_and_sessions_live_on() {
    let cluster = cluster::shared().await;
    let first = ports::reserve(PORT_COUNT);
    let mut rig = Rig::start(&cluster, &good(first, HOSTS[0]), first);
    let mut session = authenticated(first).await.unwrap();
    assert_eq!(session.brokers().await.unwrap(), addresses(HOSTS[0], first));
    let line = rig.take_effect(&good(first, HOSTS[1]));
    let change = format!("node id 5: 127.0.0.1:{0} -> 127.0.0.2:{0}", first + 5);
    for part in [&change, "\"name\":\"test\"", "\"sha256\":", "map.wasm"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    assert_eq!(session.brokers().await.unwrap(), addresses(HOSTS[1], first));
    // Back to the first file's content, a bad one, and the good one once more.
    rig.take_effect(&good(first, HOSTS[0]));
    let line = rig.ship(b"(component)");
    assert!(line.contains("WebAssembly text"), "{line}");
    assert_eq!(session.brokers().await.unwrap(), addresses(HOSTS[0], first));
    assert_eq!(rig.counted("throughway_addrmap_swaps_total"), 2);
    assert_eq!(rig.counted("throughway_addrmap_refusals_total"), 1);
    assert_eq!(rig.proxy.stop().unwrap(), Some(0));
}

/// What clients do all the while; every error and every wrong address is one too many.
struct Traffic {
    ended: Arc<AtomicBool>,
    rounds: Arc<AtomicUsize>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Traffic {
    fn start(first: u16) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let rounds = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(ask(first, Arc::clone(&ended), Arc::clone(&rounds)));
        tasks.spawn(write_and_read(first, Arc::clone(&ended)));
        Self {
            ended,
            rounds,
            tasks,
        }
    }

    /// Everything that went wrong, and how often addresses were asked for.
    async fn end(mut self) -> usize {
        self.ended.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap().unwrap();
        }
        self.rounds.load(Ordering::Relaxed)
    }
}

/// One session that lives through it all asks for the brokers; new sessions go where it is told.
async fn ask(first: u16, ended: Arc<AtomicBool>, rounds: Arc<AtomicUsize>) -> anyhow::Result<()> {
    let mut session = authenticated(first).await?;
    let good = HOSTS.map(|host| addresses(host, first));
    let mut turn = 0;
    while !ended.load(Ordering::Relaxed) {
        let told = session.brokers().await?;
        anyhow::ensure!(good.contains(&told), "told {told:?}");
        let id = NODE_IDS[turn % NODE_IDS.len()];
        let mut fresh = authenticated(first + u16::try_from(id)?).await?;
        let again = fresh.brokers().await?;
        anyhow::ensure!(good.contains(&again), "told {again:?}");
        turn += 1;
        rounds.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// A real client, again and again.
async fn write_and_read(first: u16, ended: Arc<AtomicBool>) -> anyhow::Result<()> {
    let mut number = 0;
    while !ended.load(Ordering::Relaxed) || number == 0 {
        let security = Security::sasl_plaintext(USER);
        let topic = format!("swap-{first}-{number}");
        let bootstrap = format!("127.0.0.1:{first}");
        let task = Task::new(Action::RoundTrip, &bootstrap, security, &topic);
        let report = Library::Rust.run(&task, None).await?;
        anyhow::ensure!(report.is_complete(task.records), "{report:?}");
        number += 1;
    }
    Ok(())
}

/// With `THROUGHWAY_SOAK=1`: every 5 s for 5 minutes.
fn soak() -> Option<(Duration, Duration)> {
    let long = std::env::var("THROUGHWAY_SOAK").is_ok_and(|value| value == "1");
    long.then_some((Duration::from_secs(5), Duration::from_secs(300)))
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_maps_are_never_in_effect_and_cost_no_client_anything() {
    let cluster = cluster::shared().await;
    let first = ports::reserve(PORT_COUNT);
    let mut rig = Rig::start(&cluster, &good(first, HOSTS[0]), first);
    // All brokers are known from here on, so that every map is asked about them.
    let mut connection = authenticated(first).await.unwrap();
    connection.brokers().await.unwrap();
    rig.proxy
        .process()
        .wait_for_line("address table changed", LIMIT)
        .unwrap();
    rig.take_effect(&good(first, HOSTS[1]));
    let before = rig.resident_mib();
    let traffic = Traffic::start(first);
    let began = Instant::now();
    let (pace, whole) = soak().unzip();
    let whole = whole.unwrap_or_default();
    let mut pace = pace.map(tokio::time::interval);
    let (mut refusals, mut swaps) = (0, 1);
    loop {
        for (turn, bad) in bad(first).into_iter().enumerate() {
            let Bad {
                what,
                component,
                words,
            } = bad;
            if let Some(pace) = &mut pace {
                pace.tick().await;
            }
            let line = rig.ship(&component);
            assert!(
                line.contains(REFUSED) && line.contains(words),
                "{what}: {line}"
            );
            refusals += 1;
            if turn % 3 == 0 {
                swaps += 1;
                rig.take_effect(&good(first, HOSTS[swaps % 2]));
            }
        }
        if began.elapsed() >= whole {
            break;
        }
    }
    let rounds = traffic.end().await;
    assert!(rounds > 0);
    let after = rig.resident_mib();
    assert!(
        after < before + 32,
        "{before} MiB before, {after} MiB after"
    );
    assert_eq!(rig.counted("throughway_addrmap_refusals_total"), refusals);
    assert_eq!(rig.lines_with(REFUSED), refusals);
    assert_eq!(rig.counted("throughway_addrmap_swaps_total"), swaps);
    let mut last = authenticated(first).await.unwrap();
    assert_eq!(
        last.brokers().await.unwrap(),
        addresses(HOSTS[swaps % 2], first)
    );
    assert_eq!(rig.proxy.stop().unwrap(), Some(0));
}

/// A map that says where node 5 is, before anybody has learned it.
fn hinting(first: u16, host: &str, port: u16) -> Parts {
    let mut parts = good(first, "127.0.0.1");
    parts.extra = format!("(data (i32.const 2048) \"{host}\")");
    let length = host.len();
    parts.route = format!(
        "(if (result i32) (i32.eq (i32.sub (local.get $port) (global.get $first)) (i32.const 5))
            (then (call $hinted (i32.const 5) (i32.const 2048) (i32.const {length}) (i32.const {port})))
            (else {}))",
        parts.route
    );
    parts
}

async fn is_node_5(port: u16, cluster: &Cluster) -> bool {
    let mut connection = authenticated(port).await.unwrap();
    connection.ask_identity(&cluster.id, 5).await.unwrap() == Verdict::Yes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_may_say_where_a_broker_is_that_nobody_has_learned() {
    let cluster = cluster::shared().await;
    let broker = cluster::advertised_host(5);
    let port = cluster.port(5, cluster::Listener::SaslPlain);
    for (hints, host, counted) in [
        ("true", broker.as_str(), 0),
        ("false", &broker, 1),
        ("true", "broker5.elsewhere.test", 1),
    ] {
        let first = ports::reserve(PORT_COUNT);
        let folder = TemporaryFolder::new("throughway-hints-").unwrap();
        let file = folder.path().join("map.wasm");
        fs::write(&file, hinting(first, host, port).component()).unwrap();
        let mut settings = Settings::new(&cluster, Upstream::Plaintext);
        settings.listen_by_port(first, first);
        settings.set("GATEWAY_ADDRESS_MAP", file.display().to_string());
        settings.set("GATEWAY_ADDRESS_MAP_UPSTREAM_HINTS", hints);
        let mut proxy = settings.start().unwrap();
        if counted == 0 {
            assert!(is_node_5(first + 5, &cluster).await);
        } else {
            authenticated(first + 5).await.unwrap();
        }
        let (_, metrics) = proxy.get("/metrics").unwrap();
        let line = format!("throughway_provisional_sessions_total {counted}");
        assert!(metrics.contains(&line), "{hints} {host}: {metrics}");
        assert_eq!(proxy.stop().unwrap(), Some(0));
    }
}
