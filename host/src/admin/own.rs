//! `/throughway/v1/*`: one file for each subject, each with a router of its own.
//!
//! Who may call is decided before (`gate`): a GET needs a user, everything else one with `admin: true`.
//! A handler takes `State<AdminState>`, reads bodies and queries by `input`, and answers JSON with
//! names in snake case, or a `Problem`.

mod certificates;
mod config;
mod explain;
mod license;
mod status;
mod topology;

use axum::Router;

use super::AdminState;

/// Every subject's routes; paths are relative to `/throughway/v1`.
pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .merge(certificates::routes())
        .merge(config::routes())
        .merge(explain::routes())
        .merge(license::routes())
        .merge(status::routes())
        .merge(topology::routes())
}
