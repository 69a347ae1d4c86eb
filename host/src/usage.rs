//! Usage reports: what was relayed, in anonymous numbers, signed, chained and delivered to the vendor.
//!
//! `payload`, `facts`, `ledger`, `receipt`, `chain` and `schedule` are pure: they read no clock, no file
//! and no setting. `files`, `identity`, `spool` and `store` keep everything in `usage/` of the state
//! directory; `reporter` is told the time and what was counted; `sender` speaks HTTPS. It must not know
//! sessions, listeners' sockets or the metrics' registry, and nothing of the data plane waits for it.

pub mod chain;
mod error;
mod facts;
mod files;
mod identity;
mod ledger;
pub mod payload;
pub mod receipt;
pub mod report;
mod reporter;
mod schedule;
pub mod sender;
mod spool;
pub mod store;
#[cfg(test)]
mod testing;

pub use self::error::UsageError;
pub use self::facts::{Facts, Setup};
pub use self::ledger::{Bytes, Counted};
pub use self::reporter::{Reading, Reporter, Status, Totals};
pub use self::schedule::{Due, Now};
pub use self::sender::{Delivery, Route, Sender};
pub use self::spool::Item;
pub use self::store::{Books, Outcome, Store};
