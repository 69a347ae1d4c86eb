//! A request's first 12 bytes, and what is to become of the request.
//!
//! These bytes have one layout in every header version, so no schema is needed to decide. It must
//! not know the session; what that allows arrives as `Permissions`.

use super::in_flight::ResponseKind;
use super::versions::table;
use super::{ApiKey, ApiVersion, CorrelationId, FrameError};

/// Bytes of size, api key, api version and correlation id.
pub const PREFIX_LEN: usize = 12;

/// The fewest payload bytes of a request: api key, api version and correlation id.
const LEAST_PAYLOAD: u32 = 8;

/// The highest ApiVersions version whose answer we can read.
const API_VERSIONS_MOST: ApiVersion = ApiVersion(5);

/// Error code UNSUPPORTED_VERSION.
const UNSUPPORTED_VERSION: i16 = 35;

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
    pub fn read(bytes: &[u8; PREFIX_LEN], most: usize) -> Result<Self, FrameError> {
        let [s0, s1, s2, s3, k0, k1, v0, v1, c0, c1, c2, c3] = *bytes;
        let size = i32::from_be_bytes([s0, s1, s2, s3]);
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        let payload_len = u32::try_from(size)
            .ok()
            .filter(|size| (LEAST_PAYLOAD..=most).contains(size))
            .and_then(|size| usize::try_from(size).ok())
            .ok_or(FrameError::Size {
                size,
                least: LEAST_PAYLOAD,
                most,
            })?;
        Ok(Self {
            payload_len,
            api_key: ApiKey(i16::from_be_bytes([k0, k1])),
            api_version: ApiVersion(i16::from_be_bytes([v0, v1])),
            correlation_id: CorrelationId(i32::from_be_bytes([c0, c1, c2, c3])),
        })
    }
}

