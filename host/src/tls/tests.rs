//! Both legs together: who is let in, who is believed and what is resumed.

use std::path::{Path, PathBuf};

use rustls::HandshakeKind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::testing::{Authority, server_config};
use super::*;
use crate::config::{KeySource, Secret, TrustSource};

mod reload;

const NAME: &str = "b1.kafka.example.com";

/// A whole handshake and one byte each way, so that TLS 1.3's late alerts and tickets arrive.
async fn meet(server: &ServerTls, client: &ClientTls, host: &str) -> (bool, bool) {
    let (near, far) = tokio::io::duplex(16 * 1024);
    let config = server.current();
    let (served, connected) = tokio::join!(
        async {
            let mut stream = Hello::read(far).await.ok()?.accept(config).await.ok()?;
            stream.write_all(b"x").await.ok()?;
            stream.read_u8().await.ok()
        },
        async {
            let mut stream = client.connect(host, near).await.ok()?;
            stream.write_all(b"x").await.ok()?;
            stream.read_u8().await.ok()
        }
    );
    (served.is_some(), connected.is_some())
}

/// How a client of rustls's own came in: with a full handshake or by resumption.
async fn kind(server: &ServerTls, client: &Arc<ClientConfig>, name: &str) -> HandshakeKind {
    let (near, far) = tokio::io::duplex(16 * 1024);
    let config = server.current();
    let connector = tokio_rustls::TlsConnector::from(Arc::clone(client));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let (_, kind) = tokio::join!(
        async {
            let mut stream = Hello::read(far)
                .await
                .unwrap()
                .accept(config)
                .await
                .unwrap();
            stream.write_all(b"x").await.unwrap();
            stream.read_u8().await.ok()
        },
        async {
            let mut stream = connector.connect(name, near).await.unwrap();
            stream.read_u8().await.unwrap();
            stream.write_all(b"x").await.unwrap();
            stream.get_ref().1.handshake_kind().unwrap()
        }
    );
    kind
}

fn client_config(trust: TrustSource) -> ClientTlsConfig {
    ClientTlsConfig {
        trust: Some(trust),
        identity: None,
        verify_host_name: true,
    }
}

fn client(trust: TrustSource) -> ClientTls {
    ClientTls::load(&client_config(trust)).unwrap()
}

fn client_without_name_check(trust: TrustSource) -> ClientTls {
    let config = client_config(trust);
    ClientTls::load(&ClientTlsConfig {
        verify_host_name: false,
        ..config
    })
    .unwrap()
}

#[tokio::test]
async fn a_broker_is_believed_under_its_own_name() {
    let authority = Authority::new("ca");
    let client = client(authority.trust());
    let server = authority.server(NAME);
    for host in [NAME, "b1.kafka.example.com.", "B1.kafka.example.com"] {
        assert_eq!(meet(&server, &client, host).await, (true, true), "{host}");
    }
}

#[tokio::test]
async fn a_broker_is_believed_under_its_address() {
    let authority = Authority::new("ca");
    let client = client(authority.trust());
    assert_eq!(
        meet(&authority.server("10.1.2.3"), &client, "10.1.2.3").await,
        (true, true)
    );
    assert_eq!(
        meet(&authority.server("fd00::1"), &client, "fd00::1").await,
        (true, true)
    );
    assert!(
        !meet(&authority.server("10.1.2.3"), &client, "10.1.2.4")
            .await
            .1
    );
}

#[tokio::test]
async fn a_broker_of_another_name_or_authority_is_refused() {
    let authority = Authority::new("ca");
    let client = client(authority.trust());
    assert!(
        !meet(&authority.server("b2.kafka.example.com"), &client, NAME)
            .await
            .1
    );
    assert!(
        !meet(&Authority::new("ca").server(NAME), &client, NAME)
            .await
            .1
    );
}

#[tokio::test]
async fn a_self_signed_broker_is_believed_when_it_is_itself_trusted() {
    let key = rcgen::KeyPair::generate().unwrap();
    let chain = named(&[NAME]).self_signed(&key).unwrap().pem();
    let trust = TrustSource::InlinePem(chain.clone());
    let key = Secret(key.serialize_pem());
    let identity = KeySource::InlinePem {
        chain,
        key,
        key_password: None,
    };
    let server = ServerTls::load(&server_config(identity)).unwrap();
    assert_eq!(meet(&server, &client(trust), NAME).await, (true, true));
}

#[tokio::test]
async fn an_expired_broker_is_refused_with_and_without_name_check() {
    let authority = Authority::new("ca");
    let mut params = named(&[NAME]);
    params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let server = ServerTls::load(&server_config(authority.issue_with(params))).unwrap();
    assert!(!meet(&server, &client(authority.trust()), NAME).await.1);
    let lax = client_without_name_check(authority.trust());
    assert!(!meet(&server, &lax, NAME).await.1);
    assert!(!meet(&server, &lax, "other").await.1);
}

#[tokio::test]
async fn without_name_check_the_authority_still_counts() {
    let authority = Authority::new("ca");
    let client = client_without_name_check(authority.trust());
    assert_eq!(
        meet(&authority.server("other"), &client, NAME).await,
        (true, true)
    );
    assert_eq!(
        meet(&authority.server("other"), &client, "10.1.2.3").await,
        (true, true)
    );
    assert!(
        !meet(&Authority::new("ca").server("other"), &client, NAME)
            .await
            .1
    );
    assert!(
        !meet(&Authority::new("ca").server(NAME), &client, NAME)
            .await
            .1
    );
}

