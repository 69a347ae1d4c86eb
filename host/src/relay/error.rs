//! What can fail while relaying, and on whose side.

use std::io;

use crate::close::{CloseReason, Side, Stage};
use crate::kafka::request::Refusal;
use crate::kafka::{ApiKey, ApiVersion, CorrelationId, FrameError};
use crate::topology::OtherCluster;

/// Why a relay ended other than by one side closing.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The client has reset the connection, or ended it amid a request: no answer can reach it.
    #[error("client gone amid what it was doing")]
    ClientGone,
    /// A leg failed otherwise than by going away.
    #[error("{} failed", if *.side == Side::Downstream { "client connection" } else { "broker connection" })]
    Io {
        /// Whose.
        side: Side,
        /// From the socket or TLS.
        #[source]
        source: io::Error,
    },
    /// A request frame that breaks the protocol or a limit.
    #[error("bad request frame")]
    Request(#[source] FrameError),
    /// A request that may not pass.
    #[error("api key {api_key} version {api_version} refused: {refusal}")]
    Refused {
        /// Of the request.
        api_key: ApiKey,
        /// Of the request.
        api_version: ApiVersion,
        /// Why.
        refusal: Refusal,
    },
    /// SaslHandshake v0, answered and closed.
    #[error("SaslHandshake v0 refused: clients must use v1 (Kafka 1.0 or newer)")]
    HandshakeRefused,
    /// No SaslAuthenticate answer without error in time.
    #[error("not authenticated in time")]
    SaslDeadline,
    /// A response frame that breaks the protocol.
    #[error("bad response frame")]
    Response(#[source] FrameError),
    /// A TLS alert where a response should be: the broker's port speaks TLS.
    #[error(
        "broker answered with a TLS alert: KAFKA_SECURITY_PROTOCOL says SASL_PLAINTEXT, its port speaks TLS"
    )]
    TlsAlert,
    /// A response that matches no request.
    #[error("response with correlation id {} matches no request in flight", .correlation_id.0)]
    Desync {
        /// Of the response.
        correlation_id: CorrelationId,
    },
    /// An answer that should be rewritten and cannot be read.
    #[error("answer to api key {api_key} version {api_version} cannot be rewritten")]
    Rewrite {
        /// Of the request.
        api_key: ApiKey,
        /// Of the request.
        api_version: ApiVersion,
        /// What is wrong with it.
        #[source]
        source: FrameError,
    },
    /// An answer of another cluster.
    #[error("the broker belongs to another cluster")]
    OtherCluster(#[source] OtherCluster),
}

impl RelayError {
    /// The one reason the session ends in.
    #[must_use]
    pub fn close_reason(&self) -> CloseReason {
        let (stage, side) = match self {
            Self::ClientGone => return CloseReason::ClientClosed,
            Self::Io { side, .. } => (Stage::Relay, *side),
            Self::Request(_) => (Stage::Relay, Side::Downstream),
            Self::Refused {
                refusal: Refusal::BeforeAuthentication,
                ..
            }
            | Self::HandshakeRefused
            | Self::SaslDeadline => (Stage::Sasl, Side::Downstream),
            Self::Refused { .. } => (Stage::Relay, Side::Downstream),
            Self::Response(_) | Self::TlsAlert | Self::Desync { .. } => {
                (Stage::Relay, Side::Upstream)
            }
            Self::Rewrite { .. } | Self::OtherCluster(_) => (Stage::Rewrite, Side::Upstream),
        };
        CloseReason::Failed(stage, side)
    }
}
