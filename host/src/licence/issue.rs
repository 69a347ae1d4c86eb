//! The vendor's side: key pairs, and signed licences.
//!
//! Works on text; whoever calls reads and writes the files. A running proxy uses none of it.

use std::collections::BTreeMap;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64ct::{Base64, Encoding};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;

use super::anchors::Anchor;
use super::claims::{AUDIENCE, Claims, Environment, Reporting, VERSION};
use super::jws;
use super::time::{DAY, UnixTime};
use super::token::{self, InvalidToken};

/// Why no key or licence was made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The name does not fit into file names and headers.
    #[error("the key's name must be 1 to 64 letters, digits, '.', '_' or '-'")]
    Kid,
    /// No line `kid: …` in the private key's file, and none given.
    #[error("the key's name is not known: name it, or put a line \"kid: NAME\" above the PEM")]
    NoKid,
    /// Not a PKCS#8 private key in PEM, or not an Ed25519 one.
    #[error("not one Ed25519 private key in PEM (PKCS#8)")]
    Key,
    /// The cryptographic library failed.
    #[error("make random bytes")]
    Random,
    /// The claims cannot be written.
    #[error("write the claims")]
    Json(#[from] serde_json::Error),
    /// The licence would be refused by every proxy.
    #[error("this licence would not be valid")]
    Refused(#[from] InvalidToken),
}

/// A key pair as PEM text.
#[derive(Debug)]
pub struct Pair {
    /// For the vault. Holds the name, too.
    pub private: String,
    /// For `host/anchors/`.
    pub public: String,
}

/// Makes a key pair of this name.
///
/// # Errors
/// `IssueError::Kid` and `IssueError::Random`.
pub fn keygen(kid: &str) -> Result<Pair, IssueError> {
    if !jws::is_kid(kid) {
        return Err(IssueError::Kid);
    }
    let key = Ed25519KeyPair::generate().map_err(|_says_nothing| IssueError::Random)?;
    let private: Pkcs8V1Der<'_> = key.as_der().map_err(|_says_nothing| IssueError::Random)?;
    let public = key
        .public_key()
        .as_der()
        .map_err(|_says_nothing| IssueError::Random)?;
    Ok(Pair {
        private: format!("kid: {kid}\n{}", pem("PRIVATE KEY", private.as_ref())),
        public: pem("PUBLIC KEY", public.as_ref()),
    })
}

/// PEM of up to 48 bytes, which is one line of base64; an Ed25519 key has 48 or 44.
fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        Base64::encode_string(der)
    )
}

/// A private key that signs.
#[derive(Debug)]
pub struct SigningKey {
    kid: String,
    key: Ed25519KeyPair,
}

impl SigningKey {
    /// From a private key's file; `kid` when its own line with the name is not to count.
    ///
    /// # Errors
    /// `IssueError::Key`, `IssueError::Kid` and `IssueError::NoKid`.
    pub fn from_pem(text: &str, kid: Option<&str>) -> Result<Self, IssueError> {
        let told = || {
            text.lines()
                .find_map(|line| line.strip_prefix("kid:"))
                .map(str::trim)
        };
        let kid = kid.or_else(told).ok_or(IssueError::NoKid)?;
        if !jws::is_kid(kid) {
            return Err(IssueError::Kid);
        }
        // The parser's words are about DER; one sentence helps more.
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes())
            .map_err(|_about_der| IssueError::Key)?;
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der())
            .map_err(|_about_der| IssueError::Key)?;
        Ok(Self {
            kid: kid.to_owned(),
            key,
        })
    }

    /// What verifies its signatures.
    #[must_use]
    pub fn anchor(&self) -> Option<Anchor> {
        let key = self.key.public_key().as_ref().try_into().ok()?;
        Some(Anchor {
            kid: self.kid.clone(),
            key,
        })
    }

    /// Signs a document of any type.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn sign(&self, payload: &impl serde::Serialize, typ: &str) -> serde_json::Result<String> {
        jws::sign(payload, typ, &self.kid, &self.key)
    }
}

/// What a licence is to say.
#[derive(Clone, Debug)]
pub struct Order {
    /// Who issues it.
    pub issuer: String,
    /// The customer, opaque.
    pub customer: String,
    /// The licence's own id; a random one when not given.
    pub id: Option<String>,
    /// What was bought.
    pub plan: String,
    /// What it is meant for.
    pub environment: Environment,
    /// When it begins; now when not given.
    pub begins: Option<UnixTime>,
    /// From its beginning on.
    pub days: u32,
    /// After that.
    pub grace_days: u32,
    /// Agreed amounts.
    pub limits: BTreeMap<String, u64>,
    /// Agreed features.
    pub features: Vec<String>,
}

