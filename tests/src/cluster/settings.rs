//! What a node is told: `server.properties`.
//!
//! Pure text; it must not know files or processes.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use crate::certificates::Identity;
use crate::kafka_jars;

/// Sparse on purpose: dense ids hide mapping errors.
pub const NODE_IDS: [i32; 3] = [1, 5, 12];

/// User name and password that every SASL listener knows by every mechanism.
pub const USER: (&str, &str) = ("alice", "alice-secret");
/// The same for a super user.
pub const ADMIN: (&str, &str) = ("admin", "admin-secret");

/// Who came in by PLAIN at the listener with client certificates must authenticate again before this
/// time is over.
pub const REAUTHENTICATION: Duration = Duration::from_secs(6);

/// What a test may want different from the usual cluster.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// Version of the brokers.
    pub version: String,
    /// Lines of `server.properties` for every node.
    pub properties: Vec<(String, String)>,
    /// Options of the brokers' JVMs. By default they compile quickly instead of well, which
    /// halves the start; a benchmark takes that out.
    pub jvm: Vec<String>,
    /// Lines for one node.
    pub node_properties: BTreeMap<i32, Vec<(String, String)>>,
    /// More listeners, for proxies that cannot rewrite addresses.
    pub fronts: Vec<Front>,
}

/// One more SASL listener of every node: its clients are told of a proxy's ports.
#[derive(Clone, Debug)]
pub struct Front {
    /// Name of the listener, in capitals.
    pub name: String,
    /// SASL_SSL, else SASL_PLAINTEXT.
    pub tls: bool,
    /// The port of 127.0.0.1 that each node is said to be at; its own where nothing is said.
    pub advertised: BTreeMap<i32, u16>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            version: kafka_jars::CURRENT.to_owned(),
            properties: Vec::new(),
            jvm: vec!["-XX:TieredStopAtLevel=1".to_owned()],
            node_properties: BTreeMap::new(),
            fronts: Vec::new(),
        }
    }
}

/// A broker's listeners, apart from the controller's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Listener {
    /// PLAINTEXT, advertised at an address that works: brokers among themselves, direct observers.
    Internal,
    /// SASL_PLAINTEXT.
    SaslPlain,
    /// SASL_SSL.
    SaslTls,
    /// SASL_SSL with a client certificate.
    Mtls,
    /// The n-th of `ClusterOptions::fronts`.
    Front(u16),
}

/// Where clients find a node, and where the other nodes find its controller, which never moves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NodeAddress {
    /// What it advertises on its SASL listeners.
    pub host: String,
    /// The first of its ports.
    pub first: u16,
    /// `None` for a node that is a broker only.
    pub controller: Option<u16>,
}

impl NodeAddress {
    /// Ports of a node's listeners, in a row; those of fronts follow.
    pub const LISTENERS: u16 = 4;

    /// Where `listener` is on 127.0.0.1.
    #[must_use]
    pub fn of(&self, listener: Listener) -> u16 {
        self.first
            + match listener {
                Listener::Internal => 0,
                Listener::SaslPlain => 1,
                Listener::SaslTls => 2,
                Listener::Mtls => 3,
                Listener::Front(n) => Self::LISTENERS + n,
            }
    }
}

/// The name a node advertises on its SASL listeners. It resolves nowhere, so a client that is told
/// it fails at once.
#[must_use]
pub fn advertised_host(node: i32) -> String {
    format!("broker{node}.internal.test")
}

/// The rack a node says it is in: each in one of its own.
#[must_use]
pub fn rack(node: i32) -> &'static str {
    match node {
        1 => "rack-a",
        5 => "rack-b",
        _ => "rack-c",
    }
}

/// A node's place among the others.
pub(super) struct NodePlan<'a> {
    pub id: i32,
    pub at: &'a NodeAddress,
    pub voters: &'a str,
    pub data: &'a Path,
    pub identity: &'a Identity,
    pub trust: &'a Path,
}

