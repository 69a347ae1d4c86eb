//! A flood of connects that say nothing, then of some that talk nonsense, beside clients that do not.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use throughway_tests::cluster::USER;
use throughway_tests::wire::Connection;
use throughway_tests::{soak, usage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::edge::{Edge, quiet_broker, settings};

/// May be added to memory.
const GROWTH: u64 = 200 << 20;

/// Within this time a client is in, nearly always; and on a machine that is busy with other tests.
const CONNECTED: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(20));

/// Connects at this rate from many addresses, so that none runs out of ports, and leaves each
/// connection to throughway to end. Returns how many there were.
async fn flood(port: u16, (rate, lasting): (usize, Duration), said: &'static [u8]) -> usize {
    const TICK: Duration = Duration::from_millis(10);
    let arrived = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let began = Instant::now();
    let mut nth = 0_usize;
    while began.elapsed() < lasting {
        ticks.tick().await;
        for _ in 0..rate / 100 {
            nth += 1;
            let source = Ipv4Addr::new(127, 0, 1, u8::try_from(nth % 250).unwrap());
            let arrived = Arc::clone(&arrived);
            tasks.spawn(async move { _ = one(source, port, said, &arrived).await });
        }
        while tasks.try_join_next().is_some() {}
    }
    // Those that are still open are closed by us, as a flood ends.
    tasks.shutdown().await;
    arrived.load(Ordering::Relaxed)
}

async fn one(
    source: Ipv4Addr,
    port: u16,
    said: &[u8],
    arrived: &AtomicUsize,
) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((source, 0).into())?;
    let mut stream = socket.connect((Ipv4Addr::LOCALHOST, port).into()).await?;
    arrived.fetch_add(1, Ordering::Relaxed);
    stream.write_all(said).await?;
    // Until it has had enough of us.
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}

/// Gets in and out, again and again; how long each took.
async fn healthy(edge: &Edge, until: Instant) -> Vec<Duration> {
    let mut took = Vec::new();
    while Instant::now() < until {
        let began = Instant::now();
        let mut client = edge.connect().await;
        client.authenticate(USER).await.unwrap();
        took.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    took.sort_unstable();
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_connects_keeps_nobody_out() {
    let lasting = Duration::from_secs(soak::times(3, 60).try_into().unwrap());
    let rate = soak::times(1_000, 5_000);
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    // Nobody wants a line for each of 300,000.
    settings.set("GATEWAY_LOG", "info");
    let edge = Edge::start(&settings, port);
    let process = edge.process().id();
    drop(edge.log_in(1).await);
    let (files, base) = (
        usage::open_files(process).unwrap(),
        usage::memory(process).unwrap(),
    );
    // Behind the handshake of TCP nothing comes: silence; then what is no request.
    for (what, said) in [("silent", &b""[..]), ("nonsense", b"\xff\xfe nonsense")] {
        let until = Instant::now() + lasting;
        let (arrived, took) = tokio::join!(
            flood(edge.first_port + 2, (rate, lasting), said),
            healthy(&edge, until),
        );
        let grown = usage::memory(process).unwrap().saturating_sub(base);
        let nearly_all = took[took.len() * 99 / 100];
        let over = Instant::now();
        let mut after: Connection = edge.log_in(1).await;
        after.ask_identity("c", 1).await.unwrap();
        let back = over.elapsed();
        drop(after);
        let result = format!(
            "{arrived} connects in {} s: {} clients all got in, 99 % of them within {} ms; \
             memory +{}; {} ms to get in afterwards",
            lasting.as_secs(),
            took.len(),
            nearly_all.as_millis(),
            soak::mebibytes(grown),
            back.as_millis(),
        );
        soak::note(&format!("flood of connects, {what}"), &result);
        // On such a machine the flood is as slow as everything else.
        let (least, connected) = match soak::is_on() {
            true => (rate, CONNECTED.0),
            false => (rate / 10, CONNECTED.1),
        };
        assert!(
            arrived >= least && nearly_all <= connected,
            "{what}: {result}"
        );
        assert!(
            grown <= GROWTH && back <= connected.max(Duration::from_secs(5)),
            "{what}: {result}"
        );
    }
    // Nothing is left of them.
    let deadline = Instant::now() + Duration::from_secs(60);
    while usage::open_files(process).unwrap() > files {
        assert!(Instant::now() < deadline, "files left open");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(edge.metric("throughway_panics_total", &[]), 0);
    let lines = edge.process().lines().len();
    assert!(lines < 200, "{lines} lines for a flood");
}
