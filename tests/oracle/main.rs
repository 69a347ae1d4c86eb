//! The codec against Kafka's own: the generated classes and message definitions of a released jar.
//!
//! Here, unlike in the other tests, throughway is a library. What Kafka says is read by two Java
//! programs beside this file; this side owns the questions, and the list of places where Kafka's
//! answers speak of addresses.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test tooling: whatever goes wrong here is a failed test, and says so at once"
)]

mod frames;
mod ours;
mod schemas;

use std::process::{Command, Stdio};

use throughway_tests::{crate_folder, kafka_jars};

/// One of the two programs, against the jars that tests use.
fn java(program: &str) -> Command {
    let jars = kafka_jars::class_path(kafka_jars::CURRENT).unwrap();
    let mut command = Command::new("java");
    command
        .args(["-XX:TieredStopAtLevel=1", "-Xmx512m", "-cp", &jars])
        .arg(crate_folder().join("oracle").join(program))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
