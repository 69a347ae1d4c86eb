//! The vendor's side: the licence, where it comes from, and where usage reports go.

use std::time::{Duration, SystemTime};

use super::Finding;
use crate::config::{Config, Parsed, Secret};
use crate::licence::report::{self, Standing};
use crate::licence::{LicenceError, Source, State};
use crate::usage::{Route, sender};

const LICENCE: &str = "licence";
const SECRET: &str = "secrets manager";
const USAGE: &str = "usage endpoint";

/// The token that the proxy would start with now, and who reads it where it is a secret. It is read once.
pub(super) fn licence(parsed: &Parsed) -> Vec<Finding> {
    let setting = |name| parsed.later.get(name).map(|value| value.0.as_str());
    let source = match Source::choose(setting) {
        Ok(source) => source,
        Err(error) => {
            let remedy = "docs/licence.md lists what each message asks for";
            return vec![Finding::fail(LICENCE, error.in_full(), remedy)];
        }
    };
    let read = source.read();
    let mut findings = vec![match &read {
        Ok(token) => judged(&source, token),
        Err(error) => unread(&source, error),
    }];
    let id = setting("GATEWAY_LICENSE_SECRET_ID").map(str::trim);
    let id = id.filter(|id| !id.is_empty());
    findings.extend(id.map(|id| secret(id, &source, &read)));
    findings
}

fn judged(source: &Source, token: &Secret) -> Finding {
    let verdict = report::judge(&token.0, source.variable(), SystemTime::now().into());
    match (verdict.refusal, verdict.standing) {
        (Some(error), _) => {
            Finding::fail(LICENCE, error.in_full(), "put a licence there that counts")
        }
        (None, Some(standing)) => counts(&standing),
        (None, None) => Finding::pass(LICENCE, "counts"),
    }
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

/// AWS Secrets Manager, where the licence is a secret there.
fn secret(id: &str, source: &Source, read: &Result<Secret, LicenceError>) -> Finding {
    match read {
        _ if source.is_by_agent() => Finding::pass(
            SECRET,
            format!("{id} is for `throughway aws-agent` to read"),
        ),
        Ok(_token) => Finding::pass(SECRET, format!("{id} is read")),
        Err(error) => Finding::fail(SECRET, error.in_full(), "docs/licence.md has each code"),
    }
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
