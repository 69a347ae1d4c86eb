//! The corpus, replayed and a little damaged; and its first inputs, made by others' code.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use kafka_protocol::messages::fetch_response::{
    FetchableTopicResponse, NodeEndpoint as Fetched, PartitionData,
};
use kafka_protocol::messages::metadata_response::MetadataResponseBroker;
use kafka_protocol::messages::produce_response::NodeEndpoint as Produced;
use kafka_protocol::messages::share_fetch_response::NodeEndpoint as Shared;
use kafka_protocol::messages::{
    ApiVersionsResponse, BrokerId, DescribeClusterResponse, FetchResponse, FindCoordinatorResponse,
    MetadataResponse, ProduceRequest, ProduceResponse, RequestHeader, ResponseHeader,
    ShareFetchResponse, api_versions_response, describe_cluster_response,
    find_coordinator_response,
};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 6] = [
    ("requests", crate::requests),
    ("answers", crate::answers),
    ("in-flight", crate::in_flight),
    ("edge", crate::edge),
    ("tls", crate::tls),
    ("configuration", crate::configuration),
];

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target)
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder(target)).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn every_known_input_holds() {
    for (target, holds) in TARGETS {
        let corpus = corpus(target);
        assert!(corpus.len() >= 3, "{target}");
        corpus.iter().for_each(|input| holds(input));
    }
}

#[test]
fn damaged_inputs_hold() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 16).unwrap() % bound
    };
    for (target, holds) in TARGETS {
        for input in corpus(target).iter().filter(|input| !input.is_empty()) {
            for _ in 0..3 {
                let mut damaged = input.clone();
                let at = below(damaged.len());
                match below(3) {
                    0 => damaged[at] = u8::try_from(below(256)).unwrap(),
                    1 => damaged.truncate(at),
                    _ => damaged.insert(at, u8::try_from(below(256)).unwrap()),
                }
                holds(&damaged);
            }
        }
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn encoded<M: Encodable + HeaderVersion>((kind, version): (u8, i16), message: &M) -> Vec<u8> {
    let mut payload = BytesMut::new();
    ResponseHeader::default()
        .with_correlation_id(7)
        .encode(&mut payload, M::header_version(version))
        .unwrap();
    message.encode(&mut payload, version).unwrap();
    let version = u8::try_from(version).unwrap();
    [&[kind, version], &payload[..]].concat()
}

macro_rules! at {
    ($type:ty, $id:ident, $node:literal) => {
        <$type>::default()
            .$id(BrokerId($node))
            .with_host(text("broker.internal.test"))
            .with_port(9092)
    };
}

fn seeds_of_answers() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for version in [0, 1, 8, 9, 13] {
        let brokers = vec![
            at!(MetadataResponseBroker, with_node_id, 4),
            at!(MetadataResponseBroker, with_node_id, 1),
        ];
        let message = MetadataResponse::default().with_brokers(brokers);
        seeds.push(encoded((0, version), &message));
    }
    for version in [0, 1, 2] {
        let broker = at!(
            describe_cluster_response::DescribeClusterBroker,
            with_broker_id,
            2
        );
        let message = DescribeClusterResponse::default().with_brokers(vec![broker]);
        seeds.push(encoded((1, version), &message));
    }
    for version in [0, 1, 3] {
        let message = at!(FindCoordinatorResponse, with_node_id, 3);
        seeds.push(encoded((2, version), &message));
    }
    let coordinator = at!(find_coordinator_response::Coordinator, with_node_id, 6);
    let message = FindCoordinatorResponse::default().with_coordinators(vec![coordinator]);
    seeds.push(encoded((2, 4), &message));
    let message = ProduceResponse::default();
    let message = message.with_node_endpoints(vec![at!(Produced, with_node_id, 8)]);
    seeds.push(encoded((3, 10), &message));
    let partition = PartitionData::default().with_records(Some(vec![7; 20].into()));
    let topic = FetchableTopicResponse::default().with_partitions(vec![partition]);
    let message = FetchResponse::default().with_responses(vec![topic]);
    let message = message.with_node_endpoints(vec![at!(Fetched, with_node_id, 9)]);
    seeds.push(encoded((4, 16), &message));
    let message = ShareFetchResponse::default();
    let message = message.with_node_endpoints(vec![at!(Shared, with_node_id, 8)]);
    seeds.push(encoded((5, 1), &message));
    seeds.push(
        [
            6, 2, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0,
        ]
        .to_vec(),
    );
    let range = api_versions_response::ApiVersion::default()
        .with_api_key(1)
        .with_max_version(20);
    let message = ApiVersionsResponse::default().with_api_keys(vec![range]);
    seeds.push(encoded((7, 0), &message));
    seeds.push(encoded((7, 3), &message));
    seeds.push([8, 2, 0, 0, 0, 7, 0, 0, 0].to_vec());
    seeds
}

