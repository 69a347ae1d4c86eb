//! Damaged frames, many of them: requests by clients, and answers by a broker.

use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{
    BrokerId, DescribeClusterResponse, FetchResponse, FindCoordinatorResponse, ProduceResponse,
    ResponseHeader, ShareAcknowledgeResponse, ShareFetchResponse, fetch_response, produce_response,
    share_acknowledge_response, share_fetch_response,
};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};
use throughway_tests::script_broker::{Received, Reply};
use throughway_tests::soak;
use throughway_tests::wire::{Connection, raw_request};
use tokio::task::JoinSet;

use super::random::Random;
use super::{Healthy, Watched, for_the_healthy, tolerant};
use crate::edge::{Edge, broker, upstream_name};
use crate::protocol::{Fate, expected};

/// Sent over one connection, which rarely outlives them.
const BURST: usize = 20;

/// Connections at the same time.
const SENDERS: usize = 32;

/// A request such as clients send, of any API and version.
fn request(random: &mut Random) -> Vec<u8> {
    const LOOKED_AT: [i16; 12] = [0, 0, 1, 3, 10, 17, 18, 36, 60, 78, 79, 12];
    let key = match random.below(3) {
        0 => i16::try_from(random.below(100)).unwrap(),
        _ => random.pick(&LOOKED_AT),
    };
    let version = i16::try_from(random.below(16)).unwrap();
    let correlation_id = i32::try_from(random.below(1000)).unwrap();
    let body = match random.below(3) {
        0 => vec![0; 64],
        _ => random.bytes(200),
    };
    raw_request((key, version), correlation_id, &body)
}

