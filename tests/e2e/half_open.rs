//! Clients that vanish without a word: their machine has lost its network, then itself.

use std::time::{Duration, Instant};

use throughway_tests::network::{Away, HERE};
use throughway_tests::soak;

use crate::edge::{Edge, quiet_broker, settings};

/// Keepalive's idle, interval and count; how often the kernel sends again what was on its way when they
/// vanished; and the time that neither of them exceeds.
const EVERYDAY: (&str, u32, Duration) = ("2/1/3", 3, Duration::from_secs(5));
/// As it is unless configured, and as the documentation advises.
const DEFAULT: (&str, u32, Duration) = ("60/15/4", 8, Duration::from_secs(120));

/// For a busy machine to close what keepalive has given up.
const LATE: Duration = Duration::from_secs(45);

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_vanish_are_let_go_of() {
    let this = "half_open::clients_that_vanish_are_let_go_of";
    let Some(away) = Away::enter(this).unwrap() else {
        return;
    };
    let clients = soak::times(50, 500);
    let (keepalive, retransmissions, bound) = if soak::is_on() { DEFAULT } else { EVERYDAY };
    away.give_up_after(retransmissions).unwrap();
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    settings.set("GATEWAY_LISTENER_MAIN_BIND_ADDRESS", HERE.to_string());
    settings.set("GATEWAY_TCP_KEEPALIVE_SECONDS", keepalive);
    let edge = Edge::start(&settings, port);
    let mut crowd = away.crowd(port + 1, clients).unwrap();
    assert_eq!(broker.connections(), clients);

    away.cut().unwrap();
    crowd.kill().unwrap();
    let gone = Instant::now();
    let deadline = gone + bound + LATE;
    while edge.metric("throughway_sessions", &[]) > 0 {
        assert!(
            Instant::now() < deadline,
            "still open after {:?}",
            gone.elapsed()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let took = gone.elapsed();
    // Their brokers were told at once.
    broker.wait_for_ends(clients).await.unwrap();
    edge.wait_for_ends(clients).unwrap();
    let result = format!(
        "{clients} clients gone without a word: both legs of all closed after {:.0} s \
         (GATEWAY_TCP_KEEPALIVE_SECONDS={keepalive}, net.ipv4.tcp_retries2={retransmissions})",
        took.as_secs_f64()
    );
    soak::note("half-open connections", &result);
}
