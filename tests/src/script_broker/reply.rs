//! What a script may answer, with help for what every session begins with.
//!
//! Owns the making of answers. It must not know connections.

use std::sync::Arc;

use anyhow::Result;
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::MetadataResponseBroker;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, BrokerId, MetadataResponse, ResponseHeader,
    SaslAuthenticateResponse, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};
use tokio::sync::Notify;

use super::Received;

/// What to do about a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Send one frame with this payload, header included.
    Frame(Bytes),
    /// Send these bytes as they are: frames cut short, lengths that lie.
    Raw(Bytes),
    /// Do all of these, in order.
    Each(Vec<Self>),
    /// Wait until the test says so.
    Await(Arc<Notify>),
    /// Say nothing.
    Silence,
    /// Close.
    Close,
    /// Reset the connection, as a peer that has crashed does.
    Reset,
}

impl Reply {
    /// The right answer to `request`: header and `message`.
    ///
    /// # Errors
    ///
    /// When `message` has no such version.
    pub fn to<M: Encodable + HeaderVersion>(request: &Received, message: &M) -> Result<Self> {
        Self::in_version(request.api_version, request, message)
    }

    /// Bytes that take the place of a body.
    #[must_use]
    pub fn bytes(request: &Received, body: &[u8]) -> Self {
        Self::Frame(Bytes::from(
            [&request.correlation_id.to_be_bytes(), body].concat(),
        ))
    }

    /// What a broker of Kafka 4.1 says that takes every password: ApiVersions, SaslHandshake and
    /// SaslAuthenticate; anything else meets silence.
    ///
    /// # Panics
    ///
    /// When the request's version does not exist.
    #[must_use]
    pub fn usual(request: &Received) -> Self {
        match ApiKey::try_from(request.api_key) {
            Ok(ApiKey::ApiVersions) => {
                // The layout has not changed since v3.
                let version = request.api_version.min(4);
                Self::in_version(version, request, &ranges())
            }
            Ok(ApiKey::SaslHandshake) => {
                let plain = vec![StrBytes::from_static_str("PLAIN")];
                Self::to(
                    request,
                    &SaslHandshakeResponse::default().with_mechanisms(plain),
                )
            }
            Ok(ApiKey::SaslAuthenticate) => Self::to(request, &SaslAuthenticateResponse::default()),
            _ => Ok(Self::Silence),
        }
        .unwrap()
    }

    /// A Metadata answer (version 2 and up) without topics: id, host and port of each broker.
    ///
    /// # Panics
    ///
    /// When the request's version does not exist.
    #[must_use]
    pub fn metadata(request: &Received, cluster: &str, brokers: &[(i32, String, i32)]) -> Self {
        let broker = |(id, host, port): &(i32, String, i32)| {
            MetadataResponseBroker::default()
                .with_node_id(BrokerId(*id))
                .with_host(StrBytes::from_string(host.clone()))
                .with_port(*port)
        };
        let response = MetadataResponse::default()
            .with_cluster_id(Some(StrBytes::from_string(cluster.to_owned())))
            .with_brokers(brokers.iter().map(broker).collect());
        Self::to(request, &response).unwrap()
    }

    fn in_version<M: Encodable + HeaderVersion>(
        version: i16,
        request: &Received,
        message: &M,
    ) -> Result<Self> {
        let mut payload = BytesMut::new();
        ResponseHeader::default()
            .with_correlation_id(request.correlation_id)
            .encode(&mut payload, M::header_version(version))?;
        message.encode(&mut payload, version)?;
        Ok(Self::Frame(payload.freeze()))
    }
}

fn ranges() -> ApiVersionsResponse {
    let range = |key: ApiKey| {
        let versions = key.valid_versions();
        ApiVersion::default()
            .with_api_key(key as i16)
            .with_min_version(versions.min)
            .with_max_version(versions.max)
    };
    ApiVersionsResponse::default().with_api_keys(ApiKey::iter().map(range).collect())
}
