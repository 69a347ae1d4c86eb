//! Everything that shows or trusts certificates, by name: what is reloaded, and told to people.
//!
//! It must not know when to reload.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{CertificateSummary, ClientTls, ServerTls, TlsError};

/// All legs of the process. Each trouble is told when it begins, not at every look.
#[derive(Debug)]
pub struct Legs {
    servers: Vec<(String, Arc<ServerTls>)>,
    client: Option<Arc<ClientTls>>,
    /// The error last told, by leg.
    told: Mutex<BTreeMap<String, String>>,
}

/// What a look at one leg's files came to.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// A listener's name, `Admin API` or `upstream`.
    pub leg: String,
    /// True when the content had changed and is in use now; else why not, the last good one stays.
    pub outcome: Result<bool, String>,
}

impl Legs {
    /// Servers by what they are called, and the side towards brokers.
    #[must_use]
    pub fn new(servers: Vec<(String, Arc<ServerTls>)>, client: Option<Arc<ClientTls>>) -> Self {
        Self {
            servers,
            client,
            told: Mutex::default(),
        }
    }

    /// The certificates that are shown, by leg.
    #[must_use]
    pub fn shown(&self) -> Vec<(String, CertificateSummary)> {
        let shown = |(name, tls): &(String, Arc<ServerTls>)| (name.clone(), tls.describe());
        self.servers.iter().map(shown).collect()
    }

    /// Compares every leg with its files. Blocking.
    pub fn reload(&self) -> Vec<Reloaded> {
        let servers = self.servers.iter();
        let mut looks: Vec<_> = servers
            .map(|(name, tls)| (name.as_str(), tls.reload()))
            .collect();
        if let Some(client) = &self.client {
            looks.push(("upstream", client.reload()));
        }
        let told = looks.into_iter().map(|(leg, look)| self.tell(leg, look));
        told.collect()
    }

    fn tell(&self, leg: &str, look: Result<bool, TlsError>) -> Reloaded {
        let outcome = look.map_err(|error| error.to_string());
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match &outcome {
            Ok(changed) => {
                told.remove(leg);
                if *changed {
                    tracing::info!(leg, "certificates reloaded");
                }
            }
            Err(error) if told.get(leg) != Some(error) => {
                tracing::warn!(leg, error, "certificates not reloaded; the last good stay");
                told.insert(leg.to_owned(), error.clone());
            }
            Err(_) => {}
        }
        Reloaded {
            leg: leg.to_owned(),
            outcome,
        }
    }
}
