//! Ends sessions that have come to reach another broker than their client means: its address is
//! another one's now.
//!
//! Such a broker refuses what it does not lead, and the client, which is told the same address as
//! before, would ask it again for ever. It must not know how sessions end.

use std::sync::Arc;

use crate::session::Edge;

/// Looks at every change of the topology. Never ends.
pub(super) async fn run(edge: Arc<Edge>) {
    let mut changes = edge.topology.changes();
    while changes.changed().await.is_ok() {
        let snapshot = edge.topology.snapshot();
        let misled = edge.drain.inventory.routed_where(|route| {
            let node_id = route.counted_as();
            node_id.is_some_and(|id| snapshot.has_given_up(&route.upstream, id))
        });
        if !misled.is_empty() {
            tracing::info!(
                sessions = misled.len(),
                "brokers have moved; sessions that would reach another one end"
            );
            edge.drain.end(&misled, &edge.config.shutdown);
        }
    }
}
