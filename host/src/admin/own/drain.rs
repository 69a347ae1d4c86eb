//! `drain`: `POST` asks sessions to end, all or those of a listener or broker, and lets no new ones in;
//! `DELETE` takes that back. The process stays: ending it is for the signals.
//!
//! It must not know how a session ends.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::super::AdminState;
use super::super::input::Input;
use super::super::problem::{Problem, shown};
use crate::config::Config;
use crate::inventory::Scope;
use crate::kafka::NodeId;

pub(super) fn routes() -> Router<AdminState> {
    Router::new().route("/drain", post(begin).delete(take_back))
}

/// Which sessions; all of them when nothing is named.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Part {
    #[serde(skip_serializing_if = "Option::is_none")]
    listener: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    broker: Option<i32>,
}

/// How it stands.
#[derive(Serialize)]
struct Drained {
    /// What lets no new sessions in.
    drains: Vec<Part>,
    /// Asked to end by this request.
    asked: usize,
    /// Alive, in all.
    sessions: usize,
}

async fn begin(
    State(state): State<AdminState>,
    Input(part): Input<Part>,
) -> Result<Json<Drained>, Problem> {
    let scope = part.scope(&state)?;
    state.readiness.set_draining(true);
    let asked = state.drain.close(scope, &state.config.shutdown);
    tracing::info!(
        listener = part.listener,
        node_id = part.broker,
        asked,
        "draining, as the Admin API was asked to"
    );
    Ok(Json(Drained::of(&state, asked)))
}

async fn take_back(State(state): State<AdminState>) -> Result<Json<Drained>, Problem> {
    if state.drain.is_final() {
        return Err(Problem::conflict(
            "throughway is on its way to its end",
            "what a signal has begun cannot be taken back; start it again",
        ));
    }
    state.drain.take_back();
    state.readiness.set_draining(false);
    tracing::info!("draining taken back, as the Admin API was asked to");
    Ok(Json(Drained::of(&state, 0)))
}

impl Part {
    fn scope(&self, state: &AdminState) -> Result<Scope, Problem> {
        match (&self.listener, self.broker) {
            (None, None) => Ok(Scope::All),
            (Some(name), None) => listener(&state.config, name).map(Scope::Listener),
            (None, Some(id)) if state.topology.snapshot().brokers.contains_key(&NodeId(id)) => {
                Ok(Scope::Broker(NodeId(id)))
            }
            (None, Some(id)) => Err(Problem::not_found(
                format!("no broker {id} is known"),
                "GET /throughway/v1/topology lists the known ones",
            )),
            (Some(_), Some(_)) => Err(Problem::bad_request(
                "both a listener and a broker are named",
                "name one of them, or none for all sessions",
            )),
        }
    }

    fn of(scope: Scope, config: &Config) -> Self {
        match scope {
            Scope::All => Self::default(),
            Scope::Listener(index) => Self {
                listener: config.listeners.get(index).map(|l| l.name.clone()),
                broker: None,
            },
            Scope::Broker(id) => Self {
                listener: None,
                broker: Some(id.0),
            },
        }
    }

    /// What lets no new sessions in now.
    pub(super) fn all(state: &AdminState) -> Vec<Self> {
        let closed = state.drain.inventory.closed();
        let part = |scope| Self::of(scope, &state.config);
        closed.into_iter().map(part).collect()
    }
}

impl Drained {
    fn of(state: &AdminState, asked: usize) -> Self {
        Self {
            drains: Part::all(state),
            asked,
            sessions: state.drain.inventory.len(),
        }
    }
}

/// The index of the listener with this name.
pub(super) fn listener(config: &Config, name: &str) -> Result<usize, Problem> {
    let found = config.listeners.iter().position(|l| l.name == name);
    found.ok_or_else(|| {
        let names: Vec<_> = config.listeners.iter().map(|l| l.name.as_str()).collect();
        Problem::not_found(
            format!("there is no listener {}", shown(name)),
            format!("there are: {}", names.join(", ")),
        )
    })
}
