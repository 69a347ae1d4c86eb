//! What parsing says: errors (all at once), notices, and every value with its origin.
//!
//! Pure. It must not know any variable by name; secrets reach it already redacted.

use std::collections::BTreeMap;
use std::fmt;

use super::{Config, Secret};

/// The outcome of parsing: the configuration and what is to be said about it.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Checked once, here.
    pub config: Config,
    /// Which family of variables described the listeners.
    pub mode: Mode,
    /// To be logged at start, in order.
    pub notices: Vec<Notice>,
    /// Everything with a value, in the order in which it was decided.
    pub values: Vec<ComputedValue>,
    /// Variables that are known here but read by their owners (the licence and its agent), as set.
    pub later: BTreeMap<String, Secret>,
}

/// Which family of variables described the listeners.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// `GATEWAY_LISTENER_*`.
    Listener,
    /// The older global variables, made into one listener `DEFAULT`.
    Legacy,
    /// Neither: one listener `DEFAULT` from port 6969.
    ZeroConfig,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Listener => "listener",
            Self::Legacy => "legacy",
            Self::ZeroConfig => "zero-config",
        })
    }
}

/// Something the operator should hear that is no reason to refuse.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notice {
    /// True: worth a WARN line; false: INFO.
    pub warning: bool,
    /// One line.
    pub text: String,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.warning { "warning" } else { "note" };
        write!(f, "{level}: {}", self.text)
    }
}

/// One value of the computed configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ComputedValue {
    /// The variable.
    pub name: String,
    /// What it came to; `[redacted]` for secrets.
    pub value: String,
    /// Who said so.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The process environment.
    Environment,
    /// A line of `GATEWAY_ENV_FILE`.
    File {
        /// Path of the file, as given.
        path: String,
        /// Counted from 1; where the assignment begins.
        line: usize,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Environment => f.write_str("environment"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
        }
    }
}

/// One thing that is wrong, and what would be right.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct ConfigError {
    /// The variable at fault.
    pub variable: String,
    /// What it was set to, redacted if secret; `None` = not set, or no single value is at fault.
    pub value: Option<String>,
    /// Who set it.
    pub origin: Origin,
    /// What is wrong.
    pub problem: String,
    /// What would be accepted; may be empty where `problem` says it.
    pub accepted: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.variable)?;
        if let Some(value) = &self.value {
            write!(f, "={value}")?;
        }
        if let Origin::File { .. } = self.origin {
            write!(f, " ({})", self.origin)?;
        }
        write!(f, ": {}", self.problem)?;
        if !self.accepted.is_empty() {
            write!(f, "; accepted: {}", self.accepted)?;
        }
        Ok(())
    }
}

/// Everything that is wrong, and the warnings that may explain it (a misspelt name, say).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct ConfigErrors {
    /// Never empty.
    pub errors: Vec<ConfigError>,
    /// Warnings and notes of the same run.
    pub notices: Vec<Notice>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.errors.len();
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "configuration refused, {count} error{plural}:")?;
        for error in &self.errors {
            write!(f, "\n  {error}")?;
        }
        for notice in self.notices.iter().filter(|notice| notice.warning) {
            write!(f, "\n  {notice}")?;
        }
        Ok(())
    }
}
