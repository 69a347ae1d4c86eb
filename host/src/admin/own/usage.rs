//! `usage/next` and `usage/history`: what is reported to the vendor, before and after.
//!
//! It must not know what is in a report.

use std::time::SystemTime;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use super::super::AdminState;
use super::super::problem::Problem;
use crate::usage::{Books, UsageError, report};

pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .route("/usage/next", get(next))
        .route("/usage/history", get(history))
}

async fn next(State(state): State<AdminState>) -> Result<impl IntoResponse, Problem> {
    let now = SystemTime::now().into();
    told(state, move |books| report::show(books, now, true)).await
}

async fn history(State(state): State<AdminState>) -> Result<impl IntoResponse, Problem> {
    told(state, report::history).await
}

/// JSON from the books, which may be slow to open.
async fn told(
    state: AdminState,
    tell: impl FnOnce(&Books) -> Result<String, UsageError> + Send + 'static,
) -> Result<impl IntoResponse, Problem> {
    let read = move || tell(&state.usage.open_existing(SystemTime::now().into())?);
    let failed = |why: String| Problem::internal("the usage ledger cannot be read", why);
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(text)) => Ok(([(header::CONTENT_TYPE, "application/json")], text)),
        Ok(Err(error)) => Err(failed(error.in_full())),
        Err(_panicked) => Err(failed("the log says why".to_owned())),
    }
}