impl NodePlan<'_> {
    /// The whole of `server.properties`.
    pub(super) fn properties(&self, options: &ClusterOptions) -> String {
        let mut text = self.addresses(&options.fronts);
        text.push_str(COMMON);
        for listener in ["saslplain", "sasltls", "mtls"] {
            text.push_str(&sasl(listener));
        }
        for front in &options.fronts {
            text.push_str(&sasl(&front.name.to_lowercase()));
        }
        let _ = writeln!(text, "log.dirs={}", self.data.display());
        let _ = writeln!(
            text,
            "ssl.keystore.location={}",
            self.identity.both.display()
        );
        let _ = writeln!(text, "ssl.truststore.location={}", self.trust.display());
        let _ = writeln!(
            text,
            "listener.name.mtls.plain.connections.max.reauth.ms={}",
            REAUTHENTICATION.as_millis()
        );
        let own = options.node_properties.get(&self.id).into_iter().flatten();
        for (key, value) in options.properties.iter().chain(own) {
            let _ = writeln!(text, "{key}={value}");
        }
        text
    }

    fn addresses(&self, fronts: &[Front]) -> String {
        let (id, at) = (self.id, self.at);
        let mut bound = Vec::new();
        let mut told = Vec::new();
        let mut protocols = vec!["CONTROLLER:PLAINTEXT".to_owned()];
        let usual = [
            ("INTERNAL", Listener::Internal, "PLAINTEXT", "127.0.0.1"),
            ("SASLPLAIN", Listener::SaslPlain, "SASL_PLAINTEXT", &at.host),
            ("SASLTLS", Listener::SaslTls, "SASL_SSL", &at.host),
            ("MTLS", Listener::Mtls, "SASL_SSL", &at.host),
        ];
        for (name, listener, protocol, host) in usual {
            bound.push(format!("{name}://127.0.0.1:{}", at.of(listener)));
            told.push(format!("{name}://{host}:{}", at.of(listener)));
            protocols.push(format!("{name}:{protocol}"));
        }
        for (n, front) in (0..).zip(fronts) {
            let name = &front.name;
            let port = at.of(Listener::Front(n));
            let advertised = front.advertised.get(&id).unwrap_or(&port);
            bound.push(format!("{name}://127.0.0.1:{port}"));
            told.push(format!("{name}://127.0.0.1:{advertised}"));
            let protocol = if front.tls {
                "SASL_SSL"
            } else {
                "SASL_PLAINTEXT"
            };
            protocols.push(format!("{name}:{protocol}"));
        }
        let mut roles = "broker";
        if let Some(port) = at.controller {
            roles = "broker,controller";
            bound.push(format!("CONTROLLER://127.0.0.1:{port}"));
        }
        format!(
            "node.id={id}\n\
             process.roles={roles}\n\
             broker.rack={}\n\
             controller.quorum.voters={}\n\
             listeners={}\n\
             advertised.listeners={}\n\
             listener.security.protocol.map={}\n",
            rack(id),
            self.voters,
            bound.join(","),
            told.join(","),
            protocols.join(","),
        )
    }
}

/// Internal topics get few partitions: each costs start-up time.
const COMMON: &str = "\
controller.listener.names=CONTROLLER
inter.broker.listener.name=INTERNAL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.mtls.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.truststore.type=PEM
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
allow.everyone.if.no.acl.found=true
default.replication.factor=3
min.insync.replicas=2
offsets.topic.num.partitions=3
offsets.topic.replication.factor=3
transaction.state.log.num.partitions=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.num.partitions=3
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
auto.create.topics.enable=false
";

fn sasl(listener: &str) -> String {
    const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule";
    const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule";
    const OAUTH: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule";
    const UNSECURED: &str = "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler";
    let prefix = format!("listener.name.{listener}");
    let users = [ADMIN, USER]
        .map(|(name, password)| format!("user_{name}=\"{password}\""))
        .join(" ");
    format!(
        "{prefix}.plain.sasl.jaas.config={PLAIN} required {users};\n\
         {prefix}.scram-sha-256.sasl.jaas.config={SCRAM} required;\n\
         {prefix}.scram-sha-512.sasl.jaas.config={SCRAM} required;\n\
         {prefix}.oauthbearer.sasl.jaas.config={OAUTH} required unsecuredLoginStringClaim_sub=\"alice\";\n\
         {prefix}.oauthbearer.sasl.server.callback.handler.class={UNSECURED}\n",
    )
}
