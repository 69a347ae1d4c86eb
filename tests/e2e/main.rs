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
mod agent;
mod brokers;
mod by_value;
mod certificates;
mod cluster;
mod contained;
mod deadlines;
mod doctor;
mod drain;
mod edge;
mod guests;
mod half_open;
mod hostile;
mod idle;
mod licence;
mod limits;
mod listeners;
mod logs;
mod maps;
mod memory;
mod migration;
mod moves;
mod placement;
mod planted;
mod ports;
mod private_memory;
mod protocol;
mod proxy_protocol;
mod reauthentication;
mod release;
mod resets;
mod restart;
mod round_trips;
mod secrets_manager;
mod service_manager;
mod sessions;
mod share_groups;
mod slow;
mod sni;
mod state;
mod streams;
mod swap;
mod tails;
mod transactions;
mod usage;
mod wrong_protocol;
mod wrong_route;
