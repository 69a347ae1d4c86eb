//! The variables of a throughway under test.
//!
//! Owns their names; pure but for the files that a cluster's certificates are.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

use anyhow::Result;

use super::{Proxy, licence};
use crate::certificates::Identity;
use crate::clients::Hosts;
use crate::cluster::{Cluster, Listener};

/// Ports of a listener that routes by port: node id n is behind the n-th from 0, up to 12.
pub const PORT_COUNT: u16 = 13;

/// Name of first contact of the SNI listener.
pub const BOOTSTRAP_NAME: &str = "bootstrap.kafka.test";

/// Name of a broker behind the SNI listener.
#[must_use]
pub fn broker_name(node: i32) -> String {
    format!("b{node}.kafka.test")
}

/// How throughway speaks to the brokers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Upstream {
    /// SASL_PLAINTEXT.
    Plaintext,
    /// SASL_SSL.
    Tls,
    /// SASL_SSL with a client certificate.
    Mtls,
}

/// Variables, and the log lines that a test expects.
#[derive(Clone, Debug)]
pub struct Settings {
    variables: BTreeMap<String, String>,
    tolerated: Vec<String>,
    hosts: Option<Arc<Hosts>>,
    launcher: Vec<OsString>,
}

impl Settings {
    /// What throughway must know of `cluster`.
    #[must_use]
    pub fn new(cluster: &Cluster, upstream: Upstream) -> Self {
        let mut settings = Self::licensed();
        let (listener, protocol) = match upstream {
            Upstream::Plaintext => (Listener::SaslPlain, "SASL_PLAINTEXT"),
            Upstream::Tls => (Listener::SaslTls, "SASL_SSL"),
            Upstream::Mtls => (Listener::Mtls, "SASL_SSL"),
        };
        settings.set("KAFKA_BOOTSTRAP_SERVERS", cluster.advertised(listener));
        settings.set("KAFKA_SECURITY_PROTOCOL", protocol);
        settings.set("GATEWAY_UPSTREAM_ADDRESS_MAP", cluster.address_map());
        settings.set("GATEWAY_UPSTREAM_ALLOWED", "internal.test");
        if upstream != Upstream::Plaintext {
            let trust = cluster.authority.certificate().display().to_string();
            settings.set("KAFKA_SSL_TRUSTSTORE_LOCATION", trust);
            settings.set("KAFKA_SSL_TRUSTSTORE_TYPE", "PEM");
        }
        if upstream == Upstream::Mtls {
            settings.set(
                "KAFKA_SSL_KEYSTORE_LOCATION",
                cluster.client.both.display().to_string(),
            );
            settings.set("KAFKA_SSL_KEYSTORE_TYPE", "PEM");
        }
        settings
    }

    /// What throughway must know of brokers at `bootstrap` that are no real ones: SASL_PLAINTEXT.
    #[must_use]
    pub fn upstream_at(bootstrap: &str) -> Self {
        let mut settings = Self::licensed();
        settings.set("KAFKA_BOOTSTRAP_SERVERS", bootstrap);
        settings.set("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT");
        settings
    }

    /// A licence, and metrics that need no user.
    fn licensed() -> Self {
        let mut settings = Self {
            variables: BTreeMap::new(),
            tolerated: Vec::new(),
            hosts: None,
            launcher: Vec::new(),
        };
        settings.set("GATEWAY_LICENSE_KEY", licence::of_this_process());
        settings.set("GATEWAY_SECURED_METRICS", "false");
        settings
    }

