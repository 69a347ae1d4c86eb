//! Address maps are swapped under traffic: good ones take effect at once and sessions live on, bad
//! ones never do and cost no client anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use sha2::{Digest, Sha256};
use throughway_tests::clients::{Action, Library, Security, Task};
use throughway_tests::cluster::{self, Cluster, NODE_IDS, USER};
use throughway_tests::files::TemporaryFolder;
use throughway_tests::proxy::{PORT_COUNT, Proxy, Settings, Upstream};
use throughway_tests::wire::{Connection, Door, Verdict};
use throughway_tests::{kafka_jars, ports, soak, usage};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::guests::{Bad, Parts, bad, good, huge_text};

/// For one swap, on a machine that is busy with others.
const LIMIT: Duration = Duration::from_secs(120);
/// Two names of the same ports: whatever table a client has, its addresses lead on.
const HOSTS: [&str; 2] = ["127.0.0.1", "127.0.0.2"];
pub(crate) const REFUSED: &str = "address map not changed; the last good one stays";

/// A proxy whose address map is a file.
struct Rig {
    proxy: Proxy,
    file: PathBuf,
    /// Makes each component a new one.
    number: u32,
    _folder: TemporaryFolder,
}

impl Rig {
    fn start(cluster: &Cluster, map: &Parts, first: u16, limits: &str) -> Self {
        let folder = TemporaryFolder::new("throughway-swap-").unwrap();
        let file = folder.path().join("map.wasm");
        fs::write(&file, map.component()).unwrap();
        let mut settings = Settings::new(cluster, Upstream::Plaintext);
        settings.listen_by_port(first, first);
        settings.set("GATEWAY_LISTENER_MAIN_BIND_ADDRESS", "0.0.0.0");
        settings.set("GATEWAY_ADDRESS_MAP", file.display().to_string());
        settings.set("GATEWAY_ADDRESS_MAP_LIMITS", limits);
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

    /// Digests of those that were told to be refused, each once.
    fn files_refused(&self) -> BTreeSet<String> {
        let lines = self.proxy.process().lines();
        let refused = lines.iter().filter(|line| line.contains(REFUSED));
        refused
            .map(|line| {
                let line: Value = serde_json::from_str(line).unwrap();
                line["sha256"].as_str().unwrap().to_owned()
            })
            .collect()
    }

    /// Ships one that must not take effect; returns how long it took to be refused.
    fn refuse(&mut self, bad: &Bad) -> Duration {
        let began = Instant::now();
        let line = self.ship(&bad.component);
        let what = bad.what;
        assert!(
            line.contains(REFUSED) && line.contains(bad.words),
            "{what}: {line}"
        );
        began.elapsed()
    }

    /// The most memory that it has held so far.
    fn peak(&self) -> u64 {
        usage::peak_memory(self.proxy.process().id()).unwrap()
    }
}

pub(crate) fn addresses(host: &str, first: u16) -> BTreeMap<i32, String> {
    let address = |id: i32| format!("{host}:{}", first + u16::try_from(id).unwrap());
    NODE_IDS.into_iter().map(|id| (id, address(id))).collect()
}

pub(crate) async fn authenticated(port: u16) -> anyhow::Result<Connection> {
    let mut connection = Connection::open(&Door::plain(port)).await?;
    connection.authenticate(USER).await?;
    Ok(connection)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shipped_map_takes_effect_and_sessions_live_on() {
    let cluster = cluster::shared().await;
    let first = ports::reserve(PORT_COUNT);
    let mut rig = Rig::start(&cluster, &good(first, HOSTS[0]), first, "small");
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
    /// How often the asker has asked all that it asks.
    rounds: watch::Receiver<usize>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Traffic {
    /// Returns once it is under way.
    async fn start(first: u16) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let (told, rounds) = watch::channel(0);
        let mut tasks = JoinSet::new();
        tasks.spawn(ask(first, Arc::clone(&ended), told));
        tasks.spawn(write_and_read(first, Arc::clone(&ended)));
        let mut traffic = Self {
            ended,
            rounds,
            tasks,
        };
        traffic.go_on(1).await;
        traffic
    }

    /// Until so many rounds more have been asked. An asker that fails is told of at the end.
    async fn go_on(&mut self, more: usize) {
        let goal = *self.rounds.borrow() + more;
        _ = self.rounds.wait_for(|rounds| *rounds >= goal).await;
    }

    /// Everything that went wrong, up to now and in a whole round from now on; and how often addresses
    /// were asked for.
    async fn end(mut self) -> usize {
        self.go_on(2).await;
        self.ended.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap().unwrap();
        }
        *self.rounds.borrow()
    }
}

/// One session that lives through it all asks for the brokers; new sessions go where it is told.
async fn ask(
    first: u16,
    ended: Arc<AtomicBool>,
    rounds: watch::Sender<usize>,
) -> anyhow::Result<()> {
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
        rounds.send_modify(|rounds| *rounds += 1);
    }
    Ok(())
}

