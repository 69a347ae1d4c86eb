//! Many clients that say nothing: what they cost, and what is left when they have gone.

use std::time::{Duration, Instant};

use throughway_tests::bench::usage::cpu_of;
use throughway_tests::certificates::Authority;
use throughway_tests::files::TemporaryFolder;
use throughway_tests::proxy::Settings;
use throughway_tests::script_broker::{Received, Reply, ScriptBroker};
use throughway_tests::{soak, usage};

use crate::edge::{Edge, broker, quiet_broker, settings, upstream_name};
use crate::round_trips::{HEARTBEAT, assert_not_starved, nearly_all, round_trip};

/// Both legs, plaintext and TLS.
const EACH: u64 = 40 << 10;
const EACH_TLS: u64 = 90 << 10;

/// For all of them to come or to go.
const ALL: Duration = Duration::from_secs(60);

/// For an allocator to give back what nobody uses any more: it does so little by little.
const GIVEN_BACK: Duration = Duration::from_secs(30);

/// What an allocator may keep of what it has got back.
const KEPT_PERCENT: u64 = 25;

/// By which clients that are not idle notice those that are.
const ACTIVE: usize = 100;

const EDGE_NAME: &str = "edge.test";

fn answer(request: &Received) -> Reply {
    if request.api_key == HEARTBEAT.0 {
        return Reply::bytes(request, &[0; 6]);
    }
    Reply::usual(request)
}

/// throughway before one broker, plaintext on both legs.
async fn plaintext() -> (ScriptBroker, Edge) {
    let broker = broker(answer).await;
    let (mut settings, port) = settings(&broker);
    settings.set("GATEWAY_LOG", "info");
    let edge = Edge::start(&settings, port);
    (broker, edge)
}

/// The same by TLS on both.
async fn tls(folder: &TemporaryFolder) -> (ScriptBroker, Edge) {
    let [downstream, upstream] =
        ["downstream", "upstream"].map(|name| Authority::new(folder.path(), name).unwrap());
    let identity = upstream.issue("broker", &[&upstream_name(1)]).unwrap();
    let broker = ScriptBroker::start_tls(&identity, answer).await.unwrap();
    let (mut settings, port): (Settings, u16) = settings(&broker);
    let identity = downstream.issue("edge", &[EDGE_NAME]).unwrap();
    settings.speak_tls(&identity);
    settings.set("KAFKA_SECURITY_PROTOCOL", "SASL_SSL");
    let trusted = upstream.certificate().display().to_string();
    settings.set("KAFKA_SSL_TRUSTSTORE_LOCATION", trusted);
    settings.set("GATEWAY_LOG", "info");
    let mut edge = Edge::start(&settings, port);
    edge.tls = Some((EDGE_NAME.to_owned(), downstream.certificate()));
    (broker, edge)
}

/// How much of a processor it takes while nobody says anything.
async fn share_at_rest(process: i32) -> f64 {
    let (began, before) = (Instant::now(), cpu_of(process, "").unwrap());
    // Idle for a while: that is what is measured.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let used = cpu_of(process, "").unwrap() - before;
    used.as_secs_f64() / began.elapsed().as_secs_f64()
}

/// Waits until its memory is so small, or until it should have become so.
async fn shrink(process: i32, most: u64) -> u64 {
    let gone = Instant::now();
    loop {
        let left = usage::memory(process).unwrap();
        if left <= most || gone.elapsed() > GIVEN_BACK {
            return left;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn cost_little_and_leave_nothing_behind(
    what: &str,
    (broker, edge): (ScriptBroker, Edge),
    bar: u64,
) {
    let (clients, requests) = (soak::times(400, 9_500), soak::times(20, 400));
    let process = edge.process().id();
    // What is made once is there.
    drop(edge.log_in(1).await);
    let base = usage::memory(process).unwrap();
    let before = nearly_all(&edge, ACTIVE, requests).await;
    let mut idle = Vec::with_capacity(clients);
    for _ in 0..clients {
        let mut client = edge.log_in(1).await;
        round_trip(&mut client).await;
        idle.push(client);
        broker.forget();
    }
    let full = usage::memory(process).unwrap();
    let each = (full - base) / clients as u64;
    let share = share_at_rest(process).await;
    let beside = nearly_all(&edge, ACTIVE, requests).await;
    drop(idle);
    edge.wait_until(ALL, "no session without a client", || {
        edge.metric("throughway_sessions", &[]) == 0
    });
    let most = base + (full - base) * KEPT_PERCENT / 100 + (8 << 20);
    let left = shrink(process, most).await;
    let result = format!(
        "{clients} idle clients and as many broker connections: {:.1} KiB a pair, {:.1} % of a processor; \
         99 % of the round trips of {ACTIVE} others {:.1} ms before, {:.1} ms beside them; memory {} before, \
         {} with them, {} after",
        each as f64 / 1024.0,
        share * 100.0,
        before.as_secs_f64() * 1e3,
        beside.as_secs_f64() * 1e3,
        soak::mebibytes(base),
        soak::mebibytes(full),
        soak::mebibytes(left),
    );
    soak::note(what, &result);
    assert!(each <= bar, "{result}");
    assert!(share < 0.02, "{result}");
    assert!(left <= most, "{result}");
    assert_not_starved(before, beside, 150, &result);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_clients_cost_little_and_leave_nothing_behind() {
    cost_little_and_leave_nothing_behind("idle clients", plaintext().await, EACH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_clients_by_tls_cost_little_and_leave_nothing_behind() {
    let folder = TemporaryFolder::new("throughway-idle-").unwrap();
    let ground = tls(&folder).await;
    cost_little_and_leave_nothing_behind("idle clients, TLS", ground, EACH_TLS).await;
}

/// None has said anything yet, so that none has cost a broker connection.
#[tokio::test(flavor = "multi_thread")]
async fn those_who_have_said_nothing_cost_less() {
    let sockets = soak::times(500, 19_000);
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    settings.set("GATEWAY_LOG", "info");
    // A quarter of all may be silent.
    settings.set("GATEWAY_MAX_CONNECTIONS", (4 * sockets).to_string());
    settings.set("GATEWAY_FIRST_BYTE_TIMEOUT_MS", "600000");
    let edge = Edge::start(&settings, port);
    let process = edge.process().id();
    drop(edge.log_in(1).await);
    let base = usage::memory(process).unwrap();
    let mut silent = Vec::with_capacity(sockets);
    for _ in 0..sockets {
        silent.push(edge.connect().await);
    }
    edge.wait_until(ALL, "all were accepted", || {
        edge.metric("throughway_sessions", &[]) >= sockets as u64
    });
    let each = (usage::memory(process).unwrap() - base) / sockets as u64;
    let result = format!(
        "{sockets} silent connections: {:.1} KiB each",
        each as f64 / 1024.0
    );
    soak::note("silent connections", &result);
    assert!(each <= EACH / 2, "{result}");
    assert_eq!(broker.connections(), 1);
}
