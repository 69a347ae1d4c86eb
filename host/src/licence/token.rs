//! A licence token: signature and claims together. Pure: whether it counts *now* is `state`'s.

use serde_json::Value;

use super::anchors::Anchor;
use super::claims::{Claims, VERSION};
use super::error::LicenceError;
use super::jws::{self, JwsError};
use super::state::State;

/// The `typ` of a licence.
pub const TYPE: &str = "throughway-license+jwt";

/// Why a text is no licence. Never holds the token.
#[derive(Debug, thiserror::Error)]
pub enum InvalidToken {
    /// Not a token, or not signed by a key of this build.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// Of a later product.
    #[error("the licence has version {found}, newer than {VERSION}: a newer throughway is needed")]
    Newer {
        /// The claim `ver`.
        found: u64,
    },
    /// A claim is missing or of the wrong kind.
    #[error("the licence's claims are not complete")]
    Claims(#[source] serde_json::Error),
    /// A claim is out of bounds.
    #[error("the licence's {name} {why}")]
    Claim {
        /// The claim.
        name: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// A licence whose signature holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Licence {
    /// The anchor that verified it.
    pub kid: String,
    /// What it says.
    pub claims: Claims,
}

impl Licence {
    /// Why a licence in this state is not taken from this variable.
    pub(super) fn refusal(&self, state: State, variable: &'static str) -> LicenceError {
        let claims = &self.claims;
        let (jti, exp, nbf) = (claims.jti.clone(), claims.exp, claims.nbf);
        match state {
            State::Revoked => LicenceError::Revoked { variable, jti },
            State::NotYetValid => LicenceError::NotYetValid { variable, jti, nbf },
            _ => LicenceError::Expired {
                variable,
                jti,
                exp,
                grace_end: claims.grace_end(),
            },
        }
    }
}

/// Verifies a token. White space around it must be gone already.
///
/// # Errors
/// `InvalidToken`; then there is no licence.
pub fn verify(token: &str, anchors: &[Anchor]) -> Result<Licence, InvalidToken> {
    let opened = jws::open(token, TYPE, anchors)?;
    // First, because a newer version may have other claims.
    match opened.payload.get("ver").and_then(Value::as_u64) {
        Some(found) if found > VERSION => return Err(InvalidToken::Newer { found }),
        Some(VERSION) => {}
        _ => {
            return Err(InvalidToken::Claim {
                name: "ver",
                why: "is not 1",
            });
        }
    }
    let claims: Claims =
        serde_json::from_value(Value::Object(opened.payload)).map_err(InvalidToken::Claims)?;
    claims.check()?;
    Ok(Licence {
        kid: opened.kid,
        claims,
    })
}

#[cfg(test)]
mod tests;
