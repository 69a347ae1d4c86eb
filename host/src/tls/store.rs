//! From a configured source to a usable key pair or set of trust anchors, whatever the format.
//!
//! Owns which key, chain and anchors of a store count. It must not know handshakes. Reading and
//! understanding are two steps, so that what is hashed is what is used.

use rustls::RootCertStore;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::Sha256;

use super::TlsError;
use super::pem::{self, Pem, PemError, PemKey};
use super::source::{Format, Source, hash_into};
use crate::config::{KeySource, Secret, TrustSource};

const KEY_ACCEPTED: &str =
    "no private key in it; accepted: one private key with its certificate chain";

/// A key source, read but not yet understood.
pub(super) struct KeyBytes<'a> {
    store: Source,
    /// Where the key stands, when not in `store`.
    key: Option<Source>,
    password: Option<&'a Secret>,
    key_password: Option<&'a Secret>,
}

/// A trust source, read but not yet understood.
pub(super) enum TrustBytes<'a> {
    Source {
        source: Source,
        password: Option<&'a Secret>,
    },
    System(Vec<CertificateDer<'static>>),
}

impl<'a> KeyBytes<'a> {
    /// Reads the files of a key source.
    pub(super) fn read(source: &'a KeySource) -> Result<Self, TlsError> {
        Ok(match source {
            KeySource::Store {
                path,
                password,
                key_password,
            } => Self {
                store: Source::file("key store", path)?,
                key: None,
                password: password.as_ref(),
                key_password: key_password.as_ref(),
            },
            KeySource::PemPair {
                certificate,
                key,
                key_password,
            } => Self {
                store: Source::file("certificate", certificate)?,
                key: Some(Source::file("private key", key)?),
                password: None,
                key_password: key_password.as_ref(),
            },
            KeySource::InlinePem {
                chain,
                key,
                key_password,
            } => Self {
                store: Source::inline("inline PEM certificate chain", chain),
                key: Some(Source::inline("inline PEM private key", &key.0)),
                password: None,
                key_password: key_password.as_ref(),
            },
        })
    }

    /// Adds the content to a hash.
    pub(super) fn hash_into(&self, sum: &mut Sha256) {
        self.store.hash_into(sum);
        if let Some(key) = &self.key {
            key.hash_into(sum);
        }
    }

    /// Makes a key pair of it: decrypted, matching, with a chain.
    pub(super) fn open(self) -> Result<CertifiedKey, TlsError> {
        let (chain, key) = match (&self.key, self.store.format()?) {
            (Some(key), _) => (self.store.pem()?.chain, self.pem_key(key, key.pem()?)?),
            (None, Format::Pem(_)) => {
                let mut pem = self.store.pem()?;
                (
                    std::mem::take(&mut pem.chain),
                    self.pem_key(&self.store, pem)?,
                )
            }
            (None, Format::Jks) => self.jks()?,
            (None, Format::Pkcs12) => self.pkcs12()?,
        };
        if chain.is_empty() {
            return Err(self
                .store
                .refuse("no certificate in it; accepted: the chain of the key"));
        }
        CertifiedKey::from_der(chain, key, super::provider()).map_err(|error| self.unfit(&error))
    }

