//! `topology.json`: what was learned, kept over restarts.
//!
//! Written whole and atomically, with a checksum; set aside, never overwritten, when it belongs to
//! another cluster or schema or cannot be read. It must not know sessions.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::KnownBroker;
use crate::config::UpstreamConfig;
use crate::kafka::{Endpoint, NodeId};
use crate::replace;

/// The schema this version writes and reads.
const SCHEMA: u32 = 1;

/// Larger files are not ours: 100,000 brokers of full-length names fit.
const MOST_BYTES: u64 = 64 << 20;

#[derive(Debug, Deserialize, Serialize)]
struct Document {
    schema: u32,
    bootstrap_servers: Vec<String>,
    security_protocol: String,
    cluster_id: Option<String>,
    brokers: BTreeMap<i32, Broker>,
    checksum: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct Broker {
    host: String,
    port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    rack: Option<String>,
}

/// What a file taught.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Remembered {
    /// Of the cluster it was learned from.
    pub cluster_id: Option<String>,
    /// By node id.
    pub brokers: BTreeMap<NodeId, KnownBroker>,
}

/// The file of one upstream cluster.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    bootstrap_servers: Vec<String>,
    security_protocol: &'static str,
}

impl Store {
    /// In this state directory.
    #[must_use]
    pub fn new(state_directory: &Path, upstream: &UpstreamConfig) -> Self {
        Self {
            path: state_directory.join("topology.json"),
            bootstrap_servers: upstream
                .bootstrap_servers
                .iter()
                .map(ToString::to_string)
                .collect(),
            security_protocol: if upstream.tls.is_some() {
                "SASL_SSL"
            } else {
                "SASL_PLAINTEXT"
            },
        }
    }

    /// Reads the file. One that cannot be used is set aside with a warning, and nothing is known.
    ///
    /// # Errors
    /// When the directory cannot be used at all.
    pub fn load(&self) -> io::Result<Remembered> {
        let text = match File::open(&self.path) {
            Ok(file) if file.metadata()?.len() <= MOST_BYTES => io::read_to_string(file),
            Ok(_) => Err(io::Error::from(io::ErrorKind::FileTooLarge)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Remembered::default());
            }
            Err(error) => return Err(error),
        };
        let judged = text.map_err(|error| ("corrupt", error.to_string()));
        match judged.and_then(|text| self.judge(&text)) {
            Ok(remembered) => Ok(remembered),
            Err((suffix, why)) => {
                self.set_aside(suffix, &why)?;
                Ok(Remembered::default())
            }
        }
    }

    /// Moves the file out of the way, keeping it for whoever wants to look.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn set_aside(&self, suffix: &str, why: &str) -> io::Result<()> {
        let to = self.path.with_extension(format!("json.{suffix}"));
        tracing::warn!(
            file = %self.path.display(), kept_as = %to.display(), why,
            "what was learned of the cluster is set aside"
        );
        fs::rename(&self.path, to)
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// When the disk is full or the directory is read-only; the old file stays.
    pub fn save(
        &self,
        cluster_id: Option<&str>,
        brokers: &BTreeMap<NodeId, KnownBroker>,
    ) -> io::Result<()> {
        let broker = |(node_id, known): (&NodeId, &KnownBroker)| {
            let Endpoint { host, port } = known.upstream.clone();
            (
                node_id.0,
                Broker {
                    host,
                    port,
                    rack: known.rack.clone(),
                },
            )
        };
        let mut document = Document {
            schema: SCHEMA,
            bootstrap_servers: self.bootstrap_servers.clone(),
            security_protocol: self.security_protocol.to_owned(),
            cluster_id: cluster_id.map(str::to_owned),
            brokers: brokers.iter().map(broker).collect(),
            checksum: String::new(),
        };
        document.checksum = checksum(&document)?;
        let text = serde_json::to_vec_pretty(&document)?;
        // No secret: whoever looks after the machine may read it.
        replace::with(&self.path, 0o644, &[&text], |_| Ok(()))
    }

    /// The content, or the suffix to set it aside with and why.
    fn judge(&self, text: &str) -> Result<Remembered, (&'static str, String)> {
        let corrupt = |error: &dyn std::fmt::Display| ("corrupt", error.to_string());
        let value: serde_json::Value = serde_json::from_str(text).map_err(|e| corrupt(&e))?;
        let schema = value.get("schema").and_then(serde_json::Value::as_u64);
        if schema.is_some_and(|schema| schema > u64::from(SCHEMA)) {
            let why = format!(
                "schema {} is newer than {SCHEMA}",
                schema.unwrap_or_default()
            );
            return Err(("newer", why));
        }
        let mut document: Document = serde_json::from_value(value).map_err(|e| corrupt(&e))?;
        let written = std::mem::take(&mut document.checksum);
        if checksum(&document).map_err(|e| corrupt(&e))? != written {
            return Err(("corrupt", "checksum does not match".to_owned()));
        }
        if document.bootstrap_servers != self.bootstrap_servers
            || document.security_protocol != self.security_protocol
        {
            let why = "learned with other KAFKA_BOOTSTRAP_SERVERS or KAFKA_SECURITY_PROTOCOL";
            return Err(("stale", why.to_owned()));
        }
        let known = |(node_id, broker): (i32, Broker)| {
            let upstream = Endpoint {
                host: broker.host,
                port: broker.port,
            };
            (
                NodeId(node_id),
                KnownBroker {
                    upstream,
                    rack: broker.rack,
                },
            )
        };
        let brokers = document.brokers.into_iter().map(known).collect();
        Ok(Remembered {
            cluster_id: document.cluster_id,
            brokers,
        })
    }
}

