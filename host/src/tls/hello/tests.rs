//! Hellos as clients, scanners and attackers send them.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::*;
use crate::tls::testing::{Authority, hello_for};

const PROTOCOL_VERSION: u8 = 70;
const HANDSHAKE_FAILURE: u8 = 40;
/// As the only extension of a hello: RSA with SHA-256.
const SIGNATURE_ALGORITHMS: &[u8] = &[0, 8, 0, 13, 0, 4, 0, 2, 4, 1];
const NAME: &str = "b1.kafka.example.com";

fn hello() -> Vec<u8> {
    hello_for(Authority::new("ca").client(), NAME)
}

/// Feeds bytes and gives what was read of them and what was answered.
async fn read(bytes: &[u8]) -> (Result<Hello<DuplexStream>, TlsError>, Vec<u8>) {
    read_through(bytes, bytes.len().max(64)).await
}

async fn read_through(
    bytes: &[u8],
    buffer: usize,
) -> (Result<Hello<DuplexStream>, TlsError>, Vec<u8>) {
    let (mut client, server) = tokio::io::duplex(buffer);
    let (result, _) = tokio::join!(Hello::read(server), async {
        // Not all may be taken when the hello is refused.
        let _ = client.write_all(bytes).await;
        let _ = client.shutdown().await;
    });
    let mut answer = Vec::new();
    if result.is_err() {
        client.read_to_end(&mut answer).await.unwrap();
    }
    (result, answer)
}

/// Splits the handshake message of a hello into records of a payload size.
fn fragment(message: &[u8], size: usize) -> Vec<u8> {
    let records = message.chunks(size).map(|part| {
        let length = u16::try_from(part.len()).unwrap().to_be_bytes();
        [&[22, 3, 1], length.as_slice(), part].concat()
    });
    records.flatten().collect()
}

/// A hello's message with one more extension, in front of the others.
fn with_extension(hello: &[u8], kind: u16, content: &[u8]) -> Vec<u8> {
    let body = &hello[9..];
    let session = 34 + 1 + usize::from(body[34]);
    let suites = session + 2 + usize::from(u16::from_be_bytes([body[session], body[session + 1]]));
    let at = suites + 1 + usize::from(body[suites]);
    let size = u16::try_from(content.len()).unwrap();
    let extensions = u16::try_from(body.len() - at - 2).unwrap() + size + 4;
    let added = [extensions, kind, size].map(u16::to_be_bytes).concat();
    message(&[&body[..at], &added, content, &body[at + 2..]].concat())
}

/// A ClientHello with its handshake header.
fn message(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[1], &length[1..], body].concat()
}

/// What a client without TLS 1.2 sends: version, random, no session, two suites, no compression.
fn old_hello(minor: u8, extensions: &[u8]) -> Vec<u8> {
    let suites = [0, 4, 0, 0x2f, 0, 0x35];
    message(
        &[
            &[3, minor],
            [7; 32].as_slice(),
            &[0],
            &suites,
            &[1, 0],
            extensions,
        ]
        .concat(),
    )
}

#[tokio::test]
async fn reads_the_server_name() {
    let (hello, _) = read(&hello()).await;
    assert_eq!(hello.unwrap().server_name().as_deref(), Some(NAME));
}

#[tokio::test]
async fn lowers_the_server_name() {
    let mut bytes = hello();
    let at = bytes
        .windows(NAME.len())
        .position(|part| part == NAME.as_bytes())
        .unwrap();
    bytes[at..at + NAME.len()].make_ascii_uppercase();
    assert_eq!(
        read(&bytes).await.0.unwrap().server_name().as_deref(),
        Some(NAME)
    );
}

#[tokio::test]
async fn a_hello_for_an_address_has_no_server_name() {
    let bytes = hello_for(Authority::new("ca").client(), "169.254.169.254");
    assert_eq!(read(&bytes).await.0.unwrap().server_name(), None);
}

#[tokio::test]
async fn reads_a_hello_that_comes_byte_by_byte() {
    let (hello, _) = read_through(&hello(), 1).await;
    assert_eq!(hello.unwrap().server_name().as_deref(), Some(NAME));
}

#[tokio::test]
async fn reads_a_hello_split_into_records_of_any_size() {
    let hello = hello();
    for size in [1, 2, 3, 5, 50, hello.len() - 6] {
        let (read, _) = read(&fragment(&hello[5..], size)).await;
        assert_eq!(read.unwrap().server_name().as_deref(), Some(NAME), "{size}");
    }
}

#[tokio::test]
async fn passes_over_extensions_it_does_not_know() {
    // Encrypted Client Hello as browsers fake it: HKDF-SHA256, AES-128-GCM, id, key, payload.
    let ech = [
        &[0, 0, 1, 0, 1, 7, 0, 32],
        [1; 32].as_slice(),
        &[0, 16],
        &[2; 16],
    ]
    .concat();
    // GREASE is RFC 8701.
    for (kind, content) in [(0x0a0a, [0].as_slice()), (0xfe0d, &ech)] {
        let message = with_extension(&hello(), kind, content);
        let (read, _) = read(&fragment(&message, 16_000)).await;
        assert_eq!(read.unwrap().server_name().as_deref(), Some(NAME));
    }
}

