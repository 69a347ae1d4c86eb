//! Signed reports: making one, and checking that several are one chain. Pure.

use std::fmt::Write as _;

use aws_lc_rs::signature::Ed25519KeyPair;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::payload::{self, Report, SCHEMA};
use crate::licence::Anchor;
use crate::licence::jws::{self, JwsError};

/// Why a report is not one of a chain.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// Not signed by the installation's key, or changed.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// A field is missing, unknown or of the wrong kind.
    #[error("the report's fields are not those of schema {SCHEMA}")]
    Fields(#[source] serde_json::Error),
    /// Signed by this installation's key, but about another.
    #[error("the report is of another installation")]
    OtherInstall,
    /// A report is missing.
    #[error("report {expected} is missing: {found} follows")]
    Gap {
        /// What should be there.
        expected: u64,
        /// What is.
        found: u64,
    },
    /// It follows another report than the one before it here.
    #[error("report {0} does not follow the one before it: that one was changed or replaced")]
    Fork(u64),
}

/// A signed report, opened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sealed {
    /// What it says.
    pub report: Report,
    /// Of its signed form, in hexadecimal.
    pub sha256: String,
}

/// Signs a report.
pub(super) fn seal(report: &Report, key: &Ed25519KeyPair) -> serde_json::Result<String> {
    jws::sign(report, payload::TYPE, &report.install_id, key)
}

/// Verifies one report of this installation.
///
/// # Errors
/// `ChainError`; then nothing it says may be believed.
pub fn open(token: &str, install: &Anchor) -> Result<Sealed, ChainError> {
    let opened = jws::open(token, payload::TYPE, std::slice::from_ref(install))?;
    let report: Report =
        serde_json::from_value(Value::Object(opened.payload)).map_err(ChainError::Fields)?;
    if report.install_id != install.kid {
        return Err(ChainError::OtherInstall);
    }
    Ok(Sealed {
        report,
        sha256: sha256(token),
    })
}

/// Checks that this report follows the other one.
///
/// # Errors
/// `ChainError::Gap` and `ChainError::Fork`.
pub fn follows(next: &Sealed, before: Option<&Sealed>) -> Result<(), ChainError> {
    let Some(before) = before else {
        return Ok(());
    };
    let (expected, found) = (before.report.seq.saturating_add(1), next.report.seq);
    if found != expected {
        return Err(ChainError::Gap { expected, found });
    }
    if next.report.prev_sha256.as_ref() != Some(&before.sha256) {
        return Err(ChainError::Fork(found));
    }
    Ok(())
}

/// In hexadecimal.
#[must_use]
pub fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}
