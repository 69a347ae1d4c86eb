//! An address map put through the Admin API by value: in effect at once, kept over a restart, and
//! taken back.

use std::path::Path;

use throughway_tests::cluster;
use throughway_tests::files::TemporaryFolder;
use throughway_tests::ports;
use throughway_tests::proxy::{PORT_COUNT, Settings, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::guests::{good, hooked};
use crate::swap::{REFUSED, addresses, authenticated};

const ADDRESS_MAP: &str = "/throughway/v1/address-map";
const BUILT_IN: &str = "127.0.0.1";
const OWN: &str = "127.0.0.2";

/// Status and answer of a request through the socket that asks for no password.
async fn ask(run: &Path, line: &str, body: &[u8]) -> (u16, String) {
    let mut stream = UnixStream::connect(run.join("control.sock")).await.unwrap();
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap();
    (status.parse().unwrap(), answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_put_by_value_stays_until_it_is_taken_back() {
    let cluster = cluster::shared().await;
    let first = ports::reserve(PORT_COUNT);
    let state = TemporaryFolder::new("throughway-state-").unwrap();
    let run = TemporaryFolder::new("throughway-run-").unwrap();
    let mut settings = Settings::new(&cluster, Upstream::Plaintext);
    settings.listen_by_port(first, first);
    settings.tolerate(REFUSED);
    for (name, folder) in [
        ("GATEWAY_STATE_DIRECTORY", &state),
        ("RUNTIME_DIRECTORY", &run),
    ] {
        settings.set(name, folder.path().display().to_string());
    }
    let own = good(first, OWN).component();
    let put = format!("PUT {ADDRESS_MAP}");

    let mut proxy = settings.start().unwrap();
    let mut session = authenticated(first).await.unwrap();
    let (status, answer) = ask(run.path(), &format!("{put}?dryMode=true"), &own).await;
    assert!(status == 200 && answer.contains("\"dry\":true"), "{answer}");
    assert_eq!(session.brokers().await.unwrap(), addresses(BUILT_IN, first));
    let (status, answer) = ask(run.path(), &put, &own).await;
    assert!(
        status == 200 && answer.contains("\"changes\":["),
        "{answer}"
    );
    assert_eq!(session.brokers().await.unwrap(), addresses(OWN, first));
    let hook = hooked("throughway:interceptor/hooks@0.1.0");
    let (status, answer) = ask(run.path(), &put, &hook).await;
    let excluded = "Interceptors, which this licence excludes";
    assert!(status == 422 && answer.contains(excluded), "{answer}");
    assert_eq!(session.brokers().await.unwrap(), addresses(OWN, first));
    assert_eq!(proxy.stop().unwrap(), Some(0));

    let mut proxy = settings.start().unwrap();
    let mut session = authenticated(first).await.unwrap();
    assert_eq!(session.brokers().await.unwrap(), addresses(OWN, first));
    let (status, answer) = ask(run.path(), &format!("DELETE {ADDRESS_MAP}"), b"").await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(session.brokers().await.unwrap(), addresses(BUILT_IN, first));
    assert_eq!(proxy.stop().unwrap(), Some(0));

    let file = state.path().join("map.wasm");
    std::fs::write(&file, &own).unwrap();
    settings.set("GATEWAY_ADDRESS_MAP", file.display().to_string());
    let mut proxy = settings.start().unwrap();
    for (line, body) in [
        (put, own.as_slice()),
        (format!("DELETE {ADDRESS_MAP}"), b"".as_slice()),
    ] {
        let (status, answer) = ask(run.path(), &line, body).await;
        let named = format!("GATEWAY_ADDRESS_MAP={}", file.display());
        assert!(status == 409 && answer.contains(&named), "{answer}");
    }
    assert_eq!(proxy.stop().unwrap(), Some(0));
}
