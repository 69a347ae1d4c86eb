//! Reads Java's own key store format (JKS) from bytes.
//!
//! Owns the format and Sun's key protector, nothing else: no files, no rustls. The crate `jks` was
//! passed over: it allocates by counts from the file and brings second copies of four crates.
//!
//! The format is what `sun.security.provider.JavaKeyStore` documents: magic, version, a count of
//! entries, the entries, and SHA-1 over the password and all before.

use pkcs8::der::asn1::{ObjectIdentifier, OctetStringRef};
use pkcs8::der::{Decode, Reader, SliceReader};
use pkcs8::spki::AlgorithmIdentifierRef;
use sha1::{Digest, Sha1};

/// What stands at the start of every JKS file.
pub(super) const MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];

/// Everything in a store, in file order.
#[derive(Default)]
pub(super) struct Jks<'a> {
    /// Private keys, still encrypted, with their chains.
    pub keys: Vec<KeyEntry<'a>>,
    /// Trusted certificates as DER.
    pub trusted: Vec<&'a [u8]>,
}

/// One private key.
pub(super) struct KeyEntry<'a> {
    /// Its name in the store.
    pub alias: String,
    /// Certificates as DER, the key's own first.
    pub chain: Vec<&'a [u8]>,
    protected: &'a [u8],
}

/// Why a store cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum JksError {
    /// Not the format, or cut off.
    #[error("damaged, or not JKS")]
    Damaged,
    /// The check sum over the store password and the content differs.
    #[error("the store password does not open it, or it is damaged")]
    Integrity,
    /// The key protector's check sum differs.
    #[error("the key password does not open its private key")]
    KeyPassword,
    /// The private key is protected in a way JKS does not know.
    #[error(
        "its private key is protected in a way that is not read; accepted: what keytool writes"
    )]
    UnknownProtection,
}

impl<'a> Jks<'a> {
    /// Reads a store. Without a password its integrity is not checked, as Java has it.
    pub(super) fn parse(bytes: &'a [u8], password: Option<&str>) -> Result<Self, JksError> {
        let (body, check) = bytes.split_last_chunk::<20>().ok_or(JksError::Damaged)?;
        let mut input = Input { rest: body };
        let (MAGIC, version @ 1..=2) = (input.array::<4>()?, input.u32()?) else {
            return Err(JksError::Damaged);
        };
        // Before the content is judged: a wrong password is likelier than a damaged file.
        if password.is_some_and(|password| integrity(password, body) != *check) {
            return Err(JksError::Integrity);
        }
        let mut store = Self::default();
        for _ in 0..input.u32()? {
            store.entry(&mut input, version)?;
        }
        if input.rest.is_empty() {
            Ok(store)
        } else {
            Err(JksError::Damaged)
        }
    }

    fn entry(&mut self, input: &mut Input<'a>, version: u32) -> Result<(), JksError> {
        let tag = input.u32()?;
        let alias = String::from_utf8_lossy(input.utf()?).into_owned();
        let _created = input.array::<8>()?;
        match tag {
            1 => {
                let protected = input.blob()?;
                let mut chain = Vec::new();
                for _ in 0..input.u32()? {
                    chain.push(input.certificate(version)?);
                }
                self.keys.push(KeyEntry {
                    alias,
                    chain,
                    protected,
                });
            }
            2 => self.trusted.push(input.certificate(version)?),
            _ => return Err(JksError::Damaged),
        }
        Ok(())
    }
}

impl KeyEntry<'_> {
    /// Decrypts the key. The result is PKCS#8 DER.
    pub(super) fn open(&self, password: &str) -> Result<Vec<u8>, JksError> {
        let protected = unwrap_protected(self.protected)?;
        let (salt, rest) = protected
            .split_first_chunk::<20>()
            .ok_or(JksError::Damaged)?;
        let (sealed, check) = rest.split_last_chunk::<20>().ok_or(JksError::Damaged)?;
        let password = utf16(password);
        // Sun's key protector: XOR with a chain of SHA-1 values that starts with the salt.
        let mut link = *salt;
        let mut key = Vec::with_capacity(sealed.len());
        for block in sealed.chunks(link.len()) {
            link = Sha1::new()
                .chain_update(&password)
                .chain_update(link)
                .finalize()
                .into();
            key.extend(block.iter().zip(link).map(|(byte, pad)| byte ^ pad));
        }
        let sum: [u8; 20] = Sha1::new()
            .chain_update(&password)
            .chain_update(&key)
            .finalize()
            .into();
        if sum == *check {
            Ok(key)
        } else {
            Err(JksError::KeyPassword)
        }
    }
}