/// SHA-256 of the document with an empty checksum, in hexadecimal.
fn checksum(document: &Document) -> io::Result<String> {
    let digest = Sha256::digest(serde_json::to_vec(document)?);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(directory: &Path, bootstrap: &str) -> Store {
        Store {
            path: directory.join("topology.json"),
            bootstrap_servers: vec![bootstrap.to_owned()],
            security_protocol: "SASL_SSL",
        }
    }

    fn one_broker() -> BTreeMap<NodeId, KnownBroker> {
        let upstream = Endpoint {
            host: "b5.internal.test".to_owned(),
            port: 9092,
        };
        BTreeMap::from([(
            NodeId(5),
            KnownBroker {
                upstream,
                rack: Some("a".to_owned()),
            },
        )])
    }

    #[test]
    fn reads_back_what_it_wrote() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path(), "a:1");
        assert_eq!(store.load().unwrap(), Remembered::default());
        store.save(Some("c"), &one_broker()).unwrap();
        let expected = Remembered {
            cluster_id: Some("c".to_owned()),
            brokers: one_broker(),
        };
        assert_eq!(store.load().unwrap(), expected);
    }

    #[test]
    fn sets_aside_what_is_stale_newer_or_corrupt() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("topology.json");
        let store = store(directory.path(), "a:1");
        store.save(None, &one_broker()).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        for (text, suffix) in [
            (good.replace("a:1", "b:1"), "corrupt"),
            (good.replace("9092", "9093"), "corrupt"),
            (good.replace("\"schema\": 1", "\"schema\": 2"), "newer"),
            ("{".to_owned(), "corrupt"),
        ] {
            fs::write(&path, &text).unwrap();
            assert_eq!(store.load().unwrap(), Remembered::default());
            let kept = directory.path().join(format!("topology.json.{suffix}"));
            assert_eq!(fs::read_to_string(kept).unwrap(), text);
            assert!(!path.exists());
        }
        fs::write(&path, good).unwrap();
        let other = self::store(directory.path(), "b:1");
        assert_eq!(other.load().unwrap(), Remembered::default());
        assert!(directory.path().join("topology.json.stale").exists());
    }
}