#[tokio::test]
async fn reads_a_hello_just_below_the_cap() {
    let message = with_extension(&hello(), 21, &[0; 64_000]);
    let (read, _) = read(&fragment(&message, 16_000)).await;
    assert_eq!(read.unwrap().server_name().as_deref(), Some(NAME));
}

#[tokio::test]
async fn refuses_a_hello_over_the_cap_with_an_alert() {
    // One byte per record makes six bytes of each.
    let message = with_extension(&hello(), 21, &[0; 20_000]);
    let (read, answer) = read(&fragment(&message, 1)).await;
    assert!(matches!(read, Err(TlsError::Handshake(_))));
    assert_eq!(answer, [21, 3, 3, 0, 2, 2, DECODE_ERROR]);
}

#[tokio::test]
async fn stops_reading_a_hello_that_claims_16_megabytes() {
    let message = [&[1, 0xff, 0xff, 0xff, 3, 3], [0; 200_000].as_slice()].concat();
    let (mut client, server) = tokio::io::duplex(1024);
    let bytes = fragment(&message, 16_000);
    let (read, sent) = tokio::join!(Hello::read(server), client.write_all(&bytes));
    assert!(matches!(read, Err(TlsError::Handshake(_))));
    assert!(sent.is_err());
    let mut alert = Vec::new();
    client.read_to_end(&mut alert).await.unwrap();
    assert_eq!(alert, [21, 3, 3, 0, 2, 2, DECODE_ERROR]);
}

#[tokio::test]
async fn refuses_tls_1_0_and_1_1_with_an_alert() {
    let config = Authority::new("ca").server(NAME).current();
    // With signature algorithms it fails at the version, without it fails at their lack.
    for (minor, extensions, alert) in [
        (1, [].as_slice(), HANDSHAKE_FAILURE),
        (2, &[], HANDSHAKE_FAILURE),
        (1, SIGNATURE_ALGORITHMS, PROTOCOL_VERSION),
        (2, SIGNATURE_ALGORITHMS, PROTOCOL_VERSION),
    ] {
        let (mut client, server) = tokio::io::duplex(4096);
        client
            .write_all(&fragment(&old_hello(minor, extensions), 100))
            .await
            .unwrap();
        let refused = match Hello::read(server).await {
            Ok(hello) => hello.accept(Arc::clone(&config)).await.err(),
            Err(error) => Some(error),
        };
        assert!(matches!(refused, Some(TlsError::Handshake(_))));
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, [21, 3, 3, 0, 2, 2, alert]);
    }
}

#[tokio::test]
async fn refuses_what_is_no_hello() {
    for bytes in [
        b"GET / HTTP/1.1\r\n\r\n".as_slice(),
        &[0, 0, 0, 20, 0, 18, 0, 3, 0, 0, 0, 0],
        &[22, 3, 1, 0, 4, 2, 0, 0, 0],
        &[22, 3, 1, 0xff, 0xff],
        &[21, 3, 3, 0, 2, 2, 40],
        &[0x80, 0x2e, 1, 0, 2],
        &[],
    ] {
        assert!(
            matches!(read(bytes).await.0, Err(TlsError::Handshake(_))),
            "{bytes:?}"
        );
    }
}

#[tokio::test]
async fn survives_every_changed_and_every_missing_byte() {
    let hello = hello();
    for at in 0..hello.len() {
        let mut bytes = hello.clone();
        bytes[at] = !bytes[at];
        let _ = read(&bytes).await;
        assert!(read(&hello[..at]).await.0.is_err());
    }
}

#[tokio::test]
async fn refuses_a_name_with_the_alert_for_it_and_closes() {
    let (mut client, server) = tokio::io::duplex(4096);
    client.write_all(&hello()).await.unwrap();
    Hello::read(server).await.unwrap().refuse_name().await;
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, [21, 3, 3, 0, 2, 2, 112]);
}

#[tokio::test]
async fn finishes_a_handshake_in_small_pieces() {
    let authority = Authority::new("ca");
    let config = authority.server(NAME).current();
    // Below 7 bytes rustls's two ends wait for each other: neither reads before it has written.
    let (client, server) = tokio::io::duplex(16);
    let connector = tokio_rustls::TlsConnector::from(authority.client());
    let name = rustls_pki_types::ServerName::try_from(NAME).unwrap();
    let (read, served) = tokio::join!(
        async {
            let mut stream = connector.connect(name, client).await.unwrap();
            stream.read_u8().await
        },
        async {
            let hello = Hello::read(server).await.unwrap();
            let mut stream = hello.accept(config).await.unwrap();
            stream.write_all(b"x").await.unwrap();
            stream.flush().await
        }
    );
    assert_eq!(read.unwrap(), b'x');
    assert!(served.is_ok());
}
