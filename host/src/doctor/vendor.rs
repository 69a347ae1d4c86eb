//! The vendor's side: the licence, where it comes from, and where usage reports go.

use std::time::{Duration, SystemTime};

use super::Finding;
use crate::config::{Config, Parsed};
use crate::licence::report::{self, Standing};
use crate::licence::{LicenceError, Source, State};
use crate::usage::{Route, sender};

const LICENCE: &str = "licence";
const SECRET: &str = "secrets manager";
const USAGE: &str = "usage endpoint";

/// The token that the proxy would start with now.
pub(super) fn licence(parsed: &Parsed) -> Vec<Finding> {
    let source = match source(parsed) {
        Ok(source) => source,
        Err(error) => {
            let remedy = "docs/licence.md lists what each message asks for";
            return vec![Finding::fail(LICENCE, error.in_full(), remedy)];
        }
    };
    let token = match source.read() {
        Ok(token) => token,
        Err(error) => return vec![unread(&source, &error)],
    };
    let verdict = report::judge(&token.0, source.variable(), SystemTime::now().into());
    vec![match (verdict.refusal, verdict.standing) {
        (Some(error), _) => {
            Finding::fail(LICENCE, error.in_full(), "put a licence there that counts")
        }
        (None, Some(standing)) => counts(&standing),
        (None, None) => Finding::pass(LICENCE, "counts"),
    }]
}

fn unread(source: &Source, error: &LicenceError) -> Finding {
    let detail = error.in_full();
    match (source.may_come_later(error, Duration::ZERO), source) {
        (true, Source::AgentFile(_)) => Finding::warn(
            LICENCE,
            detail,
            "the proxy starts and waits for it; `systemctl status throughway-aws` says why it is not there",
        ),
        (true, _) => Finding::warn(LICENCE, detail, "the proxy starts and asks again"),
        (false, Source::Secret(..)) => {
            Finding::fail(LICENCE, detail, "docs/licence.md has each code")
        }
        (false, _) => Finding::fail(
            LICENCE,
            detail,
            "the service's user must be able to read it",
        ),
    }
}

fn counts(standing: &Standing) -> Finding {
    let Standing {
        state,
        remaining_days,
    } = standing;
    let detail = format!("{}, {remaining_days} days left", state.label());
    match state {
        State::Valid => Finding::pass(LICENCE, detail),
        _ => Finding::warn(
            LICENCE,
            detail,
            "ask for a renewed one; it is taken while running",
        ),
    }
}

fn source(parsed: &Parsed) -> Result<Source, LicenceError> {
    Source::choose(|name| parsed.later.get(name).map(|value| value.0.as_str()))
}

/// Only where the licence is a secret there.
pub(super) fn secret(parsed: &Parsed) -> Option<Finding> {
    let id = parsed.later.get("GATEWAY_LICENSE_SECRET_ID")?;
    let id = id.0.trim();
    (!id.is_empty()).then(|| match source(parsed) {
        Ok(source) if source.is_by_agent() => Finding::pass(
            SECRET,
            format!("{id} is for `throughway aws-agent` to read"),
        ),
        Ok(source) => match source.read() {
            Ok(_token) => Finding::pass(SECRET, format!("{id} is read")),
            Err(error) => Finding::fail(SECRET, error.in_full(), "docs/licence.md has each code"),
        },
        Err(error) => Finding::fail(SECRET, error.in_full(), "name the secret by its ARN"),
    })
}

/// Nothing is sent. Unreachable is no failure: it never stops traffic.
pub(super) async fn usage(config: &Config) -> Finding {
    let carry = "let this machine reach it, or carry reports by hand: `throughway usage export`";
    let route = match Route::of(&config.usage) {
        Ok(route) => route,
        Err(why) => return Finding::fail(USAGE, why, "mend GATEWAY_USAGE_ENDPOINT"),
    };
    let to = route.endpoint.authority();
    match sender::reach(route).await {
        Ok(()) => Finding::pass(
            USAGE,
            format!("{to} is reached, and its certificate is good"),
        ),
        Err(error) => Finding::warn(USAGE, error, carry),
    }
}
