//! What `metrics` promises: names, closed labels, true gauges, and `docs/metrics.md` equal to it.

mod cost;

use super::*;
use crate::close::CloseReason;
use crate::kafka::{ApiKey, ApiVersion, CorrelationId};
use crate::licence::State;

fn two_listeners() -> Arc<Metrics> {
    Metrics::new(&["DEFAULT".to_owned(), "PUBLIC".to_owned()])
}

fn has(metrics: &Metrics, line: &str) {
    let text = metrics.render();
    assert!(text.lines().any(|l| l == line), "no `{line}` in\n{text}");
}

#[test]
fn a_session_is_counted_from_its_begin_to_its_end() {
    let metrics = two_listeners();
    let listener = metrics.listener(1);
    let guard = listener.opened();
    has(&metrics, r#"throughway_sessions{listener="PUBLIC"} 1"#);
    listener.add_bytes(10, 3);
    listener.closed(CloseReason::ClientClosed);
    drop(guard);
    for line in [
        r#"throughway_sessions{listener="PUBLIC"} 0"#,
        r#"throughway_sessions{listener="DEFAULT"} 0"#,
        r#"throughway_connections_opened_total{listener="PUBLIC"} 1"#,
        r#"throughway_bytes_total{listener="PUBLIC",direction="downstream"} 10"#,
        r#"throughway_bytes_total{listener="PUBLIC",direction="upstream"} 3"#,
        r#"throughway_sessions_closed_total{listener="PUBLIC",close_reason="client_closed"} 1"#,
    ] {
        has(&metrics, line);
    }
}

#[test]
fn a_dial_is_under_way_until_it_ended() {
    let metrics = two_listeners();
    let dial = metrics.dial();
    has(&metrics, "throughway_dials_in_progress 1");
    dial.ended(DialOutcome::TimedOut);
    drop(metrics.dial());
    has(&metrics, "throughway_dials_in_progress 0");
    has(&metrics, r#"throughway_dials_total{outcome="timed_out"} 1"#);
}

#[test]
fn answers_are_counted_by_api_and_fate() {
    let metrics = two_listeners();
    metrics.response(Api::ShareFetch, Fate::Neutralised);
    let line = r#"throughway_responses_total{api="share_fetch",fate="neutralised"} 1"#;
    has(&metrics, line);
}

fn prefix(api_key: i16, api_version: i16) -> RequestPrefix {
    RequestPrefix {
        payload_len: 8,
        api_key: ApiKey(api_key),
        api_version: ApiVersion(api_version),
        correlation_id: CorrelationId(1),
    }
}

#[test]
fn requests_are_counted_by_api_and_those_beyond_the_reviewed_once_more() {
    let metrics = two_listeners();
    let series = metrics.render().lines().count();
    for (api_key, api_version) in [(0, 13), (0, 14), (12, 0), (94, 0), (95, 0), (4711, 1)] {
        metrics.request(&prefix(api_key, api_version));
    }
    for line in [
        r#"throughway_requests_total{api="produce"} 2"#,
        r#"throughway_requests_total{api="heartbeat"} 1"#,
        r#"throughway_requests_total{api="unregister_controller"} 1"#,
        r#"throughway_requests_total{api="unknown"} 2"#,
        "throughway_unreviewed_requests_total 3",
        r#"gateway_thread_request_rebuild_total{api_key="produce",vcluster="passthrough"} 2"#,
    ] {
        has(&metrics, line);
    }
    assert_eq!(metrics.render().lines().count(), series);
}

#[test]
fn answers_are_timed_in_buckets_and_by_api() {
    let metrics = two_listeners();
    for (api_key, millis) in [(1, 1), (1, 300), (4711, 20_000)] {
        metrics.answered(ApiKey(api_key), Duration::from_millis(millis));
    }
    for line in [
        r#"throughway_response_seconds_bucket{le="0.001"} 1"#,
        r#"throughway_response_seconds_bucket{le="0.25"} 1"#,
        r#"throughway_response_seconds_bucket{le="0.5"} 2"#,
        r#"throughway_response_seconds_bucket{le="10.0"} 2"#,
        r#"throughway_response_seconds_bucket{le="+Inf"} 3"#,
        "throughway_response_seconds_sum 20.301",
        r#"throughway_api_response_seconds_sum{api="fetch"} 0.301"#,
        r#"throughway_api_response_seconds_count{api="unknown"} 1"#,
        r#"gateway_latency_request_response_seconds_bucket{le="0.5"} 2"#,
        r#"gateway_apiKeys_latency_request_response_seconds_count{apiKeys="fetch"} 2"#,
    ] {
        has(&metrics, line);
    }
}

#[test]
fn the_old_names_tell_what_ours_do() {
    let metrics = two_listeners();
    metrics.set_topology_brokers([1, 5].map(NodeId).into_iter());
    has(&metrics, r#"throughway_broker_sessions{node_id="5"} 0"#);
    let _client = metrics.listener(0).opened();
    let broker = metrics.broker(Some(NodeId(5)));
    let _connected = broker.opened();
    drop(metrics.broker(None).opened());
    metrics.listener(0).add_bytes(0, 7);
    metrics.listener(1).add_bytes(9, 0);
    metrics.login(LoginOutcome::Failed);
    for line in [
        r#"throughway_broker_sessions{node_id="5"} 1"#,
        r#"throughway_broker_sessions_opened_total{node_id="bootstrap"} 1"#,
        "gateway_upstream_connection_creation_total 2",
        "gateway_upstream_connection_close_total 1",
        "gateway_upstream_connections_upstream_connected 1",
        "gateway_upstream_connections_downstream 1",
        r#"gateway_active_connections_vcluster{vcluster="passthrough"} 1"#,
        "gateway_upstream_io_nodes 2",
        r#"gateway_bytes_exchanged_total{direction="upstream"} 7"#,
        r#"gateway_bytes_exchanged_vcluster_total{direction="downstream",vcluster="passthrough"} 9"#,
        "gateway_failed_authentications_total 1",
    ] {
        has(&metrics, line);
    }
}

#[test]
fn an_unknown_listener_is_counted_nowhere() {
    let metrics = two_listeners();
    let before = metrics.render();
    metrics.listener(2).closed(CloseReason::IdleTimeout);
    assert_eq!(metrics.render(), before);
}

#[test]
fn a_missing_licence_is_one_state_and_no_time() {
    let metrics = two_listeners();
    metrics.set_licence(&Status {
        state: State::Missing,
        licence: None,
        remaining_days: None,
        source: "GATEWAY_LICENSE_AGENT_FILE",
        last_success: None,
        candidate_error: None,
        clock_behind: None,
    });
    for line in [
        r#"throughway_license_state{state="missing"} 1"#,
        r#"throughway_license_state{state="valid"} 0"#,
        "throughway_license_expiry_timestamp_seconds 0",
        "gateway_license_remaining_days 0",
    ] {
        has(&metrics, line);
    }
}

#[test]
fn no_series_appears_only_once_something_happened() {
    let metrics = two_listeners();
    let series = |text: &str| text.lines().count();
    let before = series(&metrics.render());
    for reason in CloseReason::all() {
        metrics.listener(0).closed(reason);
    }
    for &kind in WrongProtocol::ALL {
        metrics.listener(0).wrong_protocol(kind);
    }
    for &outcome in HandshakeOutcome::ALL {
        metrics.listener(0).tls_handshake(outcome);
    }
    assert_eq!(series(&metrics.render()), before);
}

/// One line of the table in `docs/metrics.md` for each metric, in the order of the output.
fn table() -> Vec<String> {
    let text = two_listeners().render();
    let mut rows = Vec::new();
    let mut help = "";
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some((_, words)) = line.strip_prefix("# HELP ").and_then(|l| l.split_once(' ')) {
            help = words.trim_end_matches('.');
        }
        let Some((family, kind)) = line.strip_prefix("# TYPE ").and_then(|l| l.split_once(' '))
        else {
            continue;
        };
        let sample = lines.peek().expect("a type is followed by a sample");
        // A histogram is several series of one name, all others are the one that is scraped.
        let name = match kind {
            "histogram" => family,
            _ => sample.split(['{', ' ']).next().expect("a name"),
        };
        rows.push(format!("| `{name}` | {kind} | {} | {help} |", keys(sample)));
    }
    rows
}

/// The label keys of a sample as the table writes them.
fn keys(sample: &str) -> String {
    let labels = sample.split_once('{').map_or("", |(_, rest)| rest);
    let keys: Vec<_> = labels
        .split_terminator(',')
        .filter_map(|label| label.split_once('='))
        .map(|(key, _)| format!("`{key}`"))
        .collect();
    if keys.is_empty() {
        "–".to_owned()
    } else {
        keys.join(", ")
    }
}

#[test]
fn the_documented_table_is_what_is_rendered() {
    let document = include_str!("../../../docs/metrics.md");
    let documented: Vec<_> = document
        .lines()
        .filter(|line| {
            ["| `throughway_", "| `gateway_"]
                .iter()
                .any(|name| line.starts_with(name))
        })
        .collect();
    assert_eq!(documented, table(), "expected\n{}", table().join("\n"));
}

#[test]
fn every_label_value_is_documented() {
    let document = include_str!("../../../docs/metrics.md");
    let text = Metrics::new(&[]).render() + &two_listeners().render();
    for label in text.split('"').skip(1).step_by(2) {
        let known =
            ["DEFAULT", "PUBLIC"].contains(&label) || document.contains(&format!("`{label}`"));
        assert!(known, "docs/metrics.md does not say what `{label}` means");
    }
}
