//! What clients may send, request by request, against a broker that only notes what reaches it.

mod answers;
mod desync;
mod endpoints;

use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use kafka_protocol::messages::{
    DescribeClusterResponse, FetchResponse, FindCoordinatorResponse, MetadataResponse,
    SaslAuthenticateResponse, ShareAcknowledgeResponse, ShareFetchResponse,
};
use kafka_protocol::protocol::Encodable;
use throughway_tests::script_broker::{Received, Reply};
use throughway_tests::wire::{Connection, raw_request};

use crate::edge::{Edge, broker, quiet_broker};

const METADATA: i16 = 3;
const SASL_HANDSHAKE: i16 = 17;
const API_VERSIONS: i16 = 18;

/// Kafka's UNSUPPORTED_VERSION.
const UNSUPPORTED_VERSION: [u8; 2] = [0, 35];

/// SaslHandshake for PLAIN, behind the fields that all headers share.
const FOR_PLAIN: &[u8] = b"\0\x05PLAIN";

/// What came of a refused request: everything the client received, until it was closed.
async fn closing_answer(connection: &mut Connection, payload: &[u8]) -> Vec<u8> {
    connection.send_frame(payload).await.unwrap();
    connection.read_to_end().await.unwrap()
}

fn refused(edge: &Edge, reason: &str) -> u64 {
    edge.metric("throughway_refused_requests_total", &[("reason", reason)])
}

