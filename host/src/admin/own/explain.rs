//! `explain?clientIp=`: what a client there is told for each broker now, and why.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use super::super::AdminState;
use super::super::input::Params;
use crate::addrmap::published::Published;

pub(super) fn routes() -> Router<AdminState> {
    Router::new().route("/explain", get(explain))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Client {
    client_ip: Option<IpAddr>,
}

async fn explain(
    State(state): State<AdminState>,
    Params(client): Params<Client>,
) -> Json<Published> {
    let client = client
        .client_ip
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let brokers = state.topology.snapshot().map_brokers();
    let table = state.address_map.table();
    let map = state.address_map.identity();
    Json(table.explain(&state.config, &map, &brokers, client))
}
