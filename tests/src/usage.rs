//! What a process uses: memory and open files, as Linux counts them.
//!
//! Owns the reading of `/proc`; must not know whose process it is.

use std::fs;

use anyhow::{Context, Result};

/// The highest resident size so far (`VmHWM`), in bytes.
///
/// # Errors
///
/// When there is no such process.
pub fn peak_memory(process: i32) -> Result<u64> {
    status(process, "VmHWM:")
}

/// The resident size now (`VmRSS`), in bytes.
///
/// # Errors
///
/// When there is no such process.
pub fn memory(process: i32) -> Result<u64> {
    status(process, "VmRSS:")
}

/// How many files and sockets it has open.
///
/// # Errors
///
/// When there is no such process, or it is not ours.
pub fn open_files(process: i32) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{process}/fd"))?.count())
}

fn status(process: i32, field: &str) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let value = text.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes = value.and_then(|value| value.trim().strip_suffix(" kB"));
    let kibibytes: u64 = kibibytes.context("no such field")?.parse()?;
    Ok(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_our_own() {
        let own = std::process::id().try_into().unwrap();
        assert!(memory(own).unwrap() > 1 << 20);
        assert!(peak_memory(own).unwrap() >= memory(own).unwrap());
        assert!(open_files(own).unwrap() > 2);
    }
}
