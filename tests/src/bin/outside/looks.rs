//! What is seen from outside: each look is a line that says whether it holds.
//!
//! Must not know how anything was set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64ct::{Base64UrlUnpadded, Encoding};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls::version::TLS12;
use throughway_tests::clients::{Action, Hosts, Library, Security, Task};
use throughway_tests::cloud::{Metadata, Moto};
use throughway_tests::cluster::{NODE_IDS, USER};
use throughway_tests::proxy::{BOOTSTRAP_NAME, Licence, broker_name};
use throughway_tests::wire::{Connection, Door, roots};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsConnector;

use crate::stage::{HOOK, Stage};

/// A machine on a busy one takes its time; a secret is asked for once a minute.
const LIMIT: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(200);
/// PROXY protocol 2, LOCAL, no addresses: how a load balancer's health check begins.
const HEALTH_CHECK: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// The lines so far.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    lines: Vec<(bool, String)>,
}

impl fmt::Display for Looks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, what) in &self.lines {
            let word = if *held { "ok  " } else { "FAIL" };
            writeln!(f, "{word}  {what}")?;
        }
        Ok(())
    }
}

impl Looks {
    pub(crate) fn held(&self) -> bool {
        self.lines.iter().all(|(held, _)| *held)
    }

    /// Served with a licence that came from AWS, which is then another one.
    pub(crate) async fn begin(&mut self, stage: &mut Stage) -> Result<()> {
        let what = "ready, by a health check of TLS 1.2 behind a PROXY header";
        self.within(what, async || readiness_is(stage, 200).await)
            .await;
        let first = ends(&stage.licence)?;
        let what = "the licence came from Secrets Manager, credentials from IMDSv2";
        self.within(what, async || licence_ends(stage, first).await)
            .await;
        stage.licence = Licence::of(40).issue()?;
        Moto::shared()?.put(&stage.secret, &stage.licence, "AWSCURRENT")?;
        let second = ends(&stage.licence)?;
        let what = "rotated: the new licence is in force";
        self.within(what, async || licence_ends(stage, second).await)
            .await;
        match client(stage).await {
            Ok(told) => self.note(true, &told),
            Err(error) => self.note(false, &format!("the Kafka client outside: {error:#}")),
        }
        Ok(())
    }

    /// The instance is to end, while a client is connected.
    pub(crate) async fn end(&mut self, stage: &Stage) -> Result<()> {
        let what = "ready again";
        self.within(what, async || readiness_is(stage, 200).await)
            .await;
        let mut session = self.session(stage).await?;
        stage.cloud.tell(Metadata {
            lifecycle_state: Some("Terminated"),
            spot_action: None,
        });
        let what = "the instance is to end: readiness turns to 503";
        self.within(what, async || readiness_is(stage, 503).await)
            .await;
        let closed = session.is_closed().await.unwrap_or(false);
        self.note(closed, "the client's session is closed by the drain");
        let what = "drained, the lifecycle action was completed";
        self.within(what, async || anyhow::Ok(!stage.cloud.actions().is_empty()))
            .await;
        let action = stage.cloud.actions().into_iter().next().unwrap_or_default();
        let (group, hook) = HOOK.split_once(':').context("GROUP:HOOK")?;
        let wanted = [
            format!("AutoScalingGroupName={group}"),
            format!("LifecycleHookName={hook}"),
            "LifecycleActionResult=CONTINUE".to_owned(),
        ];
        let all = wanted.iter().all(|field| action.contains(field));
        self.note(all, &format!("as it should be: {action}"));
        self.sessions(stage, 0.0).await;
        Ok(())
    }

    /// A client that has logged in and asks nothing more.
    async fn session(&mut self, stage: &Stage) -> Result<Connection> {
        let door = Door {
            address: format!("127.0.0.1:{}", stage.clients),
            tls: Some((broker_name(NODE_IDS[0]), stage.ca.clone())),
        };
        let mut session = Connection::open(&door).await?;
        session.authenticate(USER).await?;
        self.sessions(stage, 1.0).await;
        let nothing = stage.cloud.actions().is_empty();
        self.note(nothing, "no lifecycle action yet");
        Ok(session)
    }

