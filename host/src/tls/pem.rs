//! Splits PEM text (RFC 7468) into certificates and private keys, and decrypts PKCS#8 keys.
//!
//! Owns the text format; it must not know files. More lenient than the RFC where Kafka is: text
//! around the blocks and whitespace of any kind inside are fine, so a block may be one long line.

use base64ct::{Base64, Encoding};
use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};

/// What every block starts with.
pub(super) const BEGIN: &str = "-----BEGIN ";

/// What was found, in order.
#[derive(Default)]
pub(super) struct Pem {
    /// Certificates.
    pub chain: Vec<CertificateDer<'static>>,
    /// Private keys.
    pub keys: Vec<PemKey>,
}

/// A private key as it stands in the text.
pub(super) enum PemKey {
    /// Ready for use.
    Plain(PrivateKeyDer<'static>),
    /// PKCS#8 EncryptedPrivateKeyInfo.
    Encrypted(Vec<u8>),
    /// OpenSSL's own encryption of PKCS#1 and SEC1 keys (`Proc-Type: 4,ENCRYPTED`).
    Traditional,
}

/// Why PEM cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum PemError {
    /// A block has no end or is not base64.
    #[error("damaged PEM: a block without its end, or not base64")]
    Damaged,
    /// The encryption is no PBES2, or one of its parts is out of use.
    #[error(
        "its private key is encrypted in a way that is not read; accepted: PKCS#8 with PBES2 \
         (openssl pkcs8 -topk8 -v2 aes-256-cbc converts it)"
    )]
    UnknownEncryption,
    /// Decryption did not give a key.
    #[error("the key password does not open its private key")]
    KeyPassword,
}

impl Pem {
    /// Reads every block whose label is known; the others (parameters, requests) are passed over.
    pub(super) fn parse(text: &str) -> Result<Self, PemError> {
        let mut pem = Self::default();
        let mut rest = text;
        while let Some((_, after)) = rest.split_once(BEGIN) {
            let (label, after) = after.split_once("-----").ok_or(PemError::Damaged)?;
            let (body, after) = after.split_once("-----END ").ok_or(PemError::Damaged)?;
            rest = after.strip_prefix(label).ok_or(PemError::Damaged)?;
            pem.add(label, body)?;
        }
        Ok(pem)
    }

    fn add(&mut self, label: &str, body: &str) -> Result<(), PemError> {
        match label {
            "CERTIFICATE" | "X509 CERTIFICATE" => self.chain.push(decode(body)?.into()),
            "RSA PRIVATE KEY" | "EC PRIVATE KEY" if body.contains("Proc-Type:") => {
                self.keys.push(PemKey::Traditional);
            }
            "ENCRYPTED PRIVATE KEY" => self.keys.push(PemKey::Encrypted(decode(body)?)),
            "PRIVATE KEY" => self.plain(PrivatePkcs8KeyDer::from(decode(body)?)),
            "RSA PRIVATE KEY" => self.plain(PrivatePkcs1KeyDer::from(decode(body)?)),
            "EC PRIVATE KEY" => self.plain(PrivateSec1KeyDer::from(decode(body)?)),
            _ => {}
        }
        Ok(())
    }

    fn plain(&mut self, key: impl Into<PrivateKeyDer<'static>>) {
        self.keys.push(PemKey::Plain(key.into()));
    }
}

/// Decrypts a PKCS#8 EncryptedPrivateKeyInfo. The result is PKCS#8 DER.
pub(super) fn decrypt(der: &[u8], password: &str) -> Result<PrivateKeyDer<'static>, PemError> {
    let Ok(sealed) = EncryptedPrivateKeyInfoRef::try_from(der) else {
        return Err(PemError::UnknownEncryption);
    };
    if sealed.encryption_algorithm.pbes2().is_none() {
        return Err(PemError::UnknownEncryption);
    }
    match sealed.decrypt(password) {
        Ok(key) => Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into()),
        Err(pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::UnsupportedAlgorithm {
            ..
        })) => Err(PemError::UnknownEncryption),
        Err(_) => Err(PemError::KeyPassword),
    }
}

fn decode(body: &str) -> Result<Vec<u8>, PemError> {
    let packed: String = body.split_whitespace().collect();
    match Base64::decode_vec(&packed) {
        Ok(der) if !der.is_empty() => Ok(der),
        _ => Err(PemError::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAIN: &str = include_str!("fixtures/chain.pem");

    fn only_key(text: &str) -> PemKey {
        let mut keys = Pem::parse(text).unwrap().keys;
        assert_eq!(keys.len(), 1);
        keys.remove(0)
    }

    fn sealed(text: &str) -> Vec<u8> {
        match only_key(text) {
            PemKey::Encrypted(der) => der,
            _ => panic!("not encrypted"),
        }
    }

    #[test]
    fn reads_a_chain_in_order_with_text_around_it() {
        let pem = Pem::parse(&format!("Bag Attributes\n {CHAIN} the end")).unwrap();
        assert_eq!(pem.chain.len(), 2);
        assert!(pem.keys.is_empty());
    }

    #[test]
    fn reads_a_block_written_as_one_line() {
        let one_line = CHAIN.replace('\n', " ");
        assert_eq!(
            Pem::parse(&one_line).unwrap().chain,
            Pem::parse(CHAIN).unwrap().chain
        );
    }

    #[test]
    fn reads_the_three_forms_of_a_plain_key() {
        for text in [
            include_str!("fixtures/key-pkcs8.pem"),
            include_str!("fixtures/key-sec1.pem"),
            include_str!("fixtures/rsa-key-pkcs1.pem"),
        ] {
            assert!(matches!(only_key(text), PemKey::Plain(_)));
        }
    }

    #[test]
    fn decrypts_what_openssl_encrypts_with_sha256_and_sha1() {
        for text in [
            include_str!("fixtures/key-encrypted.pem"),
            include_str!("fixtures/key-encrypted-sha1.pem"),
        ] {
            let der = sealed(text);
            assert!(decrypt(&der, "key-password").is_ok());
            assert_eq!(decrypt(&der, "not-it").err(), Some(PemError::KeyPassword));
        }
    }

    #[test]
    fn names_encryption_out_of_use() {
        let der = sealed(include_str!("fixtures/key-encrypted-pbes1.pem"));
        assert_eq!(
            decrypt(&der, "key-password").err(),
            Some(PemError::UnknownEncryption)
        );
        let traditional = include_str!("fixtures/key-legacy-encrypted.pem");
        assert!(matches!(only_key(traditional), PemKey::Traditional));
    }

    #[test]
    fn refuses_what_has_no_end_or_is_not_base64() {
        for text in [
            "-----BEGIN CERTIFICATE",
            "-----BEGIN CERTIFICATE-----\nAAAA",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END PRIVATE KEY-----",
            "-----BEGIN CERTIFICATE-----\n####\n-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
        ] {
            assert_eq!(Pem::parse(text).err(), Some(PemError::Damaged), "{text}");
        }
    }
}
