//! Why a session ended: the closed set of reasons and their labels.
//!
//! Pure. Every session ends in exactly one `CloseReason`; its label is the metric label and log field.

/// Which part of a session failed, in the order of a session's life.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Waiting for the first byte, or recognising a wrong protocol in it.
    FirstByte,
    /// PROXY header.
    ProxyHeader,
    /// TLS handshake with the client.
    TlsHandshake,
    /// Server name or port to broker.
    Route,
    /// Resolve, allow-list, connect, TLS to the broker.
    Dial,
    /// Before a SaslAuthenticate answer without error.
    Sasl,
    /// Streaming frames.
    Relay,
    /// Rewriting an answer.
    Rewrite,
}

impl Stage {
    /// In order.
    pub const ALL: [Self; 8] = [
        Self::FirstByte,
        Self::ProxyHeader,
        Self::TlsHandshake,
        Self::Route,
        Self::Dial,
        Self::Sasl,
        Self::Relay,
        Self::Rewrite,
    ];
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Side {
    /// The client.
    Downstream,
    /// The broker.
    Upstream,
    /// throughway itself, or a limit of it.
    Proxy,
}

impl Side {
    /// In order.
    pub const ALL: [Self; 3] = [Self::Downstream, Self::Upstream, Self::Proxy];
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CloseReason {
    /// The client closed first.
    ClientClosed,
    /// The broker closed first.
    BrokerClosed,
    /// No byte either way for the idle time.
    IdleTimeout,
    /// Ended politely by a drain, every due answer delivered.
    DrainCompleted,
    /// Cut at the end of the grace time.
    DrainTimeout,
    /// A provisional session met a request that only the right broker may answer.
    ProvisionalEnded,
    /// Something failed at this stage, on this side.
    Failed(Stage, Side),
}

impl CloseReason {
    /// Every reason there is. Some stages share a label whatever the side.
    pub fn all() -> impl Iterator<Item = Self> {
        let failed = Stage::ALL
            .into_iter()
            .flat_map(|stage| Side::ALL.map(|side| Self::Failed(stage, side)));
        [
            Self::ClientClosed,
            Self::BrokerClosed,
            Self::IdleTimeout,
            Self::DrainCompleted,
            Self::DrainTimeout,
            Self::ProvisionalEnded,
        ]
        .into_iter()
        .chain(failed)
    }

    /// The metric label and log field, lower case with underscores.
    #[must_use]
    pub fn label(self) -> &'static str {
        use Side::{Downstream, Proxy, Upstream};
        match self {
            Self::ClientClosed => "client_closed",
            Self::BrokerClosed => "broker_closed",
            Self::IdleTimeout => "idle_timeout",
            Self::DrainCompleted => "drain_completed",
            Self::DrainTimeout => "drain_timeout",
            Self::ProvisionalEnded => "provisional_ended",
            Self::Failed(Stage::FirstByte, Downstream) => "first_byte_downstream",
            Self::Failed(Stage::FirstByte, Upstream) => "first_byte_upstream",
            Self::Failed(Stage::FirstByte, Proxy) => "first_byte_proxy",
            Self::Failed(Stage::ProxyHeader, _) => "proxy_header_downstream",
            Self::Failed(Stage::TlsHandshake, Downstream) => "tls_handshake_downstream",
            Self::Failed(Stage::TlsHandshake, Upstream) => "tls_handshake_upstream",
            Self::Failed(Stage::TlsHandshake, Proxy) => "tls_handshake_proxy",
            Self::Failed(Stage::Route, Downstream) => "route_downstream",
            Self::Failed(Stage::Route, _) => "route_proxy",
            Self::Failed(Stage::Dial, Upstream) => "dial_upstream",
            Self::Failed(Stage::Dial, _) => "dial_proxy",
            Self::Failed(Stage::Sasl, Downstream) => "sasl_downstream",
            Self::Failed(Stage::Sasl, Upstream) => "sasl_upstream",
            Self::Failed(Stage::Sasl, Proxy) => "sasl_proxy",
            Self::Failed(Stage::Relay, Downstream) => "relay_downstream",
            Self::Failed(Stage::Relay, Upstream) => "relay_upstream",
            Self::Failed(Stage::Relay, Proxy) => "relay_proxy",
            Self::Failed(Stage::Rewrite, Upstream) => "rewrite_upstream",
            Self::Failed(Stage::Rewrite, _) => "rewrite_proxy",
        }
    }
}
