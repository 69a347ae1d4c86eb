//! Tables client × way through: every cell must have been passed, or the run fails.
//!
//! Owns the tables' forms, and the cells of `make test`: there a test says that its cell holds, and
//! `throughway-cells` prints the table at the end. Those of `make matrix` are filled by `matrix`.

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
    let client = library.name();
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

/// What became of a cell.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The client came through.
    Passed,
    /// Nobody tried.
    Missing,
    /// Not ours to change: why.
    Gap(String),
    /// It should have come through: what it said.
    Failed(String),
}

/// Clients and ways, in the order they were added, with what became of each.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Table {
    cells: Vec<(String, String, Outcome)>,
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Missing => "MISSING",
            Self::Gap(_) => "gap",
            Self::Failed(_) => "FAILED",
        }
    }

    fn why(&self) -> Option<&str> {
        match self {
            Self::Passed | Self::Missing => None,
            Self::Gap(why) | Self::Failed(why) => Some(why),
        }
    }
}

impl Table {
    /// The table of `make test`: what the tests have `noted`, and what is missing.
    #[must_use]
    pub fn of_tests(noted: &str) -> Self {
        let noted: BTreeSet<(&str, &str)> = noted
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .collect();
        let mut table = Self::default();
        for (client, ways) in CELLS {
            for way in ways {
                let outcome = if noted.contains(&(client, way)) {
                    Outcome::Passed
                } else {
                    Outcome::Missing
                };
                table.add(client, way, outcome);
            }
        }
        table
    }

    /// One more cell.
    pub fn add(&mut self, client: &str, way: &str, outcome: Outcome) {
        self.cells
            .push((client.to_owned(), way.to_owned(), outcome));
    }

    /// Whether no cell is missing or has failed.
    #[must_use]
    pub fn holds(&self) -> bool {
        let bad = |outcome: &Outcome| matches!(outcome, Outcome::Missing | Outcome::Failed(_));
        !self.cells.iter().any(|(_, _, outcome)| bad(outcome))
    }

    /// A line for each cell.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (client, way, outcome) in &self.cells {
            let why = outcome
                .why()
                .map_or(String::new(), |why| format!(": {why}"));
            text.push_str(&format!("  {client:<32}{way:<60}{}{why}\n", outcome.word()));
        }
        text
    }

    /// In Markdown: a row for each client, a column for each way, and below them the gaps.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut clients: Vec<&str> = Vec::new();
        let mut ways: Vec<&str> = Vec::new();
        for (client, way, _) in &self.cells {
            if !clients.contains(&client.as_str()) {
                clients.push(client);
            }
            if !ways.contains(&way.as_str()) {
                ways.push(way);
            }
        }
        let mut text = format!(
            "| client | {} |\n|---{}|\n",
            ways.join(" | "),
            "|---".repeat(ways.len())
        );
        for client in &clients {
            let words = ways.iter().map(|way| self.word(client, way));
            text.push_str(&format!(
                "| {client} | {} |\n",
                Vec::from_iter(words).join(" | ")
            ));
        }
        let gaps = self.cells.iter().filter_map(|(client, way, outcome)| {
            Some(format!(
                "- {client}, {way}: {}: {}\n",
                outcome.word(),
                outcome.why()?
            ))
        });
        let gaps: String = gaps.collect();
        if !gaps.is_empty() {
            text.push_str(&format!("\n{gaps}"));
        }
        text
    }

    fn word(&self, client: &str, way: &str) -> &'static str {
        let found = self.cells.iter().find(|(c, w, _)| c == client && w == way);
        found.map_or("–", |(_, _, outcome)| outcome.word())
    }
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
        assert!(Table::of_tests(&all).holds());
        let (_, but_one) = all.split_once('\n').unwrap();
        let table = Table::of_tests(but_one);
        assert!(!table.holds() && table.text().contains("MISSING"));
    }

    #[test]
    fn a_gap_is_named_and_no_failure_but_a_failure_is_one() {
        let mut table = Table::default();
        table.add("old", "ports", Outcome::Gap("needs more".to_owned()));
        table.add("old", "names", Outcome::Passed);
        assert!(table.holds());
        let expected = "| client | ports | names |\n|---|---|---|\n| old | gap | ok |\n\n\
                        - old, ports: gap: needs more\n";
        assert_eq!(table.markdown(), expected);
        table.add("new", "ports", Outcome::Failed("hangs".to_owned()));
        assert!(!table.holds());
        assert!(table.markdown().contains("| new | FAILED | – |\n"));
    }
}
