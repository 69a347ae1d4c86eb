//! Answers larger than anything that is held: memory stays as it is, and bytes go out as they come in.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    BrokerId, FetchResponse, MetadataResponse, ResponseHeader, fetch_response,
};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};
use throughway_tests::script_broker::{Received, Reply, ScriptBroker};
use throughway_tests::wire::{Connection, raw_request};
use throughway_tests::{soak, usage};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::edge::{Edge, broker, settings, upstream_name};

const FETCH: (i16, i16) = (1, 16);
const METADATA: (i16, i16) = (3, 12);

/// So many at once, after one alone.
const AT_ONCE: usize = 8;

/// May be added to the peak by all of them together.
const GROWTH: u64 = 8 << 20;

/// An answer in parts, so that its bulk is there once for everybody.
#[derive(Clone)]
struct Answer {
    /// From the correlation id on, which is 1.
    parts: Vec<Bytes>,
    /// What the client is to receive in place of the first and the last part.
    expected: Vec<Bytes>,
}

impl Answer {
    fn len(parts: &[Bytes]) -> usize {
        parts.iter().map(Bytes::len).sum()
    }

    /// The broker's bytes, stopping before the last part until `gate` opens.
    fn reply(&self, gate: Option<Arc<Notify>>) -> Reply {
        let size = u32::try_from(Self::len(&self.parts)).unwrap();
        let mut replies = vec![Reply::Raw(Bytes::copy_from_slice(&size.to_be_bytes()))];
        replies.extend(self.parts.iter().cloned().map(Reply::Raw));
        if let Some(gate) = gate {
            replies.insert(replies.len() - 1, Reply::Await(gate));
        }
        Reply::Each(replies)
    }
}

fn encoded<M: Encodable + HeaderVersion>(message: &M, version: i16) -> Bytes {
    let mut payload = BytesMut::new();
    ResponseHeader::default()
        .with_correlation_id(1)
        .encode(&mut payload, M::header_version(version))
        .unwrap();
    message.encode(&mut payload, version).unwrap();
    payload.freeze()
}

/// Fetch v16 with so many bytes of records, and an endpoint behind them.
fn fetch(records: usize) -> Answer {
    let endpoint = fetch_response::NodeEndpoint::default()
        .with_node_id(BrokerId(1))
        .with_host(StrBytes::from_string(upstream_name(1)))
        .with_port(9092);
    let partition = fetch_response::PartitionData::default()
        .with_error_code(6)
        .with_records(Some(Bytes::new()));
    let topic = fetch_response::FetchableTopicResponse::default().with_partitions(vec![partition]);
    let message = FetchResponse::default().with_responses(vec![topic]);
    let without = encoded(&message, FETCH.1);
    let with = encoded(&message.with_node_endpoints(vec![endpoint]), FETCH.1);
    // No records are one byte, and behind it are the tags of partition, topic and message.
    let (head, tail) = (without.len() - 4, with.slice(without.len() - 3..));
    let mut head = BytesMut::from(&without[..head]);
    put_uvarint(&mut head, records + 1);
    let head = head.freeze();
    // One tag: 127 instead of 0, and zeros.
    let mut hidden = tail.to_vec();
    hidden[3] = 127;
    hidden[5..].fill(0);
    let bulk = Bytes::from(vec![0xa5; records]);
    Answer {
        parts: vec![head.clone(), bulk.clone(), tail],
        expected: vec![head, bulk, hidden.into()],
    }
}

