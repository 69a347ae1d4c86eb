//! A licence in words, for people who ask about one offline.
//!
//! Pure. It must not know where the token came from.

use std::fmt::Write as _;

use super::anchors::Trust;
use super::error::LicenceError;
use super::state::{HighWater, State, remaining_days};
use super::time::{DAY, UnixTime};
use super::token::{self, Licence};

/// The answer to "does this count?".
#[derive(Debug)]
pub struct Verdict {
    /// Every claim in words; empty when there is nothing to believe.
    pub text: String,
    /// Why a proxy would not serve with it now.
    pub refusal: Option<LicenceError>,
    /// How it stands; `None` when there is nothing to believe.
    pub standing: Option<Standing>,
}

/// How a licence stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Whether it counts.
    pub state: State,
    /// Until its end, without grace.
    pub remaining_days: i64,
}

/// Judges a token by what was built in; `origin` says in errors where it is from.
#[must_use]
pub fn judge(token: &str, origin: &'static str, clock: UnixTime) -> Verdict {
    judge_by(&Trust::built_in(), token, origin, clock)
}

pub(super) fn judge_by(
    trust: &Trust,
    token: &str,
    origin: &'static str,
    clock: UnixTime,
) -> Verdict {
    let licence = match token::verify(token.trim(), &trust.anchors) {
        Ok(licence) => licence,
        Err(source) => {
            let refusal = LicenceError::Invalid {
                variable: origin,
                source,
            };
            return Verdict {
                text: String::new(),
                refusal: Some(refusal),
                standing: None,
            };
        }
    };
    let mut high_water = HighWater(trust.source_time);
    high_water.raise(licence.claims.iat);
    let reading = high_water.read(clock);
    let revoked = trust.revoked.contains(&licence.claims.jti);
    let state = State::of(&licence.claims, revoked, reading.now);
    let mut text = describe(&licence, state, reading.now);
    if let Some(behind) = reading.behind {
        let _infallible = writeln!(
            text,
            "clock        {behind} seconds behind a time known to have passed ({}), judged by that",
            reading.now
        );
    }
    let refusal = (!state.serves()).then(|| licence.refusal(state, origin));
    let standing = Some(Standing {
        state,
        remaining_days: remaining_days(&licence.claims, reading.now),
    });
    Verdict {
        text,
        refusal,
        standing,
    }
}

/// Every claim, one a line.
#[must_use]
pub fn describe(licence: &Licence, state: State, now: UnixTime) -> String {
    let claims = &licence.claims;
    let days = remaining_days(claims, now);
    let limits: Vec<_> = claims
        .limits
        .iter()
        .map(|(name, amount)| format!("{name}={amount}"))
        .collect();
    let reporting = &claims.reporting;
    let reports = format!(
        "{}, every {} h, overdue after {} days without a receipt",
        if reporting.required {
            "required"
        } else {
            "not required"
        },
        reporting.interval_h,
        reporting.max_silence_days
    );
    let grace = format!("{} days, until {}", claims.grace_days, claims.grace_end());
    let end = format!("{} ({})", claims.exp, distance(claims.exp.since(now)));
    [
        ("state", format!("{}, {days} days left", state.label())),
        ("licence", claims.jti.clone()),
        ("customer", claims.sub.clone()),
        ("plan", claims.plan.clone()),
        ("environment", claims.env.label().to_owned()),
        ("issued", format!("{} by {}", claims.iat, claims.iss)),
        ("valid from", claims.nbf.to_string()),
        ("valid until", end),
        ("grace", grace),
        ("limits", listed(&limits)),
        ("features", listed(&claims.features)),
        ("reporting", reports),
        ("signed by", licence.kid.clone()),
    ]
    .into_iter()
    .fold(String::new(), |mut text, (name, value)| {
        let _infallible = writeln!(text, "{name:<12} {value}");
        text
    })
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// How far away, in days or hours.
fn distance(seconds: i64) -> String {
    let away = seconds.saturating_abs();
    let amount = match (away / DAY, away / 3600) {
        (0, hours) => format!("{hours} hours"),
        (1, _) => "1 day".to_owned(),
        (days, _) => format!("{days} days"),
    };
    if seconds < 0 {
        format!("{amount} ago")
    } else {
        format!("in {amount}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::licence::testing::{NOW, claims, signed, trust};

    #[test]
    fn tells_every_claim_in_words() {
        let mut claims = claims();
        claims.limits.insert("brokers".to_owned(), 12);
        claims.features.push("wasm".to_owned());
        let verdict = judge_by(&trust(), &signed(&claims), "the file", NOW);
        assert!(verdict.refusal.is_none());
        let expected = "\
state        valid, 100 days left
licence      licence-1
customer     customer-1
plan         standard
environment  dev
issued       2027-01-01T00:00:00Z by tests
valid from   2027-01-01T00:00:00Z
valid until  2027-04-11T00:00:00Z (in 100 days)
grace        30 days, until 2027-05-11T00:00:00Z
limits       brokers=12
features     wasm
reporting    required, every 24 h, overdue after 180 days without a receipt
signed by    tw-lic-DEV-KEY-DO-NOT-SHIP
";
        assert_eq!(verdict.text, expected);
    }

    #[test]
    fn an_expired_licence_is_described_and_refused() {
        let verdict = judge_by(
            &trust(),
            &signed(&claims()),
            "the file",
            NOW.plus(131 * DAY),
        );
        assert!(
            verdict
                .text
                .starts_with("state        expired, -31 days left\n")
        );
        assert!(verdict.text.contains("(31 days ago)"), "{}", verdict.text);
        let why = verdict.refusal.unwrap().to_string();
        assert_eq!(
            why,
            "the file: licence licence-1 ended at 2027-04-11T00:00:00Z and its grace at \
             2027-05-11T00:00:00Z: put a renewed licence there"
        );
    }

    #[test]
    fn nothing_is_told_of_a_token_that_is_not_signed() {
        let mut token = signed(&claims());
        token.truncate(token.len() - 4);
        let verdict = judge_by(&trust(), &token, "the file", NOW);
        assert_eq!(verdict.text, "");
        let why = verdict.refusal.unwrap().in_full();
        assert!(
            why.starts_with("the file holds no valid licence: the token's"),
            "{why}"
        );
    }

    #[test]
    fn a_clock_from_before_the_licence_was_issued_is_mentioned() {
        let verdict = judge_by(
            &trust(),
            &signed(&claims()),
            "the file",
            NOW.plus(-30 * DAY),
        );
        assert!(verdict.refusal.is_none());
        assert!(
            verdict.text.contains("clock        2592000 seconds behind"),
            "{}",
            verdict.text
        );
    }
}
