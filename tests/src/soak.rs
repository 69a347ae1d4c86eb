//! The same tests with other numbers: `make soak` runs longer, and writes down what it has run.
//!
//! Owns the two variables; must not know any test.

use std::fs::OpenOptions;
use std::io::Write;

/// Whether this is `make soak`.
#[must_use]
pub fn is_on() -> bool {
    std::env::var_os("THROUGHWAY_SOAK").is_some()
}

/// A number for every day, or one for `make soak`.
#[must_use]
pub fn times(everyday: usize, soak: usize) -> usize {
    if is_on() { soak } else { everyday }
}

/// Writes down what a test has run, and with what result, where `make soak` looks for it.
///
/// # Panics
///
/// When it cannot be written.
pub fn note(test: &str, result: &str) {
    let Some(file) = std::env::var_os("THROUGHWAY_SOAK_NOTES") else {
        return;
    };
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .expect("open the notes of make soak");
    let line = format!("{test}\t{result}\n");
    file.write_all(line.as_bytes())
        .expect("write the notes of make soak");
}

/// Bytes as people read them.
#[must_use]
pub fn mebibytes(bytes: u64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}
