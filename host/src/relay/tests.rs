//! The relay over in-memory legs with paused time: order, rewriting, winding down, refusals.

mod large;
mod order;
mod sasl;
mod times;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Answers, Counts, Legs, RelayError, Shared, Terms, Unmapped};
use crate::addrmap::{AddressMap, Inbound};
use crate::close::CloseReason;
use crate::config::{self, Config};
use crate::inventory::Entry;
use crate::kafka::versions::ClampPolicy;
use crate::metrics::Metrics;
use crate::pool::Pool;
use crate::topology::Topology;
use crate::topology::store::Remembered;

const METADATA: i16 = 3;
const HEARTBEAT: i16 = 12;

fn config() -> &'static Config {
    static CONFIG: OnceLock<Config> = OnceLock::new();
    CONFIG.get_or_init(|| {
        let set = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let environment: BTreeMap<String, String> = [
            ("KAFKA_BOOTSTRAP_SERVERS", "broker1.internal.test:9092"),
            ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
            ("GATEWAY_LISTENER_MAIN_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
            ("GATEWAY_LISTENER_MAIN_ROUTING", "port"),
            ("GATEWAY_LISTENER_MAIN_PORTS", "6969-6989"),
            ("GATEWAY_LISTENER_MAIN_ADVERTISED_HOST", "edge.example"),
            (
                "GATEWAY_UPSTREAM_BROKERS",
                "1=broker1.internal.test:9092,5=broker5.internal.test:9092",
            ),
            ("GATEWAY_MAX_IN_FLIGHT", "4"),
        ]
        .into_iter()
        .map(set)
        .collect();
        let given = config::Given {
            environment,
            cores: 1,
            ..config::Given::default()
        };
        config::parse(&given).expect("a good configuration").config
    })
}

fn address_map() -> AddressMap {
    static MAP: OnceLock<AddressMap> = OnceLock::new();
    let start = || {
        let topology = topology();
        AddressMap::start(config(), topology.snapshot().map_brokers()).expect("built-in map")
    };
    MAP.get_or_init(start).clone()
}

fn topology() -> Topology {
    Topology::new(Arc::new(config().upstream.clone()), Remembered::default())
}

/// How a session differs from an ordinary, authenticated one.
#[derive(Clone, Default)]
struct Situation {
    before_sasl: bool,
    provisional: bool,
    many_in_flight: bool,
    drain: CancellationToken,
    /// To look into afterwards.
    metrics: Option<Arc<Metrics>>,
}

/// Runs a relay beside a script that plays client and broker.
async fn relayed<S: Future>(
    situation: Situation,
    script: impl FnOnce(DuplexStream, DuplexStream) -> S,
) -> (Result<CloseReason, RelayError>, S::Output) {
    let (client, downstream) = tokio::io::duplex(1 << 20);
    let (broker, upstream) = tokio::io::duplex(1 << 20);
    let (topology, address_map) = (topology(), address_map());
    let metrics = situation.metrics.unwrap_or_else(|| Metrics::new(&[]));
    let inbound = Inbound {
        listener: 0,
        server_name: None,
        local_port: 6969,
        client: [127, 0, 0, 1].into(),
    };
    let clamp = ClampPolicy {
        fetch_leader_hints: false,
        clamp_unreviewed: false,
    };
    let answers = Answers {
        topology: &topology,
        address_map: &address_map,
        inbound: &inbound,
        unmapped: &Unmapped::default(),
        metrics: &metrics,
        clamp,
    };
    let peer = SocketAddr::from(([127, 0, 0, 1], 9));
    let entry = Entry::new(1, 0, peer, CancellationToken::new());
    let first_contact = metrics.broker(None);
    let counts = Counts {
        all: &metrics,
        listener: metrics.listener(0),
        broker: &first_contact,
        entry: &entry,
    };
    let mut limits = config().limits.clone();
    if situation.many_in_flight {
        limits.max_in_flight = 100;
    }
    let shared = Shared::new(&limits, counts);
    shared.authenticated.set(!situation.before_sasl);
    let terms = Terms {
        limits: &limits,
        timeouts: &config().timeouts,
        accepted: Instant::now(),
        provisional: situation.provisional,
        clamp_unreviewed: false,
        names_users: true,
        drain: situation.drain,
        cut: entry.cut.clone(),
        pool: Pool::default(),
    };
    let legs = Legs {
        downstream,
        upstream,
        first_bytes: Vec::new(),
    };
    tokio::join!(
        super::run(legs, &shared, &answers, &terms),
        script(client, broker)
    )
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
    frame.extend_from_slice(payload);
    frame
}

