//! `license`: what the licence amounts to; `license/reload` reads its source again.

use std::collections::BTreeMap;
use std::time::SystemTime;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use tokio::sync::oneshot;

use super::super::AdminState;
use super::super::problem::Problem;
use crate::licence::{Licence, Status};

pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .route("/license", get(show))
        .route("/license/reload", post(reload))
}

/// Never the token.
#[derive(Serialize)]
struct Shown {
    state: &'static str,
    remaining_days: Option<i64>,
    /// The variable it comes from.
    source: &'static str,
    last_success: Option<String>,
    /// Why what the source has now is not in use.
    candidate_error: Option<String>,
    clock_behind_seconds: Option<i64>,
    license: Option<Terms>,
}

#[derive(Serialize)]
struct Terms {
    id: String,
    customer: String,
    plan: String,
    environment: &'static str,
    issuer: String,
    issued_at: String,
    valid_from: String,
    valid_until: String,
    grace_until: String,
    limits: BTreeMap<String, u64>,
    features: Vec<String>,
    key_id: String,
}

async fn show(State(state): State<AdminState>) -> Json<Shown> {
    Json(shown(state.licence.status(SystemTime::now().into())))
}

async fn reload(State(state): State<AdminState>) -> Result<Json<Shown>, Problem> {
    let (done, waiting) = oneshot::channel();
    let asked = state.reload_licence.send(done).await;
    if asked.is_err() || waiting.await.is_err() {
        return Err(Problem::internal(
            "the licence was not read again",
            "throughway is about to end",
        ));
    }
    Ok(show(State(state)).await)
}

fn shown(status: Status) -> Shown {
    Shown {
        state: status.state.label(),
        remaining_days: status.remaining_days,
        source: status.source,
        last_success: status.last_success.map(|time| time.to_string()),
        candidate_error: status.candidate_error,
        clock_behind_seconds: status.clock_behind,
        license: status.licence.map(terms),
    }
}

fn terms(licence: Licence) -> Terms {
    let claims = licence.claims;
    Terms {
        environment: claims.env.label(),
        issued_at: claims.iat.to_string(),
        valid_from: claims.nbf.to_string(),
        valid_until: claims.exp.to_string(),
        grace_until: claims.grace_end().to_string(),
        id: claims.jti,
        customer: claims.sub,
        plan: claims.plan,
        issuer: claims.iss,
        limits: claims.limits,
        features: claims.features,
        key_id: licence.kid,
    }
}
