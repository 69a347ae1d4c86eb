//! The Admin API: HTTPS with users, and the same on a local socket without a password.
//!
//! Owns axum and hyper. Its peers are not trusted: whoever may not do a thing is told so before the path
//! is looked up or a body is read, everything has a deadline and a limit, and connections that wait
//! make room for new ones. It must not know listeners or sessions: others set the flags it shows
//! (`Readiness`), count what it renders (`metrics`), and do what it passes on.
//!
//! - `server`    accepting, slots, one connection's life
//! - `door`      how a connection came in: PROXY header, TLS or plain
//! - `gate`      what its request may do; `users`, `features` are what it goes by
//! - `own`       `/throughway/v1/*`, one file for each subject
//! - `v2`        `/gateway/v2/*`, as the tools of the replaced product know it
//! - `health`    the three paths that everyone may ask for
//! - `openapi`   every path in one table; `page` is what browsers see
//! - `problem`, `input`   errors and bodies, alike everywhere
//! - `secrets`   what is generated where nothing is configured
//! - `local`     the control socket
//! - `client`    the other side: asks a running proxy

mod client;
mod door;
mod features;
mod gate;
mod health;
mod input;
mod local;
mod openapi;
mod own;
mod page;
mod problem;
mod secrets;
mod server;
#[cfg(test)]
mod tests;
mod users;
mod v2;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, OriginalUri, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

pub use self::client::{Client, ClientError};
pub use self::health::Readiness;
pub use self::local::ControlSocket;
pub use self::own::connections::{Connection, Page};
pub use self::secrets::AdminError;
pub use self::server::{Front, serve, serve_locally};

use self::problem::Problem;
use crate::addrmap::{AddressMap, Maps};
use crate::config::Config;
use crate::drain::Drain;
use crate::licence::Guard;
use crate::metrics::Metrics;
use crate::telemetry::Debugging;
use crate::tls::Legs;
use crate::topology::Topology;
use crate::usage::Store;

/// The most bytes of a body, except where a route says otherwise.
const BODY_BYTES: usize = 1024 * 1024;

/// Asks the one who watches the licence to look now; answered when that is done.
pub type LicenceReload = mpsc::Sender<oneshot::Sender<()>>;

/// What the routes show and change. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AdminState {
    /// As parsed.
    pub config: Arc<Config>,
    /// The same as JSON for people, without secrets.
    pub shown_config: Arc<str>,
    /// Rendered by `/metrics`.
    pub metrics: Arc<Metrics>,
    /// Judged by `/health/ready`.
    pub readiness: Arc<Readiness>,
    /// What was learned.
    pub topology: Arc<Topology>,
    /// What clients are told.
    pub address_map: AddressMap,
    /// Puts another map into effect.
    pub maps: Arc<Maps>,
    /// Whether new sessions are accepted.
    pub licence: Arc<Guard>,
    /// Lists the sessions and ends them.
    pub drain: Arc<Drain>,
    /// Whose sessions the log tells in full.
    pub debugging: Debugging,
    /// What is reported.
    pub usage: Store,
    /// Certificates.
    pub legs: Arc<Legs>,
    /// Reads the licence again.
    pub reload_licence: LicenceReload,
    /// Since when the process runs.
    pub started: Instant,
}

/// Every route. Who may ask for what is decided by `gate`, before.
fn routes(state: AdminState) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/health", get(health::overview))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .nest("/throughway/v1", own::routes())
        .nest("/gateway/v2", v2::routes())
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(state)
}

async fn ready(State(state): State<AdminState>) -> Response {
    health::ready(&state.readiness)
}

async fn metrics(State(state): State<AdminState>) -> impl IntoResponse {
    let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    (
        [(header::CONTENT_TYPE, openmetrics)],
        state.metrics.render(),
    )
}

async fn no_such_path(OriginalUri(uri): OriginalUri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("there is nothing at {}", problem::shown(uri.path())),
        "GET /gateway/v2/docs lists every path",
    )
}

async fn no_such_method(method: Method, OriginalUri(uri): OriginalUri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!(
            "{} does not answer to {}",
            problem::shown(uri.path()),
            problem::shown(method.as_str())
        ),
        "GET /gateway/v2/docs lists the methods of every path",
    )
}
