//! What is counted for each listener, as handles that cost an atomic add.
//!
//! It must not know sockets or sessions; `session` holds the guard that keeps the gauge true.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::labels::{
    HandshakeOutcome, HandshakeOutcomeCounters, WrongProtocol, WrongProtocolCounters,
};
use super::{Counters, Labels, Raised, label_set, resolve};
use crate::close::CloseReason;

/// The registered families that have a `listener` label.
#[derive(Default)]
pub(super) struct ListenerFamilies {
    opened: Counters,
    sessions: Family<Labels, Gauge>,
    closed: Counters,
    bytes: Counters,
    wrong_protocol: Counters,
    handshakes: Counters,
}

impl ListenerFamilies {
    /// Makes the families known to the registry.
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "connections_opened",
            "Client connections accepted",
            self.opened.clone(),
        );
        registry.register("sessions", "Sessions alive now", self.sessions.clone());
        registry.register(
            "sessions_closed",
            "Sessions ended, by the one reason each ends for",
            self.closed.clone(),
        );
        registry.register(
            "bytes",
            "Bytes forwarded: upstream is client to broker, downstream is broker to client",
            self.bytes.clone(),
        );
        registry.register(
            "wrong_protocol",
            "Connections on which something else than the expected Kafka protocol was spoken",
            self.wrong_protocol.clone(),
        );
        registry.register(
            "tls_handshakes",
            "TLS handshakes with clients, by how they ended",
            self.handshakes.clone(),
        );
    }

    /// The handles of one listener; every label value exists from the start, at zero.
    pub(super) fn of(&self, listener: &str) -> ListenerMetrics {
        let with = |family: &Counters, key, value: &'static str| {
            resolve(family, &[("listener", listener), (key, value)])
        };
        for reason in CloseReason::all() {
            let _at_zero = with(&self.closed, "close_reason", reason.label());
        }
        ListenerMetrics {
            listener: listener.to_owned(),
            opened: resolve(&self.opened, &[("listener", listener)]),
            sessions: self
                .sessions
                .get_or_create_owned(&label_set(&[("listener", listener)])),
            closed: self.closed.clone(),
            bytes_downstream: with(&self.bytes, "direction", "downstream"),
            bytes_upstream: with(&self.bytes, "direction", "upstream"),
            wrong_protocol: WrongProtocolCounters::new(|kind| {
                with(&self.wrong_protocol, "kind", kind)
            }),
            handshakes: HandshakeOutcomeCounters::new(|outcome| {
                with(&self.handshakes, "outcome", outcome)
            }),
        }
    }
}

/// The handles of one listener. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ListenerMetrics {
    listener: String,
    opened: Counter,
    sessions: Gauge,
    closed: Counters,
    bytes_downstream: Counter,
    bytes_upstream: Counter,
    wrong_protocol: WrongProtocolCounters,
    handshakes: HandshakeOutcomeCounters,
}

impl ListenerMetrics {
    /// Counts an accepted connection; the session counts as alive until the guard is dropped.
    #[must_use = "the session counts as alive only while the guard lives"]
    pub fn opened(&self) -> SessionGuard {
        self.opened.inc();
        SessionGuard {
            _alive: Raised::new(&self.sessions),
        }
    }

    /// Counts a session's end. Called once for each session.
    pub fn closed(&self, reason: CloseReason) {
        // Once in a session's life, so a look-up is no burden.
        resolve(
            &self.closed,
            &[
                ("listener", &self.listener),
                ("close_reason", reason.label()),
            ],
        )
        .inc();
    }

    /// Adds forwarded bytes: `downstream` went to the client, `upstream` to the broker.
    pub fn add_bytes(&self, downstream: u64, upstream: u64) {
        // One of them is always 0, and adding that would cost as much.
        if downstream > 0 {
            self.bytes_downstream.inc_by(downstream);
        }
        if upstream > 0 {
            self.bytes_upstream.inc_by(upstream);
        }
    }

    /// Bytes forwarded since start: to clients and to brokers.
    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.bytes_downstream.get(), self.bytes_upstream.get())
    }

    /// Sessions alive.
    pub(super) fn alive(&self) -> i64 {
        self.sessions.get()
    }

    /// Counts a connection that spoke something else.
    pub fn wrong_protocol(&self, kind: WrongProtocol) {
        self.wrong_protocol.of(kind).inc();
    }

    /// Counts a TLS handshake with a client.
    pub fn tls_handshake(&self, outcome: HandshakeOutcome) {
        self.handshakes.of(outcome).inc();
    }
}

/// Keeps the gauge of live sessions true, however the session ends.
#[derive(Debug)]
pub struct SessionGuard {
    _alive: Raised,
}
