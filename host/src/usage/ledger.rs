//! The local ledger: what was relayed, exactly, and how much of it reports have said.
//!
//! Pure. The ledger is exact and unsigned; rounding, signing and chaining happen when a report is
//! sealed, and what rounding leaves out stays in the ledger for the next one.

use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::payload::{Errors, Place, Report, Window};
use crate::licence::UnixTime;

/// Bytes each way.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bytes {
    /// From clients to brokers.
    #[serde(rename = "in")]
    pub incoming: u64,
    /// From brokers to clients.
    #[serde(rename = "out")]
    pub outgoing: u64,
}

impl Bytes {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            incoming: self.incoming.saturating_add(other.incoming),
            outgoing: self.outgoing.saturating_add(other.outgoing),
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            incoming: self.incoming.saturating_sub(other.incoming),
            outgoing: self.outgoing.saturating_sub(other.outgoing),
        }
    }

    /// The smaller one each way.
    fn at_most(self, other: Self) -> Self {
        Self {
            incoming: self.incoming.min(other.incoming),
            outgoing: self.outgoing.min(other.outgoing),
        }
    }
}

/// What happened beside bytes, since some moment.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// Milliseconds in which the proxy ran, by a clock that cannot be set.
    pub up_ms: u64,
    /// The most brokers known.
    pub brokers: u64,
    /// The most sessions at once.
    pub peak_connections: u64,
    /// Client connections.
    pub connections_opened: u64,
    /// Failures.
    pub errors: Errors,
}

impl Counted {
    /// Adds what came after: sums add up, peaks do not.
    pub(super) fn add(&mut self, more: &Self) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.up_ms, more.up_ms);
        add(&mut self.connections_opened, more.connections_opened);
        add(
            &mut self.errors.upstream_connect,
            more.errors.upstream_connect,
        );
        add(&mut self.errors.tls_handshake, more.errors.tls_handshake);
        add(
            &mut self.errors.license_refresh,
            more.errors.license_refresh,
        );
        self.brokers = self.brokers.max(more.brokers);
        self.peak_connections = self.peak_connections.max(more.peak_connections);
    }
}

/// Everything known about this installation's use.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ledger {
    /// When it was begun.
    pub(super) created: UnixTime,
    /// Since then.
    pub(super) relayed: Bytes,
    /// Sum of all sealed reports. Never more than `relayed`.
    pub(super) reported: Bytes,
    /// Of the next report.
    pub(super) next_seq: u64,
    /// Of the last one.
    pub(super) prev_sha256: Option<String>,
    /// When the vendor last had a report, by the vendor's clock.
    pub(super) last_receipt: Option<UnixTime>,
    /// Where the next report's window begins.
    pub(super) since: UnixTime,
    /// From then on.
    pub(super) open: Counted,
    /// As of the last flush; none before the proxy has run.
    pub(super) facts: Option<Facts>,
}

impl Ledger {
    pub(super) fn new(created: UnixTime) -> Self {
        Self {
            created,
            relayed: Bytes::default(),
            reported: Bytes::default(),
            next_seq: 0,
            prev_sha256: None,
            last_receipt: None,
            since: created,
            open: Counted::default(),
            facts: None,
        }
    }

    /// Continues the chain of this report without knowing what the lost ledger held.
    pub(super) fn after(report: &Report, sha256: String, now: UnixTime) -> Self {
        Self {
            next_seq: report.seq.saturating_add(1),
            prev_sha256: Some(sha256),
            since: report.window.end,
            ..Self::new(now)
        }
    }

    /// Adds what was relayed and counted since the last time.
    pub(super) fn add(&mut self, bytes: Bytes, counted: &Counted, facts: &Facts) {
        self.relayed = self.relayed.plus(bytes);
        self.open.add(counted);
        self.facts = Some(facts.clone());
    }

    /// Relayed, and in no report yet.
    pub(super) fn remainder(&self) -> Bytes {
        self.relayed.minus(self.reported)
    }

    /// The report of everything until now; none before the proxy has run.
    pub(super) fn report(
        &self,
        (install_id, install_key): (&str, &str),
        report_id: &str,
        now: UnixTime,
    ) -> Option<Report> {
        let place = Place {
            seq: self.next_seq,
            prev_sha256: self.prev_sha256.as_deref(),
            install_id,
            install_key,
            report_id,
            // A clock that was set back makes an empty window, never a negative one.
            window: Window {
                start: self.since,
                end: now.max(self.since),
            },
        };
        let facts = self.facts.as_ref()?;
        Some(Report::new(place, facts, &self.open, self.remainder()))
    }

    /// Takes note that this report, the next one, is sealed.
    pub(super) fn apply(&mut self, report: &Report, sha256: String) {
        // More than was relayed could only be said of a ledger that is older than the report.
        self.reported = self.reported.plus(report.bytes.at_most(self.remainder()));
        self.next_seq = report.seq.saturating_add(1);
        self.prev_sha256 = Some(sha256);
        self.since = report.window.end;
        self.open = Counted::default();
    }

    /// Takes note of a receipt.
    pub(super) fn delivered(&mut self, received_at: UnixTime) {
        self.last_receipt = self.last_receipt.max(Some(received_at));
    }

    /// Whether the vendor has had nothing for so many days.
    pub(super) fn is_overdue(&self, max_silence_days: u32, now: UnixTime) -> bool {
        let heard = self.last_receipt.unwrap_or(self.created);
        let allowed = i64::from(max_silence_days).saturating_mul(crate::licence::time::DAY);
        now.since(heard) > allowed
    }
}

#[cfg(test)]
mod tests;
