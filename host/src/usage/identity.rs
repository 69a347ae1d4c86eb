//! Who this installation is: a random id and a key of its own, made at the first start.
//!
//! Derived from nothing: no machine id, no address, no name. Whoever clones a machine should remove it.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use super::chain::hex;
use super::error::UsageError;
use super::files::Folder;
use crate::licence::{Anchor, UnixTime};

const FILE: &str = "identity.json";

/// The schema this version writes and reads.
const SCHEMA: u32 = 1;

#[derive(Deserialize, Serialize)]
struct Document {
    schema: u32,
    install_id: String,
    /// PKCS#8 in base64.
    key: String,
}

/// An id and what signs its reports.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) install_id: String,
    /// Public half, base64url.
    pub(super) install_key: String,
    /// What verifies its reports.
    pub(super) anchor: Anchor,
    pub(super) key: Ed25519KeyPair,
}

impl Identity {
    /// The one kept here; none if it is missing or damaged.
    pub(super) fn read(folder: &Folder) -> Result<Option<Self>, UsageError> {
        let Some(text) = folder.read(FILE)? else {
            return Ok(None);
        };
        let document: Option<Document> = serde_json::from_str(&text).ok();
        let document = document.filter(|document| document.schema == SCHEMA);
        Ok(document.and_then(|document| {
            let der = Base64::decode_vec(&document.key).ok()?;
            let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok()?;
            Self::of(document.install_id, key)
        }))
    }

    /// Makes and keeps a new one.
    pub(super) fn make(folder: &Folder) -> Result<Self, UsageError> {
        let key = Ed25519KeyPair::generate().map_err(|_says_nothing| UsageError::Random)?;
        let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_says_nothing| UsageError::Random)?;
        let document = Document {
            schema: SCHEMA,
            install_id: hex(&random::<16>()?),
            key: Base64::encode_string(der.as_ref()),
        };
        folder.replace(FILE, &serde_json::to_vec(&document)?)?;
        Self::of(document.install_id, key).ok_or(UsageError::Random)
    }

    fn of(install_id: String, key: Ed25519KeyPair) -> Option<Self> {
        let public: [u8; 32] = key.public_key().as_ref().try_into().ok()?;
        Some(Self {
            install_key: Base64UrlUnpadded::encode_string(&public),
            anchor: Anchor {
                kid: install_id.clone(),
                key: public,
            },
            install_id,
            key,
        })
    }
}

pub(super) fn random<const N: usize>() -> Result<[u8; N], UsageError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_says_nothing| UsageError::Random)?;
    Ok(bytes)
}

/// A UUID of version 7 (RFC 9562 section 5.7): milliseconds since 1970, then random bits.
pub(super) fn report_id(now: UnixTime) -> Result<String, UsageError> {
    let millis = u64::try_from(now.0)
        .unwrap_or_default()
        .saturating_mul(1000);
    let mut bytes = random::<16>()?;
    for (byte, of) in bytes
        .iter_mut()
        .zip(millis.to_be_bytes().into_iter().skip(2))
    {
        *byte = of;
    }
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = 0x70 | (*version & 0x0f);
    *variant = 0x80 | (*variant & 0x3f);
    let digits = hex(&bytes);
    let part = |range| digits.get(range).unwrap_or_default();
    Ok(format!(
        "{}-{}-{}-{}-{}",
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32)
    ))
}

pub(super) fn random_u32() -> Result<u32, UsageError> {
    random::<4>().map(u32::from_be_bytes)
}