fn put_uvarint(out: &mut BytesMut, mut value: usize) {
    while value >= 0x80 {
        out.put_u8(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.put_u8(u8::try_from(value).unwrap());
}

/// Metadata v12 of at least so many bytes, of one broker, which clients are told is at `port`.
fn metadata(bytes: usize, port: u16) -> Answer {
    let partition = MetadataResponsePartition::default()
        .with_leader_id(BrokerId(1))
        .with_replica_nodes(vec![BrokerId(1); 100]);
    let topic = MetadataResponseTopic::default()
        .with_name(Some(StrBytes::from_static_str("a-topic").into()))
        .with_partitions(vec![partition; 100]);
    let of_one = encoded(
        &MetadataResponse::default().with_topics(vec![topic.clone()]),
        METADATA.1,
    );
    let topics = vec![topic; 1 + bytes / of_one.len()];
    let at = |host: String, port: u16| {
        let broker = MetadataResponseBroker::default()
            .with_node_id(BrokerId(1))
            .with_host(StrBytes::from_string(host))
            .with_port(i32::from(port));
        let message = MetadataResponse::default()
            .with_cluster_id(Some(StrBytes::from_static_str("c")))
            .with_brokers(vec![broker])
            .with_topics(topics.clone());
        encoded(&message, METADATA.1)
    };
    let sent = at(upstream_name(1), 9092);
    let last = sent.len() - 100;
    Answer {
        parts: vec![sent.slice(..last), sent.slice(last..)],
        expected: vec![at("127.0.0.1".to_owned(), port)],
    }
}

/// A broker with these two answers, and a throughway before it that offers Fetch with endpoints.
async fn before(
    records: usize,
    metadata_bytes: usize,
    gate: Option<Arc<Notify>>,
) -> (Edge, ScriptBroker, [Answer; 2]) {
    let answers = Arc::new(std::sync::OnceLock::<[Answer; 2]>::new());
    let told = Arc::clone(&answers);
    let scripted = broker(move |request: &Received| match request.api_key {
        1 => told.get().unwrap()[0].reply(gate.clone()),
        3 => told.get().unwrap()[1].reply(gate.clone()),
        _ => Reply::usual(request),
    })
    .await;
    let (mut settings, port) = settings(&scripted);
    settings.set("GATEWAY_FETCH_LEADER_HINTS", "true");
    let both = [fetch(records), metadata(metadata_bytes, port + 1)];
    assert!(answers.set(both.clone()).is_ok());
    (Edge::start(&settings, port), scripted, both)
}

async fn ask(edge: &Edge, api: (i16, i16)) -> Connection {
    let mut connection = edge.log_in(1).await;
    let request = raw_request(api, 1, &[0; 16]);
    connection.send_frame(&request).await.unwrap();
    connection
}

/// Reads an answer to its end without keeping it; every byte is as it should be.
async fn read(mut connection: Connection, answer: Answer) {
    let size = u32::try_from(Answer::len(&answer.expected)).unwrap();
    let size = Bytes::copy_from_slice(&size.to_be_bytes());
    let mut buffer = vec![0; 256 << 10];
    for part in std::iter::once(size).chain(answer.expected) {
        let mut rest = &part[..];
        while !rest.is_empty() {
            let most = rest.len().min(buffer.len());
            let n = connection.read_some(&mut buffer[..most]).await.unwrap();
            assert!(n > 0 && buffer[..n] == rest[..n], "{} left", rest.len());
            rest = &rest[n..];
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_does_not_grow_with_the_size_or_number_of_answers() {
    let (records, metadata_bytes) = (
        soak::times(25 << 20, 100 << 20),
        soak::times(5 << 20, 20 << 20),
    );
    let (edge, _broker, answers) = before(records, metadata_bytes, None).await;
    let process = edge.process().id();
    for (api, answer) in [FETCH, METADATA].into_iter().zip(&answers) {
        read(ask(&edge, api).await, answer.clone()).await;
    }
    let warm = usage::peak_memory(process).unwrap();
    let mut grown = Vec::new();
    for (api, answer) in [FETCH, METADATA].into_iter().zip(&answers) {
        let mut reading = JoinSet::new();
        for _ in 0..AT_ONCE {
            reading.spawn(read(ask(&edge, api).await, answer.clone()));
        }
        while let Some(done) = reading.join_next().await {
            done.unwrap();
        }
        grown.push(usage::peak_memory(process).unwrap() - warm);
    }
    let result = format!(
        "{AT_ONCE} Fetch answers of {} and {AT_ONCE} Metadata answers of {} at once, after one each: \
         VmHWM grew by {} and {} (8.0 MiB allowed)",
        soak::mebibytes(records as u64),
        soak::mebibytes(metadata_bytes as u64),
        soak::mebibytes(grown[0]),
        soak::mebibytes(grown[1]),
    );
    soak::note("constant memory", &result);
    assert!(grown[1] <= GROWTH, "{result}");
    let neutralised = [("api", "fetch"), ("fate", "neutralised")];
    let counted = edge.metric("throughway_responses_total", &neutralised);
    assert_eq!(counted, AT_ONCE as u64 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_byte_goes_out_before_the_last_has_come_in() {
    let gate = Arc::new(Notify::new());
    let (edge, _broker, answers) = before(1 << 20, 1 << 20, Some(Arc::clone(&gate))).await;
    for (api, answer) in [FETCH, METADATA].into_iter().zip(answers) {
        let mut connection = ask(&edge, api).await;
        // All but the last part has been sent, and what is not needed to know more comes through.
        let mut begun = vec![0; 512 << 10];
        let mut n = 0;
        while n < begun.len() {
            n += connection.read_some(&mut begun[n..]).await.unwrap();
        }
        let size = u32::try_from(Answer::len(&answer.expected)).unwrap();
        assert_eq!(begun[..4], size.to_be_bytes());
        gate.notify_one();
        let mut left = 4 + Answer::len(&answer.expected) - n;
        while left > 0 {
            let most = left.min(begun.len());
            left -= connection.read_some(&mut begun[..most]).await.unwrap();
        }
    }
}
