//! Compact JWS (RFC 7515) with one algorithm, Ed25519, and keys that were built in.
//!
//! Pure. It must not know what is signed: licences and other signed documents differ in `typ`.
//! Nothing of a payload is looked at before its signature holds.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::anchors::Anchor;
use super::json;

/// The longest token looked at, in bytes. A licence has about 500.
pub const MOST_BYTES: usize = 8 * 1024;

/// The longest key name.
const MOST_KID_BYTES: usize = 64;

/// Why a token is not taken. No variant holds any part of the token but a checked key name.
#[derive(Debug, thiserror::Error)]
pub enum JwsError {
    /// Over `MOST_BYTES`.
    #[error("the token has {0} bytes, more than {MOST_BYTES}")]
    TooLong(usize),
    /// Not three parts.
    #[error("the token is not three base64url parts with a dot between each")]
    Parts,
    /// Not base64url as RFC 7515 has it: no padding, no spare bits.
    #[error("the token's {0} is not base64url")]
    Base64(&'static str),
    /// The header is not an object of exactly `alg`, `typ` and `kid`.
    #[error("the token's header is not exactly alg, typ and kid")]
    Header,
    /// `alg` is another than EdDSA.
    #[error("the token is not signed with EdDSA")]
    Algorithm,
    /// `typ` is of another document.
    #[error("the token is no {0}")]
    Type(&'static str),
    /// The key is not built in.
    #[error("the token is signed by key {kid}, which this build does not know; it knows {known}")]
    UnknownKey {
        /// As the header has it: letters, digits, `.`, `_` and `-`.
        kid: String,
        /// The names of those built in.
        known: String,
    },
    /// The signature is of other bytes or by another key.
    #[error("the token's signature does not match: it was changed or cut")]
    Signature,
    /// Signed, but not a JSON object without duplicates.
    #[error("the token's payload is not valid")]
    Payload(#[source] serde_json::Error),
}

/// What a valid token holds.
#[derive(Debug)]
pub struct Opened {
    /// The anchor that verified it.
    pub kid: String,
    /// Its members, each once.
    pub payload: Map<String, Value>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// Verifies a token of one type against the given keys.
///
/// # Errors
/// `JwsError`; then nothing the token says may be believed.
pub fn open(token: &str, typ: &'static str, anchors: &[Anchor]) -> Result<Opened, JwsError> {
    if token.len() > MOST_BYTES {
        return Err(JwsError::TooLong(token.len()));
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(JwsError::Parts)?;
    let (header, payload) = signed.split_once('.').ok_or(JwsError::Parts)?;
    if payload.contains('.') {
        return Err(JwsError::Parts);
    }
    let kid = read_header(&decode(header, "header")?, typ)?;
    let signature = decode(signature, "signature")?;
    let Some(anchor) = anchors.iter().find(|anchor| anchor.kid == kid) else {
        let known: Vec<_> = anchors.iter().map(|anchor| anchor.kid.as_str()).collect();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        return Err(JwsError::UnknownKey { kid, known });
    };
    UnparsedPublicKey::new(&ED25519, anchor.key)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_says_nothing| JwsError::Signature)?;
    let payload = json::object(&decode(payload, "payload")?).map_err(JwsError::Payload)?;
    Ok(Opened { kid, payload })
}

/// The `kid` of a header that is as it must be.
fn read_header(text: &[u8], typ: &'static str) -> Result<String, JwsError> {
    // The parser's own words would quote the token.
    let header: Header = serde_json::from_slice(text).map_err(|_quotes| JwsError::Header)?;
    if header.alg != "EdDSA" {
        return Err(JwsError::Algorithm);
    }
    if header.typ != typ {
        return Err(JwsError::Type(typ));
    }
    if !is_kid(&header.kid) {
        return Err(JwsError::Header);
    }
    Ok(header.kid)
}

/// Whether this can be a key's name: it comes into file names, logs and messages.
#[must_use]
pub fn is_kid(kid: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MOST_KID_BYTES).contains(&kid.len()) && kid.bytes().all(allowed)
}

fn decode(part: &str, name: &'static str) -> Result<Vec<u8>, JwsError> {
    Base64UrlUnpadded::decode_vec(part).map_err(|_says_no_more| JwsError::Base64(name))
}

/// Signs a payload, for the vendor's tools and for tests.
///
/// # Errors
/// When the payload cannot be written as JSON.
pub fn sign(
    payload: &impl Serialize,
    typ: &str,
    kid: &str,
    key: &Ed25519KeyPair,
) -> serde_json::Result<String> {
    let header = Header {
        alg: "EdDSA".to_owned(),
        typ: typ.to_owned(),
        kid: kid.to_owned(),
    };
    let header = Base64UrlUnpadded::encode_string(&serde_json::to_vec(&header)?);
    let payload = Base64UrlUnpadded::encode_string(&serde_json::to_vec(payload)?);
    let signed = format!("{header}.{payload}");
    let signature = Base64UrlUnpadded::encode_string(key.sign(signed.as_bytes()).as_ref());
    Ok(format!("{signed}.{signature}"))
}

#[cfg(test)]
mod tests;