/// A request with a null client id and these bytes behind it.
fn request(api_key: i16, api_version: i16, correlation_id: i32, body: &[u8]) -> Vec<u8> {
    let mut payload = [api_key.to_be_bytes(), api_version.to_be_bytes()].concat();
    payload.extend_from_slice(&correlation_id.to_be_bytes());
    payload.extend_from_slice(&(-1i16).to_be_bytes());
    payload.extend_from_slice(body);
    frame(&payload)
}

fn response(correlation_id: i32, body: &[u8]) -> Vec<u8> {
    frame(&[&correlation_id.to_be_bytes()[..], body].concat())
}

async fn next(from: &mut DuplexStream) -> Vec<u8> {
    let size = from.read_u32().await.expect("a frame");
    let mut payload = vec![0; usize::try_from(size).unwrap()];
    from.read_exact(&mut payload).await.expect("a whole frame");
    payload
}

/// Metadata v1: one broker array, then a controller id and no topics.
fn metadata_v1(brokers: &[(i32, &str, i32)]) -> Vec<u8> {
    let mut body = i32::try_from(brokers.len()).unwrap().to_be_bytes().to_vec();
    for (node_id, host, port) in brokers {
        body.extend_from_slice(&node_id.to_be_bytes());
        body.extend_from_slice(&i16::try_from(host.len()).unwrap().to_be_bytes());
        body.extend_from_slice(host.as_bytes());
        body.extend_from_slice(&port.to_be_bytes());
        body.extend_from_slice(&(-1i16).to_be_bytes());
    }
    body.extend_from_slice(&5i32.to_be_bytes());
    body.extend_from_slice(&0i32.to_be_bytes());
    body
}

#[tokio::test(start_paused = true)]
async fn streams_what_carries_no_address_untouched_both_ways() {
    let sent = request(HEARTBEAT, 0, 7, b"group");
    let answered = response(7, b"\0\0");
    let (ended, ()) = relayed(Situation::default(), async |mut client, mut broker| {
        client.write_all(&sent).await.unwrap();
        assert_eq!(next(&mut broker).await, sent[4..]);
        broker.write_all(&answered).await.unwrap();
        assert_eq!(next(&mut client).await, answered[4..]);
        drop(client);
        assert_eq!(broker.read(&mut [0; 8]).await.unwrap(), 0);
    })
    .await;
    assert_eq!(ended.unwrap(), CloseReason::ClientClosed);
}

