//! `certificates`: what is shown to clients and callers, and until when.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;

use super::super::AdminState;
use super::super::problem::Problem;
use crate::tls::{CertificateSummary, Reloaded};

pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .route("/certificates", get(show))
        .route("/certificates/reload", post(reload))
}

#[derive(Serialize)]
struct Certificate {
    /// A listener's name, or `Admin API`.
    leg: String,
    subject: String,
    names: Vec<String>,
    not_after: String,
    /// Seconds since 1970.
    not_after_unix: i64,
}

async fn show(State(state): State<AdminState>) -> Json<Vec<Certificate>> {
    let certificate = |(leg, summary): (String, CertificateSummary)| Certificate {
        leg,
        subject: summary.subject,
        names: summary.names,
        not_after: summary.not_after_text,
        not_after_unix: summary.not_after,
    };
    Json(state.legs.shown().into_iter().map(certificate).collect())
}

#[derive(Serialize)]
struct Look {
    leg: String,
    changed: bool,
    /// Why the files' content is not in use; the last good one is.
    error: Option<String>,
}

async fn reload(State(state): State<AdminState>) -> Result<Json<Vec<Look>>, Problem> {
    let legs = Arc::clone(&state.legs);
    let looks = tokio::task::spawn_blocking(move || legs.reload()).await;
    let looks = looks.map_err(|_panicked| {
        Problem::internal("the certificates were not reloaded", "the log says why")
    })?;
    let look = |Reloaded { leg, outcome }| Look {
        leg,
        changed: outcome == Ok(true),
        error: outcome.err(),
    };
    Ok(Json(looks.into_iter().map(look).collect()))
}
