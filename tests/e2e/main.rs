//! End-to-end tests against a real Kafka: one binary of many modules.

#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test tooling: whatever goes wrong here is a failed test, and says so at once"
)]

mod access_log;
mod address_map;
mod cluster;
mod drain;
mod edge;
mod licence;
mod migration;
mod planted;
mod ports;
mod protocol;
mod service_manager;
mod sni;
mod tails;
mod wrong_protocol;
