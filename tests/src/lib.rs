//! The test harness: real Kafka clusters, real clients, relays that record and brokers that lie.
//!
//! Owns whatever a test needs around throughway; it must not know throughway's code, only its
//! binary and its variables. Everything lives in temporary folders and ends with the process.
//!
//! - [`kafka_jars`], [`cluster`], [`certificates`], [`ports`]: a real upstream
//! - [`proxy`]: throughway as a process, with the variables of a test
//! - [`clients`]: programs in Rust, Java, Python, Go and JavaScript, all told what to do in the same way
//! - [`cells`], [`matrix`]: which client came through in which way; every client with every Kafka
//! - [`load`]: clients that go on while something breaks, and the check that nothing was lost
//! - [`wire`], [`probe`], [`recorder`], [`exchanges`], [`leaks`], [`script_broker`], [`faults`]: the protocol itself
//! - [`network`]: a network that a test has for itself, and a link in it that can fail
//! - [`soak`], [`usage`]: how much is run, and what it takes
//! - [`mod@bench`]: throughway beside its peers
//! - [`collector`], [`clock`]: the vendor's side of usage reports, and time moved from outside
//! - [`cloud`]: AWS by an emulator, with faults
//! - [`process`], [`files`]: children and folders that never outlive us, logs that do

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test tooling: whatever goes wrong here is a failed test, and says so at once"
)]

pub mod bench;
pub mod cells;
pub mod certificates;
pub mod clients;
pub mod clock;
pub mod cloud;
pub mod cluster;
pub mod collector;
pub mod exchanges;
pub mod faults;
pub mod files;
pub mod kafka_jars;
pub mod leaks;
pub mod load;
pub mod matrix;
pub mod network;
pub mod ports;
pub mod probe;
pub mod process;
pub mod proxy;
pub mod recorder;
pub mod script_broker;
pub mod soak;
pub mod usage;
pub mod wire;

use std::path::{Path, PathBuf};

/// The folder of this crate in the source tree.
#[must_use]
pub fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The private keys of licences and receipts that the build under test believes: `THROUGHWAY_KEYS`, else
/// those of development builds.
#[must_use]
pub fn keys_folder() -> PathBuf {
    let other = std::env::var_os("THROUGHWAY_KEYS");
    other.map_or_else(|| crate_folder().join("keys"), PathBuf::from)
}

/// Where downloads are kept between runs; git ignores it.
#[must_use]
pub fn cache_folder() -> PathBuf {
    crate_folder().join(".cache")
}

/// For people, on standard error.
#[expect(
    clippy::print_stderr,
    reason = "what a person reads who runs the tests"
)]
pub fn say(text: &str) {
    eprintln!("{text}");
}
