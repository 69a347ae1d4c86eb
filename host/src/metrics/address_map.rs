//! What became of address maps and tables.
//!
//! It must not know how they are judged.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::Registrar;

/// Counted by whoever publishes tables.
#[derive(Debug)]
pub(super) struct AddressMapMetrics {
    pub(super) refusals: Counter,
    pub(super) swaps: Counter,
    pub(super) table_version: Gauge,
}

impl AddressMapMetrics {
    pub(super) fn new(registry: &mut Registrar<'_>) -> Self {
        Self {
            refusals: registry.counter(
                "addrmap_refusals",
                "Components or tables refused, the last good one kept",
            ),
            swaps: registry.counter(
                "addrmap_swaps",
                "Address maps put into effect in place of another",
            ),
            table_version: registry.gauge(
                "addrmap_table_version",
                "Topology version the published address table was computed from",
            ),
        }
    }
}
