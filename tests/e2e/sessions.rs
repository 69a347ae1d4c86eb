//! Who is connected, and who is asked to go: `throughway connections` and the Admin API of a running
//! proxy.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use throughway_tests::certificates::Authority;
use throughway_tests::files::TemporaryFolder;
use throughway_tests::proxy::{Settings, binary};
use throughway_tests::script_broker::ScriptBroker;
use throughway_tests::wire::Connection;

use crate::edge::{Edge, quiet_broker, settings};

const LIMIT: Duration = Duration::from_secs(30);

/// Settings with a control socket in this folder.
fn with_socket(broker: &ScriptBroker, run: &TemporaryFolder) -> (Settings, u16) {
    let (mut settings, port) = settings(broker);
    settings.set("RUNTIME_DIRECTORY", run.path().display().to_string());
    (settings, port)
}

/// `throughway connections` with these arguments, where the control socket is in this folder.
fn connections(run: &TemporaryFolder, arguments: &[&str]) -> Output {
    Command::new(binary().unwrap())
        .arg("connections")
        .args(arguments)
        .env("RUNTIME_DIRECTORY", run.path())
        .output()
        .unwrap()
}

fn listed(run: &TemporaryFolder, arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["--json"], arguments].concat();
    let output = connections(run, &arguments);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Asks the control socket; the answer is JSON.
