//! Reads PKCS#12 stores (RFC 7292) of keytool and openssl.
//!
//! Owns the crate `p12_keystore` and which certificate belongs to what; it must not know files.

use p12_keystore::error::Error;
use p12_keystore::{CertificateBag, Pkcs12Archive, PrivateKeyBag};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// An opened store.
pub(super) struct Pkcs12 {
    archive: Pkcs12Archive,
}

/// One private key.
pub(super) struct Pkcs12Key {
    /// Its name in the store, or nothing.
    pub alias: String,
    /// Decrypted.
    pub key: PrivateKeyDer<'static>,
    /// Its own certificate first. Empty when the store has no certificate at all.
    pub chain: Vec<CertificateDer<'static>>,
}

/// Why a store cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Pkcs12Error {
    /// The check sum does not fit the password, or decryption fails.
    #[error("the store password does not open it")]
    Password,
    /// An algorithm that is not read.
    #[error(
        "encrypted in a way that is not read; accepted: PBES2 (the default of keytool and openssl), \
         3DES, RC2-40"
    )]
    UnknownEncryption,
    /// Not the format.
    #[error("damaged, or not PKCS#12")]
    Damaged,
}

impl Pkcs12 {
    /// Opens a store. One password is for all of it, as keytool and openssl write it.
    pub(super) fn parse(bytes: &[u8], password: &str) -> Result<Self, Pkcs12Error> {
        match Pkcs12Archive::from_pkcs12(bytes, password) {
            Ok(archive) => Ok(Self { archive }),
            // A store without check sum shows a wrong password as bad padding.
            Err(Error::MacError(_) | Error::Pkcs5Error(_) | Error::UnpadError) => {
                Err(Pkcs12Error::Password)
            }
            Err(Error::UnsupportedEncryptionScheme | Error::UnsupportedMacAlgorithm) => {
                Err(Pkcs12Error::UnknownEncryption)
            }
            Err(_) => Err(Pkcs12Error::Damaged),
        }
    }

    /// The private keys in file order.
    pub(super) fn keys(&self) -> Vec<Pkcs12Key> {
        self.archive.keys.iter().map(|bag| self.key(bag)).collect()
    }

    fn key(&self, bag: &PrivateKeyBag) -> Pkcs12Key {
        Pkcs12Key {
            alias: bag.friendly_name.clone().unwrap_or_default(),
            key: PrivatePkcs8KeyDer::from(bag.key.as_der().to_vec()).into(),
            chain: self.chain_of(bag),
        }
    }

    fn chain_of(&self, key: &PrivateKeyBag) -> Vec<CertificateDer<'static>> {
        let certificates = &self.archive.certs;
        let id = key.local_key_id.as_ref().map(AsRef::as_ref);
        let own = certificates
            .iter()
            .find(|bag| id.is_some() && bag.local_key_id.as_deref() == id);
        // Without an id there is nothing to go by but the order.
        let Some(mut last) = own.or_else(|| certificates.first()) else {
            return Vec::new();
        };
        let mut chain = vec![der(last)];
        // Upwards by name; each certificate once, so a circle of issuers ends.
        while last.cert.issuer() != last.cert.subject() {
            let issuer = certificates
                .iter()
                .find(|bag| bag.cert.subject() == last.cert.issuer());
            match issuer {
                Some(bag) if !chain.contains(&der(bag)) => last = bag,
                _ => break,
            }
            chain.push(der(last));
        }
        chain
    }

    /// The trust anchors, by Java's rule: certificates that keytool marked as trusted and the own
    /// certificates of keys. openssl writes no such mark; where there is no mark and no key, all count.
    pub(super) fn trusted(&self) -> Vec<CertificateDer<'static>> {
        let certificates = &self.archive.certs;
        let unmarked = self.archive.keys.is_empty() && certificates.iter().all(|bag| !bag.trusted);
        certificates
            .iter()
            .filter(|bag| unmarked || bag.trusted || bag.local_key_id.is_some())
            .map(der)
            .collect()
    }
}

fn der(bag: &CertificateBag) -> CertificateDer<'static> {
    bag.cert.as_der().to_vec().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYTOOL: &[u8] = include_bytes!("fixtures/keytool.p12");

    #[test]
    fn reads_key_and_chain_of_keytool_and_openssl() {
        for bytes in [
            KEYTOOL,
            include_bytes!("fixtures/openssl.p12"),
            include_bytes!("fixtures/openssl-legacy.p12"),
        ] {
            let keys = Pkcs12::parse(bytes, "store-password").unwrap().keys();
            assert_eq!((keys.len(), keys[0].chain.len()), (1, 2));
        }
    }

    #[test]
    fn reads_trust_stores_of_keytool_and_openssl() {
        for bytes in [
            include_bytes!("fixtures/truststore.p12").as_slice(),
            include_bytes!("fixtures/openssl-truststore.p12"),
        ] {
            let store = Pkcs12::parse(bytes, "store-password").unwrap();
            assert_eq!((store.keys().len(), store.trusted().len()), (0, 1));
        }
    }

    #[test]
    fn a_key_store_as_trust_store_trusts_the_own_certificate_only() {
        let store = Pkcs12::parse(KEYTOOL, "store-password").unwrap();
        assert_eq!(store.trusted(), store.keys()[0].chain[..1]);
    }

    #[test]
    fn refuses_a_wrong_password() {
        let wrong = Pkcs12::parse(KEYTOOL, "not-it").err();
        assert_eq!(wrong, Some(Pkcs12Error::Password));
    }

    #[test]
    fn refuses_what_is_cut_off_or_no_store() {
        for bytes in [
            &KEYTOOL[..100],
            &KEYTOOL[..KEYTOOL.len() - 1],
            &[0x30],
            &[0x30, 0x84],
        ] {
            assert_eq!(Pkcs12::parse(bytes, "x").err(), Some(Pkcs12Error::Damaged));
        }
    }
}
