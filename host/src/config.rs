//! The typed configuration: what every other file is handed, already checked.
//!
//! Owns the meaning of every variable; parsing lives in `config/`. Pure: it must not know sockets,
//! clocks or the process environment (`main` reads that once and passes it in).

mod address_map;
mod admin;
mod allow;
mod docs;
mod env_file;
mod legacy;
mod listeners;
pub mod load;
mod names;
mod parse;
mod ports;
mod process;
mod reader;
mod render;
mod report;
mod secret;
mod server_tls;
mod sni;
mod sources;
mod upstream;
mod usage;
mod users;
mod value;
mod variables;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use self::admin::{AdminConfig, AdminUser, HttpsConfig, control_socket_beside};
pub use self::docs::reference;
pub use self::parse::parse;
pub use self::render::render;
pub use self::report::{ComputedValue, ConfigError, ConfigErrors, Mode, Notice, Origin, Parsed};
pub use self::secret::Secret;
pub use self::sources::{FileText, Given};
pub use self::usage::{ForwardProxy, HttpsUrl, UsageConfig};
use crate::kafka::{Endpoint, NodeId};

/// Everything throughway was told, parsed and checked once, before any port is bound.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients connect. Never empty.
    pub listeners: Vec<ListenerConfig>,
    /// Where brokers are and how they are reached.
    pub upstream: UpstreamConfig,
    /// Which address map answers, and with what configuration.
    pub address_map: AddressMapConfig,
    /// Health, metrics and the Admin API.
    pub admin: AdminConfig,
    /// Where usage is reported.
    pub usage: UsageConfig,
    /// Where learned state is kept.
    pub state_directory: PathBuf,
    /// Caps on what peers can grow.
    pub limits: Limits,
    /// Deadlines of a session's phases.
    pub timeouts: Timeouts,
    /// How the process ends.
    pub shutdown: ShutdownConfig,
    /// TCP keepalive and user timeout.
    pub tcp: TcpConfig,
    /// Number of worker threads, one current-thread runtime each. At least 1.
    pub workers: usize,
    /// Log filter and format.
    pub log: LogConfig,
    /// One line per session at its end, at info level.
    pub access_log: bool,
    /// Advertise Fetch up to 18 instead of 15.
    pub fetch_leader_hints: bool,
    /// What happens to API keys and versions the product has not reviewed.
    pub unreviewed_versions: UnreviewedVersions,
}

/// What `UnreviewedVersions` does with keys and versions beyond the reviewed table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UnreviewedVersions {
    /// Pass them on, with a metric.
    Forward,
    /// Cap known keys at the reviewed version; remove unknown keys and close on use.
    Clamp,
}

/// One named listener.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// `DEFAULT` when it was made from the legacy variables.
    pub name: String,
    /// How a connection finds its broker.
    pub routing: Routing,
    /// `Some` for SASL_SSL, `None` for SASL_PLAINTEXT.
    pub tls: Option<ServerTlsConfig>,
    /// Local address to bind.
    pub bind: IpAddr,
    /// Sources that must start with a PROXY header; empty = none may.
    pub proxy_protocol: Vec<Cidr>,
    /// The variables that decide which addresses clients are told.
    pub decided_by: Vec<String>,
}

impl ListenerConfig {
    /// Whether connections from there must begin with a PROXY header.
    #[must_use]
    pub fn expects_proxy_header(&self, peer: IpAddr) -> bool {
        self.proxy_protocol
            .iter()
            .any(|trusted| trusted.contains(peer))
    }
}

/// How a listener's connections find their broker.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Routing {
    /// By the local port.
    Port {
        /// Host that clients are told.
        advertised_host: String,
        /// In order: index i serves node id `min_broker_id + i`. At most 1,000 when open-ended.
        ports: Vec<PortPair>,
        /// How many of `ports`, from the first, are bound at start; more as higher ids are learned.
        bound_at_start: usize,
        /// Node id of the first port.
        min_broker_id: i32,
    },
    /// By the server name in the TLS ClientHello.
    Sni {
        /// The one port.
        port: PortPair,
        /// Contains `{{nodeId}}`.
        host_pattern: String,
        /// Name of first contact.
        bootstrap_host: String,
    },
}