/// What the session allows when a request arrives.
#[derive(Clone, Copy, Debug)]
pub struct Permissions {
    /// A SaslAuthenticate answer without error has passed.
    pub authenticated: bool,
    /// Connected to a bootstrap broker on behalf of one not known yet.
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
    pub fn frame(self, correlation_id: CorrelationId) -> Vec<u8> {
        // Counts are int32 and there are no tags: both layouts are v0, header included.
        let mut rest = UNSUPPORTED_VERSION.to_be_bytes().to_vec();
        match self {
            Self::ApiVersionsUnsupported => {
                rest.extend_from_slice(&1_i32.to_be_bytes());
                rest.extend_from_slice(&table::API_VERSIONS.0.to_be_bytes());
                rest.extend_from_slice(&0_i16.to_be_bytes());
                rest.extend_from_slice(&API_VERSIONS_MOST.0.to_be_bytes());
            }
            Self::SaslHandshakeV0Refused => rest.extend_from_slice(&0_i32.to_be_bytes()),
        }
        let size = i32::try_from(rest.len() + 4).unwrap_or(i32::MAX);
        let mut frame = size.to_be_bytes().to_vec();
        frame.extend_from_slice(&correlation_id.0.to_be_bytes());
        frame.append(&mut rest);
        frame
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
    /// One of the address-carrying APIs in a version whose answer is unknown to us: above those
    /// reviewed, or the share APIs' early access version 0.
    #[error("version of an address-carrying API whose answer is not known")]
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
pub fn classify(prefix: &RequestPrefix, permissions: Permissions) -> RequestFate {
    let (key, version) = (prefix.api_key, prefix.api_version);
    if key.0 < 0 || version.0 < 0 {
        return RequestFate::Refuse(Refusal::NotKafka);
    }
    if !permissions.authenticated && !first_request_is_plausible(prefix) {
        return RequestFate::Refuse(Refusal::BeforeAuthentication);
    }
    if key == table::API_VERSIONS && version > API_VERSIONS_MOST {
        return RequestFate::AnswerLocally(LocalAnswer::ApiVersionsUnsupported);
    }
    // What follows a v0 handshake are bare tokens without correlation ids, whose frames the client
    // chooses: the way into reading its bytes as an answer of the broker.
    if key == table::SASL_HANDSHAKE && version.0 == 0 {
        return RequestFate::AnswerLocally(LocalAnswer::SaslHandshakeV0Refused);
    }
    if let Some(refusal) = refusal(prefix, permissions) {
        return RequestFate::Refuse(refusal);
    }
    if permissions.provisional && !any_broker_answers_alike(key) {
        return RequestFate::EndProvisional;
    }
    let kind = response_kind(key, version);
    if key == table::PRODUCE {
        return RequestFate::ForwardProduce(kind);
    }
    RequestFate::Forward(kind)
}

/// True when a request may come first on a SASL listener: ApiVersions, SaslHandshake or
/// SaslAuthenticate. Anything else there is a wrong protocol, or a client without SASL.
#[must_use]
pub fn first_request_is_plausible(prefix: &RequestPrefix) -> bool {
    before_authentication(prefix.api_key) && prefix.api_version.0 >= 0
}

/// True for what a broker answers to whoever is not authenticated: ApiVersions, SaslHandshake and
/// SaslAuthenticate.
#[must_use]
pub fn before_authentication(api_key: ApiKey) -> bool {
    matches!(
        api_key,
        table::API_VERSIONS | table::SASL_HANDSHAKE | table::SASL_AUTHENTICATE
    )
}

/// True when the key, or its version, lies beyond what has been reviewed for broker addresses.
#[must_use]
pub fn unreviewed(prefix: &RequestPrefix) -> bool {
    table::reviewed(prefix.api_key).is_none_or(|reviewed| prefix.api_version > reviewed)
}

fn refusal(prefix: &RequestPrefix, permissions: Permissions) -> Option<Refusal> {
    let key = prefix.api_key;
    if table::inter_broker(key) {
        return Some(Refusal::InterBroker);
    }
    // Clients may ignore the clamped ranges; the clamp is never the only protection.
    let known = !unreviewed(prefix) && prefix.api_version >= table::least_known(key);
    if table::carries_addresses(key) && !known {
        return Some(Refusal::VersionTooNew);
    }
    (permissions.clamp_unreviewed && unreviewed(prefix)).then_some(Refusal::Unreviewed)
}

/// What default producers, consumers and admins send on a bootstrap connection, and what does not
/// depend on the broker that answers.
fn any_broker_answers_alike(key: ApiKey) -> bool {
    matches!(
        key,
        table::API_VERSIONS
            | table::SASL_HANDSHAKE
            | table::SASL_AUTHENTICATE
            | table::METADATA
            | table::DESCRIBE_CLUSTER
            | table::FIND_COORDINATOR
            | table::INIT_PRODUCER_ID
            | table::GET_TELEMETRY_SUBSCRIPTIONS
            | table::PUSH_TELEMETRY
            | table::DESCRIBE_TOPIC_PARTITIONS
    )
}

fn response_kind(key: ApiKey, version: ApiVersion) -> ResponseKind {
    match (key, version.0) {
        (table::PRODUCE, 10..) => ResponseKind::Produce,
        (table::FETCH, 16..) => ResponseKind::Fetch,
        (table::METADATA, _) => ResponseKind::Metadata,
        (table::FIND_COORDINATOR, _) => ResponseKind::FindCoordinator,
        (table::API_VERSIONS, _) => ResponseKind::ApiVersions,
        (table::SASL_AUTHENTICATE, _) => ResponseKind::SaslAuthenticate,
        (table::DESCRIBE_CLUSTER, _) => ResponseKind::DescribeCluster,
        (table::SHARE_FETCH, _) => ResponseKind::ShareFetch,
        (table::SHARE_ACKNOWLEDGE, _) => ResponseKind::ShareAcknowledge,
        _ => ResponseKind::Opaque,
    }
}

#[cfg(test)]
mod tests;
