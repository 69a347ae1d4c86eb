//! Claims that are missing, of the wrong kind, out of bounds or from the future.

use serde_json::{Value, json};

use super::*;
use crate::licence::claims::{Environment, Reporting};
use crate::licence::testing::{NOW, claims, dev_key, signed, trust};

fn with(name: &str, value: Value) -> Result<Licence, InvalidToken> {
    let mut payload = serde_json::to_value(claims()).unwrap();
    payload[name] = value;
    let token = dev_key().sign(&payload, TYPE).unwrap();
    verify(&token, &trust().anchors)
}

fn without(name: &str) -> Result<Licence, InvalidToken> {
    let mut payload = serde_json::to_value(claims()).unwrap();
    payload.as_object_mut().unwrap().remove(name);
    let token = dev_key().sign(&payload, TYPE).unwrap();
    verify(&token, &trust().anchors)
}

#[test]
fn reads_back_every_claim() {
    let licence = verify(&signed(&claims()), &trust().anchors).unwrap();
    assert_eq!(licence.claims, claims());
    assert_eq!(licence.kid, "tw-lic-DEV-KEY-DO-NOT-SHIP");
}

#[test]
fn what_may_be_missing_has_a_default() {
    assert_eq!(without("grace_days").unwrap().claims.grace_days, 30);
    assert!(without("limits").unwrap().claims.limits.is_empty());
    assert!(without("features").unwrap().claims.features.is_empty());
    assert_eq!(
        without("reporting").unwrap().claims.reporting,
        Reporting::default()
    );
    let reporting = with("reporting", json!({"interval_h": 12}))
        .unwrap()
        .claims
        .reporting;
    assert_eq!(
        reporting,
        Reporting {
            interval_h: 12,
            ..Reporting::default()
        }
    );
}

#[test]
fn unknown_claims_are_ignored() {
    for value in [json!(1.5), json!({"a": [null]}), json!(u64::MAX)] {
        assert_eq!(with("later", value).unwrap().claims, claims());
    }
    assert_eq!(
        with("env", json!("trial")).unwrap().claims.env,
        Environment::Trial
    );
}

#[test]
fn refuses_a_licence_without_a_claim_it_needs() {
    for name in [
        "iss", "sub", "jti", "iat", "nbf", "exp", "plan", "env", "aud", "ver",
    ] {
        assert!(without(name).is_err(), "{name}");
    }
}

#[test]
fn refuses_another_product_and_a_newer_version() {
    for aud in [
        json!("other"),
        json!(["throughway"]),
        json!("Throughway"),
        json!(null),
    ] {
        assert!(with("aud", aud.clone()).is_err(), "{aud}");
    }
    for ver in [json!(2), json!(u64::MAX)] {
        assert!(matches!(with("ver", ver), Err(InvalidToken::Newer { .. })));
    }
    for ver in [json!(0), json!("1"), json!(1.0), json!(-1)] {
        assert!(matches!(
            with("ver", ver),
            Err(InvalidToken::Claim { name: "ver", .. })
        ));
    }
}

#[test]
fn refuses_times_that_are_none() {
    let huge: Value = serde_json::from_str("99999999999999999999999").unwrap();
    for time in [
        json!(-1),
        json!(1.5),
        json!("1798761600"),
        json!(null),
        json!(253_402_300_800_u64),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
        huge,
    ] {
        for name in ["iat", "nbf", "exp"] {
            assert!(with(name, time.clone()).is_err(), "{name} {time}");
        }
    }
    assert!(with("exp", json!(NOW.0)).is_err());
    assert!(with("exp", json!(NOW.0 + 1)).is_ok());
    assert!(with("exp", json!(253_402_300_799_u64)).is_ok());
}

#[test]
fn refuses_numbers_and_names_out_of_bounds() {
    assert!(with("grace_days", json!(366)).is_ok());
    for days in [json!(367), json!(-1), json!(u64::MAX), json!(0.5)] {
        assert!(with("grace_days", days.clone()).is_err(), "{days}");
    }
    for text in [
        "",
        " x",
        "a\nb",
        "\u{1b}[31m",
        "caf\u{e9}",
        &"x".repeat(129),
    ] {
        for name in ["iss", "sub", "jti", "plan"] {
            assert!(with(name, json!(text)).is_err(), "{name} {text:?}");
        }
        assert!(with("features", json!([text])).is_err(), "{text:?}");
        assert!(with("limits", json!({text: 1})).is_err(), "{text:?}");
    }
    for wrong in [
        json!({"interval_h": 0}),
        json!({"interval_h": 169}),
        json!({"required": 1}),
    ] {
        assert!(with("reporting", wrong.clone()).is_err(), "{wrong}");
    }
    for wrong in [
        json!({"max_silence_days": 0}),
        json!({"max_silence_days": 1e9}),
        json!(1),
    ] {
        assert!(with("reporting", wrong.clone()).is_err(), "{wrong}");
    }
    assert!(with("limits", json!({"a": -1})).is_err());
    assert!(with("env", json!("Production")).is_err());
}

#[test]
fn any_bytes_at_all_are_refused_without_a_panic() {
    // A fixed xorshift: the same texts in every run.
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let good = signed(&claims()).into_bytes();
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        for _ in 0..=next() % 4 {
            let at = usize::try_from(next()).unwrap() % bytes.len();
            match next() % 3 {
                0 => drop(bytes.remove(at)),
                1 => bytes.insert(at, b'.'),
                _ => bytes[at] = bytes[at].wrapping_add(1),
            }
        }
        if bytes != good {
            assert!(verify(&String::from_utf8_lossy(&bytes), &trust().anchors).is_err());
        }
    }
}
