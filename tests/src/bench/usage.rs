//! What a process has used of the machine, by what the kernel says of it.
//!
//! Owns the paths below `/proc`. It must not know what the process is.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Processor time of all threads that live, to the nanosecond.
///
/// # Errors
///
/// When the process has ended.
pub fn cpu(process: i32) -> Result<Duration> {
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        let first = text.split_ascii_whitespace().next().context("schedstat")?;
        total += first.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(total))
}

/// Memory that the process alone answers for (its share of what is shared), in bytes.
///
/// # Errors
///
/// When the process has ended.
pub fn memory(process: i32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next());
    Ok(kib.context("no Pss")?.parse::<u64>()? * 1024)
}

/// Of the last minute.
///
/// # Errors
///
/// When the kernel does not tell.
pub fn load_average() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg")?;
    let first = text.split_ascii_whitespace().next().context("loadavg")?;
    Ok(first.parse()?)
}