    /// A listener `MAIN` on [`PORT_COUNT`] ports from `local`, of which clients are told as if
    /// they began at `advertised` (the same, or where a recorder listens).
    pub fn listen_by_port(&mut self, advertised: u16, local: u16) {
        let range = |first: u16| format!("{first}-{}", first + PORT_COUNT - 1);
        self.set("GATEWAY_LISTENER_MAIN_SECURITY_PROTOCOL", "SASL_PLAINTEXT");
        self.set("GATEWAY_LISTENER_MAIN_ROUTING", "port");
        self.set(
            "GATEWAY_LISTENER_MAIN_PORTS",
            pair(advertised, local, range),
        );
        self.set("GATEWAY_LISTENER_MAIN_ADVERTISED_HOST", "127.0.0.1");
        self.set("GATEWAY_LISTENER_MAIN_BIND_ADDRESS", "127.0.0.1");
    }

    /// A listener `MAIN` on one port that shows `identity` and goes by names of `kafka.test`.
    pub fn listen_by_sni(&mut self, advertised: u16, local: u16, identity: &Identity) {
        self.speak_tls(identity);
        self.set("GATEWAY_LISTENER_MAIN_ROUTING", "sni");
        self.set(
            "GATEWAY_LISTENER_MAIN_PORTS",
            pair(advertised, local, |port| port.to_string()),
        );
        self.set(
            "GATEWAY_LISTENER_MAIN_ADVERTISED_HOST_PATTERN",
            "b{{nodeId}}.kafka.test",
        );
        self.set(
            "GATEWAY_LISTENER_MAIN_BOOTSTRAP_HOST_PATTERN",
            BOOTSTRAP_NAME,
        );
        self.set("GATEWAY_LISTENER_MAIN_BIND_ADDRESS", "127.0.0.1");
    }

    /// Has the listener `MAIN` speak TLS and show `identity`.
    pub fn speak_tls(&mut self, identity: &Identity) {
        let [chain, key] =
            [&identity.certificate, &identity.key].map(|path| path.display().to_string());
        self.set("GATEWAY_LISTENER_MAIN_SECURITY_PROTOCOL", "SASL_SSL");
        self.set("GATEWAY_SSL_CERTIFICATE_PATH", chain);
        self.set("GATEWAY_SSL_PRIVATE_KEY_PATH", key);
    }

    /// Takes a variable out again.
    pub fn unset(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// Any other variable, or another value.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.insert(name.to_owned(), value.into());
    }

    /// Lets log lines that contain `text` be warnings or errors.
    pub fn tolerate(&mut self, text: &str) {
        self.tolerated.push(text.to_owned());
    }

    /// Lets throughway, and nobody else, resolve names by this file.
    pub fn resolve_by(&mut self, hosts: Arc<Hosts>) {
        self.hosts = Some(hosts);
    }

    /// Has throughway started by another program, which gets its command line behind its own.
    pub fn launched_by(&mut self, command: impl IntoIterator<Item = OsString>) {
        self.launcher = command.into_iter().collect();
    }

    /// Starts throughway with them.
    ///
    /// # Errors
    ///
    /// When it does not get ready.
    pub fn start(&self) -> Result<Proxy> {
        Proxy::start(self)
    }

    /// Starts throughway where it comes up and is not ready: waits until it serves its Admin API.
    ///
    /// # Errors
    ///
    /// When it does not come up.
    pub fn start_unready(&self) -> Result<Proxy> {
        Proxy::start_unready(self)
    }

    /// Starts throughway where it must refuse them; returns its exit code and all it said.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub fn start_in_vain(&self) -> Result<(Option<i32>, String)> {
        Proxy::start_in_vain(self)
    }

    /// All variables, for who starts the binary in another way.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.variables.clone()
    }

    pub(super) fn hosts(&self) -> Option<&Hosts> {
        self.hosts.as_deref()
    }

    pub(super) fn launcher(&self) -> &[OsString] {
        &self.launcher
    }

    pub(super) fn tolerated(&self) -> Vec<String> {
        self.tolerated.clone()
    }
}

fn pair(advertised: u16, local: u16, text: impl Fn(u16) -> String) -> String {
    if advertised == local {
        return text(local);
    }
    format!("{}:{}", text(advertised), text(local))
}