/// Signs a licence, and checks that a proxy would take it.
///
/// # Errors
/// `IssueError`.
pub fn issue(order: &Order, key: &SigningKey, now: UnixTime) -> Result<String, IssueError> {
    let begins = order.begins.unwrap_or(now);
    let claims = Claims {
        iss: order.issuer.clone(),
        aud: AUDIENCE.to_owned(),
        sub: order.customer.clone(),
        jti: order.id.clone().map_or_else(random_id, Ok)?,
        // A licence may begin in the past and even have ended; it is not issued after that.
        iat: now.min(begins),
        nbf: begins,
        exp: begins.plus(i64::from(order.days).saturating_mul(DAY)),
        ver: VERSION,
        plan: order.plan.clone(),
        env: order.environment,
        grace_days: order.grace_days,
        limits: order.limits.clone(),
        features: order.features.clone(),
        reporting: Reporting::default(),
    };
    let token = key.sign(&claims, token::TYPE)?;
    token::verify(&token, &key.anchor().into_iter().collect::<Vec<_>>())?;
    Ok(token)
}

/// 128 random bits in hexadecimal.
fn random_id() -> Result<String, IssueError> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_says_nothing| IssueError::Random)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::licence::testing::NOW;

    fn order() -> Order {
        Order {
            issuer: "tests".to_owned(),
            customer: "c".to_owned(),
            id: None,
            plan: "standard".to_owned(),
            environment: Environment::Trial,
            begins: None,
            days: 30,
            grace_days: 0,
            limits: BTreeMap::from([("brokers".to_owned(), 3)]),
            features: vec!["a".to_owned()],
        }
    }

    #[test]
    fn a_new_pair_signs_what_its_public_half_verifies() {
        let pair = keygen("tw-lic-2026a").unwrap();
        assert!(
            pair.private
                .starts_with("kid: tw-lic-2026a\n-----BEGIN PRIVATE KEY-----\n")
        );
        assert!(
            pair.public
                .starts_with("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA")
        );
        assert!(
            pair.private
                .lines()
                .chain(pair.public.lines())
                .all(|line| line.len() <= 64)
        );
        let key = SigningKey::from_pem(&pair.private, None).unwrap();
        let anchor = key.anchor().unwrap();
        let der = rustls_pki_types::SubjectPublicKeyInfoDer::from_pem_slice(pair.public.as_bytes());
        assert_eq!(der.unwrap().as_ref()[12..], anchor.key);
        let token = issue(&order(), &key, NOW).unwrap();
        let licence = token::verify(&token, &[anchor]).unwrap();
        assert_eq!(licence.kid, "tw-lic-2026a");
        assert_eq!(licence.claims.exp, NOW.plus(30 * DAY));
        assert_eq!(licence.claims.jti.len(), 32);
        assert_ne!(token, issue(&order(), &key, NOW).unwrap());
    }

    #[test]
    fn a_licence_begins_when_it_is_to() {
        let key = SigningKey::from_pem(&keygen("k").unwrap().private, None).unwrap();
        let anchors = [key.anchor().unwrap()];
        for (begins, iat) in [
            (NOW.plus(-90 * DAY), NOW.plus(-90 * DAY)),
            (NOW.plus(DAY), NOW),
        ] {
            let order = Order {
                begins: Some(begins),
                ..order()
            };
            let claims = token::verify(&issue(&order, &key, NOW).unwrap(), &anchors)
                .unwrap()
                .claims;
            assert_eq!(
                (claims.nbf, claims.exp, claims.iat),
                (begins, begins.plus(30 * DAY), iat)
            );
        }
    }

    #[test]
    fn signs_nothing_that_a_proxy_would_refuse() {
        let key = SigningKey::from_pem(&keygen("k").unwrap().private, Some("other")).unwrap();
        assert_eq!(key.anchor().unwrap().kid, "other");
        for wrong in [
            Order { days: 0, ..order() },
            Order {
                days: u32::MAX,
                ..order()
            },
            Order {
                grace_days: 367,
                ..order()
            },
            Order {
                customer: "two\nlines".to_owned(),
                ..order()
            },
            Order {
                plan: String::new(),
                ..order()
            },
            Order {
                features: vec!["x".repeat(9000)],
                ..order()
            },
        ] {
            let refused = issue(&wrong, &key, NOW);
            assert!(matches!(refused, Err(IssueError::Refused(_))), "{wrong:?}");
        }
    }

    #[test]
    fn refuses_what_is_no_named_private_key() {
        let pair = keygen("k").unwrap();
        let nameless = pair.private.trim_start_matches("kid: k\n");
        assert!(matches!(
            SigningKey::from_pem(nameless, None),
            Err(IssueError::NoKid)
        ));
        assert!(matches!(
            SigningKey::from_pem(nameless, Some("a/b")),
            Err(IssueError::Kid)
        ));
        assert!(matches!(
            SigningKey::from_pem(&pair.public, Some("k")),
            Err(IssueError::Key)
        ));
        assert!(matches!(keygen("../k"), Err(IssueError::Kid)));
    }
}
