//! End-to-end tests against a real Kafka: one binary of many modules.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "test tooling: whatever goes wrong here is a failed test, and says so at once"
)]

mod cluster;
mod ports;
mod sni;
