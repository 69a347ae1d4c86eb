//! What throughway asks of AWS: one secret, whether the instance is to end, and to let it end.
//!
//! Alone owns the SDK, so that it is compiled once and nothing else can reach it. It must not know
//! what a licence is or what a drain does.
//!
//! Nothing the SDK would log is logged: it may hold what was fetched, and each failure is told once,
//! by whoever asked.

mod error;
mod hook;
mod instance;
mod request;
mod secret;

pub use self::error::FetchError;
pub use self::hook::{Hook, HookError, InvalidHook};
pub use self::instance::{Instance, InstanceError, SpotNotice};
pub use self::secret::{InvalidSecretId, SecretSource};

/// The longest token taken out of a secret, and the longest secret looked into.
pub const MOST_BYTES: usize = 8 * 1024;
