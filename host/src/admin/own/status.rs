//! `status`: how the process is, in one answer.

use std::time::SystemTime;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::super::AdminState;
use super::drain::Part;
use crate::build_info;
use crate::config::{ListenerConfig, Routing};

pub(super) fn routes() -> Router<AdminState> {
    Router::new().route("/status", get(status))
}

/// How the process is.
#[derive(Debug, Serialize)]
pub(in super::super) struct Status {
    pub(in super::super) version: &'static str,
    pub(in super::super) commit: &'static str,
    pub(in super::super) uptime_seconds: u64,
    pub(in super::super) ready: bool,
    pub(in super::super) draining: bool,
    /// What lets no new sessions in, as it was asked for.
    pub(in super::super) drains: Vec<Part>,
    pub(in super::super) sessions: usize,
    pub(in super::super) license_state: &'static str,
    pub(in super::super) license_remaining_days: Option<i64>,
    pub(in super::super) cluster_id: Option<String>,
    pub(in super::super) brokers: usize,
    pub(in super::super) topology_version: u64,
    pub(in super::super) table_version: u64,
    pub(in super::super) listeners: Vec<Listener>,
    pub(in super::super) workers: usize,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct Listener {
    pub(in super::super) name: String,
    pub(in super::super) routing: &'static str,
    pub(in super::super) security_protocol: &'static str,
}

async fn status(State(state): State<AdminState>) -> Json<Status> {
    Json(Status::of(&state))
}

impl Status {
    pub(in super::super) fn of(state: &AdminState) -> Self {
        let licence = state.licence.status(SystemTime::now().into());
        let snapshot = state.topology.snapshot();
        Self {
            version: build_info::VERSION,
            commit: build_info::COMMIT,
            uptime_seconds: state.started.elapsed().as_secs(),
            ready: state.readiness.is_ready(),
            draining: state.readiness.is_draining(),
            drains: Part::all(state),
            sessions: state.drain.sessions.len(),
            license_state: licence.state.label(),
            license_remaining_days: licence.remaining_days,
            cluster_id: snapshot.cluster_id.clone(),
            brokers: snapshot.brokers.len(),
            topology_version: snapshot.version,
            table_version: state.address_map.table().topology_version(),
            listeners: state.config.listeners.iter().map(listener).collect(),
            workers: state.config.workers,
        }
    }
}

fn listener(config: &ListenerConfig) -> Listener {
    Listener {
        name: config.name.clone(),
        routing: match config.routing {
            Routing::Port { .. } => "port",
            Routing::Sni { .. } => "sni",
        },
        security_protocol: match config.tls {
            Some(_) => "SASL_SSL",
            None => "SASL_PLAINTEXT",
        },
    }
}
