//! Answers with node endpoints at their tail, of all four APIs that have them: small ones carry what
//! clients are told, large ones carry nothing, at the length they were announced with.

use bytes::Bytes;
use kafka_protocol::messages::{
    BrokerId, FetchRequest, FetchResponse, ProduceRequest, ProduceResponse,
    ShareAcknowledgeRequest, ShareAcknowledgeResponse, ShareFetchRequest, ShareFetchResponse,
    fetch_response, produce_response, share_acknowledge_response, share_fetch_response,
};
use kafka_protocol::protocol::{Encodable, HeaderVersion, Request, StrBytes};
use throughway_tests::leaks;
use throughway_tests::script_broker::{Received, Reply, ScriptBroker};
use throughway_tests::wire::decode;

use crate::edge::{Edge, broker, settings, upstream_name};

/// More than a frame that is rewritten whole.
const LARGE: usize = 100_000;

/// The one endpoint, in each API's own type.
macro_rules! endpoint {
    ($module:ident) => {
        $module::NodeEndpoint::default()
            .with_node_id(BrokerId(1))
            .with_host(StrBytes::from_string(upstream_name(1)))
            .with_port(9092)
    };
}

/// Asks once; the broker answers with `answer`.
async fn asked<R>(request: &R, version: i16, answer: R::Response) -> (Edge, R::Response)
where
    R: Request,
    R::Response: Encodable + HeaderVersion + Clone + Send + Sync + 'static,
{
    let scripted: ScriptBroker = broker(move |received: &Received| {
        if received.api_key == R::KEY {
            Reply::to(received, &answer).unwrap()
        } else {
            Reply::usual(received)
        }
    })
    .await;
    let (mut settings, port) = settings(&scripted);
    settings.set("GATEWAY_FETCH_LEADER_HINTS", "true");
    let edge = Edge::start(&settings, port);
    let mut connection = edge.log_in(1).await;
    let id = connection.send(version, request).await.unwrap();
    let frame = connection.receive_frame().await.unwrap();
    assert_eq!(leaks::find(&frame, &[9092]), Vec::<String>::new());
    let answer = decode::<R>(version, id, frame).unwrap();
    (edge, answer)
}

fn counted(edge: &Edge, api: &str, fate: &str) -> u64 {
    edge.metric(
        "throughway_responses_total",
        &[("api", api), ("fate", fate)],
    )
}

fn told(edge: &Edge) -> (String, i32) {
    ("127.0.0.1".to_owned(), i32::from(edge.first_port) + 1)
}

/// Small and large for one API: `$filled` is the answer without endpoints, with so much in it.
macro_rules! both_sizes {
    ($test:ident, $api:literal, $request:ident, $version:literal, $module:ident, $filled:expr) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            let with = |bytes: usize| {
                let answer = $filled(bytes);
                answer.with_node_endpoints(vec![endpoint!($module)])
            };
            let (edge, small) = asked(&$request::default(), $version, with(10)).await;
            let named: Vec<_> = small
                .node_endpoints
                .iter()
                .map(|n| (n.host.to_string(), n.port))
                .collect();
            assert_eq!(named, [told(&edge)]);
            assert_eq!(counted(&edge, $api, "rewritten"), 1);

            let (edge, large) = asked(&$request::default(), $version, with(LARGE)).await;
            assert!(large.node_endpoints.is_empty());
            assert!(large.unknown_tagged_fields.contains_key(&127));
            assert_eq!(counted(&edge, $api, "neutralised"), 1);
        }
    };
}

fn text(bytes: usize) -> Option<StrBytes> {
    Some(StrBytes::from_string("x".repeat(bytes)))
}

both_sizes!(
    endpoints_of_produce,
    "produce",
    ProduceRequest,
    12,
    produce_response,
    |bytes: usize| {
        let partition = produce_response::PartitionProduceResponse::default()
            .with_error_code(6)
            .with_error_message(text(bytes.min(30_000)));
        let topic = produce_response::TopicProduceResponse::default()
            .with_partition_responses(vec![partition; 1 + bytes / 30_000]);
        ProduceResponse::default().with_responses(vec![topic])
    }
);

both_sizes!(
    endpoints_of_fetch,
    "fetch",
    FetchRequest,
    16,
    fetch_response,
    |bytes: usize| {
        let partition = fetch_response::PartitionData::default()
            .with_records(Some(Bytes::from(vec![7; bytes])));
        let topic =
            fetch_response::FetchableTopicResponse::default().with_partitions(vec![partition]);
        FetchResponse::default().with_responses(vec![topic])
    }
);

both_sizes!(
    endpoints_of_share_fetch,
    "share_fetch",
    ShareFetchRequest,
    1,
    share_fetch_response,
    |bytes: usize| {
        let partition = share_fetch_response::PartitionData::default()
            .with_records(Some(Bytes::from(vec![7; bytes])));
        let topic = share_fetch_response::ShareFetchableTopicResponse::default()
            .with_partitions(vec![partition]);
        ShareFetchResponse::default().with_responses(vec![topic])
    }
);

both_sizes!(
    endpoints_of_share_acknowledge,
    "share_acknowledge",
    ShareAcknowledgeRequest,
    1,
    share_acknowledge_response,
    |bytes: usize| {
        let partition = share_acknowledge_response::PartitionData::default()
            .with_error_message(text(bytes.min(30_000)));
        let topic = share_acknowledge_response::ShareAcknowledgeTopicResponse::default()
            .with_partitions(vec![partition; 1 + bytes / 30_000]);
        ShareAcknowledgeResponse::default().with_responses(vec![topic])
    }
);