fn ask(run: &TemporaryFolder, method: &str, path: &str, body: &Value) -> Value {
    use std::io::{Read, Write};
    let socket = run.path().join("control.sock");
    let mut stream = std::os::unix::net::UnixStream::connect(socket).unwrap();
    let body = body.to_string();
    let length = body.len();
    // At once: whoever needs no body may have closed before its second half.
    let request = format!(
        "{method} /throughway/v1/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(body).unwrap()
}

fn wait_for_nobody(edge: &Edge, run: &TemporaryFolder) {
    let deadline = Instant::now() + LIMIT;
    while ask(run, "GET", "status", &json!({}))["sessions"] != 0 {
        assert!(Instant::now() < deadline, "a session is still counted");
        edge.process().wait_for_news(Duration::from_millis(50));
    }
}

fn ready(edge: &Edge) -> u16 {
    edge.get("/health/ready").unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended_one_by_one_from_the_command_line() {
    let run = TemporaryFolder::new("throughway-run-").unwrap();
    let broker = quiet_broker().await;
    let (settings, port) = with_socket(&broker, &run);
    let edge = Edge::start(&settings, port);
    assert_eq!(listed(&run, &[]), Vec::<Value>::new());
    let mut first = edge.log_in(1).await;
    let second = edge.log_in(1).await;
    let all = listed(&run, &["--broker", "1", "--client", "127.0.0.1"]);
    assert_eq!(all.len(), 2);
    assert_eq!(
        (&all[0]["listener"], &all[0]["broker"]),
        (&"MAIN".into(), &1.into())
    );
    assert_eq!(all[0]["sasl_mechanism"], "PLAIN");
    assert!(all[0]["bytes_downstream"].as_u64() > Some(0), "{all:?}");
    assert!(listed(&run, &["--broker", "5"]).is_empty());

    let id = all[0]["id"].to_string();
    let drained = connections(&run, &["--drain", &id]);
    assert!(drained.status.success(), "{drained:?}");
    assert_eq!(first.read_to_end().await.unwrap(), b"");
    edge.wait_for_ends(1).unwrap();
    let left = listed(&run, &[]);
    assert_eq!((left.len(), &left[0]["id"]), (1, &all[1]["id"]));
    let again = connections(&run, &["--drain", &id]);
    assert_eq!(again.status.code(), Some(1));
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        said.contains(&format!("there is no connection {id}")),
        "{said}"
    );
    let table = connections(&run, &[]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert_eq!(table.lines().count(), 2, "{table}");
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_elsewhere_the_command_line_shows_a_user_and_checks_the_certificate() {
    let run = TemporaryFolder::new("throughway-run-").unwrap();
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    let folder = TemporaryFolder::new("throughway-ca-").unwrap();
    let authority = Authority::new(folder.path(), "admin").unwrap();
    let identity = authority.issue("throughway", &["localhost"]).unwrap();
    settings.set(
        "GATEWAY_HTTPS_CERTIFICATE_PATH",
        identity.certificate.display().to_string(),
    );
    settings.set(
        "GATEWAY_HTTPS_PRIVATE_KEY_PATH",
        identity.key.display().to_string(),
    );
    settings.set(
        "GATEWAY_ADMIN_API_USERS",
        "[{username: ops, password: s3cret}]",
    );
    let edge = Edge::start(&settings, port);
    let _session = edge.log_in(1).await;
    let url = format!("https://localhost:{}", edge.admin_port);
    let ca = authority.certificate().display().to_string();
    let file = folder.path().join("user");
    std::fs::write(&file, "ops:s3cret\n").unwrap();
    let by_file = format!("@{}", file.display());
    for user in ["ops:s3cret", &by_file] {
        let there = ["--url", &url, "--user", user, "--ca", &ca];
        assert_eq!(listed(&run, &there).len(), 1);
    }
    for (arguments, said) in [
        (
            vec!["--url", &url, "--user", "ops:wrong", "--ca", &ca],
            "(401)",
        ),
        (vec!["--url", &url, "--user", "ops:s3cret"], "certificate"),
        (
            vec![
                "--url",
                &url,
                "--user",
                "ops:s3cret",
                "--ca",
                &ca,
                "--drain",
                "1",
            ],
            "(403)",
        ),
        (vec![], "control.sock"),
    ] {
        let output = connections(&run, &arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            stderr.contains(said) && !stderr.contains("s3cret"),
            "{stderr}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_by_the_control_socket_ends_sessions_and_not_the_process() {
    let run = TemporaryFolder::new("throughway-run-").unwrap();
    let broker = quiet_broker().await;
    let (settings, port) = with_socket(&broker, &run);
    let mut edge = Edge::start(&settings, port);
    let mut session = edge.log_in(1).await;
    assert_eq!(ready(&edge), 200);
    let drained = ask(&run, "POST", "drain", &json!({}));
    assert_eq!(
        (&drained["asked"], &drained["drains"]),
        (&1.into(), &json!([{}]))
    );
    assert_eq!(session.read_to_end().await.unwrap(), b"");
    wait_for_nobody(&edge, &run);
    assert_eq!(ready(&edge), 503);
    // The port is open, and whoever comes is closed at once.
    let mut late = Connection::open(&edge.door(1)).await.unwrap();
    assert_eq!(late.read_to_end().await.unwrap(), b"");

    let back = ask(&run, "DELETE", "drain", &json!({}));
    assert_eq!(back["drains"], json!([]));
    assert_eq!(ready(&edge), 200);
    let mut session = edge.log_in(1).await;
    ask(&run, "POST", "drain", &json!({ "broker": 1 }));
    assert_eq!(session.read_to_end().await.unwrap(), b"");
    assert_eq!(edge.stop().unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_clients_sessions_are_logged_in_full_while_that_is_wanted() {
    let run = TemporaryFolder::new("throughway-run-").unwrap();
    let broker = quiet_broker().await;
    let (mut settings, port) = with_socket(&broker, &run);
    settings.set("GATEWAY_LOG", "warn");
    let edge = Edge::start(&settings, port);
    drop(edge.log_in(1).await);
    let debug = |minutes| {
        let body = json!({ "client": "127.0.0.1", "minutes": minutes });
        ask(&run, "PUT", "debug", &body)
    };
    debug(1);
    drop(edge.log_in(1).await);
    edge.wait_for_ends(1).unwrap();
    let lines = edge.logged("session closed");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["level"], "DEBUG");
    debug(0);
    drop(edge.log_in(1).await);
    wait_for_nobody(&edge, &run);
    let all = edge.process().lines();
    assert!(
        all.iter().all(|line| line.contains("\"session\"")),
        "{all:?}"
    );
}