fn seeds_of_requests() -> Vec<Vec<u8>> {
    let frame = |permissions: u8, payload: &[u8]| {
        let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[permissions], &size[..], payload].concat()
    };
    let mut seeds = vec![
        frame(0, &[0, 18, 0, 3, 0, 0, 0, 1, 0xff, 0xff, 0]),
        frame(0, &[0, 17, 0, 0, 0, 0, 0, 1, 0xff, 0xff]),
        frame(1, &[0, 3, 0, 12, 0, 0, 0, 1, 0xff, 0xff, 0]),
    ];
    for version in [3, 9, 13] {
        let mut payload = BytesMut::new();
        RequestHeader::default()
            .with_request_api_version(version)
            .with_client_id(Some(text("producer-1")))
            .encode(&mut payload, ProduceRequest::header_version(version))
            .unwrap();
        let request = ProduceRequest::default().with_transactional_id(Some(text("t").into()));
        request.encode(&mut payload, version).unwrap();
        seeds.push(frame(1, &payload));
    }
    seeds
}

fn seeds_of_edge() -> Vec<Vec<u8>> {
    let roots = rustls::RootCertStore::empty();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "B1.edge.example".try_into().unwrap();
    let mut client = rustls::ClientConnection::new(config.into(), name).unwrap();
    let mut hello = vec![2];
    client.write_tls(&mut hello).unwrap();
    vec![
        hello,
        [&[0], &b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 2000\r\n"[..]].concat(),
        [
            &[0],
            &b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\0\x01\0\x02"[..],
        ]
        .concat(),
        [&[1], &b"GET / HTTP/1.1\r\n"[..]].concat(),
        vec![1, 0, 0, 0, 20, 0, 18, 0, 3, 0, 0, 0, 1],
    ]
}

/// Of each leg and kind of peer: a handshake whole and in pieces, bytes both ways, and an end.
fn seeds_of_tls() -> Vec<Vec<u8>> {
    let whole = [
        2, 0, 3, 250, 2, 0, 3, 250, 2, 0, 4, 200, 5, 200, 3, 250, 2, 0, 6, 0, 4, 9, 2, 0, 7, 0,
    ];
    let pieces = [3, 99, 0, 99].repeat(40);
    let damaged = [2, 0, 3, 250, 2, 0, 4, 50, 2, 0, 4, 50, 8, 77, 3, 1, 1, 2, 0];
    let all = |kind: u8| [&whole[..], &pieces, &damaged].map(|acts| [&[kind], acts].concat());
    (0..4).flat_map(all).collect()
}

/// The first inputs; `make fuzz` finds the others.
#[test]
#[ignore = "writes into the source tree"]
fn write_seeds() {
    let configurations = [
        "GATEWAY_LISTENER_MAIN_SECURITY_PROTOCOL=SASL_PLAINTEXT\nGATEWAY_LISTENER_MAIN_ROUTING=port\n\
         GATEWAY_LISTENER_MAIN_PORTS=6969-6989\nGATEWAY_LISTENER_MAIN_ADVERTISED_HOST=edge.example\n",
        "GATEWAY_SECURITY_PROTOCOL=SASL_PLAINTEXT\nGATEWAY_SECURITY_MODE=KAFKA_MANAGED\n",
        "export GATEWAY_UPSTREAM_ALLOWED='.internal.test,10.0.0.0/8:9092-9099' # where brokers are\n\
         GATEWAY_UPSTREAM_BROKERS=\"1=b1.internal.test:9092\"\nGATEWAY_MAX_IN_FLIGHT=4\n",
    ];
    let seeds = [
        seeds_of_requests(),
        seeds_of_answers(),
        vec![b"\0\x10\x03\x06\x26\x05\x04\x14\x24\x34\x44\x47".to_vec(); 3]
            .into_iter()
            .enumerate()
            .map(|(cut, seed)| seed[cut..].to_vec())
            .collect(),
        seeds_of_edge(),
        seeds_of_tls(),
        configurations.map(|text| text.as_bytes().to_vec()).to_vec(),
    ];
    for ((target, _), seeds) in TARGETS.iter().zip(seeds) {
        fs::create_dir_all(folder(target)).unwrap();
        for (nth, seed) in seeds.iter().enumerate() {
            fs::write(folder(target).join(format!("seed-{nth:02}")), seed).unwrap();
        }
    }
}
