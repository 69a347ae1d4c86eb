//! Loads the TLS of each leg at start.

use std::sync::Arc;

use anyhow::Context;

use crate::admin::Front;
use crate::config::{Config, ListenerConfig};
use crate::tls::{ClientTls, Legs, ServerTls};

/// Everything that shows or trusts certificates.
pub(super) fn legs(
    config: &Config,
    server_tls: &[Option<Arc<ServerTls>>],
    front: &Front,
    client_tls: Option<Arc<ClientTls>>,
) -> Arc<Legs> {
    let listeners = config.listeners.iter().zip(server_tls);
    let servers = listeners
        .filter_map(|(listener, tls)| Some((listener.name.clone(), Arc::clone(tls.as_ref()?))))
        .chain([("Admin API".to_owned(), front.tls())]);
    Arc::new(Legs::new(servers.collect(), client_tls))
}

/// For brokers that speak TLS.
pub(super) fn load_client(config: &Config) -> anyhow::Result<Option<Arc<ClientTls>>> {
    let load = |tls| ClientTls::load(tls).map(Arc::new);
    let loaded = config.upstream.tls.as_ref().map(load).transpose();
    loaded.context("upstream")
}

/// One for each listener that speaks TLS.
pub(super) fn load_servers(config: &Config) -> anyhow::Result<Vec<Option<Arc<ServerTls>>>> {
    let load = |listener: &ListenerConfig| {
        let load = |tls| ServerTls::load(tls).map(Arc::new);
        let loaded = listener.tls.as_ref().map(load).transpose();
        loaded.with_context(|| format!("listener {}", listener.name))
    };
    config.listeners.iter().map(load).collect()
}
