//! The licence: a signed token, checked offline, that says until when new sessions are accepted.
//!
//! `jws`, `json`, `token`, `claims`, `state`, `time` and `report` are pure: they read no clock, no
//! file and no setting. `source` and `store` read and write files, `source` also a secret of AWS;
//! `guard` holds the licence in use and is told the time, by `keep`. It must not know sessions, listeners or HTTP.

pub mod anchors;
pub mod claims;
mod error;
pub mod guard;
pub mod issue;
mod json;
pub mod jws;
pub mod keep;
pub mod report;
pub mod source;
pub mod state;
mod store;
#[cfg(test)]
pub(crate) mod testing;
pub mod time;
pub mod token;

pub use self::anchors::Anchor;
pub use self::error::LicenceError;
pub use self::guard::{Guard, Refreshed, Status};
pub use self::source::Source;
pub use self::state::State;
pub use self::time::UnixTime;
pub use self::token::Licence;

/// The latest time that a proxy with this state directory is known to have seen. Blocking.
#[must_use]
pub fn last_seen(state_directory: &std::path::Path) -> Option<UnixTime> {
    store::Store::new(state_directory).high_water()
}