/// The whole ApiVersions answer to a version that nobody has: error 35 and the one range
/// 18: 0 to 5, in the layout of version 0.
fn too_new(correlation_id: i32) -> Vec<u8> {
    let mut answer = vec![0, 0, 0, 16];
    answer.extend(correlation_id.to_be_bytes());
    answer.extend(UNSUPPORTED_VERSION);
    answer.extend([0, 0, 0, 1, 0, 18, 0, 0, 0, 5]);
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn sasl_handshake_v0_is_answered_and_never_forwarded() {
    let broker = quiet_broker().await;
    let edge = Edge::before(&broker);
    let request = raw_request((SASL_HANDSHAKE, 0), 41, FOR_PLAIN);
    // As the very first request, and behind another one whose answer is due.
    for api_versions in [false, true] {
        let mut connection = edge.connect().await;
        if api_versions {
            let first = raw_request((API_VERSIONS, 0), 40, &[]);
            connection.send_frame(&first).await.unwrap();
            let answer = connection.receive_frame().await.unwrap();
            assert_eq!(answer[..4], 40_i32.to_be_bytes());
        }
        let answer = closing_answer(&mut connection, &request).await;
        // Length, correlation id, error 35, no mechanisms.
        let expected = [0, 0, 0, 10, 0, 0, 0, 41, 0, 35, 0, 0, 0, 0];
        assert_eq!(answer, expected);
    }
    edge.wait_for_ends(2).unwrap();
    assert_eq!(broker.apis(), [(API_VERSIONS, 0)]);
    assert_eq!(refused(&edge, "sasl_handshake_v0"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_sasl_passes_before_authentication() {
    let broker = quiet_broker().await;
    let edge = Edge::before(&broker);
    let (handshake, body) = ((SASL_HANDSHAKE, 1), FOR_PLAIN);
    // Metadata, Produce, CreateTopics, and a key that does not exist yet.
    for (nth, key) in [METADATA, 0, 19, 200].into_iter().enumerate() {
        let mut connection = edge.connect().await;
        let first = raw_request(handshake, 1, body);
        connection.send_frame(&first).await.unwrap();
        connection.receive_frame().await.unwrap();
        let request = raw_request((key, 1), 2, &[0; 16]);
        let answer = closing_answer(&mut connection, &request).await;
        assert_eq!(answer, b"", "key {key}");
        edge.wait_for_ends(nth + 1).unwrap();
        assert_eq!(broker.apis(), vec![handshake; nth + 1]);
    }
    assert_eq!(refused(&edge, "before_authentication"), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_authentication_opens_nothing() {
    let broker = broker(|request| match request.api_key {
        // SASL_AUTHENTICATION_FAILED, and no close: that is throughway's to do.
        36 => {
            let failed = SaslAuthenticateResponse::default().with_error_code(58);
            Reply::to(request, &failed).unwrap()
        }
        _ => Reply::usual(request),
    })
    .await;
    let edge = Edge::before(&broker);
    let mut connection = edge.connect().await;
    let wrong = connection.authenticate(("alice", "wrong")).await;
    assert!(wrong.unwrap_err().to_string().contains("58"));
    let request = raw_request((METADATA, 9), 9, &[0; 16]);
    assert_eq!(closing_answer(&mut connection, &request).await, b"");
    edge.wait_for_ends(1).unwrap();
    assert_eq!(broker.apis(), [(SASL_HANDSHAKE, 1), (36, 2)]);
    assert_eq!(refused(&edge, "before_authentication"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn api_versions_that_nobody_has_are_answered_in_their_place() {
    let broker = quiet_broker().await;
    let edge = Edge::before(&broker);
    let mut connection = edge.connect().await;
    // Pipelined: one for the broker, two for throughway, one for the broker.
    for (correlation_id, version) in [(5, 3), (6, 9), (7, i16::MAX), (8, 0)] {
        // Software name and version, each empty, and tags: enough for v3, ignored by v9.
        let body: &[u8] = if version == 0 { &[] } else { &[0, 1, 1, 0] };
        let request = raw_request((API_VERSIONS, version), correlation_id, body);
        connection.send_frame(&request).await.unwrap();
    }
    for correlation_id in [5_i32, 6, 7, 8] {
        let answer = connection.receive_frame().await.unwrap();
        assert_eq!(answer[..4], correlation_id.to_be_bytes());
        if matches!(correlation_id, 6 | 7) {
            assert_eq!(answer, too_new(correlation_id)[4..]);
        } else {
            assert_eq!(answer[4..6], [0, 0]);
        }
    }
    connection.authenticate(("alice", "any")).await.unwrap();
    assert_eq!(broker.apis()[..2], [(API_VERSIONS, 3), (API_VERSIONS, 0)]);
}

/// What is to become of a request after authentication.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    Forwarded,
    /// Without an answer.
    Closed,
    /// By throughway; the session goes on.
    Answered,
    /// By throughway; the session ends.
    AnsweredAndClosed,
}

/// APIs that only brokers and controllers speak among themselves.
const INTER_BROKER: [i16; 16] = [4, 5, 6, 7, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 82];

/// The APIs whose answers carry addresses: key, lowest and highest version of a known layout.
const KNOWN_LAYOUTS: [(i16, i16, i16); 7] = [
    (0, 0, 13),
    (1, 0, 18),
    (3, 0, 13),
    (10, 0, 6),
    (60, 0, 2),
    (78, 1, 2),
    (79, 1, 2),
];

pub(crate) fn expected(key: i16, version: i16) -> Fate {
    let layout = KNOWN_LAYOUTS.iter().find(|layout| layout.0 == key);
    match (key, version) {
        (_, ..0) => Fate::Closed,
        (SASL_HANDSHAKE, 0) => Fate::AnsweredAndClosed,
        (API_VERSIONS, 6..) => Fate::Answered,
        _ if INTER_BROKER.contains(&key) => Fate::Closed,
        _ if layout.is_some_and(|(_, least, most)| !(*least..=*most).contains(&version)) => {
            Fate::Closed
        }
        _ => Fate::Forwarded,
    }
}

/// The latest request that reached the broker, markers left out.
type Latest = Arc<Mutex<Option<(i16, i16)>>>;

/// A session, until it is closed.
struct Probe<'a> {
    edge: &'a Edge,
    latest: Latest,
    session: Option<Connection>,
}

impl Probe<'_> {
    /// Sends one request, and then one that is always forwarded: what the broker and the client
    /// see of the two tells the fate of the first.
    async fn fate(&mut self, key: i16, version: i16) -> Fate {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.edge.log_in(1).await,
        };
        // All zeros are a valid Produce of every version as far as `acks`, which is 0.
        let request = raw_request((key, version), 1000, &[0; 64]);
        session.send_frame(&request).await.unwrap();
        // It may be closed by now.
        let _closed = session.send_frame(&marker()).await;
        let mut answers = Vec::new();
        while let Ok(answer) = session.receive_frame().await {
            if answer[..4] == 2000_i32.to_be_bytes() {
                self.session = Some(session);
                break;
            }
            answers.push(answer);
        }
        let forwarded = self.latest.lock().unwrap().take() == Some((key, version));
        match (forwarded, self.session.is_some(), answers.len()) {
            (true, true, _) => Fate::Forwarded,
            (false, true, 1) => Fate::Answered,
            (false, false, 1) => Fate::AnsweredAndClosed,
            (false, false, 0) => Fate::Closed,
            other => panic!("key {key} version {version}: {other:?}"),
        }
    }
}

/// Heartbeat, of a version with the simplest header.
fn marker() -> Vec<u8> {
    raw_request((12, 0), 2000, &[0; 16])
}

/// Answers everything with what can be read as an empty answer of any layout here, if there is
/// one, and a Produce never, as its acks are 0.
fn answer_all(request: &Received) -> Reply {
    match request.api_key {
        0 => Reply::Silence,
        // Before authentication, and to clamp.
        API_VERSIONS | SASL_HANDSHAKE | 36 if request.correlation_id < 1000 => {
            Reply::usual(request)
        }
        API_VERSIONS => Reply::usual(request),
        _ => Reply::bytes(request, &empty_body(request.api_key, request.api_version)),
    }
}

/// Nothing but empty arrays and strings, in the layout of the seven; elsewhere any bytes will do.
fn empty_body(key: i16, version: i16) -> Vec<u8> {
    let mut body = BytesMut::new();
    let encoded = match key {
        1 if version >= 16 => FetchResponse::default().encode(&mut body, version),
        3 => MetadataResponse::default().encode(&mut body, version),
        10 => FindCoordinatorResponse::default().encode(&mut body, version),
        60 => DescribeClusterResponse::default().encode(&mut body, version),
        // The crate does not know version 2, in which ShareAcknowledge got an int32 behind its
        // error message.
        78 => ShareFetchResponse::default().encode(&mut body, 1),
        79 => ShareAcknowledgeResponse::default().encode(&mut body, 1),
        _ => return vec![0; 16],
    };
    encoded.unwrap();
    let mut body = body.to_vec();
    if (key, version) == (79, 2) {
        drop(body.splice(7..7, [0; 4]));
    }
    // The header's tags.
    if matches!(
        (key, version),
        (1, 16..) | (3, 9..) | (10, 3..) | (60 | 78 | 79, _)
    ) {
        body.insert(0, 0);
    }
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn every_api_and_version_meets_its_fate() {
    let latest = Latest::default();
    let noted = Arc::clone(&latest);
    let broker = broker(move |request| {
        if request.correlation_id == 1000 {
            *noted.lock().unwrap() = Some((request.api_key, request.api_version));
        }
        answer_all(request)
    })
    .await;
    let edge = Edge::before(&broker);
    let mut probe = Probe {
        edge: &edge,
        latest,
        session: None,
    };
    let mut wrong = Vec::new();
    for key in 0..=127 {
        for version in -1..=40 {
            let fate = probe.fate(key, version).await;
            if fate != expected(key, version) {
                wrong.push(format!("{key} v{version}: {fate:?}"));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(edge.metric("throughway_panics_total", &[]), 0);
}