    /// As Kafka: without a password of its own the key has that of the store.
    fn key_password(&self) -> Option<&'a str> {
        self.key_password
            .or(self.password)
            .map(|secret| secret.0.as_str())
    }

    fn pem_key(&self, source: &Source, pem: Pem) -> Result<PrivateKeyDer<'static>, TlsError> {
        match (pem.keys.into_iter().next(), self.key_password()) {
            (None, _) => Err(source.refuse(KEY_ACCEPTED)),
            (Some(PemKey::Plain(key)), _) => Ok(key),
            (Some(PemKey::Traditional), _) => Err(source.refuse(PemError::UnknownEncryption)),
            (Some(PemKey::Encrypted(_)), None) => {
                Err(source.refuse("its private key is encrypted and there is no key password"))
            }
            (Some(PemKey::Encrypted(der)), Some(password)) => {
                pem::decrypt(&der, password).map_err(|error| source.refuse(error))
            }
        }
    }

    fn jks(&self) -> Result<Pair, TlsError> {
        let mut store = self
            .store
            .jks(self.password.map(|secret| secret.0.as_str()))?;
        // In the file they stand in the order of a hash table.
        store.keys.sort_by(|one, other| one.alias.cmp(&other.alias));
        self.warn_of_more_keys(store.keys.iter().map(|entry| entry.alias.as_str()));
        let Some(entry) = store.keys.first() else {
            return Err(self.store.refuse(KEY_ACCEPTED));
        };
        let Some(password) = self.key_password() else {
            return Err(self
                .store
                .refuse("its private key is encrypted and there is no key password"));
        };
        let key = entry
            .open(password)
            .map_err(|error| self.store.refuse(error))?;
        let chain = entry.chain.iter().map(|der| der.to_vec().into()).collect();
        Ok((
            chain,
            rustls_pki_types::PrivatePkcs8KeyDer::from(key).into(),
        ))
    }

    fn pkcs12(&self) -> Result<Pair, TlsError> {
        let store = self
            .store
            .pkcs12(self.password.map(|secret| secret.0.as_str()))?;
        let mut keys = store.keys();
        keys.sort_by(|one, other| one.alias.cmp(&other.alias));
        self.warn_of_more_keys(keys.iter().map(|key| key.alias.as_str()));
        match keys.into_iter().next() {
            Some(key) => Ok((key.chain, key.key)),
            None => Err(self.store.refuse(KEY_ACCEPTED)),
        }
    }

    fn warn_of_more_keys<'k>(&self, mut aliases: impl ExactSizeIterator<Item = &'k str>) {
        if aliases.len() > 1 {
            let (store, used) = (&self.store.name, aliases.next().unwrap_or_default());
            tracing::warn!(%store, used, "more than one private key, the first by name is used");
        }
    }

    fn unfit(&self, error: &rustls::Error) -> TlsError {
        match error {
            rustls::Error::InconsistentKeys(_) => self.store.refuse(
                "its first certificate is not that of the private key; accepted: the key's own \
                 certificate first, then its issuers",
            ),
            rustls::Error::InvalidCertificate(_) => self
                .store
                .refuse("its first certificate is damaged; accepted: X.509 version 3"),
            _ => self.key.as_ref().unwrap_or(&self.store).refuse(
                "its private key cannot be used; accepted: RSA from 2048 bits, ECDSA with P-256, \
                 P-384 or P-521, Ed25519",
            ),
        }
    }
}

type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl<'a> TrustBytes<'a> {
    /// Reads the files of a trust source; `None` is the system's.
    pub(super) fn read(source: Option<&'a TrustSource>) -> Result<Self, TlsError> {
        match source {
            Some(TrustSource::Store { path, password }) => Ok(Self::Source {
                source: Source::file("trust store", path)?,
                password: password.as_ref(),
            }),
            Some(TrustSource::InlinePem(text)) => Ok(Self::Source {
                source: Source::inline("inline PEM trust store", text),
                password: None,
            }),
            None => Self::system(),
        }
    }

    fn system() -> Result<Self, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        match (found.certs.is_empty(), found.errors.first()) {
            (false, _) => Ok(Self::System(found.certs)),
            (true, Some(error)) => Err(TlsError::Unusable(format!(
                "the system's trust store cannot be read: {error}; accepted: a trust store"
            ))),
            (true, None) => Err(TlsError::Unusable(
                "the system has no trusted certificates; accepted: a trust store, or the system's \
                 package ca-certificates"
                    .to_owned(),
            )),
        }
    }

    /// Adds the content to a hash.
    pub(super) fn hash_into(&self, sum: &mut Sha256) {
        match self {
            Self::Source { source, .. } => source.hash_into(sum),
            Self::System(certificates) => certificates.iter().for_each(|der| hash_into(sum, der)),
        }
    }

    /// Makes trust anchors of it, at least one.
    pub(super) fn open(self) -> Result<RootCertStore, TlsError> {
        let (name, certificates) = match self {
            Self::System(certificates) => ("the system's trust store".to_owned(), certificates),
            Self::Source { source, password } => {
                let certificates = trusted(&source, password.map(|secret| secret.0.as_str()))?;
                (source.name.clone(), certificates)
            }
        };
        let mut anchors = RootCertStore::empty();
        let (_, ignored) = anchors.add_parsable_certificates(certificates);
        if anchors.is_empty() {
            return Err(TlsError::Unusable(format!(
                "{name}: no trusted certificate in it; accepted: X.509 certificates of the issuers"
            )));
        }
        if ignored > 0 {
            tracing::warn!(store = %name, ignored, "damaged trusted certificates are left out");
        }
        Ok(anchors)
    }
}

fn trusted(
    source: &Source,
    password: Option<&str>,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    Ok(match source.format()? {
        Format::Pem(_) => source.pem()?.chain,
        Format::Pkcs12 => source.pkcs12(password)?.trusted(),
        Format::Jks => {
            let store = source.jks(password)?;
            // As Java: the own certificate of a key is trusted too.
            let own = store.keys.iter().filter_map(|entry| entry.chain.first());
            store
                .trusted
                .iter()
                .chain(own)
                .map(|der| der.to_vec().into())
                .collect()
        }
    })
}

#[cfg(test)]
mod tests;
