//! Certificates, keys and trust while throughway runs: who is let in, whom it believes, and what a
//! changed file changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use rustix::process::Signal;
use rustls::pki_types::ServerName;
use throughway_tests::certificates::{Authority, Identity};
use throughway_tests::cluster::{self, Listener, USER, advertised_host};
use throughway_tests::files::TemporaryFolder;
use throughway_tests::ports;
use throughway_tests::proxy::{BOOTSTRAP_NAME, PORT_COUNT, Settings, Upstream};
use throughway_tests::wire::{Connection, client_config};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::edge::{Edge, quiet_broker, settings_by_name};

const RELOADED: &str = "certificates reloaded";
const KEPT: &str = "certificates not reloaded; the last good stay";

/// A client that trusts `ca` and shows `identity`, let in up to the end of SASL: a refused
/// certificate shows with the first bytes that come back.
async fn enter(edge: &Edge, ca: &Path, identity: Option<&Identity>) -> Result<Connection> {
    let connector = TlsConnector::from(Arc::new(client_config(ca, identity)?));
    let tcp = TcpStream::connect(("127.0.0.1", edge.first_port)).await?;
    let stream = connector
        .connect(ServerName::try_from(BOOTSTRAP_NAME)?, tcp)
        .await?;
    let mut connection = Connection::over(stream);
    connection.authenticate(("alice", "anything")).await?;
    Ok(connection)
}

/// Puts the files of one identity in the place of another's.
fn replace(old: &Identity, new: &Identity) {
    fs::copy(&new.certificate, &old.certificate).unwrap();
    fs::copy(&new.key, &old.key).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_certificate_is_shown_and_a_bad_one_is_not() {
    let broker = quiet_broker().await;
    let (mut settings, port, files) = settings_by_name(&broker);
    settings.tolerate(KEPT);
    let edge = Edge::start(&settings, port);
    let old = files.authority.certificate();
    let other = Authority::new(files.folder.path(), "other").unwrap();
    let new = other.certificate();
    let renewed = other.issue("renewed", &["*.kafka.test"]).unwrap();
    let first = files.authority.issue("first", &["*.kafka.test"]).unwrap();
    let mut session = enter(&edge, &old, None).await.unwrap();
    assert!(enter(&edge, &new, None).await.is_err());

    // Half of a change: the key does not fit yet.
    fs::copy(&renewed.certificate, &files.identity.certificate).unwrap();
    edge.signal(Signal::HUP);
    edge.wait_for_lines(KEPT, 1).unwrap();
    enter(&edge, &old, None).await.unwrap();

    replace(&files.identity, &renewed);
    edge.signal(Signal::HUP);
    edge.wait_for_lines(RELOADED, 1).unwrap();
    enter(&edge, &new, None).await.unwrap();
    assert!(enter(&edge, &old, None).await.is_err());
    // Who was let in before stays.
    session.authenticate(("alice", "anything")).await.unwrap();

    // Without a word, every 10 s.
    replace(&files.identity, &first);
    edge.wait_for_lines(RELOADED, 2).unwrap();
    enter(&edge, &old, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_asked_for_certificates_that_the_trust_store_of_today_knows() {
    let broker = quiet_broker().await;
    let (mut settings, port, files) = settings_by_name(&broker);
    let authorities = ["clients", "others"].map(|name| {
        let authority = Authority::new(files.folder.path(), name).unwrap();
        let identity = authority.issue(&format!("of-{name}"), &["client"]).unwrap();
        (authority, identity)
    });
    let [(clients, known), (others, foreign)] = authorities;
    let trusted: PathBuf = files.folder.path().join("trusted.pem");
    fs::copy(clients.certificate(), &trusted).unwrap();
    // Files may be read while they are written.
    settings.tolerate(KEPT);
    settings.set("GATEWAY_LISTENER_MAIN_SSL_CLIENT_AUTH", "REQUIRE");
    settings.set(
        "GATEWAY_SSL_TRUST_STORE_PATH",
        trusted.display().to_string(),
    );
    settings.set("GATEWAY_SSL_TRUST_STORE_TYPE", "pem");
    let edge = Edge::start(&settings, port);
    let ca = files.authority.certificate();
    enter(&edge, &ca, Some(&known)).await.unwrap();
    for refused in [None, Some(&foreign)] {
        assert!(enter(&edge, &ca, refused).await.is_err());
    }

    fs::copy(others.certificate(), &trusted).unwrap();
    edge.signal(Signal::HUP);
    edge.wait_for_lines(RELOADED, 1).unwrap();
    enter(&edge, &ca, Some(&foreign)).await.unwrap();
    assert!(enter(&edge, &ca, Some(&known)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_is_believed_under_its_own_name_and_no_other() {
    let cluster = cluster::shared().await;
    let folder = TemporaryFolder::new("throughway-believed-").unwrap();
    let stranger = Authority::new(folder.path(), "stranger").unwrap();
    let (known, unknown) = (cluster.authority.certificate(), stranger.certificate());
    let own = advertised_host(1);
    // The certificate also bears 127.0.0.1, which is dialled: that must not count.
    for (name, trusted, outcome) in [
        (own.as_str(), &known, "connected"),
        ("other.internal.test", &known, "tls_failed"),
        (own.as_str(), &unknown, "tls_failed"),
    ] {
        let first = ports::reserve(PORT_COUNT);
        let mut settings = Settings::new(&cluster, Upstream::Tls);
        settings.listen_by_port(first, first);
        let port = cluster.port(1, Listener::SaslTls);
        settings.set("KAFKA_BOOTSTRAP_SERVERS", format!("{name}:{port}"));
        settings.set("GATEWAY_UPSTREAM_ADDRESS_MAP", format!("{name}=127.0.0.1"));
        settings.set(
            "KAFKA_SSL_TRUSTSTORE_LOCATION",
            trusted.display().to_string(),
        );
        settings.tolerate("broker not reached");
        let edge = Edge::start(&settings, first);
        let mut connection = Connection::open(&edge.door(0)).await.unwrap();
        let entered = connection.authenticate(USER).await;
        assert_eq!(entered.is_ok(), outcome == "connected", "{name}");
        let dials = edge.metric("throughway_dials_total", &[("outcome", outcome)]);
        assert_eq!(dials, 1, "{name}");
    }
}
