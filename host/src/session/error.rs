//! What ends a session other than by one side closing: one variant per stage, in stage order.

use super::Edge;
use super::first_packet::hint;
use crate::close::{CloseReason, Side, Stage};
use crate::in_full::in_full;
use crate::metrics::{AcceptError, HandshakeOutcome, RefusedRequest, WrongProtocol};
use crate::proxy_protocol::ProxyHeaderError;
use crate::relay::RelayError;
use crate::tls::TlsError;
use crate::upstream::DialError;

/// Why a session failed.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The PROXY header is missing or broken.
    #[error("proxy header")]
    ProxyHeader(#[source] ProxyHeaderError),
    /// As many connections as one source may have, told by their PROXY headers.
    #[error("GATEWAY_MAX_CONNECTIONS_PER_SOURCE reached")]
    TooManyOfSource,
    /// Too many connections are silent, and this one was so for the longest time.
    #[error("made room for a newer connection before the first request")]
    Displaced,
    /// Closed before the first request had begun: a health check or a port scan.
    #[error("closed before the first request")]
    GoneSilently,
    /// No byte in time.
    #[error("no byte within the first-byte deadline")]
    FirstByteDeadline,
    /// The socket failed before the first byte.
    #[error("client connection failed")]
    Io(#[source] std::io::Error),
    /// Something else than a Kafka client with SASL.
    #[error("wrong protocol: {}", hint(*.0))]
    WrongProtocol(WrongProtocol),
    /// The handshake with the client failed.
    #[error("tls handshake with the client")]
    Tls(#[source] TlsError),
    /// It took too long.
    #[error("tls handshake not finished in time")]
    TlsDeadline,
    /// A server name, or none, that the address map does not serve.
    #[error("server name not served here")]
    UnknownServerName,
    /// The address map serves nothing on this port.
    #[error("no broker is mapped here")]
    NotRoutable,
    /// The broker could not be reached.
    #[error("dial broker")]
    Dial(#[source] DialError),
    /// While relaying.
    #[error("relay")]
    Relay(#[from] RelayError),
}

impl SessionError {
    /// The one reason the session ends in.
    #[must_use]
    pub fn close_reason(&self) -> CloseReason {
        let (stage, side) = match self {
            Self::GoneSilently => return CloseReason::ClientClosed,
            Self::ProxyHeader(_) => (Stage::ProxyHeader, Side::Downstream),
            Self::TooManyOfSource | Self::Displaced => (Stage::FirstByte, Side::Proxy),
            Self::FirstByteDeadline | Self::Io(_) | Self::WrongProtocol(_) => {
                (Stage::FirstByte, Side::Downstream)
            }
            Self::Tls(_) | Self::TlsDeadline => (Stage::TlsHandshake, Side::Downstream),
            Self::UnknownServerName => (Stage::Route, Side::Downstream),
            Self::NotRoutable => (Stage::Route, Side::Proxy),
            Self::Dial(_) => (Stage::Dial, Side::Upstream),
            Self::Relay(error) => return error.close_reason(),
        };
        CloseReason::Failed(stage, side)
    }

    /// What a handshake came to that ended like this.
    fn handshake(&self) -> HandshakeOutcome {
        match self {
            Self::TlsDeadline => HandshakeOutcome::TimedOut,
            Self::UnknownServerName => HandshakeOutcome::UnknownName,
            _ => HandshakeOutcome::Failed,
        }
    }

    /// Counts it, and tells an operator what they can act on, within the budget for its kind.
    pub(super) fn tell(&self, edge: &Edge, listener: usize) {
        let metrics = edge.metrics.listener(listener);
        match self {
            Self::WrongProtocol(kind) => {
                metrics.wrong_protocol(*kind);
                if edge.budget.allows(kind.label()) {
                    tracing::info!(kind = kind.label(), hint = hint(*kind), "wrong protocol");
                }
            }
            Self::Tls(_) | Self::TlsDeadline | Self::UnknownServerName => {
                metrics.tls_handshake(self.handshake());
                if edge.budget.allows(self.close_reason().label()) {
                    tracing::info!(error = %in_full(self), "tls handshake refused");
                }
            }
            Self::Dial(_) => {
                if edge.budget.allows("dial") {
                    tracing::warn!(error = %in_full(self), "broker not reached");
                }
            }
            Self::Relay(
                error @ (RelayError::Refused { .. }
                | RelayError::HandshakeRefused
                | RelayError::Request(_)),
            ) => {
                edge.metrics.refused_request(refused(error));
                if edge.budget.allows("refused") {
                    tracing::info!(error = %in_full(self), "request refused");
                }
            }
            Self::Relay(
                RelayError::Response(_)
                | RelayError::TlsAlert
                | RelayError::Desync { .. }
                | RelayError::Rewrite { .. }
                | RelayError::OtherCluster(_),
            ) => {
                if matches!(self, Self::Relay(RelayError::TlsAlert)) {
                    metrics.wrong_protocol(WrongProtocol::TlsAlertUpstream);
                }
                if edge.budget.allows("response") {
                    tracing::warn!(error = %in_full(self), "answer of the broker refused");
                }
            }
            Self::ProxyHeader(_) => {
                metrics.wrong_protocol(WrongProtocol::ProxyHeader);
                if edge.budget.allows("proxy header") {
                    tracing::info!(error = %in_full(self), "connection refused");
                }
            }
            Self::TooManyOfSource => edge.metrics.accept_error(AcceptError::Limit),
            Self::Displaced => edge.metrics.accept_error(AcceptError::Silent),
            Self::GoneSilently
            | Self::FirstByteDeadline
            | Self::Io(_)
            | Self::NotRoutable
            | Self::Relay(_) => {}
        }
    }
}

fn refused(error: &RelayError) -> RefusedRequest {
    match error {
        RelayError::Refused { refusal, .. } => (*refusal).into(),
        RelayError::HandshakeRefused => RefusedRequest::SaslHandshakeV0,
        _ => RefusedRequest::FrameSize,
    }
}
