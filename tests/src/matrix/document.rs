//! Where the tables go: a block for each Kafka version in `docs/compatibility.md`.
//!
//! Owns the marks between which a block stands; everything else in the document is written by people.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cells::Table;
use crate::crate_folder;

/// Puts a table into the place of its Kafka version, with the day and the commit it is of.
///
/// # Errors
///
/// When the document has no such place or cannot be written.
pub fn write(kafka: &str, records: usize, table: &Table) -> Result<()> {
    let path = path();
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let day = output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    let mut git = Command::new("git");
    let commit = output(git.args(["rev-parse", "--short", "HEAD"]))?;
    let told = format!("{records} records for each cell, {day}, throughway of {commit}:");
    let block = format!("{told}\n\n{}", table.markdown());
    let text = replaced(&text, kafka, &block).with_context(|| path.display().to_string())?;
    Ok(fs::write(path, text)?)
}

/// Where people read it.
fn path() -> PathBuf {
    crate_folder().join("../docs/compatibility.md")
}

fn replaced(text: &str, kafka: &str, block: &str) -> Result<String> {
    let begin = format!("<!-- matrix, Kafka {kafka}: begin -->\n");
    let end = format!("<!-- matrix, Kafka {kafka}: end -->\n");
    let (before, rest) = text.split_once(&begin).context("no begin of the table")?;
    let (_, after) = rest.split_once(&end).context("no end of the table")?;
    Ok(format!("{before}{begin}\n{block}\n{end}{after}"))
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", output.status);
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan::KAFKA;

    #[test]
    fn the_document_has_a_place_for_every_kafka_version() {
        let mut text = fs::read_to_string(path()).unwrap();
        for kafka in KAFKA {
            text = replaced(&text, kafka, &format!("table of {kafka}\n")).unwrap();
        }
        for kafka in KAFKA {
            assert_eq!(text.matches(&format!("table of {kafka}\n")).count(), 1);
        }
    }

    #[test]
    fn a_new_table_replaces_the_old_one_and_nothing_else() {
        let text = "a\n<!-- matrix, Kafka 1: begin -->\nold\n<!-- matrix, Kafka 1: end -->\nb\n";
        let once = replaced(text, "1", "new\n").unwrap();
        assert!(once.starts_with("a\n") && once.ends_with("b\n") && !once.contains("old"));
        assert_eq!(replaced(&once, "1", "new\n").unwrap(), once);
        assert!(replaced(text, "2", "new\n").is_err());
    }
}