/// A real client, again and again. Not librdkafka: it gives a request up when it hears of another
/// address of the broker that has it, whoever changed that address.
async fn write_and_read(first: u16, ended: Arc<AtomicBool>) -> anyhow::Result<()> {
    let mut number = 0;
    while !ended.load(Ordering::Relaxed) || number == 0 {
        let security = Security::sasl_plaintext(USER);
        let topic = format!("swap-{first}-{number}");
        let bootstrap = format!("127.0.0.1:{first}");
        let task = Task::new(Action::RoundTrip, &bootstrap, security, &topic);
        let java = Library::Java(kafka_jars::CURRENT.to_owned());
        let report = java.run(&task, None).await?;
        anyhow::ensure!(report.is_complete(task.records), "{report:?}");
        number += 1;
    }
    Ok(())
}

/// Maps are shipped back to back, or for so long, one in so many seconds.
fn pace() -> (Duration, Option<tokio::time::Interval>) {
    let whole = Duration::from_secs(soak::times(0, 300) as u64);
    let pace = soak::is_on().then(|| tokio::time::interval(Duration::from_secs(5)));
    (whole, pace)
}

/// What an attack may add to the memory that the process holds, at any moment.
const GROWTH: u64 = 32 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn bad_maps_are_never_in_effect_and_cost_no_client_anything() {
    let cluster = cluster::shared().await;
    let first = ports::reserve(PORT_COUNT);
    let mut rig = Rig::start(&cluster, &good(first, HOSTS[0]), first, "small");
    learn(&rig, first).await;
    rig.take_effect(&good(first, HOSTS[1]));
    let traffic = Traffic::start(first).await;
    let (began, before) = (Instant::now(), rig.peak());
    let (whole, mut pace) = pace();
    let (mut refusals, mut swaps, mut slowest) = (0, 1, Duration::ZERO);
    loop {
        for (turn, bad) in bad(first).into_iter().enumerate() {
            if let Some(pace) = &mut pace {
                pace.tick().await;
            }
            slowest = slowest.max(rig.refuse(&bad));
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
    let grown = rig.peak() - before;
    let rounds = traffic.end().await;
    let result = format!(
        "{refusals} bad maps refused, the slowest after {slowest:.1?}, {swaps} good ones in effect in \
         {:.0?}: {rounds} rounds of clients without an error, memory +{} at most",
        began.elapsed(),
        soak::mebibytes(grown)
    );
    soak::note("swaps", &result);
    assert!(rounds > 0 && grown < GROWTH, "{result}");
    // The watcher may find a file in the moment before the signal, which tries it again: no other file is told of.
    assert_eq!(rig.files_refused().len(), refusals);
    let told = rig.lines_with(REFUSED);
    assert_eq!(rig.counted("throughway_addrmap_refusals_total"), told);
    assert_eq!(rig.counted("throughway_addrmap_swaps_total"), swaps);
    let mut last = authenticated(first).await.unwrap();
    assert_eq!(
        last.brokers().await.unwrap(),
        addresses(HOSTS[swaps % 2], first)
    );
    assert_eq!(rig.proxy.stop().unwrap(), Some(0));
}

/// Until all brokers are known, so that every map is asked about them.
async fn learn(rig: &Rig, first: u16) {
    let mut connection = authenticated(first).await.unwrap();
    connection.brokers().await.unwrap();
    let learned = "address table changed";
    rig.proxy.process().wait_for_line(learned, LIMIT).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_mebibytes_of_text_are_not_taken_over() {
    let cluster = cluster::shared().await;
    let first = ports::reserve(PORT_COUNT);
    let mut rig = Rig::start(&cluster, &good(first, HOSTS[0]), first, "runtime");
    let traffic = Traffic::start(first).await;
    let before = rig.peak();
    rig.refuse(&huge_text(first, 100));
    let grown = rig.peak() - before;
    assert!(traffic.end().await > 0);
    assert!(grown < GROWTH, "memory +{}", soak::mebibytes(grown));
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
