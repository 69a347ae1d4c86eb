//! An error as every path tells it: `title`, `msg` and `cause`, which the replaced product's tools
//! print.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// What a message may repeat of a request, in characters.
const MOST_SHOWN: usize = 128;

/// An error to be answered.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    status: StatusCode,
    title: String,
    msg: String,
    cause: String,
}

impl Problem {
    /// `msg` says what is wrong, `cause` what would be accepted or done about it; the title is the
    /// status in words.
    pub(super) fn new(
        status: StatusCode,
        msg: impl Into<String>,
        cause: impl Into<String>,
    ) -> Self {
        Self {
            status,
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            msg: msg.into(),
            cause: cause.into(),
        }
    }

    /// With a title of its own.
    pub(super) fn titled(self, title: impl Into<String>) -> Self {
        let title = title.into();
        Self { title, ..self }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn bad_request(msg: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, msg, cause).titled("The request is not valid")
    }

    pub(super) fn not_found(msg: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, msg, cause)
    }

    pub(super) fn conflict(msg: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, msg, cause)
    }

    pub(super) fn internal(msg: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, msg, cause)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self {
            status,
            title,
            msg,
            cause,
        } = self;
        let body = serde_json::json!({ "title": title, "msg": msg, "cause": cause });
        (status, Json(body)).into_response()
    }
}

/// Something of a request as it may be repeated: escaped and short.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .take(MOST_SHOWN)
        .flat_map(char::escape_debug)
        .collect()
}
