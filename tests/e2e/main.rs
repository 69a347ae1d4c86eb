//! End-to-end tests against a real Kafka: one binary of many modules.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test tooling: whatever goes wrong here is a failed test, and says so at once"
)]

mod access_log;
mod address_map;
mod admin;
mod certificates;
mod cluster;
mod contained;
mod drain;
mod edge;
mod guests;
mod hostile;
mod licence;
mod listeners;
mod maps;
mod memory;
mod migration;
mod planted;
mod ports;
mod protocol;
mod reauthentication;
mod service_manager;
mod sni;
mod swap;
mod tails;
mod usage;
mod wrong_protocol;
