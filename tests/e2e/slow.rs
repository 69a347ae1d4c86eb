//! Slow clients: those that hardly read, those that hardly write, and one that is very fast beside them.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use throughway_tests::script_broker::{Received, Reply, ScriptBroker};
use throughway_tests::wire::{Connection, raw_request};
use throughway_tests::{soak, usage};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use crate::edge::{Edge, broker, settings};
use crate::round_trips::{HEARTBEAT, assert_not_starved, nearly_all};

const FETCH: (i16, i16) = (1, 4);

/// Answers heartbeats at once, and each fetch with so much.
async fn generous_broker(bytes: usize) -> ScriptBroker {
    let records = Bytes::from(vec![0x5a; bytes]);
    broker(move |request: &Received| match request.api_key {
        1 => {
            let size = u32::try_from(records.len() + 4).unwrap().to_be_bytes();
            let head = [size, request.correlation_id.to_be_bytes()].concat();
            Reply::Each(vec![Reply::Raw(head.into()), Reply::Raw(records.clone())])
        }
        12 => Reply::bytes(request, &[0; 6]),
        _ => Reply::usual(request),
    })
    .await
}

/// A client that takes as little from the network as it can.
async fn reluctant(edge: &Edge) -> Connection {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let there = (Ipv4Addr::LOCALHOST, edge.first_port + 1).into();
    let mut connection = Connection::over(socket.connect(there).await.unwrap());
    connection
        .authenticate(("alice", "anything"))
        .await
        .unwrap();
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_hardly_read_cost_little_and_disturb_nobody() {
    const EACH: u64 = 256 << 10;
    let readers = soak::times(50, 200);
    // More than all buffers on the way take.
    let broker = generous_broker(32 << 20).await;
    let (mut settings, port) = settings(&broker);
    settings.set("GATEWAY_LOG", "info");
    let edge = Edge::start(&settings, port);
    let process = edge.process().id();
    let before = nearly_all(&edge, 20, 50).await;
    let base = usage::memory(process).unwrap();

    let mut reading = JoinSet::new();
    for nth in 0..readers {
        let mut client = reluctant(&edge).await;
        client
            .send_frame(&raw_request(FETCH, 1, &[0; 16]))
            .await
            .unwrap();
        reading.spawn(async move {
            let mut some = [0; 1024];
            loop {
                client.read_some(&mut some).await.unwrap();
                // Some have stopped for good.
                let pause = if nth % 4 == 0 { 3600 } else { 1 };
                tokio::time::sleep(Duration::from_secs(pause)).await;
            }
        });
    }
    let beside = nearly_all(&edge, 20, 100).await;
    let grown = usage::memory(process).unwrap().saturating_sub(base);
    let result = format!(
        "{readers} readers of 1 KiB/s, a quarter of which have stopped: memory +{}, {} KiB each; \
         99 % of other clients' round trips {} ms before, {} ms beside them",
        soak::mebibytes(grown),
        (grown >> 10) / readers as u64,
        before.as_millis(),
        beside.as_millis(),
    );
    soak::note("slow readers", &result);
    assert!(grown <= EACH * readers as u64, "{result}");
    assert_not_starved(before, beside, 200, &result);
    assert_eq!(reading.len(), readers, "closed though they read");
    reading.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_takes_all_it_can_get_does_not_starve_the_others() {
    let (clients, each) = (soak::times(100, 500), soak::times(40, 400));
    let broker = generous_broker(1 << 20).await;
    let (mut settings, port) = settings(&broker);
    settings.set("GATEWAY_LOG", "info");
    // The hot one and most others share one core.
    settings.set("GATEWAY_WORKER_THREADS", "1");
    let edge = Edge::start(&settings, port);
    let before = nearly_all(&edge, clients, each).await;
    let mut hot = edge.log_in(1).await;
    let fetching = tokio::spawn(async move {
        let mut bytes = 0_usize;
        loop {
            hot.send_frame(&raw_request(FETCH, 1, &[0; 16]))
                .await
                .unwrap();
            bytes += hot.receive_frame().await.unwrap().len();
            assert!(bytes > 0);
        }
    });
    let beside = nearly_all(&edge, clients, each).await;
    assert!(!fetching.is_finished(), "the hot one has stopped");
    fetching.abort();
    let result = format!(
        "{clients} light clients beside one that fetches without pause, one worker: 99 % of round trips \
         {} ms before, {} ms beside it",
        before.as_millis(),
        beside.as_millis(),
    );
    soak::note("one hot client", &result);
    assert_not_starved(before, beside, 200, &result);
}

/// What is said at a phase, a byte at a time and never to its end, and the deadline that ends it.
const PHASES: [(&str, &[u8]); 4] = [
    ("size", b"\0\0\0"),
    ("header", b"\0\0\0\x20\0\x12\0\x03\0\0"),
    // ApiVersions v3 that announces more than it will ever send: 30 s are its bound by default.
    ("body", b"\0\0\x02\0\0\x12\0\x03\0\0\0\x01\0\x04"),
    ("silence", b""),
];

/// Between two bytes of one that is slow and means it, and how many those are.
const TICK: Duration = Duration::from_millis(300);
const REQUEST: u32 = 34;

/// Authenticated, and slower with one request than any deadline.
async fn patient(mut client: Connection) -> Bytes {
    let payload = raw_request(HEARTBEAT, 7, &[0; 20]);
    let size = u32::try_from(payload.len()).unwrap();
    assert_eq!(size + 4, REQUEST);
    for byte in size.to_be_bytes().iter().chain(&payload) {
        client.send_raw(&[*byte]).await.unwrap();
        tokio::time::sleep(TICK).await;
    }
    client.receive_frame().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn dribblers_are_closed_at_their_deadline_and_the_patient_are_not() {
    const FIRST_BYTE: Duration = Duration::from_millis(1500);
    const SASL: Duration = Duration::from_millis(4000);
    let each = soak::times(25, 250);
    let broker = generous_broker(1000).await;
    let (mut settings, port) = settings(&broker);
    settings.set("GATEWAY_LOG", "info");
    settings.set(
        "GATEWAY_FIRST_BYTE_TIMEOUT_MS",
        FIRST_BYTE.as_millis().to_string(),
    );
    settings.set("GATEWAY_SASL_TIMEOUT_MS", SASL.as_millis().to_string());
    let edge = Arc::new(Edge::start(&settings, port));

    let patient = tokio::spawn(patient(edge.log_in(1).await));
    let mut dribblers = JoinSet::new();
    for (phase, bytes) in PHASES {
        let due = if phase == "body" { SASL } else { FIRST_BYTE };
        for _ in 0..each {
            let mut client = edge.connect().await;
            let began = Instant::now();
            dribblers.spawn(async move {
                for byte in bytes {
                    if client.send_raw(&[*byte]).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                assert_eq!(client.read_to_end().await.unwrap(), b"");
                (phase, due, began.elapsed())
            });
        }
    }
    let mut latest = Duration::ZERO;
    while let Some(ended) = dribblers.join_next().await {
        let (phase, due, took) = ended.unwrap();
        assert!(
            took >= due - Duration::from_millis(100),
            "{phase}: {took:?}"
        );
        latest = latest.max(took.saturating_sub(due));
    }
    assert!(
        latest < Duration::from_secs(20),
        "{latest:?} after the deadline"
    );
    assert_eq!(patient.await.unwrap()[..4], 7_i32.to_be_bytes());
    let result = format!(
        "{} clients that never finish what they begin, closed {} ms after their deadline at most; \
         an authenticated one that took {:.0} s for a request was answered",
        each * PHASES.len(),
        latest.as_millis(),
        (TICK * REQUEST).as_secs_f64(),
    );
    soak::note("dribbling clients", &result);
}
