//! Tokens that must not open: changed, cut, of other algorithms, with keys of their own.

use aws_lc_rs::hmac;
use serde_json::json;

use super::*;
use crate::licence::anchors;
use crate::licence::testing::dev_key;
use crate::licence::token::TYPE;

const KID: &str = "tw-lic-DEV-KEY-DO-NOT-SHIP";

fn good() -> String {
    dev_key().sign(&json!({"a": 1}), TYPE).unwrap()
}

fn refuse(token: &str) -> JwsError {
    open(token, TYPE, &anchors::license()).unwrap_err()
}

fn base64(text: &str) -> String {
    Base64UrlUnpadded::encode_string(text.as_bytes())
}

/// A token with these very texts, truly signed.
fn signed(header: &str, payload: &str) -> String {
    let key = crate::licence::testing::DEV_KEY;
    let der = rustls_pki_types::pem::PemObject::from_pem_slice(key.as_bytes());
    let der: rustls_pki_types::PrivatePkcs8KeyDer<'_> = der.unwrap();
    let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).unwrap();
    let signed = format!("{}.{}", base64(header), base64(payload));
    let signature = Base64UrlUnpadded::encode_string(key.sign(signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}

fn header(alg: &str) -> String {
    format!(r#"{{"alg":"{alg}","typ":"{TYPE}","kid":"{KID}"}}"#)
}

#[test]
fn opens_what_an_anchor_signed() {
    let opened = open(&good(), TYPE, &anchors::license()).unwrap();
    assert_eq!(opened.kid, KID);
    assert_eq!(Value::Object(opened.payload), json!({"a": 1}));
    assert!(
        open(
            &signed(&header("EdDSA"), r#"{"a":1}"#),
            TYPE,
            &anchors::license()
        )
        .is_ok()
    );
}

#[test]
fn refuses_every_other_byte_at_every_place() {
    let good = good().into_bytes();
    let anchors = anchors::license();
    for at in 0..good.len() {
        // All of base64url, the dot, padding, white space, zero, and a byte that is no text.
        let others = (b'0'..=b'z').chain(*b"-.= \n\0\x7f");
        for other in others.filter(|other| *other != good[at]) {
            let mut bad = good.clone();
            bad[at] = other;
            let bad = String::from_utf8(bad).unwrap();
            assert!(open(&bad, TYPE, &anchors).is_err(), "byte {at} as {other}");
        }
    }
}

#[test]
fn refuses_every_shorter_and_longer_token() {
    let good = good();
    for length in 0..good.len() {
        let (before, after) = good.split_at(length);
        refuse(before);
        if length > 0 {
            refuse(after);
        }
        for more in ["A", "=", "\n", ".", "\u{e9}"] {
            refuse(&format!("{before}{more}{after}"));
        }
    }
    for more in ["A", "=", "\n", ".", "AAAA"] {
        refuse(&format!("{good}{more}"));
    }
    assert!(matches!(refuse(&"a".repeat(MOST_BYTES)), JwsError::Parts));
    assert!(matches!(
        refuse(&"a".repeat(MOST_BYTES + 1)),
        JwsError::TooLong(_)
    ));
}

#[test]
fn refuses_other_algorithms_even_when_truly_signed() {
    for alg in [
        "none", "None", "", "HS256", "RS256", "ES256", "PS256", "Ed25519", "eddsa",
    ] {
        let token = signed(&header(alg), "{}");
        assert!(matches!(refuse(&token), JwsError::Algorithm), "{alg}");
        let unsigned = format!("{}.{}.", base64(&header(alg)), base64("{}"));
        refuse(&unsigned);
    }
    let unsigned = format!("{}.{}.", base64(&header("EdDSA")), base64("{}"));
    assert!(matches!(refuse(&unsigned), JwsError::Signature));
}

#[test]
fn refuses_a_public_key_used_as_a_shared_secret() {
    let anchor = anchors::license()
        .into_iter()
        .find(|anchor| anchor.kid == KID)
        .unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &anchor.key);
    for alg in ["HS256", "EdDSA"] {
        let text = format!("{}.{}", base64(&header(alg)), base64("{}"));
        let tag = Base64UrlUnpadded::encode_string(hmac::sign(&key, text.as_bytes()).as_ref());
        refuse(&format!("{text}.{tag}"));
    }
}

#[test]
fn refuses_header_members_beyond_the_three_and_any_of_them_twice() {
    let good = header("EdDSA");
    let with = |member: &str| good.replacen('{', &format!("{{{member},"), 1);
    for bad in [
        with(r#""crit":["exp"]"#),
        with(r#""jwk":{"kty":"OKP"}"#),
        with(r#""jku":"https://example.test/keys""#),
        with(r#""x5u":"https://example.test/keys""#),
        with(r#""x5c":[]"#),
        with(r#""cty":"JWT""#),
        with(r#""b64":false"#),
        with(r#""zip":"DEF""#),
        with(r#""alg":"EdDSA""#),
        with(r#""alg":"none""#),
        with(&format!(r#""kid":"{KID}""#)),
        with(r#""\u0061lg":"none""#),
        good.replace("\"EdDSA\"", "null"),
        good.replace(KID, ""),
        good.replace(KID, "a\\nb"),
        good.replace(KID, &"k".repeat(65)),
        r#"{"alg":"EdDSA"}"#.to_owned(),
        "[]".to_owned(),
        String::new(),
    ] {
        assert!(
            matches!(refuse(&signed(&bad, "{}")), JwsError::Header),
            "{bad}"
        );
    }
}

#[test]
fn refuses_another_type_and_another_key() {
    let other = dev_key().sign(&json!({}), "JWT").unwrap();
    assert!(matches!(refuse(&other), JwsError::Type(TYPE)));
    let stranger = crate::licence::issue::keygen("tw-lic-2020z").unwrap();
    let stranger = crate::licence::issue::SigningKey::from_pem(&stranger.private, None).unwrap();
    let unknown = refuse(&stranger.sign(&json!({}), TYPE).unwrap()).to_string();
    assert!(unknown.contains("by key tw-lic-2020z, which"), "{unknown}");
    assert!(unknown.contains(KID), "{unknown}");
    let pair = crate::licence::issue::keygen(KID).unwrap();
    let imposter = crate::licence::issue::SigningKey::from_pem(&pair.private, None).unwrap();
    let token = imposter.sign(&json!({}), TYPE).unwrap();
    assert!(matches!(refuse(&token), JwsError::Signature));
    assert!(matches!(
        open(&good(), TYPE, &[]),
        Err(JwsError::UnknownKey { .. })
    ));
}

#[test]
fn refuses_payloads_that_two_readers_could_read_differently() {
    for payload in [
        r#"{"exp":1,"exp":2}"#,
        r#"{"a":{"b":1,"b":1}}"#,
        r#"{"exp":1e999}"#,
        "[]",
        "",
        "{} {}",
    ] {
        let token = signed(&header("EdDSA"), payload);
        assert!(matches!(refuse(&token), JwsError::Payload(_)), "{payload}");
    }
}

#[test]
fn an_error_never_holds_the_token() {
    let good = good();
    for length in 0..good.len() {
        let text = refuse(good.split_at(length).0).to_string();
        assert!(!text.contains(good.split_at(20).0), "{text}");
    }
}
