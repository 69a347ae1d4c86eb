//! throughway and what people would otherwise put before their brokers, each with one thread, the
//! same certificates and the same broker stand-in behind.
//!
//! Owns their configuration. It must not know workloads.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::usage;
use crate::certificates::{Authority, Identity};
use crate::files::{TemporaryFolder, log_file};
use crate::ports;
use crate::process::Process;
use crate::proxy::{Proxy, Settings};
use crate::wire::{Connection, Door};

/// Name of the broker stand-in: in its certificate, and what it is dialled by.
pub const BROKER_NAME: &str = "broker1.bench.test";
/// Name by which clients reach every candidate.
const EDGE_NAME: &str = "edge.bench.test";
const START_LIMIT: Duration = Duration::from_secs(30);

/// What all candidates are made of.
#[derive(Debug)]
pub struct Ground {
    /// The broker stand-in's port.
    pub sink: u16,
    /// What it shows when both legs are TLS.
    pub broker: Identity,
    /// Brokers that the stand-in names in its answers to Metadata; each gets a port.
    pub brokers: u16,
    /// The example map of `docs/address-maps` that throughway is to use instead of its own.
    pub map: Option<PathBuf>,
    edge: Identity,
    ca: PathBuf,
    folder: TemporaryFolder,
    tls: bool,
}

impl Ground {
    /// Certificates and a port for a broker stand-in.
    ///
    /// # Errors
    ///
    /// When files cannot be written.
    pub fn new(tls: bool) -> Result<Self> {
        let folder = TemporaryFolder::new("throughway-bench-")?;
        let authority = Authority::new(folder.path(), "bench")?;
        Ok(Self {
            sink: ports::reserve(1),
            broker: authority.issue("broker", &[BROKER_NAME])?,
            brokers: 2,
            map: None,
            edge: authority.issue("edge", &[EDGE_NAME])?,
            ca: authority.certificate(),
            folder,
            tls,
        })
    }

    /// The variables of its map, for a listener whose ports begin here. What is the port of node id 1
    /// with the built-in map is that of bootstrap: both lead to the stand-in.
    fn map_settings(&self, settings: &mut Settings, first: u16) {
        let Some(map) = &self.map else {
            return;
        };
        let config = format!(
            "scheme = forwarded\nlistener = MAIN\nhost = {EDGE_NAME}\n\
             public-first = {bootstrap}\nlocal-first = {bootstrap}\ncount = {count}",
            bootstrap = first + 1,
            count = self.brokers + 2,
        );
        settings.set("GATEWAY_ADDRESS_MAP", map.display().to_string());
        settings.set("GATEWAY_ADDRESS_MAP_LIMITS", "runtime");
        settings.set("GATEWAY_ADDRESS_MAP_CONFIG", config);
    }

    fn door(&self, port: u16) -> Door {
        Door {
            address: format!("127.0.0.1:{port}"),
            tls: self.tls.then(|| (EDGE_NAME.to_owned(), self.ca.clone())),
        }
    }
}

/// A proxy that runs.
#[derive(Debug)]
pub struct Candidate {
    /// As the report calls it.
    pub name: String,
    /// Where clients get in.
    pub door: Door,
    /// What it says of itself and the libraries it uses.
    pub version: String,
    /// What it was told, but for paths.
    pub configuration: String,
    /// Only threads whose names begin so are counted; all when empty.
    pub threads: &'static str,
    running: Running,
}

#[derive(Debug)]
enum Running {
    Throughway(Proxy),
    Peer(Process),
}

impl Candidate {
    /// Its process.
    #[must_use]
    pub fn process(&self) -> i32 {
        match &self.running {
            Running::Throughway(proxy) => proxy.process().id(),
            Running::Peer(process) => process.id(),
        }
    }

    /// Where throughway's Admin API is; peers have none.
    #[must_use]
    pub fn admin_port(&self) -> Option<u16> {
        match &self.running {
            Running::Throughway(proxy) => Some(proxy.admin_port),
            Running::Peer(_) => None,
        }
    }

