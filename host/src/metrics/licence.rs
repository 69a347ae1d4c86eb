//! What the licence amounts to, as gauges.
//!
//! It must not know how a licence is judged.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Labels, Registrar, label_set};
use crate::licence::{State, Status};

/// One gauge for each state and two for the time.
#[derive(Debug)]
pub(super) struct LicenceMetrics {
    states: Vec<(State, Gauge)>,
    expiry: Gauge,
    remaining_days: Gauge,
}

impl LicenceMetrics {
    /// The name in `unprefixed` is one that alerts of an earlier gateway go by.
    pub(super) fn new(registry: &mut Registrar<'_>, unprefixed: &mut Registry) -> Self {
        let family = Family::<Labels, Gauge>::default();
        registry.0.register(
            "license_state",
            "1 for what the licence amounts to now, 0 for everything else",
            family.clone(),
        );
        let gauge =
            |state: State| family.get_or_create_owned(&label_set(&[("state", state.label())]));
        Self {
            states: State::ALL.map(|state| (state, gauge(state))).into(),
            expiry: registry.gauge(
                "license_expiry_timestamp_seconds",
                "When the licence ends, without grace, in seconds since 1970; 0 without a licence",
            ),
            remaining_days: Registrar(unprefixed).gauge(
                "gateway_license_remaining_days",
                "Whole days until the licence ends, without grace; negative once it has, 0 without a licence",
            ),
        }
    }

    pub(super) fn set(&self, status: &Status) {
        for (state, gauge) in &self.states {
            gauge.set(i64::from(*state == status.state));
        }
        let end = status.licence.as_ref().map(|licence| licence.claims.exp.0);
        self.expiry.set(end.unwrap_or_default());
        self.remaining_days
            .set(status.remaining_days.unwrap_or_default());
    }
}
