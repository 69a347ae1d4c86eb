//! The table client × way through: every cell must have been passed, or the run fails.
//!
//! A test says that its cell holds; `throughway-cells` prints the table at the end of `make test`.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::clients::Library;
use crate::proxy::Upstream;

/// Every client that is tried, and every way it is tried through: what the way says of mechanism and
/// upstream is what the test does ([`mechanism`], [`upstream`]).
pub const CELLS: [(&str, &[&str]); 4] = [
    (
        "rdkafka (Rust)",
        &[
            "ports, PLAIN",
            "ports, SCRAM-SHA-256",
            "ports, OAUTHBEARER",
            "ports, upstream TLS, SCRAM-SHA-512",
            "ports, transactions",
            "names, PLAIN",
            "names, upstream TLS",
            "names, upstream TLS with client certificate",
        ],
    ),
    (
        "Java 4.4.0",
        &[
            "ports, OAUTHBEARER",
            "ports, transactions",
            "ports, share group",
            "ports, leaders moving",
            "names, upstream TLS, transactions",
            "names, upstream TLS, share group",
            "names, upstream TLS with client certificate, SCRAM-SHA-256",
        ],
    ),
    (
        "Java 3.9.2",
        &[
            "ports, PLAIN",
            "ports, transactions",
            "names, upstream TLS, SCRAM-SHA-512",
        ],
    ),
    (
        "confluent-kafka (Python)",
        &[
            "ports, PLAIN",
            "ports, OAUTHBEARER",
            "names, upstream TLS, SCRAM-SHA-512",
        ],
    ),
];

/// The SASL mechanism of a way: PLAIN, unless it names another.
#[must_use]
pub fn mechanism(way: &str) -> &str {
    let named = way
        .split(", ")
        .find(|part| part.starts_with("SCRAM-") || *part == "OAUTHBEARER");
    named.unwrap_or("PLAIN")
}

/// How throughway speaks to the brokers in a way: plaintext, unless it says otherwise.
#[must_use]
pub fn upstream(way: &str) -> Upstream {
    match (way.contains("client certificate"), way.contains("TLS")) {
        (true, _) => Upstream::Mtls,
        (false, true) => Upstream::Tls,
        (false, false) => Upstream::Plaintext,
    }
}

fn client(library: &Library) -> String {
    match library {
        Library::Rust => "rdkafka (Rust)".to_owned(),
        Library::Java(version) => format!("Java {version}"),
        Library::Python => "confluent-kafka (Python)".to_owned(),
    }
}

/// A topic of a cell's own.
#[must_use]
pub fn topic(library: &Library, way: &str) -> String {
    let name = format!("{way}-{library:?}");
    name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

/// Where cells are noted; only `make test` asks for that.
fn file() -> Option<PathBuf> {
    std::env::var_os("THROUGHWAY_CELLS").map(PathBuf::from)
}

/// Notes that a client came through.
///
/// # Errors
///
/// When the cell is not of the table, or cannot be noted.
pub fn passed(library: &Library, way: &str) -> Result<()> {
    let client = client(library);
    let listed = CELLS
        .iter()
        .any(|(name, ways)| *name == client && ways.contains(&way));
    ensure!(listed, "the table has no cell {client}: {way}");
    if let Some(file) = file() {
        let mut file = OpenOptions::new().create(true).append(true).open(file)?;
        file.write_all(format!("{client}\t{way}\n").as_bytes())?;
    }
    Ok(())
}

/// The table, and whether no cell is missing in `noted`.
#[must_use]
pub fn table(noted: &str) -> (String, bool) {
    let noted: BTreeSet<(&str, &str)> = noted
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .collect();
    let mut text = String::new();
    let mut whole = true;
    for (client, ways) in CELLS {
        for way in ways {
            let holds = noted.contains(&(client, way));
            whole &= holds;
            let word = if holds { "ok" } else { "MISSING" };
            text.push_str(&format!("  {client:<26}{way:<60}{word}\n"));
        }
    }
    (text, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_cell_shows_and_fails() {
        let all: String = CELLS
            .iter()
            .flat_map(|(client, ways)| ways.iter().map(move |way| format!("{client}\t{way}\n")))
            .collect();
        assert!(table(&all).1);
        let (_, but_one) = all.split_once('\n').unwrap();
        let (text, whole) = table(but_one);
        assert!(!whole && text.contains("MISSING"));
    }
}
