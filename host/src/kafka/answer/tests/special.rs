//! Answers that are unlike the ordinary: errors, odd hosts, controllers, unknown tags, bounds.

use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{DescribeClusterResponse, FindCoordinatorResponse};

use super::*;

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn removed(ids: &[i32]) -> Vec<NodeId> {
    ids.iter().copied().map(NodeId).collect()
}

#[test]
fn unmapped_brokers_are_left_out_of_lists() {
    let endpoints = advertised();
    for version in 0..=13 {
        let brokers = [3, 10, 11, 4].map(|id| {
            MetadataResponseBroker::default()
                .with_node_id(BrokerId(id))
                .with_host(text("h"))
                .with_port(9092)
        });
        let message = MetadataResponse::default().with_brokers(brokers.to_vec());
        let payload = encode(&message, version, BTreeMap::new());
        let (out, replaced) = rewritten(ResponseKind::Metadata, version, &payload);
        assert_eq!(replaced.removed, removed(&[10, 11]));
        assert_eq!(replaced.rewritten, 2);
        let mut expected = Answer::Metadata(message);
        expected.place(|id| place_in(&endpoints, id));
        let read = Answer::decode(ResponseKind::Metadata, version, &out);
        assert_eq!(read, expected);
    }
}

#[test]
fn odd_hosts_and_ports_are_never_passed_on() {
    let odd = [
        ("", 9092),
        ("two words", 9092),
        ("new\nline", 9092),
        ("käfka", 9092),
        ("host", 0),
        ("host", -1),
        ("host", 65_536),
        ("host", i32::MIN),
    ];
    for (host, port) in odd {
        let broker = MetadataResponseBroker::default()
            .with_node_id(BrokerId(2))
            .with_host(text(host))
            .with_port(port);
        let message = MetadataResponse::default().with_brokers(vec![broker]);
        let payload = encode(&message, 12, BTreeMap::new());
        let found = found_in(ResponseKind::Metadata, 12, &payload);
        assert_eq!(found.brokers[0].address, None, "{host}:{port}");
        let (_, replaced) = rewritten(ResponseKind::Metadata, 12, &payload);
        assert_eq!(replaced.removed, removed(&[2]));
        assert_eq!(replaced.bytes, [1], "an empty array");
    }
}

#[test]
fn names_and_ip_literals_are_addresses() {
    for host in [
        "b1",
        "B-1.example.com",
        "under_score",
        "10.0.0.1",
        "fe80::1%eth0",
    ] {
        let named = NamedBroker::read(NodeId(1), host.as_bytes(), 65_535, Some(b"r"));
        let address = named.address.expect("an address");
        assert_eq!((address.host.as_str(), address.port), (host, 65_535));
        assert_eq!(named.rack.as_deref(), Some("r"));
    }
    for host in [&[0xff, 0xfe][..], &[b'x'; 256], b"[::1]", b"a/b", b"a\0"] {
        assert_eq!(NamedBroker::read(NodeId(1), host, 1, None).address, None);
    }
    assert_eq!(
        NamedBroker::read(NodeId(1), b"h", 1, Some(&[0xff])).rack,
        None
    );
}

#[test]
fn a_negative_id_with_a_host_does_not_leak() {
    let broker = MetadataResponseBroker::default()
        .with_node_id(BrokerId(-7))
        .with_host(text("secret"))
        .with_port(9092);
    let message = MetadataResponse::default().with_brokers(vec![broker]);
    let payload = encode(&message, 12, BTreeMap::new());
    let (out, replaced) = rewritten(ResponseKind::Metadata, 12, &payload);
    assert!(!out.windows(6).any(|part| part == b"secret"));
    assert_eq!(replaced.removed, removed(&[-7]));
    assert!(
        found_in(ResponseKind::Metadata, 12, &payload)
            .brokers
            .is_empty()
    );
}

