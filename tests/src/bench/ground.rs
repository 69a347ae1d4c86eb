//! What all candidates of a run are made of: certificates, ports, and the brokers they stand before.
//!
//! Owns who listens where. It must not know how a candidate is told (`peers`).

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::peers::Kind;
use crate::certificates::{Authority, Identity};
use crate::cluster::{Cluster, Listener, NODE_IDS};
use crate::files::TemporaryFolder;
use crate::ports;
use crate::proxy::{Settings, Upstream};
use crate::wire::Door;

/// Name of the broker stand-in: in its certificate, and what it is dialled by.
const BROKER_NAME: &str = "broker1.bench.test";
/// Name by which clients reach every candidate; those of Kafka go by the address.
const EDGE_NAME: &str = "edge.bench.test";

/// One port of a proxy that cannot rewrite, and the broker behind it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lane {
    /// Where clients are let in.
    pub edge: u16,
    /// Where the broker is.
    pub broker: u16,
    /// The name in the broker's certificate.
    pub name: String,
}

/// The ground that all candidates stand on.
#[derive(Debug)]
pub struct Ground {
    /// What every candidate shows its clients.
    pub edge: Identity,
    /// What the broker stand-in shows.
    pub broker: Identity,
    /// Whom to trust when dialling a broker.
    pub broker_ca: PathBuf,
    /// Envoy's program, where there is one.
    pub envoy: Option<PathBuf>,
    /// Brokers that the stand-in names in its answers to Metadata; each gets a port.
    pub brokers: u16,
    /// The example map of `docs/address-maps` that throughway is to use instead of its own.
    pub map: Option<PathBuf>,
    ca: PathBuf,
    folder: TemporaryFolder,
    tls: bool,
    stands_before: StandsBefore,
}

#[derive(Debug)]
enum StandsBefore {
    /// A broker stand-in, and a plaintext one for the floor.
    Sink { port: u16, plain: u16 },
    /// Three brokers, which have a listener for each of these peers, in this order.
    Cluster {
        cluster: Box<Cluster>,
        lanes: Vec<(Kind, Vec<Lane>)>,
    },
}

impl Ground {
    /// Certificates and ports for a broker stand-in.
    ///
    /// # Errors
    ///
    /// When files cannot be written.
    pub fn before_a_sink(tls: bool, envoy: Option<PathBuf>) -> Result<Self> {
        let port = ports::reserve(1);
        let plain = if tls { ports::reserve(1) } else { port };
        Self::new(tls, envoy, |_| Ok(StandsBefore::Sink { port, plain }))
    }

    /// A real cluster, which `start` brings up when it is told each peer's ports by node.
    ///
    /// # Errors
    ///
    /// When it does not come up.
    pub fn before_a_cluster(
        tls: bool,
        envoy: Option<PathBuf>,
        start: impl FnOnce(&[(Kind, Vec<u16>)]) -> Result<Cluster>,
    ) -> Result<Self> {
        Self::new(tls, envoy, |kinds| {
            let fronts: Vec<_> = kinds
                .iter()
                .map(|kind| {
                    let first = ports::reserve(3);
                    (*kind, (first..first + 3).collect::<Vec<_>>())
                })
                .collect();
            let cluster = Box::new(start(&fronts)?);
            let lanes = (0..).zip(&fronts).map(|(n, (kind, edges))| {
                let lanes = edges.iter().zip(NODE_IDS).map(|(edge, node)| Lane {
                    edge: *edge,
                    broker: cluster.port(node, Listener::Front(n)),
                    name: "localhost".to_owned(),
                });
                (*kind, lanes.collect())
            });
            let lanes = lanes.collect();
            Ok(StandsBefore::Cluster { cluster, lanes })
        })
    }

