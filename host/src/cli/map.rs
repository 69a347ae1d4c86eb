//! `throughway map`: what it takes, and what it does for authors.
//!
//! It must not know what a map answers: that is the library's. `scaffold` holds the files of
//! `map new`.

mod scaffold;

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use throughway::addrmap::explain::Asked;
use throughway::addrmap::{cases, narrow};
use throughway::config::LimitsProfile;

use self::scaffold::Language;
use super::FAILED;
use super::license::Outcome;

#[derive(Debug, Subcommand)]
pub(crate) enum Map {
    /// Checks a component: refusal rules, conformance, and the resulting table
    #[command(after_help = "Example:\n  throughway map check my-map.wasm --config @my-map.conf")]
    Check(Check),
    #[command(flatten)]
    Author(Author),
}

/// What `map check` is asked.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The component
    pub(crate) file: PathBuf,
    /// Its configuration, as text or as @FILE
    #[arg(long, value_name = "TEXT or @FILE")]
    config: Option<String>,
    /// Node ids to ask it about, separated by commas; with @ and a rack where the map goes by racks
    #[arg(long, value_delimiter = ',', value_name = "IDS")]
    pub(crate) brokers: Vec<Asked>,
    /// As if asked by a client at this address
    #[arg(long, value_name = "IP")]
    pub(crate) client_ip: Option<IpAddr>,
    /// What it may use; `runtime` for JavaScript and Python
    #[arg(long, value_enum)]
    pub(crate) limits: Option<Limits>,
}

/// What needs no configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Author {
    /// Runs a file of cases against a component, offline, and prints what differs
    #[command(after_help = "Example:\n  throughway map test my-map.wasm cases.json")]
    Test {
        /// The component
        file: PathBuf,
        /// What is asked, and what must be answered
        cases: PathBuf,
        /// What it may use; `runtime` for JavaScript and Python
        #[arg(long, value_enum, default_value = "small")]
        limits: Limits,
    },
    /// Reduces a component to the one allowed export
    #[command(after_help = "Example:\n  throughway map narrow wide.wasm my-map.wasm")]
    Narrow {
        /// The component, as the tool left it
        from: PathBuf,
        /// Where the narrow one goes
        to: PathBuf,
    },
    /// Writes a project for a map of your own: sources, cases, and how to build it
    #[command(after_help = "Example:\n  throughway map new my-map --language rust")]
    New {
        /// A folder that is not there yet, or empty
        folder: PathBuf,
        /// What the map will be written in
        #[arg(long, value_enum)]
        language: Language,
    },
}

/// A named set of limits.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Limits {
    Small,
    Runtime,
}

impl From<Limits> for LimitsProfile {
    fn from(limits: Limits) -> Self {
        match limits {
            Limits::Small => Self::Small,
            Limits::Runtime => Self::Runtime,
        }
    }
}

impl Check {
    /// The configuration that `--config` gives.
    pub(crate) fn text(&self) -> anyhow::Result<Option<String>> {
        let Some(given) = &self.config else {
            return Ok(None);
        };
        match given.strip_prefix('@') {
            None => Ok(Some(given.clone())),
            Some(path) => fs::read_to_string(path)
                .map(Some)
                .with_context(|| path.to_owned()),
        }
    }
}

impl Author {
    pub(crate) fn run(self) -> Outcome {
        let done = match self {
            Self::Test {
                file,
                cases,
                limits,
            } => return test(&file, &cases, limits),
            Self::Narrow { from, to } => narrowed(&from, &to),
            Self::New { folder, language } => language.write_to(&folder),
        };
        match done {
            Ok(text) => Outcome {
                text,
                refusal: None,
            },
            Err(error) => failed(&error),
        }
    }
}

fn test(file: &std::path::Path, cases: &std::path::Path, limits: Limits) -> Outcome {
    match cases::run(file, cases, limits.into()) {
        Ok(report) => {
            let refusal = (report.differences > 0).then(|| {
                let why = format!("{} differs from {}", file.display(), cases.display());
                (why, FAILED)
            });
            Outcome {
                text: report.text,
                refusal,
            }
        }
        Err(error) => failed(&error.into()),
    }
}

fn narrowed(from: &std::path::Path, to: &std::path::Path) -> anyhow::Result<String> {
    let bytes = fs::read(from).with_context(|| format!("read {}", from.display()))?;
    let narrow = narrow(&bytes)?;
    fs::write(to, &narrow).with_context(|| format!("write {}", to.display()))?;
    Ok(format!("{}: {} bytes\n", to.display(), narrow.len()))
}

fn failed(error: &anyhow::Error) -> Outcome {
    Outcome {
        text: String::new(),
        refusal: Some((format!("{error:#}"), FAILED)),
    }
}
