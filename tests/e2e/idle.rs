//! Many clients that say nothing: what they cost, and what is left when they have gone.

use std::time::{Duration, Instant};

use throughway_tests::bench::usage::cpu_of;
use throughway_tests::wire::raw_request;
use throughway_tests::{soak, usage};

use crate::edge::{Edge, broker, quiet_broker, settings};
use throughway_tests::script_broker::Reply;

/// Both legs, plaintext.
const EACH: u64 = 40 << 10;

/// For an allocator to give back what nobody uses any more.
const GIVEN_BACK: Duration = Duration::from_secs(30);

/// What an allocator may keep of what it has got back, of the peak.
const KEPT_PERCENT: u64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn idle_clients_cost_little_and_leave_nothing_behind() {
    let clients = soak::times(400, 9_500);
    let broker = broker(|request| match request.api_key {
        12 => Reply::bytes(request, &[0; 6]),
        _ => Reply::usual(request),
    })
    .await;
    let (mut settings, port) = settings(&broker);
    settings.set("GATEWAY_LOG", "info");
    let edge = Edge::start(&settings, port);
    let process = edge.process().id();
    // What is made once is there.
    drop(edge.log_in(1).await);
    let base = usage::memory(process).unwrap();
    let mut idle = Vec::with_capacity(clients);
    for _ in 0..clients {
        let mut client = edge.log_in(1).await;
        client
            .send_frame(&raw_request((12, 0), 3, &[0; 8]))
            .await
            .unwrap();
        client.receive_frame().await.unwrap();
        idle.push(client);
        broker.forget();
    }
    let full = usage::memory(process).unwrap();
    let each = (full - base) / clients as u64;
    let (began, before) = (Instant::now(), cpu_of(process, "").unwrap());
    // Idle for a while: that is what is measured.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let used = cpu_of(process, "").unwrap() - before;
    let share = used.as_secs_f64() / began.elapsed().as_secs_f64();
    drop(idle);
    let deadline = Instant::now() + Duration::from_secs(60);
    while edge.metric("throughway_sessions", &[]) > 0 {
        assert!(Instant::now() < deadline, "sessions without clients");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let most = base + (full - base) * KEPT_PERCENT / 100 + (8 << 20);
    let gone = Instant::now();
    let mut left = usage::memory(process).unwrap();
    while left > most && gone.elapsed() < GIVEN_BACK {
        tokio::time::sleep(Duration::from_millis(100)).await;
        left = usage::memory(process).unwrap();
    }
    let result = format!(
        "{clients} idle clients and as many broker connections: {:.1} KiB a pair, {:.1} % of a processor; \
         memory {} before, {} with them, {} within {:.0} s after",
        each as f64 / 1024.0,
        share * 100.0,
        soak::mebibytes(base),
        soak::mebibytes(full),
        soak::mebibytes(left),
        gone.elapsed().as_secs_f64(),
    );
    soak::note("idle clients", &result);
    assert!(each <= EACH, "{result}");
    assert!(share < 0.02, "{result}");
    assert!(left <= most, "{result}");
}

/// None has said anything yet, so that none has cost a broker connection.
#[tokio::test(flavor = "multi_thread")]
async fn those_who_have_said_nothing_cost_less() {
    let sockets = soak::times(500, 4_500);
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
    let deadline = Instant::now() + Duration::from_secs(60);
    while edge.metric("throughway_sessions", &[]) < sockets as u64 {
        assert!(Instant::now() < deadline, "not all were accepted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let each = (usage::memory(process).unwrap() - base) / sockets as u64;
    let result = format!(
        "{sockets} silent connections: {:.1} KiB each",
        each as f64 / 1024.0
    );
    soak::note("silent connections", &result);
    assert!(each <= EACH / 2, "{result}");
    assert_eq!(broker.connections(), 1);
}