    /// Processor time that it has used.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn cpu(&self) -> Result<Duration> {
        usage::cpu_of(self.process(), self.threads).with_context(|| self.name.clone())
    }

    /// Keeps it on the first processor; the loader has the second.
    fn pin(self) -> Result<Self> {
        let process = self.process().to_string();
        let pinned = Command::new("taskset")
            .args(["-acp", "0", &process])
            .output()?;
        ensure!(pinned.status.success(), "taskset: {pinned:?}");
        Ok(self)
    }
}

/// throughway, as a release build would be started, with `more` variables.
///
/// # Errors
///
/// When it does not get ready.
pub fn throughway(
    ground: &Ground,
    name: &str,
    more: &[(&'static str, String)],
) -> Result<Candidate> {
    let upstream = format!("{BROKER_NAME}:{}", ground.sink);
    let mut settings = Settings::upstream_at(&upstream);
    settings.set("GATEWAY_UPSTREAM_BROKERS", format!("1={upstream}"));
    settings.set(
        "GATEWAY_UPSTREAM_ADDRESS_MAP",
        format!("{BROKER_NAME}=127.0.0.1"),
    );
    settings.set("GATEWAY_WORKER_THREADS", "1");
    let count = ground.brokers + 3;
    let first = ports::reserve(count);
    settings.listen_by_port(first, first);
    let all = format!("{first}-{}", first + count - 1);
    settings.set("GATEWAY_LISTENER_MAIN_PORTS", all);
    ground.map_settings(&mut settings, first);
    if ground.tls {
        settings.set("KAFKA_SECURITY_PROTOCOL", "SASL_SSL");
        settings.set(
            "KAFKA_SSL_TRUSTSTORE_LOCATION",
            ground.ca.display().to_string(),
        );
        settings.set("KAFKA_SSL_TRUSTSTORE_TYPE", "PEM");
        settings.set("GATEWAY_LISTENER_MAIN_SECURITY_PROTOCOL", "SASL_SSL");
        let (chain, key) = (&ground.edge.certificate, &ground.edge.key);
        settings.set("GATEWAY_SSL_CERTIFICATE_PATH", chain.display().to_string());
        settings.set("GATEWAY_SSL_PRIVATE_KEY_PATH", key.display().to_string());
    }
    for (name, value) in more {
        settings.set(name, value.clone());
    }
    Candidate {
        name: name.to_owned(),
        door: ground.door(first + 1),
        version: first_line(Command::new(crate::proxy::binary()?).arg("version"))?,
        configuration: "GATEWAY_WORKER_THREADS=1".to_owned(),
        threads: "",
        running: Running::Throughway(settings.start()?),
    }
    .pin()
}

/// Debian's HAProxy, as it comes, or told what helps it most.
///
/// # Errors
///
/// When it is not installed or does not listen.
pub async fn haproxy(ground: &Ground, tuned: bool) -> Result<Candidate> {
    let port = ports::reserve(1);
    let show = |file: &Path| file.display().to_string();
    let (bind, server) = if ground.tls {
        let bind = format!(" ssl crt {}", show(&ground.edge.both));
        let ca = show(&ground.ca);
        let server = format!(
            " ssl verify required ca-file {ca} sni str({BROKER_NAME}) verifyhost {BROKER_NAME}"
        );
        (bind, server)
    } else {
        (String::new(), String::new())
    };
    let (tune, splice) = match (tuned, ground.tls) {
        (false, _) => ("", ""),
        (true, true) => ("    tune.bufsize 65536\n", ""),
        (true, false) => (
            "    tune.pipesize 1048576\n",
            "    option splice-request\n    option splice-response\n",
        ),
    };
    let text = format!(
        "global\n    nbthread 1\n    maxconn 2000\n\
         \x20   ssl-default-bind-ciphersuites TLS_AES_256_GCM_SHA384\n\
         \x20   ssl-default-server-ciphersuites TLS_AES_256_GCM_SHA384\n{tune}\
         defaults\n    mode tcp\n    timeout connect 10s\n    timeout client 10m\n    timeout server 10m\n{splice}\
         frontend edge\n    bind 127.0.0.1:{port}{bind}\n    default_backend broker\n\
         backend broker\n    server one 127.0.0.1:{sink}{server}\n",
        sink = ground.sink
    );
    let name = if tuned { "HAProxy tuned" } else { "HAProxy" };
    let file = ground.folder.path().join(format!("haproxy-{port}.cfg"));
    fs::write(&file, &text)?;
    let command = ["haproxy", "-db", "-f"].map(OsString::from);
    let command: Vec<_> = command.into_iter().chain([file.into()]).collect();
    let version = output(Command::new("haproxy").arg("-vv"))?;
    let told = version
        .lines()
        .filter(|line| line.starts_with("HAProxy version") || line.contains("OpenSSL version"));
    let version = told.collect::<Vec<_>>().join("; ");
    peer(ground, name, port, &command, (version, text)).await
}

/// Envoy from its Python wheel, where there is one.
///
/// # Errors
///
/// When it does not listen.
pub async fn envoy(ground: &Ground, program: &Path) -> Result<Candidate> {
    let port = ports::reserve(1);
    let text = envoy_configuration(ground, port);
    let file = ground.folder.path().join(format!("envoy-{port}.json"));
    fs::write(&file, &text)?;
    let command: Vec<OsString> = vec![
        program.into(),
        "-c".into(),
        file.into(),
        "--concurrency".into(),
        "1".into(),
        "--base-id".into(),
        port.to_string().into(),
        "-l".into(),
        "error".into(),
    ];
    let version = first_line(Command::new(program).arg("--version"))?;
    peer(ground, "Envoy", port, &command, (version, text)).await
}

fn envoy_configuration(ground: &Ground, port: u16) -> String {
    let address = |port: u16| serde_json::json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    let file = |path: &Path| serde_json::json!({"filename": path});
    let tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.";
    let mut chain = serde_json::json!({"filters": [{
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": "bench", "cluster": "broker"}}]});
    let mut cluster = serde_json::json!({
        "name": "broker", "type": "STATIC", "connect_timeout": "10s",
        "load_assignment": {"cluster_name": "broker", "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": address(ground.sink)}}]}]}});
    if ground.tls {
        let versions = serde_json::json!({"tls_minimum_protocol_version": "TLSv1_3",
            "tls_maximum_protocol_version": "TLSv1_3"});
        chain["transport_socket"] = serde_json::json!({"name": "tls", "typed_config": {
            "@type": format!("{tls}DownstreamTlsContext"),
            "common_tls_context": {"tls_params": versions, "tls_certificates": [{
                "certificate_chain": file(&ground.edge.certificate),
                "private_key": file(&ground.edge.key)}]}}});
        cluster["transport_socket"] = serde_json::json!({"name": "tls", "typed_config": {
            "@type": format!("{tls}UpstreamTlsContext"), "sni": BROKER_NAME,
            "common_tls_context": {"tls_params": versions,
                "validation_context": {"trusted_ca": file(&ground.ca)}}}});
    }
    serde_json::json!({"static_resources": {
        "listeners": [{"name": "edge", "address": address(port), "filter_chains": [chain]}],
        "clusters": [cluster]}})
    .to_string()
}

async fn peer(
    ground: &Ground,
    name: &str,
    port: u16,
    command: &[OsString],
    (version, configuration): (String, String),
) -> Result<Candidate> {
    let process = Process::start(command, &[], &log_file(&name.replace(' ', "-")))?;
    let door = ground.door(port);
    let deadline = std::time::Instant::now() + START_LIMIT;
    // A peer has no event for "ready" but that it can be reached.
    while let Err(error) = Connection::open(&door).await {
        ensure!(
            !process.has_ended() && std::time::Instant::now() < deadline,
            "{name}: {error:#}; see {}",
            process.log().display()
        );
        process.wait_for_news(Duration::from_millis(50));
    }
    Candidate {
        name: name.to_owned(),
        door,
        version,
        configuration: configuration.replace(&ground.folder.path().display().to_string(), ""),
        threads: "",
        running: Running::Peer(process),
    }
    .pin()
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn first_line(command: &mut Command) -> Result<String> {
    let text = output(command)?;
    let line = text.lines().find(|line| !line.trim().is_empty());
    Ok(line.unwrap_or_default().trim().to_owned())
}
