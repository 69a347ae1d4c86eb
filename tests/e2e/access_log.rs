//! The access log: who used which broker, and no secret of theirs.

use kafka_protocol::messages::SaslAuthenticateResponse;
use serde_json::Value;
use throughway_tests::certificates::Authority;
use throughway_tests::clients::{Action, Library, Security, Task};
use throughway_tests::cluster::{self, USER};
use throughway_tests::files::TemporaryFolder;
use throughway_tests::ports;
use throughway_tests::proxy::{PORT_COUNT, Settings, Upstream, broker_name};
use throughway_tests::script_broker::{Reply, ScriptBroker};
use throughway_tests::wire::{Connection, Door, raw_request};

use crate::edge::{Edge, broker, quiet_broker, settings};

const HEARTBEAT: i16 = 12;
const SASL_AUTHENTICATE: i16 = 36;
const WRONG: (&str, &str) = ("mallory", "wrong-secret");

/// Parts of passwords, of a JWT that is not signed, and of SCRAM's last message.
const SECRETS: [&str; 5] = [
    USER.1,
    WRONG.1,
    "eyJhbGciOiJub25lIn",
    "auth=Bearer",
    "c=biws",
];

/// Ends throughway, and with it every session; returns the access lines.
fn lines(edge: &mut Edge) -> Vec<Value> {
    assert_eq!(edge.stop().unwrap(), Some(0));
    let lines = edge.logged("session");
    assert!(lines.iter().all(|line| line["target"] == "access"));
    let whole = edge.process().lines();
    for secret in SECRETS {
        let told: Vec<_> = whole.iter().filter(|line| line.contains(secret)).collect();
        assert!(told.is_empty(), "{secret} in {told:?}");
    }
    lines
}