/// A port that clients are told and the local port on which its connections arrive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PortPair {
    /// What clients dial.
    pub advertised: u16,
    /// What we bind. 0 only in tests, where the system chooses.
    pub local: u16,
}

/// TLS towards clients.
#[derive(Clone, Debug)]
pub struct ServerTlsConfig {
    /// Certificate chain and key.
    pub identity: KeySource,
    /// Whom to trust when clients show certificates.
    pub trust: Option<TrustSource>,
    /// Whether clients must show one.
    pub client_auth: ClientAuth,
}

/// `GATEWAY_SSL_CLIENT_AUTH`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClientAuth {
    /// Not asked for.
    None,
    /// Asked for, may be missing, must verify when shown.
    Optional,
    /// Demanded.
    Require,
}

/// Where a certificate chain and its private key come from. The content decides the format, the
/// type is a hint (`interface.md` §3).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeySource {
    /// One file: JKS, PKCS#12 or PEM.
    Store {
        /// Path of the store.
        path: PathBuf,
        /// Store password.
        password: Option<Secret>,
        /// Password of the key entry, or of an encrypted PKCS#8 key.
        key_password: Option<Secret>,
    },
    /// A PEM chain and a PEM key in two files.
    PemPair {
        /// Certificate chain.
        certificate: PathBuf,
        /// Private key.
        key: PathBuf,
        /// For an encrypted PKCS#8 key.
        key_password: Option<Secret>,
    },
    /// PEM text in the variables themselves (`KAFKA_SSL_KEYSTORE_KEY` and `…_CERTIFICATE_CHAIN`).
    InlinePem {
        /// Certificate chain as PEM.
        chain: String,
        /// Private key as PEM.
        key: Secret,
        /// For an encrypted PKCS#8 key.
        key_password: Option<Secret>,
    },
}

/// Where trust anchors come from.
#[derive(Clone, Debug)]
pub enum TrustSource {
    /// One file: JKS, PKCS#12 or PEM.
    Store {
        /// Path of the store.
        path: PathBuf,
        /// Store password.
        password: Option<Secret>,
    },
    /// PEM text (`KAFKA_SSL_TRUSTSTORE_CERTIFICATES`).
    InlinePem(String),
}

/// The upstream cluster.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// `KAFKA_BOOTSTRAP_SERVERS`. Never empty.
    pub bootstrap_servers: Vec<Endpoint>,
    /// `Some` for SASL_SSL, `None` for SASL_PLAINTEXT.
    pub tls: Option<ClientTlsConfig>,
    /// `GATEWAY_UPSTREAM_ALLOWED`, or what follows from the bootstrap servers. Never empty.
    pub allowed: Vec<AllowRule>,
    /// `GATEWAY_UPSTREAM_BROKERS`: known before anything is learned.
    pub seeds: BTreeMap<NodeId, Endpoint>,
    /// `GATEWAY_UPSTREAM_ADDRESS_MAP`: where to dial instead; judged by the original name.
    pub dial_instead: Vec<DialInstead>,
}

/// TLS towards brokers.
#[derive(Clone, Debug)]
pub struct ClientTlsConfig {
    /// `None` = the system's trust store.
    pub trust: Option<TrustSource>,
    /// Our own certificate, if brokers ask for one.
    pub identity: Option<KeySource>,
    /// False only for an empty `KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM`.
    pub verify_host_name: bool,
}

/// One entry of the upstream allow-list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AllowRule {
    /// What the host must be.
    pub host: AllowHost,
    /// Inclusive range; `None` = any port.
    pub ports: Option<(u16, u16)>,
}

