//! `connections`: who is connected to which broker, page by page; `POST connections/{id}/drain` asks
//! one session to end politely.

use std::net::{IpAddr, SocketAddr};

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::super::AdminState;
use super::super::input::{Item, Params};
use super::super::problem::Problem;
use super::drain::listener;
use crate::inventory::{Entry, Wanted};
use crate::kafka::NodeId;
use crate::licence::UnixTime;

/// On a page, unless asked for otherwise.
const PAGE: usize = 100;

/// On any page.
const LARGEST_PAGE: usize = 1000;

pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .route("/connections", get(list))
        .route("/connections/{id}/drain", post(drain))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    listener: Option<String>,
    broker: Option<i32>,
    client: Option<IpAddr>,
    after: Option<u64>,
    limit: Option<usize>,
}

/// Some of the live sessions, in the order in which they began.
#[derive(Debug, Deserialize, Serialize)]
pub struct Page {
    /// One each.
    pub connections: Vec<Connection>,
    /// `after` of the next page, when there is one.
    pub next: Option<u64>,
}

/// One live session.
#[derive(Debug, Deserialize, Serialize)]
pub struct Connection {
    /// The `connection_id` of its log lines.
    pub id: u64,
    /// By which it came in.
    pub listener: String,
    /// The client's address, behind a PROXY header the real one.
    pub client: SocketAddr,
    /// When it was accepted.
    pub since: String,
    /// Asked for in the ClientHello.
    pub server_name: Option<String>,
    /// `None` without TLS.
    pub tls_version: Option<String>,
    /// `None` on a connection of first contact, and before there is a broker.
    pub broker: Option<i32>,
    /// Where that is.
    pub upstream: Option<String>,
    /// Connected to a bootstrap server for a broker that is not known yet.
    pub provisional: bool,
    /// Written to the client.
    pub bytes_downstream: u64,
    /// Written to the broker.
    pub bytes_upstream: u64,
    /// As the client told the broker.
    pub software_name: Option<String>,
    /// As the client told the broker.
    pub software_version: Option<String>,
    /// Asked for by the client.
    pub sasl_mechanism: Option<String>,
    /// Of PLAIN and SCRAM, with `GATEWAY_ACCESS_LOG=true`.
    pub user: Option<String>,
    /// `unfinished`, `completed` or `failed`.
    pub login: String,
    /// Asked to end.
    pub draining: bool,
}

async fn list(
    State(state): State<AdminState>,
    Params(filter): Params<Filter>,
) -> Result<Json<Page>, Problem> {
    let limit = filter.limit.unwrap_or(PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(Problem::bad_request(
            format!("limit={limit} is no size of a page"),
            format!("1 to {LARGEST_PAGE} is"),
        ));
    }
    let by_name = |name: String| listener(&state.config, &name);
    let wanted = Wanted {
        listener: filter.listener.map(by_name).transpose()?,
        broker: filter.broker.map(NodeId),
        client: filter.client,
        after: filter.after.unwrap_or_default(),
    };
    let (entries, more) = state.drain.inventory.list(&wanted, limit);
    let last = entries.last().map(|entry| entry.id);
    let connections = entries.iter().map(|entry| connection(&state, entry));
    Ok(Json(Page {
        connections: connections.collect(),
        next: last.filter(|_| more),
    }))
}

fn connection(state: &AdminState, entry: &Entry) -> Connection {
    let listener = state.config.listeners.get(entry.listener);
    let (bytes_downstream, bytes_upstream) = entry.bytes();
    let (route, who) = (entry.route(), entry.who());
    let (software_name, software_version) = who.software.unzip();
    Connection {
        id: entry.id,
        listener: listener.map(|l| l.name.clone()).unwrap_or_default(),
        client: entry.client(),
        since: UnixTime::from(entry.since).to_string(),
        server_name: entry.server_name().map(str::to_owned),
        tls_version: entry.tls_version().map(str::to_owned),
        broker: entry.node_id().map(|id| id.0),
        upstream: route.map(|route| route.upstream.to_string()),
        provisional: route.is_some_and(|route| route.provisional),
        bytes_downstream,
        bytes_upstream,
        software_name: software_name.map(Into::into),
        software_version: software_version.map(Into::into),
        sasl_mechanism: who.mechanism.map(Into::into),
        user: who.user.map(Into::into),
        login: who.login.label().to_owned(),
        draining: entry.polite.is_cancelled(),
    }
}

#[derive(Serialize)]
struct Asked {
    /// Asked to end.
    id: u64,
}

async fn drain(
    State(state): State<AdminState>,
    Item(id): Item<u64>,
) -> Result<Json<Asked>, Problem> {
    match state.drain.end_one(id, &state.config.shutdown) {
        true => Ok(Json(Asked { id })),
        false => Err(Problem::not_found(
            format!("there is no connection {id}"),
            "GET /throughway/v1/connections lists those that are alive",
        )),
    }
}
