//! `/throughway/v1/*`: one file for each subject, each with a router of its own.
//!
//! Who may call is decided before (`gate`): a GET needs a user, everything else one with `admin: true`.
//! A handler takes `State<AdminState>`, reads bodies and queries by `input`, and answers JSON with
//! names in snake case, or a `Problem`. Each path and method has a row in `openapi/paths.rs`.

mod address_map;
mod certificates;
mod config;
pub(super) mod connections;
mod debug;
mod drain;
mod explain;
mod license;
mod status;
mod topology;
mod usage;

use axum::Router;

pub(super) use self::status::{Listener, Status};
use super::AdminState;

/// Every subject's routes; paths are relative to `/throughway/v1`.
pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .merge(address_map::routes())
        .merge(certificates::routes())
        .merge(config::routes())
        .merge(connections::routes())
        .merge(debug::routes())
        .merge(drain::routes())
        .merge(explain::routes())
        .merge(license::routes())
        .merge(status::routes())
        .merge(topology::routes())
        .merge(usage::routes())
}
