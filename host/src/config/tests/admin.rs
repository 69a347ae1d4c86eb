//! Tests of the Admin API's variables.

use super::*;

const STORE: &str = "GATEWAY_HTTPS_KEY_STORE_PATH";
const PASSWORD: &str = "GATEWAY_HTTPS_KEY_STORE_PASSWORD";
const CHAIN: &str = "GATEWAY_HTTPS_CERTIFICATE_PATH";
const KEY: &str = "GATEWAY_HTTPS_PRIVATE_KEY_PATH";
const AUTH: &str = "GATEWAY_HTTPS_CLIENT_AUTH";
const TRUST: &str = "GATEWAY_HTTPS_TRUST_STORE_PATH";
const USERS: &str = "GATEWAY_ADMIN_API_USERS";

fn admin(pairs: &[(&str, &str)]) -> AdminConfig {
    accepted(pairs).config.admin
}

#[test]
fn nothing_set_means_https_of_our_own_a_user_of_our_own_and_closed_metrics() {
    let admin = admin(&[]);
    assert_eq!(admin.bind, "0.0.0.0:8888".parse().unwrap());
    assert_eq!(admin.https.identity, None);
    assert!(admin.users.is_empty() && admin.secured_metrics);
    assert!(admin.proxy_protocol.is_empty() && admin.control_socket.is_none());
    assert_eq!(admin.host_name, "machine");
}

#[test]
fn https_takes_the_forms_that_listeners_take() {
    let pair = admin(&[(CHAIN, "/c"), (KEY, "/k")]).https;
    assert!(matches!(pair.identity, Some(KeySource::PemPair { .. })));
    // The replaced product has one password for both.
    let store = admin(&[(STORE, "/k.jks"), (PASSWORD, "s")]).https;
    let Some(KeySource::Store { key_password, .. }) = store.identity else {
        panic!("store")
    };
    assert_eq!(key_password, Some(Secret("s".to_owned())));
    let pem = admin(&[(STORE, "/p.pem"), ("GATEWAY_HTTPS_KEY_TYPE", "pem")]).https;
    assert!(matches!(
        pem.identity,
        Some(KeySource::Store { password: None, .. })
    ));
    refuses(
        &[(STORE, "/k.jks")],
        &[PASSWORD, "must be fully configured"],
    );
    refuses(&[(CHAIN, "/c")], &[KEY, "is required beside"]);
    refuses(
        &[(STORE, "/s"), (PASSWORD, "s"), (CHAIN, "/c")],
        &[STORE, "is set together with"],
    );
    // Listeners' certificates are theirs alone.
    assert_eq!(admin(TLS).https.identity, None);
}

#[test]
fn callers_certificates_need_somebody_to_trust() {
    for (text, auth) in [
        ("NONE", ClientAuth::None),
        ("request", ClientAuth::Optional),
        ("REQUIRED", ClientAuth::Require),
    ] {
        let https = admin(&[(AUTH, text), (TRUST, "/t.pem")]).https;
        assert_eq!(https.client_auth, auth);
        assert!(https.trust.is_some());
    }
    refuses(
        &[(AUTH, "REQUIRED")],
        &[AUTH, "needs to know whom to trust", TRUST],
    );
    refuses(
        &[(AUTH, "REQUIRE"), (TRUST, "/t")],
        &["NONE, REQUEST or REQUIRED"],
    );
}

#[test]
fn users_are_read_and_never_shown() {
    let list = "[{username: a, password: hush, admin: true}, {username: b, password: hush}]";
    let parsed = accepted(&[(USERS, list)]);
    let names: Vec<_> = parsed
        .config
        .admin
        .users
        .iter()
        .map(|u| (u.name.as_str(), u.admin))
        .collect();
    assert_eq!(names, [("a", true), ("b", false)]);
    assert!(!format!("{parsed:?}").contains("hush"));
    refuses(
        &[(USERS, "a:hush")],
        &["GATEWAY_ADMIN_API_USERS=[redacted]", "begins with `[`"],
    );
}

#[test]
fn a_password_that_everyone_knows_is_warned_about() {
    let list = "[{username: admin, password: conduktor, admin: true}]";
    let parsed = accepted(&[(USERS, list)]);
    let warned = |notice: &Notice| notice.warning && notice.text.contains("public documentation");
    assert_eq!(parsed.notices.iter().filter(|n| warned(n)).count(), 1);
}

#[test]
fn the_control_socket_is_in_the_first_folder_that_systemd_gives() {
    let socket = admin(&[("RUNTIME_DIRECTORY", "/run/throughway:/run/other")]).control_socket;
    assert_eq!(socket, Some(PathBuf::from("/run/throughway/control.sock")));
}

#[test]
fn load_balancers_are_named_by_network() {
    let admin = admin(&[("GATEWAY_HTTP_PROXY_PROTOCOL", "10.0.0.0/8, ::1")]);
    assert_eq!(admin.proxy_protocol.len(), 2);
    refuses(
        &[("GATEWAY_HTTP_PROXY_PROTOCOL", "10.0.0.1/8")],
        &["bits beyond its prefix"],
    );
}
