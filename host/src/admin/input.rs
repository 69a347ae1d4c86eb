//! Bodies and queries of requests, with errors as everywhere.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// A JSON body, whatever its content type says: the replaced product's CLI labels JSON as plain text.
/// No body is an empty object.
#[derive(Debug)]
pub(super) struct Input<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body =
            Bytes::from_request(request, state)
                .await
                .map_err(|rejection| match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        "the body is too large",
                        "at most 1 MiB is accepted",
                    ),
                    _ => Problem::bad_request("the body cannot be read", "send it whole"),
                })?;
        let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
        serde_json::from_slice(body).map(Self).map_err(|error| {
            let cause = format!("as JSON: {error}");
            Problem::bad_request("the body is not what this path takes", cause)
        })
    }
}

/// The query.
#[derive(Debug)]
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::from_request_parts(parts, state).await;
        query
            .map(|Query(params)| Self(params))
            .map_err(|rejection| {
                Problem::bad_request(
                    "the query is not what this path takes",
                    rejection.body_text(),
                )
            })
    }
}

/// The variable part of a path.
#[derive(Debug)]
pub(super) struct Item<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Item<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let item = Path::from_request_parts(parts, state).await;
        item.map(|Path(item)| Self(item)).map_err(|rejection| {
            Problem::not_found("there is nothing by that name", rejection.body_text())
        })
    }
}
