//! The guard's words in the log: a change at once, and reminders as long as something is to be done.

use super::{Guard, Held};
use crate::licence::state::State;
use crate::licence::time::UnixTime;
use crate::licence::token::Licence;

/// How often a clock that is behind is mentioned, in seconds.
const CLOCK_REMINDER: i64 = 3600;

/// What was said last, and when.
#[derive(Debug, Default)]
pub(super) struct Said {
    state: Option<(State, UnixTime)>,
    clock: Option<UnixTime>,
}

pub(super) fn adopted(licence: &Licence, source: &str) {
    let claims = &licence.claims;
    tracing::info!(
        jti = claims.jti, plan = claims.plan, exp = %claims.exp, kid = licence.kid, source,
        "licence loaded"
    );
}

pub(super) fn refused(error: &str, another_in_use: bool) {
    if another_in_use {
        tracing::warn!(
            error,
            "the licence source has nothing better, the last good one stays in use"
        );
    } else {
        tracing::warn!(error, "the licence source has no licence yet");
    }
}

pub(super) fn recovered(source: &str) {
    tracing::info!(source, "the licence source has the licence in use again");
}

impl Guard {
    /// Says what is new, or due again.
    pub(super) fn say(&self, held: &mut Held, state: State, clock: UnixTime) {
        let reading = held.high_water.read(clock);
        if let Some(behind) = reading.behind
            && due(held.said.clock, CLOCK_REMINDER, clock)
        {
            held.said.clock = Some(clock);
            tracing::warn!(
                seconds_behind = behind, mark = %reading.now, kept_in = %self.store.clock_path().display(),
                "the clock is behind a time known to have passed, licences are judged by that: set the \
                 clock; if it was wrong before and is right now, remove the file and restart"
            );
        }
        let days = held.remaining_days(clock);
        let again = match held.said.state {
            Some((said, at)) if said == state => state
                .reminder(days)
                .is_some_and(|every| due(Some(at), every, clock)),
            // Silence about the first state of all goods things: `adopted` has told it.
            before => before.is_some() || state != State::Valid,
        };
        if again || held.said.state.is_none() {
            held.said.state = Some((state, clock));
        }
        if again {
            tell(state, held, days);
        }
    }
}

/// Whether so many seconds have passed; a clock that was set back does not silence anything.
fn due(last: Option<UnixTime>, every: i64, clock: UnixTime) -> bool {
    last.is_none_or(|last| !(0..every).contains(&clock.since(last)))
}

fn tell(state: State, held: &Held, days: Option<i64>) {
    let label = state.label();
    let Some(current) = &held.current else {
        let error = held.refusal.as_ref().map(|refusal| refusal.text.as_str());
        tracing::warn!(
            state = label,
            error,
            "there is no licence: not ready, new sessions are refused"
        );
        return;
    };
    let claims = &current.licence.claims;
    let (jti, exp, grace_end) = (claims.jti.as_str(), claims.exp, claims.grace_end());
    let days = days.unwrap_or_default();
    match state {
        State::Valid => tracing::info!(jti, %exp, "the licence is valid"),
        State::Expiring => {
            tracing::warn!(jti, %exp, remaining_days = days, "the licence expires soon: renew it");
        }
        State::Grace => tracing::error!(
            jti, %exp, %grace_end, remaining_days = days,
            "the licence has expired and its grace is running: renew it before new sessions are refused"
        ),
        State::Expired => tracing::error!(
            jti, %exp, %grace_end, remaining_days = days,
            "the licence and its grace have expired: new sessions are refused until it is renewed"
        ),
        State::NotYetValid => tracing::warn!(
            jti, nbf = %claims.nbf,
            "the licence is not valid yet: not ready, new sessions are refused until then"
        ),
        State::Revoked | State::Invalid | State::Missing => {
            tracing::error!(
                jti,
                state = label,
                "the licence does not count: new sessions are refused"
            );
        }
    }
}
