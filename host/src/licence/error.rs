//! Why there is no licence, or why another one was not taken. Every message names the remedy and
//! none holds any part of a token.

use std::io;
use std::path::PathBuf;

use throughway_aws::{FetchError, InvalidSecretId};

use super::state::State;
use super::time::UnixTime;
use super::token::InvalidToken;
use crate::in_full::in_full;

/// The three variables, as messages list them.
const SOURCES: &str = "GATEWAY_LICENSE_KEY (the token), GATEWAY_LICENSE_FILE (a file with it) or \
                       GATEWAY_LICENSE_SECRET_ID (AWS Secrets Manager)";

/// Why there is no licence, or why another one was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LicenceError {
    /// No source is named.
    #[error("no licence: set exactly one of {SOURCES}")]
    Unset,
    /// More than one source is named.
    #[error("{} are set: set exactly one of {SOURCES}", .0.join(" and "))]
    Several(Vec<&'static str>),
    /// What should name a secret does not.
    #[error("GATEWAY_LICENSE_SECRET_ID")]
    NoSecret(#[from] InvalidSecretId),
    /// How often the secret is read is no such number.
    #[error("GATEWAY_LICENSE_REFRESH_MINUTES={0}: must be minutes from 1 to 1440")]
    RefreshMinutes(String),
    /// Secrets Manager did not give the secret.
    #[error("GATEWAY_LICENSE_SECRET_ID")]
    Unfetched(#[from] FetchError),
    /// The file cannot be read.
    #[error("{variable}: read {path:?}")]
    Unreadable {
        /// Which variable names it.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// What was read is no licence.
    #[error("{variable} holds no valid licence")]
    Invalid {
        /// Which variable gave it.
        variable: &'static str,
        /// What is wrong with it.
        #[source]
        source: InvalidToken,
    },
    /// The vendor has withdrawn it.
    #[error("{variable}: licence {jti} was withdrawn by the vendor: ask for another one")]
    Revoked {
        /// Which variable gave it.
        variable: &'static str,
        /// Of the licence.
        jti: String,
    },
    /// It ended, and so did its grace.
    #[error(
        "{variable}: licence {jti} ended at {exp} and its grace at {grace_end}: \
         put a renewed licence there"
    )]
    Expired {
        /// Which variable gave it.
        variable: &'static str,
        /// Of the licence.
        jti: String,
        /// Its end.
        exp: UnixTime,
        /// The end of its grace.
        grace_end: UnixTime,
    },
    /// It begins later. Only for one that would replace another or is asked about.
    #[error("{variable}: licence {jti} is valid from {nbf} on")]
    NotYetValid {
        /// Which variable gave it.
        variable: &'static str,
        /// Of the licence.
        jti: String,
        /// Its beginning.
        nbf: UnixTime,
    },
    /// It would end before the one in use.
    #[error(
        "{variable}: licence {jti} ends at {exp}, before the one in use ({held}): restart to use it"
    )]
    EndsEarlier {
        /// Which variable gave it.
        variable: &'static str,
        /// Of the licence that was not taken.
        jti: String,
        /// Its end.
        exp: UnixTime,
        /// The end of the one in use.
        held: UnixTime,
    },
}

impl LicenceError {
    /// What a process without any other licence is in after this.
    #[must_use]
    pub fn state(&self) -> State {
        match self {
            Self::Invalid { .. } => State::Invalid,
            Self::Revoked { .. } => State::Revoked,
            Self::Expired { .. } => State::Expired,
            Self::NotYetValid { .. } => State::NotYetValid,
            Self::Unset
            | Self::Several(_)
            | Self::NoSecret(_)
            | Self::RefreshMinutes(_)
            | Self::Unfetched(_)
            | Self::Unreadable { .. }
            | Self::EndsEarlier { .. } => State::Missing,
        }
    }

    /// The same for the same trouble, for whoever says each only once.
    #[must_use]
    pub fn kind(&self) -> String {
        match self {
            Self::Unfetched(error) => error.code().to_owned(),
            other => other.in_full(),
        }
    }

    /// This and what caused it, in one line.
    #[must_use]
    pub fn in_full(&self) -> String {
        in_full(self)
    }
}
