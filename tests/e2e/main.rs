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
mod brokers;
mod certificates;
mod cluster;
mod contained;
mod deadlines;
mod drain;
mod edge;
mod guests;
mod half_open;
mod hostile;
mod idle;
mod licence;
mod limits;
mod listeners;
mod maps;
mod memory;
mod migration;
mod movements;
mod planted;
mod ports;
mod protocol;
mod proxy_protocol;
mod reauthentication;
mod resets;
mod restart;
mod service_manager;
mod slow;
mod sni;
mod state;
mod swap;
mod tails;
mod usage;
mod wrong_protocol;
