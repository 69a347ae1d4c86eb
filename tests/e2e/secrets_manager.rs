//! The licence out of AWS Secrets Manager: fetched, renewed, and whatever can be wrong with that.
//!
//! Every test has the metadata service of its own cloud, so that nothing asks a real one.

use std::process::{Command, Output};
use std::time::Duration;

use base64ct::{Base64, Encoding};
use rustix::process::Signal;
use throughway_tests::cloud::{Cloud, Manner, Moto, REGION};
use throughway_tests::files::TemporaryFolder;
use throughway_tests::proxy::{Licence, Settings, binary};
use throughway_tests::script_broker::{Reply, ScriptBroker};
use throughway_tests::soak;
use throughway_tests::wire::{Connection, raw_request};

use crate::edge::{Edge, broker, settings};

const HEARTBEAT: i16 = 12;

/// What the guard says of a source in trouble, with a licence and without.
const KEPT: &str = "the licence source has nothing better, the last good one stays in use";
const NONE: &str = "the licence source has no licence yet";
const AGAIN: &str = "the licence source has the licence in use again";

const DENIED: Manner = Manner::Refuses(
    400,
    "AccessDeniedException",
    "User: arn:aws:sts::1:assumed-role/r/i is not authorized to perform: secretsmanager:GetSecretValue",
);
const KMS: Manner = Manner::Refuses(400, "AccessDeniedException", "Access to KMS is not allowed");
const UNDECRYPTED: Manner = Manner::Refuses(400, "DecryptionFailure", "the key is disabled");
const THROTTLED: Manner = Manner::Refuses(400, "ThrottlingException", "Rate exceeded");
const BROKEN: Manner = Manner::Refuses(500, "InternalServiceError", "An error occurred");
const EXPIRED: Manner = Manner::Refuses(400, "ExpiredTokenException", "The token has expired");

fn licence(days: u32) -> String {
    Licence::of(days).issue().unwrap()
}

async fn heart() -> ScriptBroker {
    broker(|request| match request.api_key {
        HEARTBEAT => Reply::bytes(request, b"still here"),
        _ => Reply::usual(request),
    })
    .await
}

/// Settings with this secret, seen through this cloud; what it says of trouble is expected.
fn with_secret(broker: &ScriptBroker, cloud: &Cloud, secret: &str) -> (Settings, u16) {
    let (mut settings, port) = settings(broker);
    settings.unset("GATEWAY_LICENSE_KEY");
    settings.set("GATEWAY_LICENSE_SECRET_ID", secret);
    for (name, value) in cloud.variables() {
        settings.set(name, value);
    }
    for expected in [KEPT, NONE, "there is no licence", "new session refused"] {
        settings.tolerate(expected);
    }
    (settings, port)
}

fn moto() -> &'static Moto {
    Moto::shared().unwrap()
}

fn secret(text: &str) -> String {
    moto().create("SecretString", text).unwrap()
}

/// Exit code 78 and all it says.
async fn refused(cloud: &Cloud, secret: &str) -> String {
    let (settings, _port) = with_secret(&heart().await, cloud, secret);
    refused_with(&settings)
}

fn refused_with(settings: &Settings) -> String {
    let (code, said) = settings.start_in_vain().unwrap();
    assert_eq!(code, Some(78), "{said}");
    said
}

/// The session goes on, and new ones are served.
async fn serves(edge: &Edge, session: &mut Connection) {
    for session in [session, &mut edge.log_in(1).await] {
        let request = raw_request((HEARTBEAT, 0), 55, &[0; 8]);
        session.send_frame(&request).await.unwrap();
        let answer = session.receive_frame().await.unwrap();
        assert_eq!(answer[4..], *b"still here");
    }
    assert_eq!(edge.get("/health/ready").unwrap().0, 200);
}

