//! Which token the guard takes: at start, and instead of the one in use.
//!
//! A token is verified before anything else, and what is in use is only given up for what is no worse.

use std::time::Duration;

use super::{Current, Guard, Held, say};
use crate::config::Secret;
use crate::licence::error::LicenceError;
use crate::licence::state::State;
use crate::licence::time::UnixTime;
use crate::licence::token::{self, InvalidToken, Licence};

impl Guard {
    /// The decision at start.
    pub(super) fn first(&self, clock: UnixTime) -> Result<(), LicenceError> {
        let mut held = self.held();
        let unreadable = match self.source.read() {
            Ok(token) => {
                let found = self.verify(token)?;
                self.startable(&held, &found.licence, clock)?;
                self.adopt(&mut held, found, clock);
                return Ok(());
            }
            Err(unreadable) => unreadable,
        };
        let kept = self
            .kept()
            .filter(|kept| self.startable(&held, &kept.licence, clock).is_ok());
        match kept {
            Some(kept) => {
                held.high_water.raise(kept.licence.claims.iat);
                held.current = Some(kept);
            }
            None if self.source.may_come_later(&unreadable, Duration::ZERO) => {}
            None => return Err(unreadable),
        }
        held.refuse(&unreadable);
        Ok(())
    }

    fn verify(&self, token: Secret) -> Result<Current, LicenceError> {
        let variable = self.source.variable();
        let licence = token::verify(&token.0, &self.trust.anchors)
            .map_err(|source| LicenceError::Invalid { variable, source })?;
        Ok(Current { token, licence })
    }

    /// The good token of an earlier run.
    fn kept(&self) -> Option<Current> {
        let token = self.store.last_good()?;
        match token::verify(&token.0, &self.trust.anchors) {
            Ok(licence) => Some(Current { token, licence }),
            Err(error) => {
                if matches!(error, InvalidToken::Newer { .. })
                    && let Err(error) = self.store.set_newer_aside()
                {
                    tracing::warn!(%error, "a newer version's licence cannot be set aside");
                }
                tracing::warn!(%error, "the licence kept by an earlier run is not used");
                None
            }
        }
    }

    /// Refuses a licence that the process must not start with.
    fn startable(
        &self,
        held: &Held,
        licence: &Licence,
        clock: UnixTime,
    ) -> Result<(), LicenceError> {
        match self.state_of(held, licence, clock) {
            state @ (State::Expired | State::Revoked) => Err(self.refusal(state, licence)),
            _ => Ok(()),
        }
    }

    /// `None` for the token in use, the better one, or why it is not better.
    pub(super) fn consider(
        &self,
        held: &Held,
        token: Secret,
        clock: UnixTime,
    ) -> Result<Option<Current>, LicenceError> {
        if held
            .current
            .as_ref()
            .is_some_and(|current| current.token == token)
        {
            return Ok(None);
        }
        let found = self.verify(token)?;
        let state = self.state_of(held, &found.licence, clock);
        if state == State::Revoked {
            return Err(self.refusal(state, &found.licence));
        }
        let Some(current) = &held.current else {
            return Ok(Some(found));
        };
        let now_serves = self.state_of(held, &current.licence, clock).serves();
        if now_serves && !state.serves() {
            return Err(self.refusal(state, &found.licence));
        }
        let (exp, in_use) = (found.licence.claims.exp, current.licence.claims.exp);
        if now_serves == state.serves() && exp < in_use {
            return Err(LicenceError::EndsEarlier {
                variable: self.source.variable(),
                jti: found.licence.claims.jti,
                exp,
                held: in_use,
            });
        }
        Ok(Some(found))
    }

    pub(super) fn adopt(
        &self,
        held: &mut Held,
        found: Current,
        clock: UnixTime,
    ) -> Option<Current> {
        held.high_water.raise(found.licence.claims.iat);
        held.refusal = None;
        held.failures = 0;
        held.last_success = Some(clock);
        say::adopted(&found.licence, self.source.variable());
        if let Err(error) = self.store.save_last_good(&found.token) {
            tracing::warn!(%error, "the licence cannot be kept for the next start");
        }
        held.current.replace(found)
    }

    fn refusal(&self, state: State, licence: &Licence) -> LicenceError {
        licence.refusal(state, self.source.variable())
    }

    pub(super) fn state_of(&self, held: &Held, licence: &Licence, clock: UnixTime) -> State {
        let mut high_water = held.high_water;
        high_water.raise(licence.claims.iat);
        let revoked = self.trust.revoked.contains(&licence.claims.jti);
        State::of(&licence.claims, revoked, high_water.read(clock).now)
    }
}
