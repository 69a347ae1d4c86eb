//! Where the jars of a Kafka version are.
//!
//! Owns nothing but the call of `tests/kafka/fetch.sh`, which also is a set-up step of `make`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::crate_folder;

/// What tests use unless they say otherwise.
pub const CURRENT: &str = "4.4.0";

/// The newest version of Kafka's performance tools that Maven's registry has.
pub const TOOLS: &str = "4.3.1";

/// The folder with the jars of `version`, fetched first if need be.
///
/// # Errors
///
/// When Maven is missing or cannot reach its registry; its own words are on standard error.
pub fn folder(version: &str) -> Result<PathBuf> {
    fetched(&[version])
}

/// Java's class path of `version`.
///
/// # Errors
///
/// As [`folder`].
pub fn class_path(version: &str) -> Result<String> {
    Ok(format!("{}/*", folder(version)?.display()))
}

/// Java's class path of Kafka Streams of this version.
///
/// # Errors
///
/// As [`folder`].
pub fn streams(version: &str) -> Result<String> {
    Ok(format!(
        "{}/*",
        fetched(&[version, "kafka-streams"])?.display()
    ))
}

/// Java's class path of Kafka's own tools.
///
/// # Errors
///
/// As [`folder`].
pub fn tools() -> Result<String> {
    Ok(format!("{}/*", fetched(&[TOOLS, "kafka-tools"])?.display()))
}

fn fetched(arguments: &[&str]) -> Result<PathBuf> {
    let output = Command::new(crate_folder().join("kafka/fetch.sh"))
        .args(arguments)
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("run tests/kafka/fetch.sh")?;
    ensure!(
        output.status.success(),
        "no jars of {}: {}",
        arguments.join(" "),
        output.status
    );
    let path = String::from_utf8(output.stdout).context("read the folder's name")?;
    Ok(PathBuf::from(path.trim_end()))
}
