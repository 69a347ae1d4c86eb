//! Compares certificates, keys and trust of both legs with their files, again and again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use crate::session::Edge;
use crate::tls::{ClientTls, TlsError};

/// How often files are read.
const EVERY: Duration = Duration::from_secs(10);

/// Reloads what is used by both legs. Each trouble is told when it begins, not every ten seconds.
#[derive(Debug)]
pub(super) struct Reloader {
    edge: Arc<Edge>,
    client_tls: Option<Arc<ClientTls>>,
    /// The error last told, by leg.
    told: Mutex<BTreeMap<String, String>>,
}

impl Reloader {
    pub(super) fn new(edge: Arc<Edge>, client_tls: Option<Arc<ClientTls>>) -> Arc<Self> {
        Arc::new(Self {
            edge,
            client_tls,
            told: Mutex::default(),
        })
    }

    /// Never ends.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            sleep(EVERY).await;
            Arc::clone(&self).now().await;
        }
    }

    /// Compares once.
    pub(super) async fn now(self: Arc<Self>) {
        // Files may be slow; the control runtime has health checks to answer.
        if tokio::task::spawn_blocking(move || self.read())
            .await
            .is_err()
        {
            tracing::error!("reloading certificates panicked");
        }
    }

    fn read(&self) {
        for (listener, tls) in self.edge.config.listeners.iter().zip(&self.edge.server_tls) {
            if let Some(tls) = tls {
                self.tell(&listener.name, tls.reload());
            }
        }
        if let Some(tls) = &self.client_tls {
            self.tell("upstream", tls.reload());
        }
    }

    fn tell(&self, leg: &str, reloaded: Result<bool, TlsError>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match reloaded {
            Ok(changed) => {
                told.remove(leg);
                if changed {
                    tracing::info!(leg, "certificates reloaded");
                }
            }
            Err(error) => {
                let error = error.to_string();
                if told.get(leg) != Some(&error) {
                    tracing::warn!(leg, error, "certificates not reloaded; the last good stay");
                    told.insert(leg.to_owned(), error);
                }
            }
        }
    }
}
