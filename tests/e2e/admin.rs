//! The Admin API of the real binary: who gets in, and what 2,000 callers who never finish can do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};
use throughway_tests::files::TemporaryFolder;
use throughway_tests::script_broker::{Reply, ScriptBroker};
use throughway_tests::wire::{Connection, Door, raw_request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::edge::{Edge, broker, quiet_broker, settings};

const HEARTBEAT: i16 = 12;
/// Of `reader:secret`, and of one whom nobody knows.
const READER: &str = "cmVhZGVyOnNlY3JldA==";
const STRANGER: &str = "cmVhZGVyOndyb25n";
const USERS: &str =
    "[{username: reader, password: secret}, {username: root, password: secret, admin: true}]";
const SLOW: usize = 2_000;

/// throughway with its state in this folder.
fn start(broker: &ScriptBroker, folder: &TemporaryFolder, more: &[(&str, &str)]) -> Edge {
    let (mut settings, port) = settings(broker);
    settings.unset("GATEWAY_SECURED_METRICS");
    settings.set(
        "GATEWAY_STATE_DIRECTORY",
        folder.path().display().to_string(),
    );
    for (name, value) in more {
        settings.set(name, *value);
    }
    Edge::start(&settings, port)
}

fn certificate(folder: &TemporaryFolder) -> PathBuf {
    folder.path().join("admin/https.crt")
}

fn request(line: &str, token: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {token}\r\nConnection: close\r\n\r\n"
    )
}

/// Status and all of the answer, over TLS that trusts this certificate.
async fn ask(edge: &Edge, ca: &Path, line: &str, token: &str) -> (u16, String) {
    let door = Door {
        address: format!("127.0.0.1:{}", edge.admin_port),
        tls: Some(("localhost".to_owned(), ca.to_owned())),
    };
    let mut connection = Connection::open(&door).await.unwrap();
    connection
        .send_raw(request(line, token).as_bytes())
        .await
        .unwrap();
    split(connection.read_to_end().await.unwrap())
}

fn split(answer: Vec<u8>) -> (u16, String) {
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap_or_default();
    (status.parse().unwrap_or_default(), answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_user_gets_in_with_the_generated_certificate_and_is_in_no_log() {
    let folder = TemporaryFolder::new("throughway-admin-").unwrap();
    let edge = start(&quiet_broker().await, &folder, &[]);
    let file = folder.path().join("admin/credentials");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let credentials = fs::read_to_string(&file).unwrap();
    let credentials = credentials.trim();
    let token = base64(credentials.as_bytes());
    let ca = certificate(&folder);
    let (status, answer) = ask(&edge, &ca, "GET /throughway/v1/status", &token).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains(r#""license_state":"valid""#), "{answer}");
    let (status, config) = ask(&edge, &ca, "GET /throughway/v1/config", &token).await;
    assert!(
        status == 200 && config.contains("KAFKA_BOOTSTRAP_SERVERS"),
        "{config}"
    );
    assert_eq!(ask(&edge, &ca, "GET /metrics", &token).await.0, 200);
    assert_eq!(ask(&edge, &ca, "GET /metrics", STRANGER).await.0, 401);
    assert_eq!(edge.get("/metrics").unwrap().0, 426);
    let reload = "POST /throughway/v1/license/reload";
    assert_eq!(ask(&edge, &ca, reload, &token).await.0, 200);
    edge.wait_for_lines("admin request", 1).unwrap();
    let (_, password) = credentials.split_once(':').unwrap();
    let log = edge.process().lines().join("\n");
    assert!(log.contains("admin/credentials") && !log.contains(password));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_socket_needs_no_password() {
    let folder = TemporaryFolder::new("throughway-admin-").unwrap();
    let run = TemporaryFolder::new("throughway-run-").unwrap();
    let directory = run.path().display().to_string();
    let more = [("RUNTIME_DIRECTORY", directory.as_str())];
    let mut edge = start(&quiet_broker().await, &folder, &more);
    let path = run.path().join("control.sock");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let mut stream = UnixStream::connect(&path).await.unwrap();
    let request = request("POST /throughway/v1/certificates/reload", STRANGER);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(split(answer).0, 200);
    assert_eq!(edge.stop().unwrap(), Some(0));
    assert!(!path.exists());
}

/// Callers who begin a request, or a handshake, or nothing at all, and leave it at that.
async fn slow_callers(port: u16) -> Vec<TcpStream> {
    let begun: [&[u8]; 4] = [
        b"",
        b"\x16\x03\x01\x02",
        b"GET /health HTTP/1.1\r\nX: ",
        b"PROXY TC",
    ];
    let mut callers = Vec::new();
    for begin in begun.iter().cycle().take(SLOW) {
        let mut caller = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // Whoever has been pushed out meanwhile is as good.
        let _reset = caller.write_all(begin).await;
        callers.push(caller);
    }
    callers
}

async fn heartbeat(session: &mut Connection) {
    let request = raw_request((HEARTBEAT, 0), 55, &[0; 8]);
    session.send_frame(&request).await.unwrap();
    let answer = session.receive_frame().await.unwrap();
    assert_eq!(&answer[4..], b"still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_slow_callers_keep_nobody_from_the_api_or_from_kafka() {
    // Both ends of each of them.
    let limits = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        rustix::process::Rlimit {
            current: limits.maximum,
            ..limits
        },
    )
    .unwrap();
    let folder = TemporaryFolder::new("throughway-admin-").unwrap();
    let broker = broker(|request| match request.api_key {
        HEARTBEAT => Reply::bytes(request, b"still here"),
        _ => Reply::usual(request),
    });
    let broker = broker.await;
    let edge = start(&broker, &folder, &[("GATEWAY_ADMIN_API_USERS", USERS)]);
    let mut session = edge.log_in(1).await;
    let callers = slow_callers(edge.admin_port).await;
    heartbeat(&mut session).await;
    // While they hold on, newcomers get in, with and without TLS.
    assert_eq!(edge.get("/health/live").unwrap().0, 200);
    let ca = certificate(&folder);
    let (status, _) = ask(&edge, &ca, "GET /throughway/v1/status", READER).await;
    assert_eq!(status, 200);
    drop(callers);
    let begin = Instant::now();
    let (status, answer) = ask(&edge, &ca, "GET /throughway/v1/status", READER).await;
    let took = begin.elapsed();
    assert!(
        status == 200 && took < Duration::from_secs(1),
        "{took:?} {answer}"
    );
    heartbeat(&mut session).await;
    edge.log_in(1).await;
}

/// Standard, padded.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let chunk = |chunk: &[u8]| {
        let mut word = [0; 4];
        word[1..=chunk.len()].copy_from_slice(chunk);
        let word = u32::from_be_bytes(word);
        let letter = |nth: usize| match nth > chunk.len() {
            true => '=',
            false => char::from(LETTERS[(word >> (18 - 6 * nth)) as usize & 63]),
        };
        (0..4).map(letter).collect::<String>()
    };
    bytes.chunks(3).map(chunk).collect()
}
