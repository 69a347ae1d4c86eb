//! `throughway usage`: what it takes, and doing it.
//!
//! It must not know what is in a report: that is the library's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, Subcommand};
use throughway::licence::UnixTime;
use throughway::usage::{Outcome as Sealing, Store, UsageError, report};

use super::FAILED;
use super::license::Outcome;

#[derive(Debug, Subcommand)]
pub(crate) enum Usage {
    /// Shows the next report, field by field as it would be sent now, and what waits
    #[command(after_help = "Example:\n  throughway usage show --json | jq .next")]
    Show {
        /// As stable JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        state: State,
    },
    /// Checks that the reports kept here are one unbroken chain of this installation
    #[command(after_help = "Example:\n  throughway usage verify")]
    Verify {
        #[command(flatten)]
        state: State,
    },
    /// Seals what is open and prints every report that has no receipt yet, one a line
    #[command(after_help = "\
Example:
  throughway usage export > bundle.jws

Carry the bundle to the vendor by hand; the receipts that come back go to import-receipt")]
    Export {
        #[command(flatten)]
        state: State,
    },
    /// Takes the vendor's receipts, one a line: their reports count as delivered
    #[command(after_help = "Example:\n  throughway usage import-receipt receipts.jws")]
    ImportReceipt {
        /// The file with the receipts
        file: PathBuf,
        #[command(flatten)]
        state: State,
    },
}

/// Where usage is kept.
#[derive(Debug, Args)]
pub(crate) struct State {
    /// The proxy's state directory; the configured one when not given
    #[arg(long, value_name = "DIRECTORY")]
    state_directory: Option<PathBuf>,
}

impl Usage {
    /// The state directory, unless the configured one is meant.
    pub(crate) fn state_directory(&self) -> Option<&Path> {
        let (Self::Show { state, .. }
        | Self::Verify { state }
        | Self::Export { state }
        | Self::ImportReceipt { state, .. }) = self;
        state.state_directory.as_deref()
    }

    /// Does it.
    pub(crate) fn run(&self, state_directory: &Path) -> Outcome {
        self.try_run(state_directory)
            .unwrap_or_else(|error| failed(String::new(), error.in_full()))
    }

    fn try_run(&self, state_directory: &Path) -> Result<Outcome, UsageError> {
        let now = SystemTime::now().into();
        match self {
            Self::Show { json, .. } => {
                let books = Store::new(state_directory).open_existing(now)?;
                Ok(done(report::show(&books, now, *json)?))
            }
            Self::Verify { .. } => {
                let books = Store::new(state_directory).open_existing(now)?;
                let verdict = report::verify(&books)?;
                Ok(if verdict.whole {
                    done(verdict.text)
                } else {
                    failed(verdict.text, "usage: the chain is not whole".to_owned())
                })
            }
            Self::Export { .. } => export(state_directory, now),
            Self::ImportReceipt { file, .. } => match fs::read_to_string(file) {
                Ok(receipts) => import(state_directory, &receipts, now),
                Err(error) => Ok(failed(
                    String::new(),
                    format!("read {}: {error}", file.display()),
                )),
            },
        }
    }
}

/// Everything is on disk and unlocked before it is printed: whoever reads may be slow.
fn export(state_directory: &Path, now: UnixTime) -> Result<Outcome, UsageError> {
    let mut books = Store::new(state_directory).open_existing(now)?;
    let (bundle, sealing) = report::export(&mut books, now)?;
    Ok(match sealing {
        Sealing::Full => failed(
            bundle,
            "usage: the spool is full: the open interval is not in the bundle".to_owned(),
        ),
        Sealing::Sealed(_) | Sealing::Nothing => done(bundle),
    })
}

fn import(state_directory: &Path, receipts: &str, now: UnixTime) -> Result<Outcome, UsageError> {
    let mut books = Store::new(state_directory).open_existing(now)?;
    let (taken, wrong) = report::import(&mut books, receipts);
    let left = books.pending()?.len();
    let text = format!("{taken} receipts taken, {left} reports without one\n");
    Ok(match wrong.is_empty() {
        true => done(text),
        false => failed(text, format!("usage: {}", wrong.join("; "))),
    })
}

fn done(text: String) -> Outcome {
    Outcome {
        text,
        refusal: None,
    }
}

fn failed(text: String, why: String) -> Outcome {
    Outcome {
        text,
        refusal: Some((why, FAILED)),
    }
}
