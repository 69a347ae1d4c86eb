//! throughway: an edge proxy for Apache Kafka. Each client connection is forwarded 1:1 to one broker;
//! only the broker addresses inside protocol answers change.
//!
//! Bytes from a client are accepted by a *listener*, decrypted by *tls*, matched to a broker by the
//! published *address map* (server name or local port), connected by *upstream*; then the *relay*
//! notes each request's first 12 bytes in the in-flight queue and streams the frame untouched, and
//! matches each response to the head of that queue and streams it untouched, unless it carries broker
//! addresses: then it learns them into *topology* and writes what the address map advertises.
//!
//! Imports go downward only: flow (`run agent doctor listener session relay`) → owners (`tls upstream
//! addrmap wasm topology licence usage admin metrics telemetry drain inventory admission slots notify pool
//! signal exchange replace memory proxy_protocol`) → pure (`kafka config close excluded in_full`).

pub mod addrmap;
pub mod admin;
pub mod admission;
pub mod agent;
pub mod build_info;
pub mod close;
pub mod config;
pub mod doctor;
pub mod drain;
mod exchange;
pub mod excluded;
mod in_full;
pub mod inventory;
pub mod kafka;
pub mod licence;
pub mod listener;
pub mod memory;
pub mod metrics;
pub mod notify;
pub mod pool;
pub mod proxy_protocol;
pub mod relay;
mod replace;
mod run;
pub mod session;
pub mod signal;
mod slots;
pub mod telemetry;
pub mod tls;
pub mod topology;
pub mod upstream;
pub mod usage;
mod wasm;

pub use run::{RunError, run};