#[tokio::test(start_paused = true)]
async fn writes_advertised_addresses_and_removes_what_has_none() {
    let told = [
        (1, "broker1.internal.test", 9092),
        (5, "broker5.internal.test", 9092),
        (4000, "broker4000.internal.test", 9092),
        (7, "evil.example", 22),
    ];
    let expected = metadata_v1(&[(1, "edge.example", 6970), (5, "edge.example", 6974)]);
    let (ended, ()) = relayed(Situation::default(), async |mut client, mut broker| {
        client
            .write_all(&request(METADATA, 1, 1, &[0xff; 4]))
            .await
            .unwrap();
        next(&mut broker).await;
        // One byte at a time: every cut falls somewhere once.
        for byte in response(1, &metadata_v1(&told)) {
            broker.write_u8(byte).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(next(&mut client).await[4..], expected);
        drop(broker);
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    })
    .await;
    assert_eq!(ended.unwrap(), CloseReason::BrokerClosed);
}

#[tokio::test(start_paused = true)]
async fn answers_too_new_api_versions_itself_and_in_order() {
    let (_, ()) = relayed(Situation::default(), async |mut client, mut broker| {
        let pipelined = [
            request(HEARTBEAT, 0, 1, b""),
            request(18, 6, 2, b"ignored"),
            request(HEARTBEAT, 0, 3, b""),
        ];
        client.write_all(&pipelined.concat()).await.unwrap();
        next(&mut broker).await;
        assert_eq!(next(&mut broker).await[4..8], 3i32.to_be_bytes());
        broker
            .write_all(&[response(1, b"\0\0"), response(3, b"\0\0")].concat())
            .await
            .unwrap();
        assert_eq!(next(&mut client).await[..4], 1i32.to_be_bytes());
        let ours = next(&mut client).await;
        assert_eq!(ours[..6], [0, 0, 0, 2, 0, 35]);
        assert_eq!(next(&mut client).await[..4], 3i32.to_be_bytes());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn forwards_nothing_of_a_response_that_matches_no_request() {
    let (ended, ()) = relayed(Situation::default(), async |mut client, mut broker| {
        client
            .write_all(&request(HEARTBEAT, 0, 1, b""))
            .await
            .unwrap();
        next(&mut broker).await;
        broker.write_all(&response(2, b"secret")).await.unwrap();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    })
    .await;
    assert!(matches!(ended, Err(RelayError::Desync { .. })));
}

#[tokio::test(start_paused = true)]
async fn delivers_what_is_due_after_the_client_has_half_closed() {
    let (ended, ()) = relayed(Situation::default(), async |mut client, mut broker| {
        client
            .write_all(&request(HEARTBEAT, 0, 1, b""))
            .await
            .unwrap();
        client.shutdown().await.unwrap();
        next(&mut broker).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        broker.write_all(&response(1, b"\0\0")).await.unwrap();
        next(&mut client).await;
    })
    .await;
    assert_eq!(ended.unwrap(), CloseReason::ClientClosed);
}

#[tokio::test(start_paused = true)]
async fn drain_waits_for_the_response_in_flight_and_takes_no_new_request() {
    let drain = CancellationToken::new();
    let situation = Situation {
        drain: drain.clone(),
        ..Situation::default()
    };
    let (ended, ()) = relayed(situation, async |mut client, mut broker| {
        client
            .write_all(&request(HEARTBEAT, 0, 1, b""))
            .await
            .unwrap();
        next(&mut broker).await;
        drain.cancel();
        tokio::task::yield_now().await;
        client
            .write_all(&request(HEARTBEAT, 0, 2, b""))
            .await
            .unwrap();
        broker.write_all(&response(1, b"\0\0")).await.unwrap();
        next(&mut client).await;
        assert_eq!(broker.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    })
    .await;
    assert_eq!(ended.unwrap(), CloseReason::DrainCompleted);
}

#[tokio::test(start_paused = true)]
async fn a_provisional_session_ends_at_a_request_for_its_own_broker() {
    let situation = Situation {
        provisional: true,
        ..Situation::default()
    };
    let (ended, ()) = relayed(situation, async |mut client, mut broker| {
        let both = [
            request(METADATA, 1, 1, &[0xff; 4]),
            request(1, 4, 2, b"fetch"),
        ]
        .concat();
        client.write_all(&both).await.unwrap();
        next(&mut broker).await;
        broker
            .write_all(&response(
                1,
                &metadata_v1(&[(1, "broker1.internal.test", 9092)]),
            ))
            .await
            .unwrap();
        next(&mut client).await;
        assert_eq!(broker.read(&mut [0; 8]).await.unwrap(), 0);
    })
    .await;
    assert_eq!(ended.unwrap(), CloseReason::ProvisionalEnded);
}

#[tokio::test(start_paused = true)]
async fn does_not_read_the_client_while_too_much_is_in_flight() {
    let (_, ()) = relayed(Situation::default(), async |mut client, mut broker| {
        for id in 0..10 {
            client
                .write_all(&request(HEARTBEAT, 0, id, b""))
                .await
                .unwrap();
        }
        for id in 0..4 {
            assert_eq!(next(&mut broker).await[4..8], i32::to_be_bytes(id));
        }
        let fifth = tokio::time::timeout(Duration::from_secs(1), next(&mut broker)).await;
        assert!(fifth.is_err());
        broker.write_all(&response(0, b"\0\0")).await.unwrap();
        next(&mut broker).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_produce_that_ends_with_its_prefix_closes_the_session() {
    let (ended, ()) = relayed(Situation::default(), async |mut client, mut broker| {
        // Key, version and correlation id, and not even a client id.
        client.write_all(&frame(&[0; 8])).await.unwrap();
        assert_eq!(broker.read(&mut [0; 8]).await.unwrap(), 0);
    })
    .await;
    assert!(matches!(ended, Err(RelayError::Request(_))), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn matches_responses_behind_ten_thousand_produces_without_answer() {
    // Produce v3: no transactional id, acks 0, a timeout.
    let produce = |id| request(0, 3, id, &[0xff, 0xff, 0, 0, 0, 0, 0, 9]);
    let (_, ()) = relayed(Situation::default(), async |mut client, mut broker| {
        for id in 0..10_000 {
            client.write_all(&produce(id)).await.unwrap();
            next(&mut broker).await;
        }
        client
            .write_all(&request(METADATA, 1, 1, &[0xff; 4]))
            .await
            .unwrap();
        next(&mut broker).await;
        let told = metadata_v1(&[(5, "broker5.internal.test", 9092)]);
        broker.write_all(&response(1, &told)).await.unwrap();
        let expected = metadata_v1(&[(5, "edge.example", 6974)]);
        assert_eq!(next(&mut client).await[4..], expected);
    })
    .await;
}
