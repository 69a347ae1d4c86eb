//! `/gateway/v2/*`: what is left of the replaced product's API where the features behind it are not
//! there. Changes never get here (`gate`); reads find nothing.

use axum::extract::OriginalUri;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::AdminState;
use super::features::KINDS;
use super::input::Input;
use super::problem::{Problem, shown};

/// Kinds without single items.
const COLLECTIONS_ONLY: [&str; 1] = ["plugin"];

/// Paths are relative to `/gateway/v2`.
pub(super) fn routes() -> Router<AdminState> {
    let resolve = Router::new().route("/interceptor/resolve", post(resolve));
    KINDS.iter().fold(resolve, |routes, (segment, _)| {
        let routes = routes.route(&format!("/{segment}"), get(none));
        match COLLECTIONS_ONLY.contains(segment) {
            true => routes,
            false => routes.route(&format!("/{segment}/{{name}}"), get(no_such_item)),
        }
    })
}

/// A collection of a kind that there is none of.
async fn none() -> Json<Value> {
    Json(json!([]))
}

async fn no_such_item(OriginalUri(uri): OriginalUri) -> Problem {
    Problem::not_found(
        format!("there is nothing at {}", shown(uri.path())),
        "throughway has none of its kind",
    )
}

/// For whom interceptors are asked.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scope {
    #[serde(rename = "vCluster")]
    _v_cluster: Option<String>,
    #[serde(rename = "groups")]
    _groups: Option<Vec<String>>,
    #[serde(rename = "username")]
    _username: Option<String>,
}

async fn resolve(Input(_scope): Input<Scope>) -> Json<Value> {
    Json(json!([]))
}
