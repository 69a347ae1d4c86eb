//! `throughway license`: what it takes, and doing it.
//!
//! It must not know what a licence means: that is the library's.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use throughway::config::Secret;
use throughway::licence::claims::Environment;
use throughway::licence::issue::{self, Order, SigningKey};
use throughway::licence::{LicenceError, Source, UnixTime, report, source};

use super::{FAILED, REFUSED};

#[derive(Debug, Subcommand)]
pub(crate) enum License {
    /// Checks a licence offline and tells every claim in words
    #[command(after_help = "Example:\n  throughway license verify license.jwt")]
    Verify {
        /// The file with the token
        file: PathBuf,
    },
    /// The same for the licence that the proxy is configured with
    #[command(after_help = "Example:\n  GATEWAY_LICENSE_FILE=license.jwt throughway license show")]
    Show {
        /// Another file than the configured one
        file: Option<PathBuf>,
    },
    /// For the vendor: makes a key pair
    #[command(
        after_help = "Example:\n  throughway license keygen --kid tw-lic-2026a --out /safe/place"
    )]
    Keygen(Keygen),
    /// For the vendor: signs a licence with a private key and prints the token
    #[command(after_help = "\
Example:
  throughway license issue --key tw-lic-2026a.private.pem --customer c-1042 --days 365")]
    Issue(Issue),
}

/// What `keygen` is asked.
#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// The key's name
    #[arg(long, value_name = "NAME")]
    kid: String,
    /// Where both files go; neither may be there yet
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    out: PathBuf,
    /// For receipts of usage reports instead of licences
    #[arg(long)]
    receipt: bool,
}

/// What `issue` is asked.
#[derive(Debug, Args)]
pub(crate) struct Issue {
    /// The private key's file
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The key's name, when the file does not have it
    #[arg(long, value_name = "NAME")]
    kid: Option<String>,
    /// Who issues it
    #[arg(long, value_name = "NAME", default_value = "throughway")]
    issuer: String,
    /// The customer, opaque
    #[arg(long, value_name = "NAME")]
    customer: String,
    /// The licence's own id; random when not given
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// What was bought
    #[arg(long, value_name = "NAME", default_value = "standard")]
    plan: String,
    /// What it is meant for
    #[arg(long, value_enum, default_value = "production")]
    env: Env,
    /// From its beginning on
    #[arg(long, value_name = "DAYS")]
    days: u32,
    /// When it begins, in seconds since 1970; now when not given
    #[arg(long, value_name = "SECONDS")]
    begins: Option<i64>,
    /// After that
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    grace_days: u32,
    /// An agreed amount; may be repeated
    #[arg(long = "limit", value_name = "NAME=NUMBER", value_parser = limit)]
    limits: Vec<(String, u64)>,
    /// An agreed feature; may be repeated
    #[arg(long = "feature", value_name = "NAME")]
    features: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Env {
    Production,
    Trial,
    Dev,
}

/// A result for standard output, and why it is no success with the code to exit with.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) text: String,
    pub(crate) refusal: Option<(String, u8)>,
}

impl License {
    /// Whether `run` asks for configured variables.
    pub(crate) fn needs_settings(&self) -> bool {
        matches!(self, Self::Show { file: None })
    }

    /// Does it. `setting` gives the value of a configured variable.
    pub(crate) fn run<'a>(&self, setting: impl Fn(&'static str) -> Option<&'a str>) -> Outcome {
        let made = match self {
            Self::Verify { file } | Self::Show { file: Some(file) } => {
                return judge(source::read_file(file, "the file"), "the file");
            }
            Self::Show { file: None } => match Source::choose(setting) {
                Ok(source) => return judge(source.read(), source.variable()),
                Err(error) => return Outcome::refused(&error),
            },
            Self::Keygen(asked) => keygen(asked),
            Self::Issue(asked) => issue(asked, now()),
        };
        match made {
            Ok(text) => Outcome {
                text,
                refusal: None,
            },
            Err(error) => Outcome {
                text: String::new(),
                refusal: Some((format!("{error:#}"), FAILED)),
            },
        }
    }
}

impl Outcome {
    fn refused(error: &LicenceError) -> Self {
        Self {
            text: String::new(),
            refusal: Some((error.in_full(), REFUSED)),
        }
    }
}

fn now() -> UnixTime {
    SystemTime::now().into()
}

fn judge(read: Result<Secret, LicenceError>, origin: &'static str) -> Outcome {
    let token = match read {
        Ok(token) => token,
        Err(error) => return Outcome::refused(&error),
    };
    let verdict = report::judge(&token.0, origin, now());
    let refusal = verdict.refusal.map(|error| (error.in_full(), REFUSED));
    Outcome {
        text: verdict.text,
        refusal,
    }
}

fn keygen(asked: &Keygen) -> anyhow::Result<String> {
    let pair = issue::keygen(&asked.kid)?;
    let purpose = if asked.receipt { "receipt" } else { "license" };
    let private = asked.out.join(format!("{}.private.pem", asked.kid));
    let public = asked.out.join(format!("{purpose}-{}.pem", asked.kid));
    write_new(&private, &pair.private, 0o600)?;
    write_new(&public, &pair.public, 0o644)?;
    Ok(format!(
        "private key, for the vault: {}\npublic key, for host/anchors: {}\n",
        private.display(),
        public.display()
    ))
}

/// A key that is there already is never overwritten: it may have signed something.
fn write_new(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().with_context(|| format!("write {}", path.display()))
}

fn issue(asked: &Issue, now: UnixTime) -> anyhow::Result<String> {
    let read = || format!("read {}", asked.key.display());
    let text = fs::read_to_string(&asked.key).with_context(read)?;
    let key = SigningKey::from_pem(&text, asked.kid.as_deref()).with_context(read)?;
    let order = Order {
        issuer: asked.issuer.clone(),
        customer: asked.customer.clone(),
        id: asked.id.clone(),
        plan: asked.plan.clone(),
        environment: match asked.env {
            Env::Production => Environment::Production,
            Env::Trial => Environment::Trial,
            Env::Dev => Environment::Dev,
        },
        begins: asked.begins.map(UnixTime),
        days: asked.days,
        grace_days: asked.grace_days,
        limits: asked.limits.iter().cloned().collect::<BTreeMap<_, _>>(),
        features: asked.features.clone(),
    };
    Ok(issue::issue(&order, &key, now)? + "\n")
}

fn limit(text: &str) -> Result<(String, u64), String> {
    text.split_once('=')
        .and_then(|(name, amount)| Some((name.to_owned(), amount.parse().ok()?)))
        .ok_or_else(|| "must be NAME=NUMBER".to_owned())
}

#[cfg(test)]
mod tests;
