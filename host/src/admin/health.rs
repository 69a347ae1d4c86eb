//! What the three health paths say, in the shape that charts and provisioning tools know.
//!
//! The upstream cluster never counts: a load balancer that takes every proxy out because the brokers
//! are away helps nobody. It must not know how the flags come about.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::build_info;

/// Whether new connections should be sent here. Set by those who know, shown by `/health/ready`.
/// Nothing is ready at first.
#[derive(Debug, Default)]
pub struct Readiness {
    ports_bound: AtomicBool,
    table_published: AtomicBool,
    draining: AtomicBool,
    licensed: AtomicBool,
}

impl Readiness {
    /// All configured ports are bound.
    pub fn set_ports_bound(&self) {
        self.ports_bound.store(true, Ordering::Release);
    }

    /// An address table is published; from then on there always is one.
    pub fn set_table_published(&self) {
        self.table_published.store(true, Ordering::Release);
    }

    /// A drain has begun (or was taken back).
    pub fn set_draining(&self, draining: bool) {
        self.draining.store(draining, Ordering::Release);
    }

    /// A drain is under way.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// The licence allows new sessions, or no longer does.
    pub fn set_licensed(&self, licensed: bool) {
        self.licensed.store(licensed, Ordering::Release);
    }

    /// True when every check holds.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.checks().iter().all(|&(_, holds)| holds)
    }

    fn checks(&self) -> [(&'static str, bool); 4] {
        [
            ("ports", self.ports_bound.load(Ordering::Acquire)),
            ("addressMap", self.table_published.load(Ordering::Acquire)),
            ("notDraining", !self.draining.load(Ordering::Acquire)),
            ("licence", self.licensed.load(Ordering::Acquire)),
        ]
    }
}

#[derive(Serialize)]
struct Report {
    status: &'static str,
    checks: Vec<Value>,
    outcome: &'static str,
}

fn word(holds: bool) -> &'static str {
    if holds { "UP" } else { "DOWN" }
}

fn live_check() -> Value {
    json!({ "id": "live", "status": "UP" })
}

/// `/health`: provisioning tools read the version from here.
pub(super) async fn overview() -> impl IntoResponse {
    let build = json!({
        "id": "buildInfo",
        "status": "UP",
        "data": { "version": build_info::VERSION, "commit": build_info::COMMIT },
    });
    Json(Report {
        status: "UP",
        checks: vec![build, live_check()],
        outcome: "UP",
    })
}

/// `/health/live`: that this answers is the whole news.
pub(super) async fn live() -> impl IntoResponse {
    Json(Report {
        status: "UP",
        checks: vec![live_check()],
        outcome: "UP",
    })
}

/// `/health/ready`: 200 or 503, with the checks that make the difference.
pub(super) fn ready(readiness: &Readiness) -> Response {
    // Read once, so that status and checks agree.
    let checks = readiness.checks();
    let holds = checks.iter().all(|&(_, holds)| holds);
    let (code, status) = if holds {
        (StatusCode::OK, "READY")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "NOTREADY")
    };
    let checks = checks
        .iter()
        .map(|&(id, holds)| json!({ "id": id, "status": word(holds) }))
        .collect();
    let outcome = word(holds);
    let report = Report {
        status,
        checks,
        outcome,
    };
    (code, Json(report)).into_response()
}
