//! Tests of TLS towards clients.

use super::*;

const STORE: &str = "GATEWAY_SSL_KEY_STORE_PATH";
const PASSWORD: &str = "GATEWAY_SSL_KEY_STORE_PASSWORD";
const KEY_PASSWORD: &str = "GATEWAY_SSL_KEY_PASSWORD";
const TYPE: &str = "GATEWAY_SSL_KEY_TYPE";
const CHAIN: &str = "GATEWAY_SSL_CERTIFICATE_PATH";
const KEY: &str = "GATEWAY_SSL_PRIVATE_KEY_PATH";

fn tls<'a>(pairs: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("GATEWAY_SECURITY_PROTOCOL", "SASL_SSL")], pairs].concat()
}

fn server(pairs: &[(&str, &str)]) -> ServerTlsConfig {
    accepted(pairs).config.listeners.remove(0).tls.unwrap()
}

#[test]
fn a_key_store_must_be_fully_configured() {
    let full = [(STORE, "/k.jks"), (PASSWORD, "s"), (KEY_PASSWORD, "k")];
    assert!(matches!(
        server(&tls(&full)).identity,
        KeySource::Store {
            password: Some(_),
            key_password: Some(_),
            ..
        }
    ));
    let lines = refused(&tls(&[(STORE, "/k.jks")]));
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(
        lines
            .iter()
            .all(|line| line.contains("must be fully configured")),
        "{lines:#?}"
    );
    refuses(
        &tls(&full[..2]),
        &[KEY_PASSWORD, "must be fully configured"],
    );
    let pkcs12 = [(STORE, "/k.p12"), (PASSWORD, "s"), (TYPE, "PKCS12")];
    assert!(matches!(
        server(&tls(&pkcs12)).identity,
        KeySource::Store {
            key_password: None,
            ..
        }
    ));
    refuses(&tls(&[(STORE, "/k.p12"), (TYPE, "pkcs12")]), &[PASSWORD]);
    let pem = [(STORE, "/both.pem"), (TYPE, "pem")];
    assert!(matches!(
        server(&tls(&pem)).identity,
        KeySource::Store { password: None, .. }
    ));
    refuses(
        &tls(&[&full[..], &[(TYPE, "bks")]].concat()),
        &["accepted: jks, pkcs12 or pem"],
    );
}

#[test]
fn a_pem_pair_is_whole_and_excludes_a_key_store() {
    let pair = [(CHAIN, "/c"), (KEY, "/k")];
    assert!(matches!(
        server(&tls(&pair)).identity,
        KeySource::PemPair { .. }
    ));
    refuses(
        &tls(&pair[..1]),
        &[KEY, "is required beside GATEWAY_SSL_CERTIFICATE_PATH"],
    );
    refuses(
        &tls(&pair[1..]),
        &[CHAIN, "is required beside GATEWAY_SSL_PRIVATE_KEY_PATH"],
    );
    refuses(
        &tls(&[&pair[..], &[(STORE, "/s")]].concat()),
        &[STORE, "is set together with"],
    );
    refuses(&tls(&[]), &["speaks SASL_SSL and has no certificate"]);
}

#[test]
fn client_certificates_need_somebody_to_trust() {
    let pair = [(CHAIN, "/c"), (KEY, "/k")];
    assert_eq!(server(&tls(&pair)).client_auth, ClientAuth::None);
    let require = [&pair[..], &[("GATEWAY_SSL_CLIENT_AUTH", "require")]].concat();
    refuses(&tls(&require), &["needs to know whom to trust"]);
    let trusting = [&require[..], &[("GATEWAY_SSL_TRUST_STORE_PATH", "/t")]].concat();
    let config = server(&tls(&trusting));
    assert_eq!(config.client_auth, ClientAuth::Require);
    assert!(config.trust.is_some());
    let wrong = [&pair[..], &[("GATEWAY_SSL_CLIENT_AUTH", "REQUESTED")]].concat();
    refuses(&tls(&wrong), &["NONE, OPTIONAL or REQUIRE"]);
}

#[test]
fn a_listeners_own_variables_win_over_the_global_ones() {
    let listener = [
        ("GATEWAY_LISTENER_A_SECURITY_PROTOCOL", "SASL_SSL"),
        ("GATEWAY_LISTENER_A_ROUTING", "port"),
        ("GATEWAY_LISTENER_A_PORTS", "9092"),
        (STORE, "/global.jks"),
        (PASSWORD, "s"),
        (KEY_PASSWORD, "k"),
    ];
    let KeySource::Store { path, .. } = server(&listener).identity else {
        panic!("store")
    };
    assert_eq!(path, PathBuf::from("/global.jks"));
    let own = [
        ("GATEWAY_LISTENER_A_SSL_CERTIFICATE_PATH", "/own.pem"),
        ("GATEWAY_LISTENER_A_SSL_PRIVATE_KEY_PATH", "/own.key"),
        ("GATEWAY_LISTENER_A_SSL_KEY_PASSWORD", "own"),
        ("GATEWAY_LISTENER_A_SSL_CLIENT_AUTH", "OPTIONAL"),
        ("GATEWAY_LISTENER_A_SSL_TRUST_STORE_PATH", "/own-trust.pem"),
    ];
    let config = server(&[&listener[..], &own].concat());
    assert_eq!(config.client_auth, ClientAuth::Optional);
    let KeySource::PemPair {
        certificate,
        key_password,
        ..
    } = config.identity
    else {
        panic!("pair")
    };
    assert_eq!(certificate, PathBuf::from("/own.pem"));
    assert_eq!(key_password, Some(Secret("own".to_owned())));
    let half = [&listener[..], &own[..1]].concat();
    refuses(
        &half,
        &["GATEWAY_LISTENER_A_SSL_PRIVATE_KEY_PATH: is required beside"],
    );
}

#[test]
fn two_listeners_without_a_certificate_are_told_apart() {
    let lines = refused(&[
        ("GATEWAY_LISTENER_A_SECURITY_PROTOCOL", "SASL_SSL"),
        ("GATEWAY_LISTENER_A_ROUTING", "port"),
        ("GATEWAY_LISTENER_A_PORTS", "1000"),
        ("GATEWAY_LISTENER_B_SECURITY_PROTOCOL", "SASL_SSL"),
        ("GATEWAY_LISTENER_B_ROUTING", "port"),
        ("GATEWAY_LISTENER_B_PORTS", "2000"),
    ]);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(
        lines[0].contains("listener A ") && lines[1].contains("listener B "),
        "{lines:#?}"
    );
}
