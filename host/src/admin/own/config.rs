//! `config`: the computed configuration as `throughway config --json` prints it, secrets redacted.

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use super::super::AdminState;

pub(super) fn routes() -> Router<AdminState> {
    Router::new().route("/config", get(show))
}

async fn show(State(state): State<AdminState>) -> impl IntoResponse {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, state.shown_config.to_string())
}