    fn new(
        tls: bool,
        envoy: Option<PathBuf>,
        before: impl FnOnce(&[Kind]) -> Result<StandsBefore>,
    ) -> Result<Self> {
        let folder = TemporaryFolder::new("throughway-bench-")?;
        let authority = Authority::new(folder.path(), "bench")?;
        let kinds = [Kind::HaProxy, Kind::Envoy];
        let kinds = kinds.get(..1 + usize::from(envoy.is_some()));
        let stands_before = before(kinds.unwrap_or_default())?;
        let broker_ca = match &stands_before {
            StandsBefore::Sink { .. } => authority.certificate(),
            StandsBefore::Cluster { cluster, .. } => cluster.authority.certificate(),
        };
        Ok(Self {
            edge: authority.issue("edge", &[EDGE_NAME, "localhost", "127.0.0.1"])?,
            broker: authority.issue("broker", &[BROKER_NAME])?,
            broker_ca,
            envoy,
            brokers: 2,
            map: None,
            ca: authority.certificate(),
            folder,
            tls,
            stands_before,
        })
    }

    /// Both legs of every candidate, as reports call them.
    #[must_use]
    pub fn legs(&self) -> &'static str {
        if self.tls { "TLS" } else { "plain" }
    }

    /// Whether both legs are TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// For configurations.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where clients get in at `port`.
    #[must_use]
    pub fn door(&self, port: u16) -> Door {
        Door {
            address: format!("127.0.0.1:{port}"),
            tls: self.tls.then(|| (EDGE_NAME.to_owned(), self.ca.clone())),
        }
    }

    /// The brokers behind a peer of this kind; for a stand-in, at a new port each time.
    #[must_use]
    pub fn lanes(&self, kind: Kind) -> Vec<Lane> {
        match &self.stands_before {
            StandsBefore::Sink { port, plain } => vec![Lane {
                edge: ports::reserve(1),
                broker: if kind.is_floor() { *plain } else { *port },
                name: BROKER_NAME.to_owned(),
            }],
            StandsBefore::Cluster { lanes, .. } => {
                let own = lanes.iter().filter(|(of, _)| *of == kind);
                own.flat_map(|(_, lanes)| lanes.clone()).collect()
            }
        }
    }

    /// Where the stand-in is to listen, and the plaintext one, if that is another.
    #[must_use]
    pub fn sinks(&self) -> (u16, Option<u16>) {
        match self.stands_before {
            StandsBefore::Sink { port, plain } => (port, (plain != port).then_some(plain)),
            StandsBefore::Cluster { .. } => (0, None),
        }
    }

    /// The real cluster, if it is one.
    #[must_use]
    pub fn cluster(&self) -> Option<&Cluster> {
        match &self.stands_before {
            StandsBefore::Sink { .. } => None,
            StandsBefore::Cluster { cluster, .. } => Some(cluster),
        }
    }

    /// What throughway must know of the brokers.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let port = match &self.stands_before {
            StandsBefore::Cluster { cluster, .. } => {
                let upstream = if self.tls {
                    Upstream::Tls
                } else {
                    Upstream::Plaintext
                };
                return Settings::new(cluster, upstream);
            }
            StandsBefore::Sink { port, .. } => port,
        };
        let upstream = format!("{BROKER_NAME}:{port}");
        let mut settings = Settings::upstream_at(&upstream);
        settings.set("GATEWAY_UPSTREAM_BROKERS", format!("1={upstream}"));
        let really = format!("{BROKER_NAME}=127.0.0.1");
        settings.set("GATEWAY_UPSTREAM_ADDRESS_MAP", really);
        if self.tls {
            settings.set("KAFKA_SECURITY_PROTOCOL", "SASL_SSL");
            let trust = self.broker_ca.display().to_string();
            settings.set("KAFKA_SSL_TRUSTSTORE_LOCATION", trust);
            settings.set("KAFKA_SSL_TRUSTSTORE_TYPE", "PEM");
        }
        settings
    }

    /// The variables of its map, for a listener whose ports begin here. What is the port of node id 1
    /// with the built-in map is that of bootstrap: both lead to the stand-in.
    pub fn map_settings(&self, settings: &mut Settings, first: u16) {
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
}
