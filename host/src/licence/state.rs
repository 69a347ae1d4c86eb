//! Whether a licence counts at a given moment, and which moment a doubtful clock means.
//!
//! Pure: the clock is read elsewhere and passed in.

use super::claims::Claims;
use super::time::{DAY, UnixTime};

/// How wrong clocks may be before it matters, in seconds: towards the licence's beginning and end.
pub const SKEW: i64 = 300;

/// How long before its end a licence is said to expire, in seconds.
const EXPIRING: i64 = 30 * DAY;

/// How far behind what it has shown before a clock may be, in seconds.
const BEHIND: i64 = 3600;

/// What a licence amounts to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// In force.
    Valid,
    /// In force, for 30 days or less.
    Expiring,
    /// Past its end and still in force.
    Grace,
    /// Past its grace.
    Expired,
    /// In force later.
    NotYetValid,
    /// Withdrawn by the vendor.
    Revoked,
    /// There is a text and it is no licence.
    Invalid,
    /// There is none yet.
    Missing,
}

impl State {
    /// Every one, in the order of the metric.
    pub const ALL: [Self; 8] = [
        Self::Valid,
        Self::Expiring,
        Self::Grace,
        Self::Expired,
        Self::NotYetValid,
        Self::Revoked,
        Self::Invalid,
        Self::Missing,
    ];

    /// Of a verified licence at this moment.
    #[must_use]
    pub fn of(claims: &Claims, revoked: bool, now: UnixTime) -> Self {
        if revoked {
            Self::Revoked
        } else if now.plus(SKEW) < claims.nbf {
            Self::NotYetValid
        } else if now >= claims.grace_end().plus(SKEW) {
            Self::Expired
        } else if now >= claims.exp {
            Self::Grace
        } else if claims.exp.since(now) <= EXPIRING {
            Self::Expiring
        } else {
            Self::Valid
        }
    }

    /// Whether new sessions are accepted.
    #[must_use]
    pub fn serves(self) -> bool {
        matches!(self, Self::Valid | Self::Expiring | Self::Grace)
    }

    /// The metric label and log field.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expiring => "expiring",
            Self::Grace => "grace",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Revoked => "revoked",
            Self::Invalid => "invalid",
            Self::Missing => "missing",
        }
    }

    /// How often it is said again, in seconds; `None` for what needs no saying.
    #[must_use]
    pub fn reminder(self, remaining_days: Option<i64>) -> Option<i64> {
        match self {
            Self::Valid => None,
            Self::Expiring if remaining_days.is_some_and(|days| days >= 3) => Some(DAY),
            Self::Expiring | Self::Grace | Self::Expired => Some(3600),
            Self::NotYetValid | Self::Revoked | Self::Invalid | Self::Missing => Some(60),
        }
    }
}

/// Whole days until the licence's end, without grace; negative from its end on.
#[must_use]
pub fn remaining_days(claims: &Claims, now: UnixTime) -> i64 {
    claims.exp.since(now).div_euclid(DAY)
}

/// The latest moment known to have passed: a clock that shows much less is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HighWater(pub UnixTime);

/// A clock, read against the high-water mark.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reading {
    /// The moment to judge by.
    pub now: UnixTime,
    /// Seconds by which the clock is behind the mark, when that is too much.
    pub behind: Option<i64>,
}

impl HighWater {
    /// This moment has passed, too.
    pub fn raise(&mut self, passed: UnixTime) {
        self.0 = self.0.max(passed);
    }

    /// What a clock that shows this means.
    #[must_use]
    pub fn read(self, clock: UnixTime) -> Reading {
        let behind = self.0.since(clock);
        if behind > BEHIND {
            Reading {
                now: self.0,
                behind: Some(behind),
            }
        } else {
            Reading {
                now: clock,
                behind: None,
            }
        }
    }
}

#[cfg(test)]
mod tests;
