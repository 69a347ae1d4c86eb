//! `topology`: what was learned of the cluster; `DELETE topology/{node_id}` forgets a broker that has
//! left it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde::Serialize;

use super::super::AdminState;
use super::super::input::Item;
use super::super::problem::Problem;
use crate::kafka::NodeId;
use crate::topology::Forgotten;

pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .route("/topology", get(show))
        .route("/topology/{node_id}", delete(forget))
}

#[derive(Serialize)]
struct Shown {
    version: u64,
    cluster_id: Option<String>,
    /// The cluster id was in an answer since start, not only in the file of an earlier one.
    confirmed: bool,
    bootstrap_servers: Vec<String>,
    brokers: Vec<Broker>,
}

#[derive(Serialize)]
struct Broker {
    node_id: i32,
    host: String,
    port: u16,
    rack: Option<String>,
}

async fn show(State(state): State<AdminState>) -> Json<Shown> {
    let snapshot = state.topology.snapshot();
    let bootstrap = state.config.upstream.bootstrap_servers.iter();
    let brokers = snapshot.brokers.iter().map(|(node_id, broker)| Broker {
        node_id: node_id.0,
        host: broker.upstream.host.clone(),
        port: broker.upstream.port,
        rack: broker.rack.clone(),
    });
    Json(Shown {
        version: snapshot.version,
        cluster_id: snapshot.cluster_id.clone(),
        confirmed: snapshot.confirmed,
        bootstrap_servers: bootstrap.map(ToString::to_string).collect(),
        brokers: brokers.collect(),
    })
}

async fn forget(
    State(state): State<AdminState>,
    Item(node_id): Item<i32>,
) -> Result<StatusCode, Problem> {
    match state.topology.forget(NodeId(node_id)) {
        Forgotten::Done => Ok(StatusCode::NO_CONTENT),
        Forgotten::Unknown => Err(Problem::not_found(
            format!("no broker {node_id} is known"),
            "GET /throughway/v1/topology lists the known ones",
        )),
        Forgotten::Configured => Err(Problem::conflict(
            format!("broker {node_id} is where GATEWAY_UPSTREAM_BROKERS says it is"),
            "take it out of GATEWAY_UPSTREAM_BROKERS and restart",
        )),
    }
}
