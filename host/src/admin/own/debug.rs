//! `debug`: for some minutes, the log tells in full what happens to one client's sessions.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use axum::extract::State;
use axum::routing::put;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::super::AdminState;
use super::super::input::Input;
use super::super::problem::Problem;
use crate::licence::UnixTime;
use crate::telemetry::TooMany;

/// A day: whoever needs longer has `GATEWAY_LOG`.
const MOST_MINUTES: u16 = 24 * 60;

pub(super) fn routes() -> Router<AdminState> {
    Router::new().route("/debug", put(begin))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    client: IpAddr,
    /// 0 ends it.
    minutes: u16,
}

#[derive(Serialize)]
struct Debugged {
    client: IpAddr,
    until: String,
}

async fn begin(
    State(state): State<AdminState>,
    Input(wanted): Input<Wanted>,
) -> Result<Json<Debugged>, Problem> {
    let Wanted { client, minutes } = wanted;
    if minutes > MOST_MINUTES {
        return Err(Problem::bad_request(
            format!("{minutes} minutes are too many"),
            format!("0 (ends it) to {MOST_MINUTES} are accepted; GATEWAY_LOG has no end"),
        ));
    }
    let lasts = Duration::from_secs(u64::from(minutes) * 60);
    state
        .debugging
        .set(client, lasts)
        .map_err(|TooMany(most)| {
            Problem::conflict(
                format!("{most} clients are told in full already"),
                "end one of them with 0 minutes, or wait until its time is over",
            )
        })?;
    let until = UnixTime::from(SystemTime::now()).plus(i64::from(minutes) * 60);
    Ok(Json(Debugged {
        client,
        until: until.to_string(),
    }))
}
