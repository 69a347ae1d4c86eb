//! One file or text of a source: read once, told apart by content, and the words for what is wrong.
//!
//! Owns the files and the naming of a source in every message. It must not know what the
//! content is for.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroize as _;

use super::TlsError;
use super::jks::{self, Jks};
use super::pem::{self, Pem};
use super::pkcs12::Pkcs12;

/// A bundle of every public CA has about 0.25 MiB.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// One source, read but not yet understood.
pub(super) struct Source {
    /// What to call it in errors: `key store /path`.
    pub name: String,
    bytes: Vec<u8>,
}

impl Drop for Source {
    /// It may hold a private key.
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// What the content is.
pub(super) enum Format<'a> {
    Jks,
    Pkcs12,
    Pem(&'a str),
}

impl Source {
    pub(super) fn file(what: &str, path: &Path) -> Result<Self, TlsError> {
        let name = format!("{what} {}", path.display());
        let mut bytes = Vec::new();
        let read =
            File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
        match read {
            Err(error) => Err(TlsError::Unusable(format!(
                "{name} cannot be read: {error}"
            ))),
            Ok(count) if u64::try_from(count).is_ok_and(|count| count <= MAX_FILE_BYTES) => {
                Ok(Self { name, bytes })
            }
            Ok(_) => Err(TlsError::Unusable(format!("{name} is larger than 8 MiB"))),
        }
    }

    /// Properties files and many secret stores hold PEM as one line with `\n` written out.
    pub(super) fn inline(what: &str, text: &str) -> Self {
        Self {
            name: what.to_owned(),
            bytes: text.replace("\\n", "\n").into_bytes(),
        }
    }

    pub(super) fn hash_into(&self, sum: &mut Sha256) {
        hash_into(sum, &self.bytes);
    }

    pub(super) fn refuse(&self, why: impl fmt::Display) -> TlsError {
        TlsError::Unusable(format!("{}: {why}", self.name))
    }

    pub(super) fn format(&self) -> Result<Format<'_>, TlsError> {
        match self.bytes.as_slice() {
            bytes if bytes.starts_with(&jks::MAGIC) => Ok(Format::Jks),
            [0xce, 0xce, 0xce, 0xce, ..] => Err(self.refuse(
                "it is a JCEKS store; accepted: JKS, PKCS#12, PEM (keytool -importkeystore \
                 -deststoretype PKCS12 converts it)",
            )),
            [0x30, ..] => Ok(Format::Pkcs12),
            bytes => match str::from_utf8(bytes) {
                Ok(text) if text.contains(pem::BEGIN) => Ok(Format::Pem(text)),
                _ => Err(self.refuse(
                    "neither JKS (starts with FEEDFEED), PKCS#12 (starts with 30) nor PEM \
                     (contains -----BEGIN)",
                )),
            },
        }
    }

    pub(super) fn pem(&self) -> Result<Pem, TlsError> {
        match self.format()? {
            Format::Pem(text) => Pem::parse(text).map_err(|error| self.refuse(error)),
            _ => Err(self.refuse("not PEM; accepted: text with -----BEGIN")),
        }
    }

    pub(super) fn jks(&self, password: Option<&str>) -> Result<Jks<'_>, TlsError> {
        Jks::parse(&self.bytes, password).map_err(|error| self.refuse(error))
    }

    pub(super) fn pkcs12(&self, password: Option<&str>) -> Result<Pkcs12, TlsError> {
        let password = password.unwrap_or_default();
        Pkcs12::parse(&self.bytes, password).map_err(|error| self.refuse(error))
    }
}

/// With its length, so that two sources cannot be mistaken for one.
pub(super) fn hash_into(sum: &mut Sha256, bytes: &[u8]) {
    sum.update(bytes.len().to_be_bytes());
    sum.update(bytes);
}