    async fn sessions(&mut self, stage: &Stage, count: f64) {
        let counted = async || Ok(metric(stage, "throughway_sessions").await? == count);
        self.within(&format!("sessions: {count}"), counted).await;
    }

    fn note(&mut self, held: bool, what: &str) {
        self.lines.push((held, what.to_owned()));
    }

    /// Holds as soon as the condition does; until then it may as well fail.
    async fn within(&mut self, what: &str, condition: impl AsyncFn() -> Result<bool>) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let found = condition().await;
            if matches!(found, Ok(true)) {
                return self.note(true, what);
            }
            if Instant::now() > deadline {
                return self.note(false, &format!("{what}: {found:?}"));
            }
            sleep(PAUSE).await;
        }
    }
}

/// Status and text of the Admin API by HTTPS, TLS 1.2 and no later, behind a PROXY header.
async fn ask(stage: &Stage, path: &str) -> Result<(u16, String)> {
    let config = ClientConfig::builder_with_protocol_versions(&[&TLS12])
        .with_root_certificates(roots(&stage.ca)?)
        .with_no_client_auth();
    let asked = async {
        let mut stream = TcpStream::connect(("127.0.0.1", stage.admin)).await?;
        stream.write_all(HEALTH_CHECK).await?;
        let name = ServerName::try_from("127.0.0.1")?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream);
        let mut connection = Connection::over(stream.await?);
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        connection.send_raw(request.as_bytes()).await?;
        anyhow::Ok(String::from_utf8(connection.read_to_end().await?)?)
    };
    // A machine that is still booting takes the connection and says nothing.
    let answer = tokio::time::timeout(Duration::from_secs(10), asked).await??;
    let status = answer.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, answer))
}

/// The sum of a metric over its labels.
async fn metric(stage: &Stage, name: &str) -> Result<f64> {
    let (status, text) = ask(stage, "/metrics").await?;
    ensure!(status == 200, "/metrics: {status}");
    let values = text.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let rest = series.strip_prefix(name)?;
        (rest.is_empty() || rest.starts_with('{')).then(|| value.parse::<f64>())
    });
    Ok(values.sum::<Result<f64, _>>()?)
}

async fn readiness_is(stage: &Stage, status: u16) -> Result<bool> {
    Ok(ask(stage, "/health/ready").await?.0 == status)
}

async fn licence_ends(stage: &Stage, at: f64) -> Result<bool> {
    Ok(metric(stage, "throughway_license_expiry_timestamp_seconds").await? == at)
}

/// `exp` of a token.
fn ends(token: &str) -> Result<f64> {
    let claims = token.split('.').nth(1).context("no token")?;
    let claims = Base64UrlUnpadded::decode_vec(claims)?;
    let claims: serde_json::Value = serde_json::from_slice(&claims)?;
    claims
        .get("exp")
        .and_then(serde_json::Value::as_f64)
        .context("no end")
}

/// Writes and reads through the machine; what it says of itself.
async fn client(stage: &Stage) -> Result<String> {
    let port = stage.clients;
    let names: Vec<String> = NODE_IDS.map(broker_name).into();
    let hosts = Hosts::new(names.iter().map(String::as_str).chain([BOOTSTRAP_NAME]))?;
    let security = Security::sasl_tls(USER, stage.ca.clone());
    let bootstrap = format!("{BOOTSTRAP_NAME}:{port}");
    let task = Task::new(Action::RoundTrip, &bootstrap, security, "from-outside");
    let report = Library::Rust.run(&task, Some(&hosts)).await?;
    let (read, written) = (report.read, report.written);
    ensure!(
        report.is_complete(task.records),
        "{written} records written, {read} read"
    );
    let expected = NODE_IDS.map(|id| (id, format!("{}:{port}", broker_name(id))));
    let told = Vec::from_iter(report.brokers);
    ensure!(told == expected, "the client was told {told:?}");
    let names = names.join(", ");
    Ok(format!(
        "a Kafka client outside wrote and read {read} records of real brokers outside, by {names}"
    ))
}
