//! throughway: an edge proxy for Apache Kafka. Each client connection is forwarded 1:1 to one broker;
//! only the broker addresses inside protocol answers change.
//!
//! Bytes from a client are accepted by a *listener*, decrypted by *tls*, matched to a broker by the
//! published *address map* (server name or local port), connected by *upstream*; then the *relay*
//! notes each request's first 12 bytes in the in-flight queue and streams the frame untouched, and
//! matches each response to the head of that queue and streams it untouched, unless it carries broker
//! addresses: then it learns them into *topology* and writes what the address map advertises.
//!
//! Imports go downward only: flow (`listener session relay`) → owners (`tls upstream addrmap wasm
//! topology admin metrics telemetry drain signal`) → pure (`kafka config close`).

pub mod addrmap;
pub mod close;
pub mod config;
pub mod kafka;
pub mod proxy_protocol;
pub mod tls;
