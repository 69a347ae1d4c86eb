//! `address-map`: which map is in effect and what it tells; `PUT` puts a component into effect by
//! value, `DELETE` goes back to the built-in one. Both with `?dryMode=true` only say what would change.

use std::net::{IpAddr, Ipv4Addr};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::super::AdminState;
use super::super::input::Params;
use super::super::problem::Problem;
use crate::addrmap::published::Published;
use crate::addrmap::{Identity, SwapError, Swapped};

/// The largest component of any limits profile.
const COMPONENT_BYTES: usize = 64 * 1024 * 1024;

pub(super) fn routes() -> Router<AdminState> {
    let methods = get(show).put(put).delete(delete);
    let methods = methods.layer(DefaultBodyLimit::max(COMPONENT_BYTES));
    Router::new().route("/address-map", methods)
}

#[derive(Serialize)]
struct Shown {
    map: Identity,
    /// The topology version of the table.
    topology_version: u64,
    /// As a client in no zone is told.
    table: Published,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Mode {
    #[serde(default)]
    dry_mode: bool,
}

async fn show(State(state): State<AdminState>) -> Json<Shown> {
    let brokers = state.topology.snapshot().map_brokers();
    let table = state.address_map.table();
    let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let map = state.maps.in_effect();
    Json(Shown {
        topology_version: table.topology_version(),
        table: table.explain(&state.config, &map, &brokers, nowhere),
        map,
    })
}

async fn put(
    State(state): State<AdminState>,
    Params(mode): Params<Mode>,
    component: Bytes,
) -> Result<Json<Swapped>, Problem> {
    let swapped = state.maps.put(component.into(), mode.dry_mode).await;
    swapped.map(Json).map_err(problem)
}

async fn delete(
    State(state): State<AdminState>,
    Params(mode): Params<Mode>,
) -> Result<Json<Swapped>, Problem> {
    let swapped = state.maps.delete(mode.dry_mode).await;
    swapped.map(Json).map_err(problem)
}

fn problem(error: SwapError) -> Problem {
    let said = error.to_string();
    match error {
        SwapError::Configured(_) => Problem::conflict(
            said,
            "without GATEWAY_ADDRESS_MAP, after a restart, this path decides",
        ),
        SwapError::Map(_) | SwapError::Ports(_) => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            said,
            "the map in effect stays; `throughway map check` says the same offline",
        )
        .titled("The address map is refused"),
        SwapError::Kept(source) => {
            Problem::internal(said, format!("the map in effect stays: {source}"))
        }
    }
}
