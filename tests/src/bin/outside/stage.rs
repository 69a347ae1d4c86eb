//! The stage: what is there before the machine boots, and what the machine is told of it.
//!
//! Owns the folder. It must not know what is looked at.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use throughway_tests::certificates::Authority;
use throughway_tests::cloud::{Cloud, Moto};
use throughway_tests::cluster::{Cluster, ClusterOptions};
use throughway_tests::proxy::{Licence, Settings, Upstream};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};

use crate::looks::Looks;

/// How the machine sees this one: QEMU's user network.
const HOST: &str = "10.0.2.2";
/// Where the proxy listens inside.
const INSIDE: u16 = 9093;
/// Where the machine keeps what it gets.
const TLS: &str = "/etc/throughway/tls";
/// The lifecycle hook that the machine is told to complete, GROUP:HOOK.
pub(crate) const HOOK: &str = "emulated:drain";
/// Where questions are asked.
const QUESTIONS: &str = "questions";
/// The last line of an answer.
const ALL_HELD: &str = "all of it held";

/// All that is outside.
pub(crate) struct Stage {
    pub(crate) cloud: Cloud,
    /// The secret that the machine's licence is in.
    pub(crate) secret: String,
    /// The licence in it.
    pub(crate) licence: String,
    /// Where this machine reaches the listener and the Admin API.
    pub(crate) clients: u16,
    pub(crate) admin: u16,
    /// Whom clients and load balancers trust.
    pub(crate) ca: PathBuf,
    folder: PathBuf,
    _cluster: Cluster,
}

impl Stage {
    pub(crate) async fn start(folder: &Path, clients: u16, admin: u16) -> Result<Self> {
        let cloud = Cloud::start().await?;
        let licence = Licence::of(20).issue()?;
        let secret = Moto::shared()?.create("SecretString", &licence)?;
        let authority = Authority::new(folder, "downstream")?;
        let identity = authority.issue("tls", &["*.kafka.test", "127.0.0.1"])?;
        let cluster = Cluster::start(&ClusterOptions::default())?;
        let guest = folder.join("guest");
        fs::create_dir(&guest)?;
        for (file, name) in [
            (&identity.certificate, "tls.crt"),
            (&identity.key, "tls.key"),
            (&cluster.authority.certificate(), "brokers.crt"),
        ] {
            fs::copy(file, guest.join(name))?;
        }
        let mut settings = Settings::new(&cluster, Upstream::Tls);
        settings.listen_by_sni(clients, INSIDE, &identity);
        settings.set("GATEWAY_LICENSE_SECRET_ID", &secret);
        fs::write(folder.join("throughway.env"), told(&cluster, settings)?)?;
        fs::write(folder.join("aws-port"), aws_port(&cloud)?)?;
        Ok(Self {
            cloud,
            secret,
            licence,
            clients,
            admin,
            ca: authority.certificate(),
            folder: folder.to_owned(),
            _cluster: cluster,
        })
    }

    /// Answers one question after the other.
    pub(crate) async fn serve(mut self) -> Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let questions = UnixListener::bind(self.folder.join(QUESTIONS))?;
        loop {
            let (stream, _) = tokio::select! {
                asked = questions.accept() => asked?,
                _ = terminate.recv() => return Ok(()),
            };
            let mut stream = BufReader::new(stream);
            let mut question = String::new();
            stream.read_line(&mut question).await?;
            let mut looks = Looks::default();
            match question.trim() {
                "begin" => looks.begin(&mut self).await?,
                "end" => looks.end(&self).await?,
                other => bail!("asked {other:?}"),
            }
            let all = if looks.held() { ALL_HELD } else { "not all" };
            stream
                .write_all(format!("{looks}{all}\n").as_bytes())
                .await?;
        }
    }
}

/// The other end of `Stage::serve`.
pub(crate) async fn ask(folder: &Path, what: &str) -> Result<()> {
    let mut stream = UnixStream::connect(folder.join(QUESTIONS)).await?;
    stream.write_all(format!("{what}\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    print!("{answer}");
    match answer.lines().last() {
        Some(ALL_HELD) => Ok(()),
        _ => bail!("seen from outside, the machine is not what it should be"),
    }
}

fn aws_port(cloud: &Cloud) -> Result<String> {
    let variables = cloud.variables();
    let url = variables
        .iter()
        .find(|(name, _)| *name == "AWS_ENDPOINT_URL");
    let port = url.and_then(|(_, url)| url.rsplit_once(':'));
    Ok(port.context("no port of AWS")?.1.to_owned())
}

/// The file of variables: those of a proxy on this machine, as they read on the other.
fn told(cluster: &Cluster, mut settings: Settings) -> Result<String> {
    // The licence comes from the secret, clients from another machine.
    settings.unset("GATEWAY_LICENSE_KEY");
    settings.unset("GATEWAY_LISTENER_MAIN_BIND_ADDRESS");
    let brokers = cluster.address_map().replace("127.0.0.1", HOST);
    for (name, value) in [
        ("GATEWAY_UPSTREAM_ADDRESS_MAP", brokers.as_str()),
        ("GATEWAY_LICENSE_REFRESH_MINUTES", "1"),
        ("GATEWAY_AWS_LIFECYCLE_HOOK", HOOK),
        // What comes from this machine comes by QEMU, a load balancer's health checks too.
        ("GATEWAY_HTTP_PROXY_PROTOCOL", "10.0.2.0/24"),
        ("GATEWAY_SECURED_METRICS", "false"),
        // An emulated processor needs more than 50 ms for the map's start.
        ("GATEWAY_ADDRESS_MAP_LIMITS", "runtime"),
        // In earnest it is 30 s, and there are several restarts.
        ("GATEWAY_SHUTDOWN_READINESS_DELAY_MS", "3000"),
    ] {
        settings.set(name, value);
    }
    for (name, file) in [
        ("KAFKA_SSL_TRUSTSTORE_LOCATION", "brokers.crt"),
        ("GATEWAY_SSL_CERTIFICATE_PATH", "tls.crt"),
        ("GATEWAY_SSL_PRIVATE_KEY_PATH", "tls.key"),
        ("GATEWAY_HTTPS_CERTIFICATE_PATH", "tls.crt"),
        ("GATEWAY_HTTPS_PRIVATE_KEY_PATH", "tls.key"),
    ] {
        settings.set(name, format!("{TLS}/{file}"));
    }
    let mut text = String::new();
    for (name, value) in settings.environment() {
        writeln!(text, "{name}={value}")?;
    }
    Ok(text)
}