/// One connection of damaged requests; how many of them were sent.
async fn burst(edge: &Edge, random: &mut Random) -> usize {
    let Ok(mut connection) = Connection::open(&edge.door(1)).await else {
        return 0;
    };
    if random.below(4) > 0 && connection.authenticate(("alice", "any")).await.is_err() {
        return 0;
    }
    let mut bytes = Vec::new();
    for _ in 0..BURST {
        let frame = request(random);
        bytes.extend(random.damaged(frame));
    }
    // Refused at any point of it.
    _ = connection.send_raw(&bytes).await;
    _ = connection.finish().await;
    connection.read_to_end().await.unwrap();
    BURST
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_requests_harm_nobody() {
    let wrong: Arc<Mutex<Vec<(i16, i16)>>> = Arc::default();
    let noted = Arc::clone(&wrong);
    let honest = broker(move |request: &Received| {
        let api = (request.api_key, request.api_version);
        if expected(api.0, api.1) != Fate::Forwarded {
            noted.lock().unwrap().push(api);
        }
        for_the_healthy(request).unwrap_or_else(|| match api.0 {
            17 | 18 | 36 if request.correlation_id < 10 => Reply::usual(request),
            _ => Reply::bytes(request, &[0; 16]),
        })
    })
    .await;
    let (mut settings, port) = tolerant(&honest);
    settings.set("GATEWAY_LOG", "info");
    let watched = Watched::start(&settings, port).await;
    let healthy = Healthy::start(&watched.edge).await;
    let total = soak::times(6_000, 1_000_000);
    let mut sent = 0;
    let mut senders = JoinSet::new();
    for seed in 0..SENDERS {
        let edge = Arc::clone(&watched.edge);
        senders.spawn(async move {
            let mut random = Random::new(1 + seed as u64);
            let mut sent = 0;
            while sent < total.div_ceil(SENDERS) {
                sent += burst(&edge, &mut random).await;
            }
            sent
        });
    }
    while let Some(done) = senders.join_next().await {
        sent += done.unwrap();
    }
    let rounds = healthy.stop().await;
    assert_eq!(*wrong.lock().unwrap(), []);
    let what = format!("{sent} damaged requests, {rounds} right answers to a healthy client");
    watched.assert_unharmed("damaged requests", &what);
    assert!(rounds > 0);
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// Everything a broker may name in one answer: itself, and what it has no business to name.
fn named() -> [(BrokerId, StrBytes, i32); 3] {
    [
        (BrokerId(1), text(&upstream_name(1)), 9092),
        (BrokerId(2), text("169.254.169.254"), 80),
        (BrokerId(3), text("evil.example"), 22),
    ]
}

macro_rules! endpoints {
    ($module:ident) => {
        named()
            .map(|(id, host, port)| {
                $module::NodeEndpoint::default()
                    .with_node_id(id)
                    .with_host(host)
                    .with_port(port)
            })
            .to_vec()
    };
}

fn encoded<M: Encodable + HeaderVersion>(message: &M, version: i16) -> Vec<u8> {
    let mut payload = BytesMut::new();
    ResponseHeader::default()
        .encode(&mut payload, M::header_version(version))
        .unwrap();
    message.encode(&mut payload, version).unwrap();
    payload.to_vec()
}

/// Answers to damage, with the requests they belong to.
fn answers() -> Vec<((i16, i16), Vec<u8>)> {
    let cluster = named().map(|(id, host, port)| {
        DescribeClusterBroker::default()
            .with_broker_id(id)
            .with_host(host)
            .with_port(port)
    });
    let coordinators = named().map(|(id, host, port)| {
        let one = Coordinator::default().with_key(text("g")).with_node_id(id);
        one.with_host(host).with_port(port)
    });
    let records = Some(Bytes::from(vec![7; 300]));
    let partition = fetch_response::PartitionData::default().with_records(records);
    let topic = fetch_response::FetchableTopicResponse::default().with_partitions(vec![partition]);
    let fetch = FetchResponse::default().with_responses(vec![topic]);
    vec![
        ((60, 1), {
            let message = DescribeClusterResponse::default().with_cluster_id(text("c"));
            encoded(&message.with_brokers(cluster.to_vec()), 1)
        }),
        ((10, 4), {
            let message = FindCoordinatorResponse::default();
            encoded(&message.with_coordinators(coordinators.to_vec()), 4)
        }),
        ((0, 12), {
            let message = ProduceResponse::default();
            let message = message.with_node_endpoints(endpoints!(produce_response));
            encoded(&message, 12)
        }),
        ((1, 16), {
            let message = fetch.with_node_endpoints(endpoints!(fetch_response));
            encoded(&message, 16)
        }),
        ((78, 1), {
            let message = ShareFetchResponse::default();
            encoded(
                &message.with_node_endpoints(endpoints!(share_fetch_response)),
                1,
            )
        }),
        ((79, 1), {
            let message = ShareAcknowledgeResponse::default();
            let message = message.with_node_endpoints(endpoints!(share_acknowledge_response));
            encoded(&message, 1)
        }),
    ]
}

/// A damaged answer to this request; its first bytes are mostly right, or nothing would be read.
fn damaged_answer(request: &Received, random: &mut Random) -> Option<Reply> {
    let api = (request.api_key, request.api_version);
    let mut payload = answers().into_iter().find(|(of, _)| *of == api)?.1;
    payload[..4].copy_from_slice(&request.correlation_id.to_be_bytes());
    let frame = match random.below(5) {
        0 => random.damaged(payload),
        _ => {
            // Past the header; the length is right.
            let rest = payload.split_off(5);
            let damaged = random.damaged(rest);
            let payload = [payload, damaged[4..].to_vec()].concat();
            let size = u32::try_from(payload.len()).unwrap();
            [&size.to_be_bytes(), &payload[..]].concat()
        }
    };
    Some(Reply::Each(vec![
        Reply::Raw(frame.into()),
        // Or the rest of a frame that was announced would be waited for.
        match random.below(3) {
            0 => Reply::Close,
            _ => Reply::Raw(Bytes::from(random.bytes(60))),
        },
        Reply::Close,
    ]))
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_answers_harm_nobody() {
    let random = Mutex::new(Random::new(23));
    let hostile = broker(move |request: &Received| {
        let healthy = for_the_healthy(request);
        let damaged = || damaged_answer(request, &mut random.lock().unwrap());
        healthy
            .or_else(damaged)
            .unwrap_or_else(|| Reply::usual(request))
    })
    .await;
    let (mut settings, port) = tolerant(&hostile);
    settings.set("GATEWAY_LOG", "info");
    let watched = Watched::start(&settings, port).await;
    let healthy = Healthy::start(&watched.edge).await;
    let apis: Vec<(i16, i16)> = answers().into_iter().map(|(api, _)| api).collect();
    let total = soak::times(1_200, 200_000);
    let mut answered = 0;
    while answered < total {
        let mut connection = Connection::open(&watched.edge.door(1)).await.unwrap();
        // Not, as long as a damaged answer has moved the broker: the healthy client moves it back.
        if connection.authenticate(("alice", "any")).await.is_err() {
            continue;
        }
        // Acks -1 where the request is a Produce.
        let body = [&[0, 0][..], &[0xff; 2], &[0; 30]].concat();
        let request = raw_request(apis[answered % apis.len()], 5, &body);
        connection.send_frame(&request).await.unwrap();
        connection.read_to_end().await.unwrap();
        answered += 1;
        hostile.forget();
    }
    let rounds = healthy.stop().await;
    assert!(rounds > 0);
    let refused = watched.edge.metric("throughway_brokers_removed_total", &[]);
    let what = format!(
        "{answered} damaged answers, {rounds} right answers to a healthy client, {refused} brokers \
         left out"
    );
    // No dial was even tried to what is not allowed: such addresses are not learned.
    let labels = [("outcome", "not_allowed")];
    assert_eq!(watched.edge.metric("throughway_dials_total", &labels), 0);
    watched.assert_unharmed("damaged answers", &what);
}