#[tokio::test]
async fn a_host_that_is_no_name_is_a_failed_handshake() {
    let (stream, _peer) = tokio::io::duplex(64);
    let refused = client(Authority::new("ca").trust())
        .connect("no name", stream)
        .await;
    assert!(matches!(refused, Err(TlsError::Handshake(_))));
}

#[tokio::test]
async fn client_certificates_are_asked_for_as_configured() {
    let (authority, clients) = (Authority::new("ca"), Authority::new("clients"));
    let identity = authority.issue(NAME);
    let known = ClientTlsConfig {
        identity: Some(clients.issue("client")),
        ..client_config(authority.trust())
    };
    let foreign = ClientTlsConfig {
        identity: Some(Authority::new("clients").issue("client")),
        ..client_config(authority.trust())
    };
    let none = client_config(authority.trust());
    for (client_auth, expected) in [
        (ClientAuth::None, [true, true, true]),
        (ClientAuth::Optional, [true, false, true]),
        (ClientAuth::Require, [true, false, false]),
    ] {
        let config = ServerTlsConfig {
            identity: identity.clone(),
            trust: Some(clients.trust()),
            client_auth,
        };
        let server = ServerTls::load(&config).unwrap();
        for (client, let_in) in [&known, &foreign, &none].into_iter().zip(expected) {
            let client = ClientTls::load(client).unwrap();
            assert_eq!(
                meet(&server, &client, NAME).await.0,
                let_in,
                "{client_auth:?}"
            );
        }
    }
}

#[test]
fn client_certificates_cannot_be_asked_for_without_a_trust_store() {
    let config = server_config(Authority::new("ca").issue(NAME));
    for client_auth in [ClientAuth::Optional, ClientAuth::Require] {
        let refused = ServerTls::load(&ServerTlsConfig {
            client_auth,
            ..config.clone()
        });
        assert!(refused.unwrap_err().to_string().contains("no trust store"));
    }
}

#[tokio::test]
async fn a_ticket_is_good_for_its_own_listener_and_name_only() {
    let authority = Authority::new("ca");
    let identity = authority.issue(NAME);
    let [one, other] =
        [(), ()].map(|()| ServerTls::load(&server_config(identity.clone())).unwrap());
    for version in [&TLS13, &TLS12] {
        let client = authority.client_of(&[version]);
        assert_eq!(kind(&one, &client, NAME).await, HandshakeKind::Full);
        assert_eq!(kind(&one, &client, NAME).await, HandshakeKind::Resumed);
        assert_eq!(kind(&other, &client, NAME).await, HandshakeKind::Full);
    }
}

fn named(names: &[&str]) -> rcgen::CertificateParams {
    rcgen::CertificateParams::new(
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>(),
    )
    .unwrap()
}

#[test]
fn the_systems_trust_store_is_one_too() {
    // Empty in a bare container: then it is refused, with the reason.
    let config = ClientTlsConfig {
        trust: None,
        identity: None,
        verify_host_name: true,
    };
    match ClientTls::load(&config) {
        Ok(client) => assert!(!client.reload().unwrap()),
        Err(error) => assert!(error.to_string().starts_with("the system"), "{error}"),
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/tls/fixtures")
        .join(name)
}

fn secret(text: &str) -> Option<Secret> {
    (!text.is_empty()).then(|| Secret(text.to_owned()))
}

fn store(name: &str, password: &str, key_password: &str) -> KeySource {
    KeySource::Store {
        path: fixture(name),
        password: secret(password),
        key_password: secret(key_password),
    }
}

fn pair(certificate: &str, key: &str, key_password: &str) -> KeySource {
    KeySource::PemPair {
        certificate: fixture(certificate),
        key: fixture(key),
        key_password: secret(key_password),
    }
}

fn trust(name: &str, password: &str) -> TrustSource {
    TrustSource::Store {
        path: fixture(name),
        password: secret(password),
    }
}

#[tokio::test]
async fn every_key_store_and_trust_store_meets_every_other() {
    let servers = [
        store("two-passwords.jks", "store-password", "key-password"),
        store("keytool.p12", "store-password", ""),
        store("openssl.p12", "store-password", "not-used"),
        store("openssl-legacy.p12", "store-password", ""),
        store("store-encrypted.pem", "", "key-password"),
        pair("chain.pem", "key-pkcs8.pem", ""),
        pair("chain.pem", "key-sec1.pem", ""),
        pair("chain.pem", "key-encrypted.pem", "key-password"),
    ];
    let clients = [
        trust("truststore.jks", "store-password"),
        trust("truststore.p12", "store-password"),
        trust("openssl-truststore.p12", "store-password"),
        trust("ca.pem", ""),
    ];
    let clients = clients.map(|trust| (client(trust.clone()), trust));
    for server in servers {
        let loaded = ServerTls::load(&server_config(server.clone())).unwrap();
        assert_eq!(loaded.describe().names, ["localhost", "127.0.0.1"]);
        for (client, trust) in &clients {
            let met = meet(&loaded, client, "localhost").await;
            assert_eq!(met, (true, true), "{server:?} {trust:?}");
        }
    }
}