/// Nothing it ever said holds any of these tokens, not even in part.
fn told_nothing(edge: &Edge, tokens: &[&str]) {
    for line in edge.process().lines() {
        for part in tokens.iter().flat_map(|token| token.split('.')) {
            assert!(!line.contains(part), "{line}");
        }
        assert!(!line.contains("of-the-instance"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn is_fetched_at_start_and_renewed_without_a_restart() {
    let cloud = Cloud::start().await.unwrap();
    let (first, second) = (licence(60), licence(90));
    let arn = secret(&first);
    let broker = heart().await;
    let (mut settings, port) = with_secret(&broker, &cloud, &arn);
    // The secret's region counts, not this one.
    settings.set("AWS_REGION", "us-east-1");
    settings.set("GATEWAY_LOG", "debug");
    let edge = Edge::start(&settings, port);
    let mut session = edge.log_in(1).await;
    moto().put(&arn, &second, "AWSCURRENT").unwrap();
    edge.signal(Signal::HUP);
    edge.wait_for_lines("licence loaded", 2).unwrap();
    serves(&edge, &mut session).await;
    // The line comes a moment before the figure.
    edge.wait_until(Duration::from_secs(10), "the days of the second", || {
        (89..=90).contains(&edge.metric("gateway_license_remaining_days", &[]))
    });
    told_nothing(&edge, &[&first, &second]);
}

#[tokio::test(flavor = "multi_thread")]
async fn is_taken_out_of_json_and_out_of_bytes() {
    let cloud = Cloud::start().await.unwrap();
    let token = licence(60);
    let json = secret(&format!(r#"{{"license": "{token}", "note": "ours"}}"#));
    let other = secret(&format!(r#"{{"key": "{token}", "license": "no"}}"#));
    let encoded = Base64::encode_string(token.as_bytes());
    let bytes = moto().create("SecretBinary", &encoded).unwrap();
    let broker = heart().await;
    for (arn, field) in [(json, ""), (other, "key"), (bytes, "")] {
        let (mut settings, port) = with_secret(&broker, &cloud, &arn);
        settings.set("GATEWAY_LICENSE_SECRET_FIELD", field);
        Edge::start(&settings, port).log_in(1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_trouble_with_it_stops_a_node_that_has_a_licence() {
    let cloud = Cloud::start().await.unwrap();
    let token = licence(60);
    let arn = secret(&token);
    let broker = heart().await;
    let (settings, port) = with_secret(&broker, &cloud, &arn);
    let edge = Edge::start(&settings, port);
    let mut session = edge.log_in(1).await;
    for (nth, (manner, code, remedy)) in troubles().into_iter().enumerate() {
        cloud.answer(manner);
        edge.signal(Signal::HUP);
        edge.wait_for_lines(KEPT, nth + 1).unwrap();
        serves(&edge, &mut session).await;
        one_line(&edge, &arn, code, remedy);
        cloud.answer(Manner::Usual);
        edge.signal(Signal::HUP);
        edge.wait_for_lines(AGAIN, nth + 1).unwrap();
    }
    moto().delete(&arn).unwrap();
    edge.signal(Signal::HUP);
    edge.wait_for_lines(KEPT, troubles().len() + 1).unwrap();
    one_line(&edge, &arn, "InvalidRequestException", "restore it");
    serves(&edge, &mut session).await;
    told_nothing(&edge, &[&token]);
}

fn troubles() -> [(Manner, &'static str, &'static str); 9] {
    const GET: &str = "allow the role secretsmanager:GetSecretValue on this secret";
    const DECRYPT: &str = "allow the role kms:Decrypt on the secret's key";
    [
        (DENIED, "AccessDeniedException", GET),
        (KMS, "AccessDeniedException", DECRYPT),
        (UNDECRYPTED, "DecryptionFailure", DECRYPT),
        (THROTTLED, "ThrottlingException", "it is asked again"),
        (BROKEN, "InternalServiceError", "it is asked again"),
        (EXPIRED, "ExpiredTokenException", "renew them"),
        (Manner::Garbage, "NoAnswer", "check what answers instead"),
        (Manner::Down, "NoConnection", "check name resolution"),
        (Manner::Hang, "TimedOut", "check the route"),
    ]
}

/// The last thing it said of trouble has all that an operator needs.
fn one_line(edge: &Edge, arn: &str, code: &str, remedy: &str) {
    let lines = edge.logged(KEPT);
    let error = lines.last().unwrap()["error"].as_str().unwrap();
    let begins = format!("GATEWAY_LICENSE_SECRET_ID: {code} for {arn} in {REGION}");
    assert!(error.starts_with(&begins), "{error}");
    assert!(error.contains(remedy), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_a_kept_licence_starts_while_the_service_is_down() {
    let cloud = Cloud::start().await.unwrap();
    let state = TemporaryFolder::new("throughway-state-").unwrap();
    let token = licence(60);
    let arn = secret(&token);
    let broker = heart().await;
    let (mut settings, port) = with_secret(&broker, &cloud, &arn);
    let folder = state.path().display().to_string();
    settings.set("GATEWAY_STATE_DIRECTORY", folder);
    let mut edge = Edge::start(&settings, port);
    assert_eq!(edge.stop().unwrap(), Some(0));
    for manner in [Manner::Down, UNDECRYPTED] {
        cloud.answer(manner);
        let mut edge = Edge::start(&settings, port);
        edge.log_in(1).await;
        edge.wait_for_lines(KEPT, 1).unwrap();
        assert_eq!(edge.stop().unwrap(), Some(0));
        told_nothing(&edge, &[&token]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_one_waits_while_the_trouble_may_pass() {
    let cloud = Cloud::start().await.unwrap();
    let broker = heart().await;
    for manner in [BROKEN, DENIED] {
        cloud.answer(manner);
        let arn = secret(&licence(60));
        let (settings, port) = with_secret(&broker, &cloud, &arn);
        let starting = tokio::task::spawn_blocking(move || Edge::start(&settings, port));
        // The first read, and one more by the process that has started all the same.
        cloud.wait_for_requests(4).await.unwrap();
        assert!(!starting.is_finished());
        cloud.answer(Manner::Usual);
        let edge = starting.await.unwrap();
        edge.log_in(1).await;
        assert_eq!(edge.logged(NONE).len(), 1);
        let ready = "the licence is valid";
        edge.wait_for_lines(ready, 1).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_where_the_trouble_will_not_pass() {
    let cloud = Cloud::start().await.unwrap();
    let deleted = secret(&licence(60));
    moto().delete(&deleted).unwrap();
    let said = refused(&cloud, &deleted).await;
    assert!(said.contains("scheduled for deletion"), "{said}");

    let missing = format!("arn:aws:secretsmanager:{REGION}:123456789012:secret:nothing-AbCdEf");
    let said = refused(&cloud, &missing).await;
    assert!(said.contains("no such secret in this region"), "{said}");
    assert!(said.contains("(request id "), "{said}");

    let no_licence = secret("moon.shine.whisky");
    let said = refused(&cloud, &no_licence).await;
    assert!(
        said.contains("GATEWAY_LICENSE_SECRET_ID holds no valid licence"),
        "{said}"
    );
    assert!(!said.contains("whisky"), "{said}");

    let no_field = secret(r#"{"password": "whisky"}"#);
    let said = refused(&cloud, &no_field).await;
    assert!(said.contains("no text in the field"), "{said}");
    assert!(!said.contains("whisky"), "{said}");

    cloud.answer(UNDECRYPTED);
    let said = refused(&cloud, &no_field).await;
    assert!(said.contains("kms:Decrypt"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_looked_for_in_the_environments_region() {
    let cloud = Cloud::start().await.unwrap();
    let arn = secret(&licence(60));
    // Behind the name, an ARN has six random signs.
    let (arns, _random) = arn.rsplit_once('-').unwrap();
    let name = arns.rsplit(':').next().unwrap();
    let broker = heart().await;
    let (mut settings, port) = with_secret(&broker, &cloud, name);
    // By the instance's own region.
    Edge::start(&settings, port).log_in(1).await;
    settings.set("AWS_REGION", "us-east-1");
    let said = refused_with(&settings);
    let told = format!("ResourceNotFoundException for {name} in us-east-1");
    assert!(said.contains(&told), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_looked_at_before_it_counts() {
    let cloud = Cloud::start().await.unwrap();
    let arn = secret(&licence(60));
    moto().put(&arn, &licence(90), "AWSPENDING").unwrap();
    let broker = heart().await;
    let (settings, _port) = with_secret(&broker, &cloud, &arn);
    for (stage, valid) in [
        ("AWSCURRENT", ["valid, 59 ", "valid, 60 "]),
        ("AWSPENDING", ["valid, 89 ", "valid, 90 "]),
    ] {
        let shown = show(&settings, stage);
        let text = String::from_utf8(shown.stdout).unwrap();
        assert_eq!(shown.status.code(), Some(0));
        assert!(valid.iter().any(|days| text.contains(days)), "{text}");
    }
    let shown = show(&settings, "AWSOTHER");
    let why = String::from_utf8(shown.stderr).unwrap();
    assert_eq!(shown.status.code(), Some(78));
    assert!(
        why.contains("no version of it with stage AWSOTHER"),
        "{why}"
    );
}

fn show(settings: &Settings, stage: &str) -> Output {
    let mut command = Command::new(binary().unwrap());
    command.args(["license", "show"]);
    command.envs(settings.environment());
    command.env("GATEWAY_LICENSE_SECRET_STAGE", stage);
    command.output().unwrap()
}

/// Everyday as long as one read takes; in `make soak` as the design wants it.
#[tokio::test(flavor = "multi_thread")]
async fn ten_minutes_of_errors_are_one_line_and_no_session() {
    let cloud = Cloud::start().await.unwrap();
    let token = licence(60);
    let arn = secret(&token);
    let broker = heart().await;
    let (mut settings, port) = with_secret(&broker, &cloud, &arn);
    settings.set("GATEWAY_LICENSE_REFRESH_MINUTES", "1");
    let edge = Edge::start(&settings, port);
    let mut session = edge.log_in(1).await;
    cloud.answer(BROKEN);
    edge.signal(Signal::HUP);
    let rounds = soak::times(2, 600);
    for _ in 0..rounds {
        serves(&edge, &mut session).await;
        edge.process().wait_for_news(Duration::from_secs(1));
    }
    edge.wait_for_lines(KEPT, 1).unwrap();
    assert_eq!(edge.logged(KEPT).len(), 1);
    cloud.answer(Manner::Usual);
    edge.signal(Signal::HUP);
    edge.wait_for_lines(AGAIN, 1).unwrap();
    told_nothing(&edge, &[&token]);
    soak::note(
        "secrets_manager::ten_minutes_of_errors_are_one_line_and_no_session",
        &format!("{rounds} rounds of a session kept and a new one, 1 line"),
    );
}