/// The host part of an allow rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AllowHost {
    /// This very name, lower case.
    Exact(String),
    /// Any name below (not including) this suffix, lower case, without a leading dot.
    Below(String),
    /// Any one-label name.
    AnySingleLabel,
    /// An address in this network.
    Network(Cidr),
}

/// `host[:port]=ip[:port]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DialInstead {
    /// Lower case.
    pub host: String,
    /// `None` = every port of that host.
    pub port: Option<u16>,
    /// Where to dial.
    pub ip: IpAddr,
    /// `None` = the original port.
    pub to_port: Option<u16>,
}

/// An IP network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cidr {
    /// Network address.
    pub network: IpAddr,
    /// Prefix length in bits, ≤ 32 or ≤ 128.
    pub prefix: u8,
}

/// Which address map answers.
#[derive(Clone, Debug)]
pub struct AddressMapConfig {
    /// `GATEWAY_ADDRESS_MAP`; `None` = the built-in one.
    pub component: Option<PathBuf>,
    /// `GATEWAY_ADDRESS_MAP_CONFIG`, or the JSON made from the listener variables.
    pub text: String,
    /// What gave the text; `None` = the listener variables, each listener's own.
    pub decided_by: Option<&'static str>,
    /// Limits profile.
    pub limits: LimitsProfile,
    /// `GATEWAY_ZONES`, in order; the first match counts.
    pub zones: Vec<(String, Cidr)>,
    /// `GATEWAY_ADDRESS_MAP_UPSTREAM_HINTS`.
    pub upstream_hints: bool,
}

/// `GATEWAY_ADDRESS_MAP_LIMITS`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LimitsProfile {
    /// Rust and C components.
    Small,
    /// JavaScript and Python components.
    Runtime,
}

/// Caps on what peers can grow.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Payload bytes of one request after authentication.
    pub max_frame: usize,
    /// Payload bytes of one request or answer before.
    pub max_frame_before_sasl: usize,
    /// Requests in flight of one session; the client is not read beyond it.
    pub max_in_flight: usize,
    /// All sessions; `None` = from the file limit.
    pub max_connections: Option<usize>,
    /// Sessions of one listener.
    pub max_connections_per_listener: Option<usize>,
    /// Sessions of one source address.
    pub max_connections_per_source: Option<usize>,
    /// TLS handshakes begun per second, whole process; `None` = 200 per worker.
    pub max_handshakes_per_second: Option<u32>,
}

/// Deadlines of a session's phases. Zero = off where the variable says so.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// Accept to first byte.
    pub first_byte: Duration,
    /// First byte to completed TLS handshake.
    pub tls_handshake: Duration,
    /// Accept to a SaslAuthenticate answer without error.
    pub sasl: Duration,
    /// Upstream: resolve, connect and TLS.
    pub dial: Duration,
    /// No byte either way; `None` = off.
    pub idle: Option<Duration>,
    /// After one side ended: to deliver what is due.
    pub half_close: Duration,
}

/// How the process ends.
#[derive(Clone, Debug)]
pub struct ShutdownConfig {
    /// Whole drain.
    pub grace: Duration,
    /// Pause between brokers, inside the grace time.
    pub delay_between_brokers: Duration,
    /// Not ready but still accepting, before the drain.
    pub readiness_delay: Duration,
}

/// TCP keepalive and user timeout.
#[derive(Clone, Copy, Debug)]
pub struct TcpConfig {
    /// Idle seconds before the first probe.
    pub keepalive_idle: Duration,
    /// Between probes.
    pub keepalive_interval: Duration,
    /// Probes before the connection counts as dead.
    pub keepalive_count: u32,
    /// TCP_USER_TIMEOUT of upstream connections.
    pub upstream_user_timeout: Duration,
    /// TCP_USER_TIMEOUT of client connections; `None` = kernel default.
    pub client_user_timeout: Option<Duration>,
}

/// Log filter and format.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// A tracing filter, e.g. `info` or `throughway=debug`.
    pub filter: String,
    /// JSON lines instead of text.
    pub json: bool,
}
