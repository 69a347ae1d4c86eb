//! What clients can do to logs and metrics with words and with numbers: nothing.

use std::collections::BTreeSet;

use throughway_tests::soak;
use throughway_tests::wire::Connection;

use crate::edge::{Edge, quiet_broker, settings};

/// What a terminal or a collector of logs might believe, in a name.
const INJECTION: &str = "al\r\nice\u{1b}[2J\u{1b}[31m{\"level\":\"ERROR\",\"message\":\"forged\"}";

/// A request like any other, by a client that calls itself so.
fn api_versions_of(client_id: &str) -> Vec<u8> {
    let length = i16::try_from(client_id.len()).unwrap();
    let head = [&[0, 18, 0, 0, 0, 0, 0, 9][..], &length.to_be_bytes()].concat();
    [&head, client_id.as_bytes()].concat()
}

async fn introduce(edge: &Edge, client_id: &str, user: &str) {
    let mut connection = edge.connect().await;
    connection
        .send_frame(&api_versions_of(client_id))
        .await
        .unwrap();
    connection.receive_frame().await.unwrap();
    connection.authenticate((user, "anything")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_words_begin_no_line_and_steer_no_terminal() {
    for format in ["text", "json"] {
        let broker = quiet_broker().await;
        let (mut settings, port) = settings(&broker);
        settings.set("GATEWAY_ACCESS_LOG", "true");
        settings.set("GATEWAY_LOG", "debug");
        settings.set("GATEWAY_LOG_FORMAT", format);
        let mut edge = Edge::start(&settings, port);
        introduce(&edge, INJECTION, INJECTION).await;
        assert_eq!(edge.stop().unwrap(), Some(0));
        let lines = edge.process().lines();
        let told: Vec<_> = lines
            .iter()
            .filter(|line| line.contains("forged"))
            .collect();
        // A name with control characters is no user's, and a client id is in no log.
        assert!(told.is_empty(), "{told:?}");
        for line in &lines {
            assert!(!line.contains(['\u{1b}', '\r']), "{line:?}");
            match format {
                "json" => {
                    let event: serde_json::Value = serde_json::from_str(line).unwrap();
                    assert_ne!(event["level"], "ERROR");
                }
                // Each begins with the time.
                _ => assert!(line.starts_with("20"), "{line:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_bad_frames_is_counted_and_not_told_each_time() {
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    settings.set("GATEWAY_LOG", "info");
    let edge = Edge::start(&settings, port);
    let bad = soak::times(3_000, 1_000_000);
    let before = edge.process().lines().len();
    let frames: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
        b"\xff\xff\xff\xff\x00\x12\x00\x00",
        b"\x00\x00\x00\x0a\x00\x00\x00\x09\x00\x00\x00\x01\xff\xff",
    ];
    let began = std::time::Instant::now();
    for frame in frames.iter().cycle().take(bad) {
        let mut connection = edge.connect().await;
        // It may have closed before we are done.
        let _closed = connection.send_raw(frame).await;
        let _reset = connection.read_to_end().await;
    }
    let minutes = usize::try_from(began.elapsed().as_secs() / 60 + 1).unwrap();
    let opened = edge.metric("throughway_connections_opened_total", &[]);
    assert_eq!(opened, u64::try_from(bad).unwrap());
    let lines = edge.process().lines().len() - before;
    soak::note(
        "bad frames",
        &format!("{bad} bad frames: {lines} lines in {minutes} min"),
    );
    assert!(lines < 200 * minutes, "{lines} lines in {minutes} minutes");
    // And whoever comes next is served.
    edge.log_in(1).await;
}

/// Names and labels of everything that is measured.
fn series(edge: &Edge) -> BTreeSet<String> {
    let (_, metrics) = edge.get("/metrics").unwrap();
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    let name = |line: &str| Some(line.rsplit_once(' ')?.0.to_owned());
    samples.filter_map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_names_as_there_may_be_make_no_new_series() {
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    settings.set("GATEWAY_LOG", "info");
    let edge = Edge::start(&settings, port);
    introduce(&edge, "first", "first").await;
    let before = series(&edge);
    let names = soak::times(300, 100_000);
    for nth in 0..names {
        introduce(&edge, &format!("client-{nth}"), &format!("user-{nth}")).await;
    }
    let mut stranger: Connection = edge.connect().await;
    stranger.authenticate(("x", "y")).await.unwrap();
    assert_eq!(series(&edge), before);
    soak::note(
        "names",
        &format!(
            "{names} client ids and users: {} series, as before",
            before.len()
        ),
    );
}