/// The octets inside the EncryptedPrivateKeyInfo (RFC 5958 §3) that JKS wraps a key in.
fn unwrap_protected(der: &[u8]) -> Result<&[u8], JksError> {
    const SUN_KEY_PROTECTOR: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("1.3.6.1.4.1.42.2.17.1.1");
    let parsed = SliceReader::new(der).and_then(|mut reader| {
        reader.sequence(|inner| {
            let algorithm = AlgorithmIdentifierRef::decode(inner)?;
            Ok((algorithm.oid, <&OctetStringRef>::decode(inner)?.as_bytes()))
        })
    });
    match parsed {
        Ok((SUN_KEY_PROTECTOR, octets)) => Ok(octets),
        Ok(_) => Err(JksError::UnknownProtection),
        Err(_) => Err(JksError::Damaged),
    }
}

fn integrity(password: &str, body: &[u8]) -> [u8; 20] {
    let sum = Sha1::new().chain_update(utf16(password));
    // The format's salt, fixed since JDK 1.2.
    sum.chain_update(b"Mighty Aphrodite")
        .chain_update(body)
        .finalize()
        .into()
}

/// Java digests a password as its UTF-16 code units, big-endian.
fn utf16(password: &str) -> Vec<u8> {
    password.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], JksError> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(JksError::Damaged)?;
        self.rest = rest;
        Ok(*head)
    }

    fn u32(&mut self) -> Result<u32, JksError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], JksError> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(JksError::Damaged)?;
        self.rest = rest;
        Ok(head)
    }

    fn utf(&mut self) -> Result<&'a [u8], JksError> {
        let count = u16::from_be_bytes(self.array()?);
        self.take(usize::from(count))
    }

    fn blob(&mut self) -> Result<&'a [u8], JksError> {
        let Ok(count) = usize::try_from(self.u32()?) else {
            return Err(JksError::Damaged);
        };
        self.take(count)
    }

    /// Version 1 has only X.509 and does not say so.
    fn certificate(&mut self, version: u32) -> Result<&'a [u8], JksError> {
        if version > 1 && self.utf()? != b"X.509" {
            return Err(JksError::Damaged);
        }
        self.blob()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_PASSWORDS: &[u8] = include_bytes!("fixtures/two-passwords.jks");
    const TRUST: &[u8] = include_bytes!("fixtures/truststore.jks");

    #[test]
    fn opens_a_key_that_has_a_password_of_its_own() {
        let store = Jks::parse(TWO_PASSWORDS, Some("store-password")).unwrap();
        assert_eq!((store.keys.len(), store.keys[0].chain.len()), (1, 2));
        assert_eq!(store.keys[0].alias, "broker");
        assert_eq!(store.keys[0].open("key-password").unwrap()[0], 0x30);
        assert_eq!(
            store.keys[0].open("store-password").err(),
            Some(JksError::KeyPassword)
        );
    }

    #[test]
    fn reads_trusted_certificates() {
        let store = Jks::parse(TRUST, None).unwrap();
        assert_eq!((store.keys.len(), store.trusted.len()), (0, 1));
    }

    #[test]
    fn refuses_a_wrong_store_password() {
        let wrong = Jks::parse(TRUST, Some("not-it")).err();
        assert_eq!(wrong, Some(JksError::Integrity));
    }

    #[test]
    fn refuses_every_shortened_store() {
        for end in 0..TWO_PASSWORDS.len() {
            assert!(Jks::parse(&TWO_PASSWORDS[..end], None).is_err(), "{end}");
        }
    }

    #[test]
    fn survives_every_changed_byte() {
        for at in 0..TWO_PASSWORDS.len() {
            for value in [0x00, 0x7f, 0xff] {
                let mut bytes = TWO_PASSWORDS.to_vec();
                bytes[at] = value;
                if let Ok(store) = Jks::parse(&bytes, None) {
                    let _ = store.keys.first().map(|key| key.open("key-password"));
                }
            }
        }
    }

    #[test]
    fn a_huge_count_costs_nothing() {
        let mut bytes = TRUST.to_vec();
        bytes[8..12].fill(0xff);
        assert_eq!(Jks::parse(&bytes, None).err(), Some(JksError::Damaged));
    }
}
