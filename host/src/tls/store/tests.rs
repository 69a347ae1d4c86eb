//! What is said of sources that cannot be used: one sentence, the file, what is accepted.

use std::path::{Path, PathBuf};

use super::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/tls/fixtures")
        .join(name)
}

fn secret(text: &str) -> Option<Secret> {
    (!text.is_empty()).then(|| Secret(text.to_owned()))
}

fn opened(source: &KeySource) -> Result<CertifiedKey, String> {
    KeyBytes::read(source)
        .and_then(KeyBytes::open)
        .map_err(|error| error.to_string())
}

fn key_store(path: PathBuf, password: &str, key_password: &str) -> Result<CertifiedKey, String> {
    let (password, key_password) = (secret(password), secret(key_password));
    opened(&KeySource::Store {
        path,
        password,
        key_password,
    })
}

fn trust_store(name: &str, password: &str) -> Result<RootCertStore, String> {
    let source = TrustSource::Store {
        path: fixture(name),
        password: secret(password),
    };
    let read = TrustBytes::read(Some(&source));
    read.and_then(TrustBytes::open)
        .map_err(|error| error.to_string())
}

fn assert_refused<T>(result: Result<T, String>, file: &str, why: &str) {
    let message = result.map(|_| ()).unwrap_err();
    assert!(message.contains(file) && message.contains(why), "{message}");
    for password in ["store-password", "key-password", "wrong"] {
        assert!(!message.contains(password), "{message}");
    }
}

#[test]
fn wrong_and_missing_passwords_are_told_apart() {
    for (file, password, key_password, why) in [
        (
            "two-passwords.jks",
            "wrong",
            "key-password",
            "the store password does not open it",
        ),
        (
            "two-passwords.jks",
            "store-password",
            "wrong",
            "the key password does not open",
        ),
        (
            "two-passwords.jks",
            "store-password",
            "",
            "the key password does not open",
        ),
        ("two-passwords.jks", "", "", "there is no key password"),
        (
            "keytool.p12",
            "wrong",
            "",
            "the store password does not open it",
        ),
        ("keytool.p12", "", "", "the store password does not open it"),
        (
            "openssl-legacy.p12",
            "wrong",
            "",
            "the store password does not open it",
        ),
        (
            "store-encrypted.pem",
            "",
            "wrong",
            "the key password does not open",
        ),
        ("store-encrypted.pem", "", "", "there is no key password"),
    ] {
        assert_refused(key_store(fixture(file), password, key_password), file, why);
    }
}

#[test]
fn the_key_has_the_password_of_the_store_when_it_has_none_of_its_own() {
    assert!(key_store(fixture("store-encrypted.pem"), "key-password", "").is_ok());
}

#[test]
fn a_store_without_what_is_needed_is_refused() {
    for (file, why) in [
        ("truststore.jks", "no private key in it; accepted"),
        ("truststore.p12", "no private key in it; accepted"),
        ("chain.pem", "no private key in it; accepted"),
        ("key-pkcs8.pem", "no certificate in it; accepted"),
        ("jceks.jks", "JCEKS store; accepted"),
        ("regenerate.sh", "neither JKS"),
    ] {
        assert_refused(key_store(fixture(file), "store-password", ""), file, why);
    }
    assert_refused(
        trust_store("key-pkcs8.pem", ""),
        "key-pkcs8.pem",
        "no trusted certificate",
    );
    assert_refused(
        trust_store("truststore.jks", "wrong"),
        "truststore.jks",
        "store password",
    );
    assert_refused(
        trust_store("truststore.p12", "wrong"),
        "truststore.p12",
        "store password",
    );
    assert_refused(trust_store("jceks.jks", ""), "jceks.jks", "JCEKS");
    assert_refused(
        trust_store("missing", ""),
        "missing",
        "cannot be read: No such file",
    );
}

#[test]
fn a_trust_store_opens_without_password_where_java_opens_it() {
    assert_eq!(trust_store("truststore.jks", "").unwrap().len(), 1);
}

#[test]
fn pem_pairs_that_do_not_fit_are_refused() {
    for (certificate, key, file, why) in [
        (
            "chain.pem",
            "rsa-key-pkcs1.pem",
            "chain.pem",
            "first certificate is not that of",
        ),
        (
            "ca.pem",
            "key-pkcs8.pem",
            "ca.pem",
            "first certificate is not that of",
        ),
        ("chain.pem", "ca.pem", "ca.pem", "no private key in it"),
        (
            "key-pkcs8.pem",
            "key-pkcs8.pem",
            "key-pkcs8.pem",
            "no certificate in it",
        ),
        (
            "keytool.p12",
            "key-pkcs8.pem",
            "keytool.p12",
            "not PEM; accepted",
        ),
        (
            "chain.pem",
            "key-encrypted-pbes1.pem",
            "pbes1.pem",
            "accepted: PKCS#8 with PBES2",
        ),
        (
            "chain.pem",
            "key-legacy-encrypted.pem",
            "legacy",
            "accepted: PKCS#8 with PBES2",
        ),
        ("missing", "key-pkcs8.pem", "missing", "cannot be read"),
    ] {
        let source = KeySource::PemPair {
            certificate: fixture(certificate),
            key: fixture(key),
            key_password: Some(Secret("key-password".to_owned())),
        };
        assert_refused(opened(&source), file, why);
    }
}

#[test]
fn every_plain_key_form_fits_its_chain() {
    for (certificate, key) in [
        ("chain.pem", "key-pkcs8.pem"),
        ("chain.pem", "key-sec1.pem"),
        ("rsa-chain.pem", "rsa-key-pkcs1.pem"),
    ] {
        let (certificate, key) = (fixture(certificate), fixture(key));
        assert!(
            opened(&KeySource::PemPair {
                certificate,
                key,
                key_password: None
            })
            .is_ok()
        );
    }
}

#[test]
fn inline_pem_may_be_one_line_with_written_out_line_ends() {
    let [chain, key] = ["chain.pem", "key-encrypted.pem"].map(|name| {
        std::fs::read_to_string(fixture(name))
            .unwrap()
            .replace('\n', "\\n")
    });
    let key_password = Some(Secret("key-password".to_owned()));
    let source = KeySource::InlinePem {
        chain,
        key: Secret(key),
        key_password,
    };
    assert_eq!(opened(&source).unwrap().cert.len(), 2);
}

#[test]
fn a_file_that_is_no_store_at_all_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    for (content, why) in [
        (b"".as_slice(), "neither JKS"),
        (&[0xff; 64], "neither JKS"),
        (&[0x30, 0x82, 0x01], "damaged, or not PKCS#12"),
        (&[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2], "damaged, or not JKS"),
        (b"-----BEGIN CERTIFICATE-----", "damaged PEM"),
    ] {
        std::fs::write(&path, content).unwrap();
        assert_refused(key_store(path.clone(), "x", ""), "key store /", why);
    }
    assert_refused(
        key_store(folder.path().to_owned(), "", ""),
        "key store /",
        "cannot be read",
    );
}

#[test]
fn a_file_over_the_limit_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(8 * 1024 * 1024 + 1).unwrap();
    assert_refused(
        key_store(file.path().to_owned(), "", ""),
        "key store /",
        "larger than 8 MiB",
    );
}
