//! Without a licence throughway is closed: at start, and for new sessions once it has ended.

mod bypass;
mod states;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use throughway_tests::files::TemporaryFolder;
use throughway_tests::proxy::{Licence, Settings};
use throughway_tests::script_broker::{Reply, ScriptBroker};
use throughway_tests::wire::{Connection, raw_request};

use crate::edge::{Edge, broker, quiet_broker, settings};

const KEY: &str = "GATEWAY_LICENSE_KEY";
const FILE: &str = "GATEWAY_LICENSE_FILE";
const SECRET: &str = "GATEWAY_LICENSE_SECRET_ID";

const DAY: i64 = 86_400;
/// How long after a licence's grace throughway still takes a clock to be wrong, in seconds.
const SKEW: i64 = 300;
/// Longer than the pause between two looks at the licence.
const LIMIT: Duration = Duration::from_secs(60);

const HEARTBEAT: i16 = 12;

/// Settings with other variables for the licence than usual.
async fn licensed(variables: &[(&str, &str)]) -> Settings {
    let (mut settings, _port) = settings(&quiet_broker().await);
    settings.unset(KEY);
    for (name, value) in variables {
        settings.set(name, *value);
    }
    settings
}

/// All it says where it must refuse to start.
async fn refused(variables: &[(&str, &str)]) -> String {
    let (code, said) = licensed(variables).await.start_in_vain().unwrap();
    assert_eq!(code, Some(78), "{said}");
    said
}

fn issue(begins: i64, days: u32, grace_days: u32) -> String {
    let licence = Licence {
        begins,
        days,
        grace_days,
    };
    licence.issue().unwrap()
}

/// Replaces the file whole, as whoever delivers licences should.
fn put(file: &Path, token: &str) {
    let beside = file.with_extension("new");
    fs::write(&beside, token).unwrap();
    fs::rename(beside, file).unwrap();
}

/// throughway with the licence of a file that ended nine days ago and has 21 days of grace left.
fn in_grace(broker: &ScriptBroker, folder: &TemporaryFolder) -> (Edge, PathBuf) {
    let file = folder.path().join("license.jwt");
    put(&file, &issue(-10 * DAY, 1, 30));
    let (mut settings, port) = settings(broker);
    settings.unset(KEY);
    settings.set(FILE, file.display().to_string());
    settings.tolerate("the licence has expired and its grace is running");
    settings.tolerate("the licence and its grace have expired");
    settings.tolerate("new session refused");
    (Edge::start(&settings, port), file)
}

fn wait_until(edge: &Edge, holds: impl Fn(&Edge) -> bool) {
    edge.wait_until(LIMIT, "as it should be", || holds(edge));
}

fn readiness(edge: &Edge) -> u16 {
    edge.get("/health/ready").unwrap().0
}

/// What comes back for a request within the session.
async fn ask(session: &mut Connection) -> Vec<u8> {
    let request = raw_request((HEARTBEAT, 0), 55, &[0; 8]);
    session.send_frame(&request).await.unwrap();
    session.receive_frame().await.unwrap()[4..].to_vec()
}

fn states(edge: &Edge, state: &str) -> u64 {
    edge.metric("throughway_license_state", &[("state", state)])
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_licence_nothing_starts() {
    let said = refused(&[]).await;
    assert!(
        [KEY, FILE, SECRET].iter().all(|name| said.contains(name)),
        "{said}"
    );
    assert!(said.contains("set exactly one of"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sources_are_as_good_as_none() {
    let said = refused(&[(KEY, "a.b.c"), (FILE, "/nowhere/license.jwt")]).await;
    let named = "GATEWAY_LICENSE_KEY and GATEWAY_LICENSE_FILE are set";
    assert!(said.contains(named), "{said}");
    assert!(!said.contains("a.b.c"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_licence_starts_nothing() {
    let said = refused(&[(KEY, "moon.shine.whisky")]).await;
    assert!(
        said.contains("GATEWAY_LICENSE_KEY holds no valid licence: "),
        "{said}"
    );
    assert!(!said.contains("whisky"), "{said}");
    // One that was valid before somebody prolonged it.
    let token = issue(0, 60, 30);
    let mut parts: Vec<_> = token.split('.').collect();
    let other = issue(0, 600, 30);
    parts[1] = other.split('.').nth(1).unwrap();
    let said = refused(&[(KEY, &parts.join("."))]).await;
    assert!(said.contains("signature does not match"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expired_beyond_its_grace_starts_nothing_and_says_what_to_do() {
    let said = refused(&[(KEY, &issue(-50 * DAY, 10, 30))]).await;
    assert!(said.contains("and its grace at"), "{said}");
    assert!(said.contains("put a renewed licence there"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_better_licence_is_taken_without_a_restart() {
    let folder = TemporaryFolder::new("throughway-licence-").unwrap();
    let broker = quiet_broker().await;
    let (edge, file) = in_grace(&broker, &folder);
    assert_eq!(edge.logged("licence loaded").len(), 1);
    assert_eq!((states(&edge, "grace"), states(&edge, "valid")), (1, 0));
    let (_, metrics) = edge.get("/metrics").unwrap();
    assert!(
        metrics.contains("gateway_license_remaining_days -"),
        "{metrics}"
    );

    put(&file, &issue(0, 60, 30));
    edge.signal(Signal::HUP);
    edge.wait_for_lines("licence loaded", 2).unwrap();
    edge.wait_for_lines("the licence is valid", 1).unwrap();
    wait_until(&edge, |edge| states(edge, "valid") == 1);
    assert_eq!(states(&edge, "grace"), 0);
    let days = edge.metric("gateway_license_remaining_days", &[]);
    assert!((59..=60).contains(&days), "{days}");
    edge.log_in(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_it_ends_sessions_go_on_and_new_ones_are_refused() {
    let folder = TemporaryFolder::new("throughway-licence-").unwrap();
    let broker = broker(|request| match request.api_key {
        HEARTBEAT => Reply::bytes(request, b"still here"),
        _ => Reply::usual(request),
    });
    let broker = broker.await;
    let (edge, file) = in_grace(&broker, &folder);
    let mut session = edge.log_in(1).await;
    // It ends later than the one in use, but has next to no grace left.
    put(&file, &issue(8 - SKEW - 2 * DAY, 1, 1));
    edge.signal(Signal::HUP);
    edge.wait_for_lines("licence loaded", 2).unwrap();
    wait_until(&edge, |edge| readiness(edge) == 503);

    let (_, report) = edge.get("/health/ready").unwrap();
    assert!(
        report.contains(r#"{"id":"licence","status":"DOWN"}"#),
        "{report}"
    );
    let mut late = edge.connect().await;
    assert_eq!(late.read_to_end().await.unwrap(), b"");
    assert_eq!(ask(&mut session).await, b"still here");
    assert_eq!(states(&edge, "expired"), 1);
    let refused = [("kind", "licence")];
    assert_eq!(edge.metric("throughway_accept_errors_total", &refused), 1);
    assert_eq!(edge.get("/health/live").unwrap().0, 200);

    // And a renewed one opens it again.
    put(&file, &issue(0, 60, 30));
    edge.signal(Signal::HUP);
    wait_until(&edge, |edge| readiness(edge) == 200);
    edge.log_in(1).await;
}
