//! Where a component comes from, and which one is in effect.
//!
//! Reads the file of the configuration or of the state directory; it must not judge what is in it.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::AddrMapError;
use crate::config::{Config, LimitsProfile};
use crate::wasm::bindings::Scheme;
use crate::wasm::{self, shown};

/// Where a component comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// Inside the binary.
    BuiltIn,
    /// `GATEWAY_ADDRESS_MAP`.
    File(PathBuf),
    /// Put by the Admin API, kept in this file of the state directory.
    Stored(PathBuf),
}

/// A component's bytes, not judged yet.
#[derive(Clone)]
pub struct Component {
    pub(super) origin: Origin,
    pub(super) bytes: Vec<u8>,
    pub(super) sha256: String,
}

/// Which map answers: for the log, the Admin API and people.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Identity {
    /// Where the component comes from, in words.
    pub component: String,
    /// What it calls itself, escaped.
    pub name: String,
    /// Which version it says it is, escaped.
    pub version: String,
    /// Of the file, in hexadecimal.
    pub sha256: String,
    #[serde(skip)]
    pub(super) origin: Origin,
}

impl Origin {
    /// The variable's file, else what the Admin API has stored, else the built-in one.
    #[must_use]
    pub fn configured(config: &Config) -> Self {
        if let Some(path) = &config.address_map.component {
            return Self::File(path.clone());
        }
        let stored = stored(&config.state_directory);
        if stored.exists() {
            Self::Stored(stored)
        } else {
            Self::BuiltIn
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Stored(path) => write!(f, "Admin API, kept in {}", path.display()),
        }
    }
}

impl Component {
    /// The one of this configuration.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn configured(config: &Config) -> Result<Self, AddrMapError> {
        Self::from(Origin::configured(config), config.address_map.limits)
    }

    /// Reads it from where it is.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn from(origin: Origin, profile: LimitsProfile) -> Result<Self, AddrMapError> {
        let bytes = match &origin {
            Origin::BuiltIn => wasm::BUILT_IN.to_vec(),
            Origin::File(path) | Origin::Stored(path) => {
                let unreadable = |error| format!("cannot read {}: {error}", path.display());
                read(path, wasm::most_bytes(profile))
                    .map_err(|error| AddrMapError::Refused(unreadable(error)))?
            }
        };
        Ok(Self::of(origin, bytes))
    }

    /// These bytes.
    #[must_use]
    pub fn of(origin: Origin, bytes: Vec<u8>) -> Self {
        let sha256 = wasm::hex(&Sha256::digest(&bytes));
        Self {
            origin,
            bytes,
            sha256,
        }
    }

    pub(super) fn identity(&self, scheme: &Scheme) -> Identity {
        Identity {
            component: self.origin.to_string(),
            name: plain(&scheme.name),
            version: plain(&scheme.version),
            sha256: self.sha256.clone(),
            origin: self.origin.clone(),
        }
    }
}

/// A guest's text, made fit to be printed; quotes are for sentences.
pub(super) fn plain(text: &str) -> String {
    shown(text).trim_matches('"').to_owned()
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Component({}, sha256 {})", self.origin, self.sha256)
    }
}

/// Where the Admin API keeps a component.
pub(super) fn stored(state_directory: &Path) -> PathBuf {
    state_directory.join("admin").join("address-map.wasm")
}

/// Reads one byte beyond the most that is accepted, so that the gate can tell.
pub(super) fn read(path: &Path, most: usize) -> std::io::Result<Vec<u8>> {
    let most = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
