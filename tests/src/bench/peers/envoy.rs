//! What Envoy is told: pure text.

use std::path::Path;

use serde_json::{Value, json};

use crate::bench::ground::{Ground, Lane};

/// As it comes, but for the TLS version; the cipher follows from the broker and the client.
pub(super) fn configuration(ground: &Ground, lanes: &[Lane]) -> String {
    let listeners = lanes.iter().enumerate();
    let clusters = lanes.iter().enumerate();
    json!({"static_resources": {
        "listeners": listeners.map(|(n, lane)| listener(ground, n, lane)).collect::<Vec<_>>(),
        "clusters": clusters.map(|(n, lane)| cluster(ground, n, lane)).collect::<Vec<_>>()}})
    .to_string()
}

fn listener(ground: &Ground, n: usize, lane: &Lane) -> Value {
    let mut chain = json!({"filters": [{
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": "bench", "cluster": format!("broker{n}")}}]});
    if ground.is_tls() {
        chain["transport_socket"] = json!({"name": "tls", "typed_config": {
            "@type": format!("{TLS}DownstreamTlsContext"),
            "common_tls_context": {"tls_params": version(), "tls_certificates": [{
                "certificate_chain": file(&ground.edge.certificate),
                "private_key": file(&ground.edge.key)}]}}});
    }
    json!({"name": format!("edge{n}"), "address": address(lane.edge), "filter_chains": [chain]})
}

fn cluster(ground: &Ground, n: usize, lane: &Lane) -> Value {
    let mut cluster = json!({
        "name": format!("broker{n}"), "type": "STATIC", "connect_timeout": "10s",
        "load_assignment": {"cluster_name": format!("broker{n}"), "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": address(lane.broker)}}]}]}});
    if ground.is_tls() {
        cluster["transport_socket"] = json!({"name": "tls", "typed_config": {
            "@type": format!("{TLS}UpstreamTlsContext"), "sni": lane.name,
            "common_tls_context": {"tls_params": version(),
                "validation_context": {"trusted_ca": file(&ground.broker_ca)}}}});
    }
    cluster
}

const TLS: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.";

fn version() -> Value {
    json!({"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"})
}

fn address(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}

fn file(path: &Path) -> Value {
    json!({"filename": path})
}
