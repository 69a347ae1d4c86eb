//! How usage reporting stands, as gauges and counters; and what it counts with.
//!
//! It must not know what a report says.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::{DialOutcome, HandshakeOutcome, Metrics, Registrar};
use crate::usage::{Delivery, Status, Totals};

/// One of each.
#[derive(Debug)]
pub(super) struct UsageMetrics {
    delivered: Counter,
    failed: Counter,
    refused: Counter,
    undelivered: Gauge,
    overdue: Gauge,
    spool_full: Gauge,
    last_receipt: Gauge,
    flush_failures: Gauge,
    faults: Gauge,
}

impl UsageMetrics {
    pub(super) fn new(new: &mut Registrar<'_>) -> Self {
        let outcome = new.by_label(
            "usage_deliveries",
            "Usage reports sent, by what became of it",
            "outcome",
        );
        Self {
            delivered: outcome("delivered"),
            failed: outcome("failed"),
            refused: outcome("refused"),
            undelivered: new.gauge(
                "usage_reports_undelivered",
                "Sealed usage reports that the vendor has given no receipt for",
            ),
            overdue: new.gauge(
                "usage_reporting_overdue",
                "1 while the vendor has had no usage report for longer than agreed",
            ),
            spool_full: new.gauge(
                "usage_spool_full",
                "1 while there is no room for another usage report, and the open interval grows",
            ),
            last_receipt: new.gauge(
                "usage_last_receipt_timestamp_seconds",
                "When the vendor last had a usage report, in seconds since 1970; 0 before the first",
            ),
            flush_failures: new.gauge(
                "usage_flush_failures",
                "Times since the start that usage could not be written to disk",
            ),
            faults: new.gauge(
                "usage_state_faults",
                "Things since the start found wrong with what is kept about usage",
            ),
        }
    }
}

impl Metrics {
    /// Counts a usage report that was sent.
    pub fn usage_delivery(&self, delivery: Delivery) {
        let usage = &self.usage;
        match delivery {
            Delivery::Delivered => &usage.delivered,
            Delivery::Failed => &usage.failed,
            Delivery::Refused => &usage.refused,
        }
        .inc();
    }

    /// Shows how usage reporting stands.
    pub fn set_usage(&self, status: &Status) {
        let usage = &self.usage;
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        usage
            .undelivered
            .set(i64::try_from(status.undelivered).unwrap_or(i64::MAX));
        usage.overdue.set(i64::from(status.overdue));
        usage.spool_full.set(i64::from(status.spool_full));
        usage
            .last_receipt
            .set(status.last_receipt.map_or(0, |time| time.0));
        usage.flush_failures.set(number(status.flush_failures));
        usage.faults.set(number(status.faults));
    }

    /// What has been counted since the start, for usage reports. Exact: these are the very counters
    /// that sessions add to.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            brokers: u64::try_from(self.traffic.known_brokers.get()).unwrap_or_default(),
            failed_dials: DialOutcome::ALL
                .iter()
                .filter(|outcome| !matches!(outcome, DialOutcome::Connected))
                .map(|&outcome| self.dials.of(outcome).get())
                .sum(),
            ..Totals::default()
        };
        for listener in &self.traffic.listeners {
            listener.add_to(&mut totals);
        }
        totals
    }
}

/// The outcomes that count as failures of ours or of the network's.
pub(super) const FAILED_HANDSHAKES: [HandshakeOutcome; 2] =
    [HandshakeOutcome::Failed, HandshakeOutcome::TimedOut];