/// A broker that lets everybody but mallory in, and answers heartbeats.
async fn careful_broker() -> ScriptBroker {
    broker(|request| {
        let frame = &request.frame;
        let is_mallory = frame.windows(7).any(|window| window == WRONG.0.as_bytes());
        match request.api_key {
            HEARTBEAT => Reply::bytes(request, &[0; 6]),
            SASL_AUTHENTICATE if is_mallory => {
                let refusal = SaslAuthenticateResponse::default().with_error_code(58);
                Reply::to(request, &refusal).unwrap()
            }
            _ => Reply::usual(request),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn names_the_users_of_plain_and_scram_and_of_nothing_else() {
    let cluster = cluster::shared().await;
    let mut settings = Settings::new(&cluster, Upstream::Plaintext);
    let port = ports::reserve(PORT_COUNT);
    settings.listen_by_port(port, port);
    settings.set("GATEWAY_ACCESS_LOG", "true");
    settings.set("GATEWAY_LOG", "debug");
    let mut edge = Edge::start(&settings, port);
    let bootstrap = format!("127.0.0.1:{port}");
    let mechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"];
    for mechanism in mechanisms {
        let security = Security::sasl_plaintext(USER).by(mechanism);
        let task = Task::new(Action::Describe, &bootstrap, security, "access");
        let report = Library::Rust.run(&task, None).await.unwrap();
        assert_eq!(report.brokers.len(), 3, "{mechanism}");
    }

    let lines = lines(&mut edge);
    for mechanism in mechanisms {
        let user = match mechanism {
            "OAUTHBEARER" => Value::Null,
            _ => USER.0.into(),
        };
        let of_it = lines
            .iter()
            .filter(|line| line["sasl_mechanism"] == mechanism);
        let of_it: Vec<_> = of_it.collect();
        assert!(!of_it.is_empty(), "{mechanism}: {lines:?}");
        // Who leaves between naming a mechanism and using it has named nobody.
        let left = |line: &Value| line["login"] == "unfinished" && line["user"].is_null();
        let named = of_it.iter().all(|line| line["user"] == user || left(line));
        assert!(named, "{mechanism}: {of_it:?}");
        let used = |line: &&&Value| line["login"] == "completed";
        let used = of_it.iter().find(used).unwrap();
        assert_eq!(used["software_name"], "librdkafka");
        assert!(used["bytes_downstream"].as_u64() > Some(0), "{used}");
        assert_eq!(used["listener"], "MAIN");
        let upstream = used["upstream_addr"].as_str().unwrap();
        assert!(upstream.starts_with("broker"), "{upstream}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_who_was_refused_and_keeps_to_the_name_that_was_let_in() {
    let broker = careful_broker().await;
    let (mut settings, port) = settings(&broker);
    settings.set("GATEWAY_ACCESS_LOG", "true");
    settings.set("GATEWAY_LOG", "warn");
    let mut edge = Edge::start(&settings, port);
    assert!(edge.connect().await.authenticate(WRONG).await.is_err());
    edge.wait_for_lines("session", 1).unwrap();

    let mut alice = edge.connect().await;
    alice.authenticate(USER).await.unwrap();
    let request = raw_request((HEARTBEAT, 0), 55, &[0; 8]);
    alice.send_frame(&request).await.unwrap();
    alice.receive_frame().await.unwrap();
    // Whoever is in claims to be another, and is refused: the session was alice's all the same.
    assert!(alice.authenticate(WRONG).await.is_err());
    drop(alice);
    // A load balancer looks whether the port is open.
    drop(std::net::TcpStream::connect(edge.door(1).address).unwrap());
    edge.wait_for_lines("session", 2).unwrap();
    assert_eq!(
        edge.metric("throughway_logins_total", &[("outcome", "failed")]),
        2
    );
    assert_eq!(
        edge.metric("throughway_logins_total", &[("outcome", "completed")]),
        1
    );
    assert_eq!(edge.metric("gateway_failed_authentications_total", &[]), 2);
    let requests = |api| edge.metric("throughway_requests_total", &[("api", api)]);
    assert_eq!(requests("heartbeat"), 1);
    assert_eq!(requests("sasl_authenticate"), 3);
    let of_broker = |name| edge.metric(name, &[("node_id", "1")]);
    assert_eq!(of_broker("throughway_broker_requests_total"), 7);
    assert_eq!(of_broker("throughway_broker_sessions_opened_total"), 2);
    assert_eq!(of_broker("throughway_broker_sessions"), 0);

    let lines = lines(&mut edge);
    let told: Vec<_> = lines
        .iter()
        .map(|line| ["user", "login", "sasl_mechanism"].map(|key| line[key].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ["mallory", "failed", "PLAIN"],
            ["alice", "completed", "PLAIN"]
        ]
    );
    assert_eq!(lines[1]["node_id"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_the_tls_version_and_the_name_asked_for() {
    let broker = careful_broker().await;
    let (mut settings, _) = settings(&broker);
    let folder = TemporaryFolder::new("throughway-access-").unwrap();
    let authority = Authority::new(folder.path(), "downstream").unwrap();
    let identity = authority.issue("throughway", &["*.kafka.test"]).unwrap();
    let port = ports::reserve(1);
    settings.unset("GATEWAY_LISTENER_MAIN_ADVERTISED_HOST");
    settings.listen_by_sni(port, port, &identity);
    settings.set("GATEWAY_ACCESS_LOG", "true");
    let mut edge = Edge::start(&settings, port);
    let door = Door {
        address: format!("127.0.0.1:{port}"),
        tls: Some((broker_name(1), authority.certificate())),
    };
    let mut connection = Connection::open(&door).await.unwrap();
    connection.authenticate(USER).await.unwrap();
    drop(connection);
    edge.wait_for_lines("session", 1).unwrap();
    let line = lines(&mut edge).remove(0);
    assert_eq!(line["tls_version"], "TLSv1.3");
    assert_eq!(line["sni"], broker_name(1));
    // It has asked nothing after its login, so nobody knows whether it was let in.
    assert_eq!(line["login"], "unfinished");
    assert!(line["duration_ms"].is_u64(), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_it_a_session_is_one_line_at_debug_and_none_at_info() {
    let broker = quiet_broker().await;
    for (level, expected) in [("info", 0), ("debug", 1)] {
        let (mut settings, port) = settings(&broker);
        settings.set("GATEWAY_LOG", level);
        let mut edge = Edge::start(&settings, port);
        drop(edge.log_in(1).await);
        // The end waits for the session's.
        assert_eq!(edge.stop().unwrap(), Some(0));
        let told = edge.process().lines();
        let told = told.iter().filter(|line| line.contains("connection_id"));
        assert_eq!(told.count(), expected, "{level}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_named_unless_asked_for() {
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    settings.set("GATEWAY_LOG", "debug");
    let mut edge = Edge::start(&settings, port);
    edge.connect().await.authenticate(USER).await.unwrap();
    edge.wait_for_ends(1).unwrap();
    assert!(lines(&mut edge).is_empty());
    let whole = edge.process().lines().join("\n");
    assert!(!whole.contains(USER.0), "{whole}");
}
