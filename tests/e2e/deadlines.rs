//! Deadlines of sessions whose client has begun well: a broker that does not answer, a client that has
//! left, nobody who says anything.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use throughway_tests::certificates::Authority;
use throughway_tests::files::TemporaryFolder;
use throughway_tests::proxy::Settings;
use throughway_tests::script_broker::Reply;
use throughway_tests::wire::{Connection, raw_request};

use crate::edge::{Edge, broker, quiet_broker, settings, upstream_name};
use crate::wrong_protocol::about;

const LIMIT: Duration = Duration::from_millis(900);

fn in_words(limit: Duration) -> String {
    limit.as_millis().to_string()
}

/// Waits until throughway closes, which it must do after [`LIMIT`].
async fn assert_closed_in_time(connection: &mut Connection, began: Instant) {
    assert_eq!(connection.read_to_end().await.unwrap(), b"");
    let took = began.elapsed();
    assert!(about(took, LIMIT), "{took:?}");
}

fn ended_by(edge: &Edge, reason: &str) -> u64 {
    edge.wait_for_ends(1).unwrap();
    let closed = "throughway_sessions_closed_total";
    edge.metric(closed, &[("close_reason", reason)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_does_not_shake_hands_is_given_up() {
    let folder = TemporaryFolder::new("throughway-deadlines-").unwrap();
    let authority = Authority::new(folder.path(), "upstream").unwrap();
    // The kernel accepts, nobody else does.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let quiet = quiet_broker().await;
    let (mut settings, first_port): (Settings, u16) = settings(&quiet);
    let address = format!("{}:{port}", upstream_name(1));
    settings.set("KAFKA_BOOTSTRAP_SERVERS", &address);
    settings.set("GATEWAY_UPSTREAM_BROKERS", format!("1={address}"));
    settings.set("KAFKA_SECURITY_PROTOCOL", "SASL_SSL");
    let trusted = authority.certificate().display().to_string();
    settings.set("KAFKA_SSL_TRUSTSTORE_LOCATION", trusted);
    settings.set("GATEWAY_DIAL_TIMEOUT_MS", in_words(LIMIT));
    settings.tolerate("broker not reached");
    let edge = Edge::start(&settings, first_port);
    let mut connection = edge.connect().await;
    let began = Instant::now();
    connection
        .send_frame(&raw_request((18, 0), 1, &[]))
        .await
        .unwrap();
    assert_closed_in_time(&mut connection, began).await;
    assert_eq!(ended_by(&edge, "dial_upstream"), 1);
    let timed_out = [("outcome", "timed_out")];
    assert_eq!(edge.metric("throughway_dials_total", &timed_out), 1);
    assert_eq!(edge.logged("broker not reached").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_which_nobody_says_anything_is_closed() {
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    settings.set("GATEWAY_IDLE_TIMEOUT_MS", in_words(LIMIT));
    let edge = Edge::start(&settings, port);
    let mut connection = edge.log_in(1).await;
    assert_closed_in_time(&mut connection, Instant::now()).await;
    assert_eq!(ended_by(&edge, "idle_timeout"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_waited_for_only_so_long_once_the_client_has_left() {
    const HEARTBEAT: i16 = 12;
    let broker = broker(|request| match request.api_key {
        HEARTBEAT => Reply::Silence,
        _ => Reply::usual(request),
    })
    .await;
    let (mut settings, port) = settings(&broker);
    settings.set("GATEWAY_HALF_CLOSE_TIMEOUT_MS", in_words(LIMIT));
    let edge = Edge::start(&settings, port);
    let mut connection = edge.log_in(1).await;
    let request = raw_request((HEARTBEAT, 0), 5, &[0; 8]);
    connection.send_frame(&request).await.unwrap();
    let arrived = broker.wait_until(|all| all.iter().any(|one| one.api_key == HEARTBEAT));
    arrived.await.unwrap();
    let began = Instant::now();
    connection.finish().await.unwrap();
    assert_closed_in_time(&mut connection, began).await;
    assert_eq!(ended_by(&edge, "client_closed"), 1);
}
