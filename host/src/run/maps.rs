//! Keeps the published table right: as the topology changes, and as address maps are swapped.
//!
//! It must not know how a table is computed or why a map is refused.

use std::sync::Arc;

use anyhow::anyhow;

use crate::addrmap::{Ground, Maps, Origin};
use crate::config::Config;
use crate::listener::Listeners;
use crate::session::Edge;

/// Whose fault a map is that is refused at start, and the way out.
pub(super) fn whose(config: &Config) -> String {
    match Origin::configured(config) {
        Origin::File(path) => format!("GATEWAY_ADDRESS_MAP={}", path.display()),
        Origin::BuiltIn => "built-in address map".to_owned(),
        Origin::Stored(path) => format!(
            "address map that the Admin API put (remove {} to go back to the built-in one)",
            path.display()
        ),
    }
}

/// The swaps of this proxy.
pub(super) fn of(edge: &Arc<Edge>, listeners: &Arc<Listeners>) -> Arc<Maps> {
    let (topology, listeners) = (Arc::clone(&edge.topology), Arc::clone(listeners));
    let ground = Ground {
        brokers: Box::new(move || {
            let snapshot = topology.snapshot();
            (snapshot.map_brokers(), snapshot.version)
        }),
        bind: Box::new(move |ports| {
            let bound = listeners.ensure(ports);
            bound.map_err(|error| format!("{:#}", anyhow!(error)))
        }),
        metrics: Arc::clone(&edge.metrics),
    };
    Arc::new(Maps::new(edge.address_map.clone(), ground, &edge.config))
}

/// Turns each change of the topology into a table, its ports bound before it is published.
pub(super) async fn follow_topology(edge: Arc<Edge>, listeners: Arc<Listeners>) {
    let mut changes = edge.topology.changes();
    while changes.changed().await.is_ok() {
        let _turn = edge.address_map.turn().await;
        let snapshot = edge.topology.snapshot();
        edge.metrics
            .set_topology_brokers(snapshot.brokers.keys().copied());
        let computed = edge
            .address_map
            .compute(snapshot.map_brokers(), snapshot.version)
            .await;
        let table = match computed {
            Ok(table) => table,
            Err(error) => {
                edge.metrics.addrmap_refused();
                tracing::warn!(%error, "address table not changed; the last good one stays");
                continue;
            }
        };
        if let Err(error) = listeners.ensure(table.local_ports()) {
            let error = format!("{:#}", anyhow!(error));
            tracing::error!(error, "address table not changed; the last good one stays");
            continue;
        }
        edge.address_map.publish(table);
        edge.metrics.set_addrmap_table_version(snapshot.version);
        tracing::info!(
            brokers = snapshot.brokers.len(),
            table_version = snapshot.version,
            "address table changed"
        );
    }
}
