//! What a client program is told (JSON on standard input) and what it reports (JSON on standard
//! output). Owns the words; every program in `tests/clients` knows them too.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a client is to do. Not every library can do all.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Ask for the cluster's brokers.
    Describe,
    /// Make the topic, write, read in a group, compare.
    RoundTrip,
    /// Write in a committed and in an aborted transaction, read committed.
    Transactions,
    /// Write, then read in a share group (Java, 4.1 and up).
    Share,
    /// Write while leaders move, then read and compare (Java).
    Elections,
    /// Ask each broker for what only it knows: written are those asked, read those that answered (Java).
    Administer,
    /// Write, carry over into another topic in transactions that take offsets along, read committed (Java).
    Transfer,
    /// Write and read in a share group at the same time, for a test that moves leaders meanwhile (Java).
    ShareElections,
    /// Count words by two instances of a Kafka Streams application: written are the words, read those
    /// found where an instance says that they are (Java).
    Streams,
    /// Write and read until told to end (Java, Python): see [`Running`](super::Running).
    Endure,
}

/// How a client gets in.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Security {
    /// `PLAINTEXT`, `SASL_PLAINTEXT`, `SSL` or `SASL_SSL`.
    pub protocol: String,
    /// `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, `OAUTHBEARER` (unsecured, for the user name);
    /// empty without SASL.
    pub mechanism: String,
    /// User name; empty without SASL.
    pub username: String,
    /// Password; empty without SASL.
    pub password: String,
    /// Whom to trust, a PEM file; none without TLS.
    pub ca: Option<PathBuf>,
}

/// One order to a client.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Task {
    /// What to do.
    pub action: Action,
    /// Where to begin: `host:port,…`.
    pub bootstrap: String,
    /// How to get in.
    pub security: Security,
    /// The topic to make and use.
    pub topic: String,
    /// Partitions of the topic.
    pub partitions: i32,
    /// How many records to write; each of them is to be read again.
    pub records: usize,
    /// The library's own properties, for what the rest does not say.
    pub properties: BTreeMap<String, String>,
}

/// What a client saw.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Report {
    /// `host:port` of every broker that the client was told of.
    pub brokers: BTreeMap<i32, String>,
    /// Kafka's id of the cluster, where the library tells.
    pub cluster_id: Option<String>,
    /// Acknowledged records (of the committed transaction).
    pub written: usize,
    /// Records read, each key once.
    pub read: usize,
    /// Keys read twice, never written, or with another value; records given up.
    pub wrong: usize,
    /// What it said of the first of these, and where it talks.
    #[serde(skip)]
    pub complaints: Vec<String>,
}

impl Security {
    /// SASL_PLAINTEXT by PLAIN.
    #[must_use]
    pub fn sasl_plaintext((username, password): (&str, &str)) -> Self {
        Self {
            protocol: "SASL_PLAINTEXT".to_owned(),
            mechanism: "PLAIN".to_owned(),
            username: username.to_owned(),
            password: password.to_owned(),
            ca: None,
        }
    }

    /// SASL_SSL by PLAIN.
    #[must_use]
    pub fn sasl_tls(user: (&str, &str), ca: PathBuf) -> Self {
        Self {
            protocol: "SASL_SSL".to_owned(),
            ca: Some(ca),
            ..Self::sasl_plaintext(user)
        }
    }

    /// Neither SASL nor TLS.
    #[must_use]
    pub fn none() -> Self {
        Self {
            protocol: "PLAINTEXT".to_owned(),
            ..Self::default()
        }
    }

    /// By another SASL mechanism.
    #[must_use]
    pub fn by(mut self, mechanism: &str) -> Self {
        mechanism.clone_into(&mut self.mechanism);
        self
    }
}

impl Task {
    /// `action` with 1,000 records in the topic `topic` of six partitions: more than there are
    /// brokers, so that each leads some.
    #[must_use]
    pub fn new(action: Action, bootstrap: &str, security: Security, topic: &str) -> Self {
        Self {
            action,
            bootstrap: bootstrap.to_owned(),
            security,
            topic: topic.to_owned(),
            partitions: 6,
            records: 1000,
            properties: BTreeMap::new(),
        }
    }

    /// Key and value of record `index`; every program makes them like this.
    #[must_use]
    pub fn record(index: usize) -> (String, String) {
        (format!("key-{index}"), format!("value of record {index}"))
    }
}

impl Report {
    /// Whether all `records` were written, read and right.
    #[must_use]
    pub fn is_complete(&self, records: usize) -> bool {
        (self.written, self.read, self.wrong) == (records, records, 0)
    }
}
