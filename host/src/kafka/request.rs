//! A request's first 12 bytes, and what is to become of the request.

use super::in_flight::ResponseKind;
use super::{ApiKey, ApiVersion, CorrelationId, FrameError};

/// Bytes of size, api key, api version and correlation id (`protocol.md` §2.1).
pub const PREFIX_LEN: usize = 12;

/// The fixed first fields of a request frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RequestPrefix {
    /// Payload bytes, the size field itself not counted. At least 8.
    pub payload_len: usize,
    /// Offset 0 of the payload.
    pub api_key: ApiKey,
    /// Offset 2.
    pub api_version: ApiVersion,
    /// Offset 4.
    pub correlation_id: CorrelationId,
}

impl RequestPrefix {
    /// Reads the prefix and checks the size against `most` payload bytes.
    ///
    /// # Errors
    /// `FrameError::Size` when the size is below 8 or above `most`.
    pub fn read(_bytes: &[u8; PREFIX_LEN], _most: usize) -> Result<Self, FrameError> {
        Err(FrameError::Invalid { what: "todo" })
    }
}

/// What the session allows when a request arrives.
#[derive(Clone, Copy, Debug)]
pub struct Permissions {
    /// A SaslAuthenticate answer without error has passed.
    pub authenticated: bool,
    /// Connected to a bootstrap broker on behalf of one not known yet (`architecture.md` §3.9).
    pub provisional: bool,
    /// `GATEWAY_UNREVIEWED_VERSIONS=clamp`.
    pub clamp_unreviewed: bool,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RequestFate {
    /// Forward it; its response is of this kind.
    Forward(ResponseKind),
    /// Forward it; whether a response is due, and of which kind, follows from `acks`.
    ForwardProduce(ResponseKind),
    /// Not forwarded; answered by throughway itself at its place in the order.
    AnswerLocally(LocalAnswer),
    /// Provisional session: stop reading, deliver what is due, close.
    EndProvisional,
    /// Not forwarded; the session is closed.
    Refuse(Refusal),
}

/// An answer throughway writes itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LocalAnswer {
    /// ApiVersions above 5: error 35 in v0 layout, one entry {18, 0, 5}.
    ApiVersionsUnsupported,
    /// SaslHandshake v0: error 35 in v0 layout, no mechanisms; then the session is closed.
    SaslHandshakeV0Refused,
}

impl LocalAnswer {
    /// The whole response frame, size included.
    #[must_use]
    pub fn frame(self, _correlation_id: CorrelationId) -> Vec<u8> {
        Vec::new()
    }

    /// True when the session ends once this answer is delivered.
    #[must_use]
    pub fn closes(self) -> bool {
        matches!(self, Self::SaslHandshakeV0Refused)
    }
}

/// Why a request closes its session.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Only ApiVersions and SASL may pass before authentication.
    #[error("request before authentication")]
    BeforeAuthentication,
    /// An API between brokers or controllers.
    #[error("inter-broker request")]
    InterBroker,
    /// One of the address-carrying APIs in a version whose answer is unknown to us.
    #[error("version of an address-carrying API above the known ones")]
    VersionTooNew,
    /// A key or version outside the reviewed table while these are clamped.
    #[error("key or version outside the reviewed table")]
    Unreviewed,
    /// Negative key or version.
    #[error("not a Kafka request")]
    NotKafka,
}

/// What is to become of a request, by its prefix alone.
#[must_use]
pub fn classify(_prefix: &RequestPrefix, _permissions: Permissions) -> RequestFate {
    RequestFate::Refuse(Refusal::NotKafka)
}
