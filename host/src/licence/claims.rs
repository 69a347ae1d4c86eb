//! What a licence says, and the bounds of it. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::time::{DAY, LATEST, UnixTime};
use super::token::InvalidToken;

/// The product a licence must be for.
pub const AUDIENCE: &str = "throughway";
/// The version of these claims.
pub const VERSION: u64 = 1;
/// The longest grace: a longer one is a slip of the pen.
const MOST_GRACE_DAYS: u32 = 366;
/// The longest name, in bytes.
const MOST_NAME_BYTES: usize = 128;

/// The claims of one licence. Others than these are ignored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// The product: `AUDIENCE`.
    pub aud: String,
    /// The customer, opaque.
    pub sub: String,
    /// The licence's own id.
    pub jti: String,
    /// When it was issued.
    pub iat: UnixTime,
    /// From when on it is valid.
    pub nbf: UnixTime,
    /// Until when, without grace.
    pub exp: UnixTime,
    /// `VERSION`.
    pub ver: u64,
    /// What was bought.
    pub plan: String,
    /// What it is meant for.
    pub env: Environment,
    /// How long everything goes on after `exp`, in days.
    #[serde(default = "default_grace_days")]
    pub grace_days: u32,
    /// Agreed amounts, by name.
    #[serde(default)]
    pub limits: BTreeMap<String, u64>,
    /// Agreed features.
    #[serde(default)]
    pub features: Vec<String>,
    /// About usage reports.
    #[serde(default)]
    pub reporting: Reporting,
}

fn default_grace_days() -> u32 {
    30
}

/// What a licence is meant for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Real traffic.
    Production,
    /// Trying it out.
    Trial,
    /// Development and tests.
    Dev,
}

impl Environment {
    /// As the claim has it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Trial => "trial",
            Self::Dev => "dev",
        }
    }
}

/// What was agreed about usage reports.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Reporting {
    /// Whether reports are part of the agreement.
    pub required: bool,
    /// Hours from one to the next.
    pub interval_h: u32,
    /// Days without a delivered one until it is overdue.
    pub max_silence_days: u32,
}

impl Default for Reporting {
    fn default() -> Self {
        Self {
            required: true,
            interval_h: 24,
            max_silence_days: 180,
        }
    }
}

impl Claims {
    /// When grace ends.
    #[must_use]
    pub fn grace_end(&self) -> UnixTime {
        self.exp
            .plus(i64::from(self.grace_days).saturating_mul(DAY))
    }

    /// Refuses what no issuer can mean.
    pub(super) fn check(&self) -> Result<(), InvalidToken> {
        let claim = |name, why| Err(InvalidToken::Claim { name, why });
        if self.aud != AUDIENCE {
            return claim("aud", "is for another product");
        }
        let names = [
            ("iss", &self.iss),
            ("sub", &self.sub),
            ("jti", &self.jti),
            ("plan", &self.plan),
        ];
        if let Some((name, _)) = names.into_iter().find(|(_, text)| !is_name(text)) {
            return claim(name, "is not 1 to 128 printable ASCII characters");
        }
        let mut listed = self.limits.keys().chain(&self.features);
        if !listed.all(|name| is_name(name)) {
            return claim(
                "limits and features",
                "have a name not of 1 to 128 ASCII characters",
            );
        }
        let times = [("iat", self.iat), ("nbf", self.nbf), ("exp", self.exp)];
        let possible = UnixTime(0)..=LATEST;
        if let Some((name, _)) = times.into_iter().find(|(_, time)| !possible.contains(time)) {
            return claim(name, "is no time between the years 1970 and 9999");
        }
        if self.exp <= self.nbf || self.exp < self.iat {
            return claim("exp", "is before the licence begins");
        }
        if self.grace_days > MOST_GRACE_DAYS {
            return claim("grace_days", "is more than 366");
        }
        if !(1..=168).contains(&self.reporting.interval_h) {
            return claim("reporting", "has an interval_h not from 1 to 168");
        }
        if !(1..=3660).contains(&self.reporting.max_silence_days) {
            return claim("reporting", "has a max_silence_days not from 1 to 3660");
        }
        Ok(())
    }
}

/// Printable and of one line: it comes into logs. Spaces may be inside.
fn is_name(text: &str) -> bool {
    let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    (1..=MOST_NAME_BYTES).contains(&text.len()) && printable && text.trim() == text
}