#[test]
fn null_broker_arrays_pass() {
    let classic = [0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    let compact = [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0];
    for (version, payload) in [(0, &classic[..]), (12, &compact)] {
        let found = found_in(ResponseKind::Metadata, version, payload);
        assert!(found.brokers.is_empty());
        let (out, _) = rewritten(ResponseKind::Metadata, version, payload);
        assert_eq!(out, payload);
    }
}

#[test]
fn controllers_are_always_left_out() {
    for version in 1..=2 {
        for count in [0, 3] {
            let broker = DescribeClusterBroker::default()
                .with_broker_id(BrokerId(1))
                .with_host(text("controller.internal"))
                .with_port(9093)
                .with_is_fenced(version == 2);
            let message = DescribeClusterResponse::default()
                .with_endpoint_type(2)
                .with_cluster_id(text("c"))
                .with_brokers(vec![broker; count]);
            let payload = encode(&message, version, BTreeMap::new());
            let found = found_in(ResponseKind::DescribeCluster, version, &payload);
            assert!(found.brokers.is_empty());
            assert_eq!(found.cluster_id.as_deref(), Some("c"));
            let (out, replaced) = rewritten(ResponseKind::DescribeCluster, version, &payload);
            let expected = Answer::DescribeCluster(message.with_brokers(vec![]));
            let read = Answer::decode(ResponseKind::DescribeCluster, version, &out);
            assert_eq!(read, expected);
            assert_eq!((replaced.removed.len(), replaced.rewritten), (0, 0));
        }
    }
}

#[test]
fn a_describe_cluster_error_passes_untouched() {
    for version in 0..=2 {
        let message = DescribeClusterResponse::default()
            .with_error_code(if version == 0 { 31 } else { 114 })
            .with_error_message(Some(text("mismatched endpoint type")));
        let payload = encode(&message, version, BTreeMap::new());
        let found = found_in(ResponseKind::DescribeCluster, version, &payload);
        assert_eq!(found.cluster_id, None, "an empty id names no cluster");
        let (out, _) = rewritten(ResponseKind::DescribeCluster, version, &payload);
        assert_eq!(out, payload);
    }
}

#[test]
fn coordinator_errors_pass_untouched() {
    for version in 0..=6 {
        let mut message = FindCoordinatorResponse::default();
        if version >= 4 {
            let error = Coordinator::default().with_key(text("g"));
            let error = error.with_node_id(BrokerId(-1)).with_port(-1);
            message.coordinators = vec![error.with_error_code(30); 3];
        } else {
            message = message.with_node_id(BrokerId(-1)).with_port(-1);
            message.error_code = 15;
        }
        let payload = encode(&message, version, BTreeMap::new());
        let found = found_in(ResponseKind::FindCoordinator, version, &payload);
        assert!(found.brokers.is_empty());
        let (out, replaced) = rewritten(ResponseKind::FindCoordinator, version, &payload);
        assert_eq!(out, payload);
        assert!(replaced.removed.is_empty());
    }
}

#[test]
fn an_unmapped_coordinator_becomes_not_available() {
    for version in 0..=3 {
        let message = FindCoordinatorResponse::default()
            .with_node_id(BrokerId(11))
            .with_host(text("unmapped.internal"))
            .with_port(9092);
        let payload = encode(&message, version, BTreeMap::new());
        let (out, replaced) = rewritten(ResponseKind::FindCoordinator, version, &payload);
        assert_eq!(replaced.removed, removed(&[11]));
        let expected = FindCoordinatorResponse::default()
            .with_node_id(BrokerId(-1))
            .with_port(-1)
            .with_error_code(15);
        let read = Answer::decode(ResponseKind::FindCoordinator, version, &out);
        assert_eq!(read, Answer::FindCoordinator(expected), "v{version}");
    }
}

#[test]
fn a_thousand_coordinators_are_treated_each_by_its_own() {
    let endpoints = advertised();
    for version in 4..=6 {
        for count in [0, 1, 1_000] {
            let coordinators = (0..count).map(|index| {
                let one = Coordinator::default().with_key(text(&format!("group-{index}")));
                match index % 4 {
                    0 => one
                        .with_node_id(BrokerId(-1))
                        .with_port(-1)
                        .with_error_code(16),
                    other => one
                        .with_node_id(BrokerId(other + 8))
                        .with_host(text("h.internal"))
                        .with_port(9092)
                        .with_error_code(if index % 8 == 7 { 30 } else { 0 }),
                }
            });
            let message =
                FindCoordinatorResponse::default().with_coordinators(coordinators.collect());
            let payload = encode(&message, version, BTreeMap::new());
            let (out, replaced) = rewritten(ResponseKind::FindCoordinator, version, &payload);
            let mut expected = Answer::FindCoordinator(message);
            expected.place(|id| place_in(&endpoints, id));
            let read = Answer::decode(ResponseKind::FindCoordinator, version, &out);
            assert_eq!(read, expected);
            assert!(!out.windows(8).any(|part| part == b"internal"));
            let (placed, removed) = if count == 1_000 { (250, 500) } else { (0, 0) };
            assert_eq!(
                (replaced.rewritten, replaced.removed.len()),
                (placed, removed)
            );
        }
    }
}

#[test]
fn a_coordinator_answer_must_arrive_in_whole() {
    let message = FindCoordinatorResponse::default()
        .with_host(text("h"))
        .with_port(1);
    for version in 0..=3 {
        let payload = encode(&message, version, BTreeMap::new());
        let mut longer = payload.clone();
        longer.push(0);
        let error = find(
            ResponseKind::FindCoordinator,
            ApiVersion(version),
            &longer,
            longer.len(),
        );
        assert!(matches!(error, Err(FrameError::LeftOver { left: 1 })));
    }
}

#[test]
fn what_must_be_collected_is_bounded() {
    // An answer whose error message alone is longer than all that is ever collected.
    let mut payload = vec![0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
    payload.extend_from_slice(&[0xff, 0xff, 0xff, 0x07]);
    payload.resize(MOST_COLLECTED - 1, b'x');
    let ask = |arrived: &[u8]| {
        find(
            ResponseKind::DescribeCluster,
            ApiVersion(0),
            arrived,
            100_000_000,
        )
    };
    assert!(matches!(ask(&payload), Ok(None)));
    payload.push(b'x');
    assert!(matches!(
        ask(&payload),
        Err(FrameError::TooLarge {
            most: MOST_COLLECTED,
            ..
        })
    ));
}

#[test]
fn no_more_than_the_most_brokers_are_named() {
    let mut payload = vec![0, 0, 0, 1];
    payload.extend_from_slice(&100_001_i32.to_be_bytes());
    let result = find(ResponseKind::Metadata, ApiVersion(0), &payload, 100_000_000);
    assert!(matches!(
        result,
        Err(FrameError::TooLarge {
            most: MOST_BROKERS,
            ..
        })
    ));
}

#[test]
fn kinds_without_addresses_and_unknown_versions_are_refused() {
    for (kind, version) in [
        (ResponseKind::Opaque, 0),
        (ResponseKind::ApiVersions, 0),
        (ResponseKind::SaslAuthenticate, 0),
        (ResponseKind::Metadata, 14),
        (ResponseKind::Metadata, -1),
        (ResponseKind::DescribeCluster, 3),
        (ResponseKind::FindCoordinator, 7),
        (ResponseKind::Produce, 9),
        (ResponseKind::Fetch, 19),
        (ResponseKind::ShareFetch, 0),
        (ResponseKind::ShareAcknowledge, 3),
    ] {
        let result = find(kind, ApiVersion(version), &[0; 64], 64);
        assert!(
            matches!(result, Err(FrameError::Invalid { .. })),
            "{kind:?}"
        );
    }
}
