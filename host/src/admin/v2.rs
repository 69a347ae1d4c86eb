//! `/gateway/v2/*`: what is left of the replaced product's API where the features behind it are not
//! there. Changes never get here (`gate`); reads find nothing.

use axum::extract::{OriginalUri, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::AdminState;
use super::features::KINDS;
use super::input::Input;
use super::openapi;
use super::problem::{Problem, shown};
use crate::build_info;

/// Kinds whose single items have paths of their own.
const WITH_ITEMS: [&str; 2] = ["virtual-cluster", "group"];

/// Paths are relative to `/gateway/v2`.
pub(super) fn routes() -> Router<AdminState> {
    let others = Router::new()
        .route("/docs", get(openapi::docs))
        .route("/analytics/lived", get(lived))
        .route("/interceptor/resolve", post(resolve));
    KINDS.iter().fold(others, |routes, (segment, _)| {
        let routes = routes.route(&format!("/{segment}"), get(none));
        match WITH_ITEMS.contains(segment) {
            true => routes.route(&format!("/{segment}/{{name}}"), get(no_such_item)),
            false => routes,
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

/// A usage snapshot in the replaced product's form. What counts excluded features is 0.
async fn lived(State(state): State<AdminState>) -> Json<Value> {
    let licence = state.licence.status(std::time::SystemTime::now().into());
    let claims = licence.licence.map(|licence| licence.claims);
    let upstream = &state.config.upstream;
    let first = state.config.listeners.first();
    let protocol = |tls: bool| if tls { "SASL_SSL" } else { "SASL_PLAINTEXT" };
    Json(json!({
        "interceptors": [],
        "totalInterceptorTypes": 0,
        "totalInterceptorInstances": 0,
        "uniqueTopicsCovered": 0,
        "totalGatewayServiceAccounts": 0,
        "totalGatewayGroups": 0,
        "totalAliasTopics": 0,
        "totalConcentratedTopics": 0,
        "totalVirtualClusters": 0,
        "os": std::env::consts::OS,
        "gatewayVersion": build_info::VERSION,
        "gatewayCommit": build_info::COMMIT,
        "sub": claims.as_ref().map(|claims| claims.sub.clone()),
        "plan": claims.as_ref().map(|claims| claims.plan.clone()),
        "kafkaClusterId": state.topology.snapshot().cluster_id,
        "kafkaSecurityProtocol": protocol(upstream.tls.is_some()),
        "gatewaySecurityProtocol": first.map(|listener| protocol(listener.tls.is_some())),
    }))
}
