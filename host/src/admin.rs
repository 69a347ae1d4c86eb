//! Health and metrics over HTTP.
//!
//! Owns axum and hyper. Its peers are not trusted: a request's head has a deadline, connections are
//! capped and end after a while, and no route reads a body. It must not know listeners or sessions:
//! others set the flags it shows (`Readiness`) and count what it renders (`metrics`).

mod health;
#[cfg(test)]
mod tests;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::health::Readiness;

use crate::metrics::Metrics;

/// Connections at a time; one more is closed at once. Probes and scrapes are few.
const MOST_CONNECTIONS: usize = 128;

/// From accept, or from the answer before, to a complete request head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// After this a connection ends behind its current answer, so that none is held for ever.
const LONGEST_CONNECTION: Duration = Duration::from_secs(300);

/// For the current answer to leave when a connection ends.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// Pause after an accept that failed: out of file descriptors is no reason to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Room for a request's head; hyper refuses what is larger with 431.
const HEAD_BYTES: usize = 16 * 1024;

/// What the routes show. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AdminState {
    /// Rendered by `/metrics`.
    pub metrics: Arc<Metrics>,
    /// Judged by `/health/ready`.
    pub readiness: Arc<Readiness>,
}

/// Serves until `shutdown`, then lets current answers leave for a second.
pub async fn serve(listener: TcpListener, state: AdminState, shutdown: CancellationToken) {
    let routes = routes(state);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < MOST_CONNECTIONS => {
                    connections.spawn(serve_one(stream, routes.clone(), shutdown.clone()));
                }
                Ok(_) => tracing::debug!("admin connection over the cap closed"),
                Err(error) => {
                    tracing::warn!(error = %error, "accept admin connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn serve_one(stream: TcpStream, routes: Router, shutdown: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => {
            if let Err(error) = ended {
                tracing::debug!(error = %error, "admin connection failed");
            }
            return;
        }
        () = shutdown.cancelled() => {}
        () = tokio::time::sleep(LONGEST_CONNECTION) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _cut_off = tokio::time::timeout(LAST_ANSWER, connection).await;
}

fn routes(state: AdminState) -> Router {
    Router::new()
        .route("/health", get(health::overview))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
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

async fn no_such_path(uri: Uri) -> Response {
    problem(
        StatusCode::NOT_FOUND,
        &format!("there is nothing at {}", uri.path()),
        "the path is not one of /health, /health/live, /health/ready, /metrics",
    )
}

async fn no_such_method(method: Method, uri: Uri) -> Response {
    problem(
        StatusCode::METHOD_NOT_ALLOWED,
        &format!("{} cannot be asked for with {method}", uri.path()),
        "the path answers to GET only",
    )
}

/// An error as every path tells it.
fn problem(status: StatusCode, msg: &str, cause: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = serde_json::json!({ "title": title, "msg": msg, "cause": cause });
    (status, Json(body)).into_response()
}
