//! What a usage report says, field by field. Pure.
//!
//! Nothing in it is free text: every string is a constant of the build, a random id, a hash, or the
//! licence's id. A new field belongs into `FIELDS`, too, which the documentation is made from.

mod fields;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

pub use self::fields::{FIELDS, Field, Holds, reference, schema};
use super::facts::Facts;
use super::ledger::{Bytes, Counted};
use crate::licence::UnixTime;

/// The version of these fields.
pub const SCHEMA: u32 = 1;

/// The `typ` of a signed report.
pub const TYPE: &str = "throughway-usage+jwt";

/// One report.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// `SCHEMA`.
    pub schema: u32,
    /// UUID, version 7.
    pub report_id: String,
    /// 0, 1, 2 … without gaps.
    pub seq: u64,
    /// Of the signed report before this one, in hexadecimal; none before the first.
    pub prev_sha256: Option<String>,
    /// Random, made at the first start.
    pub install_id: String,
    /// The public key that verifies this report, base64url.
    pub install_key: String,
    /// The licence's own id; none while there is no licence.
    pub license_jti: Option<String>,
    /// Of the product.
    pub version: String,
    /// It was built from.
    pub commit: String,
    /// It was built for.
    pub target: String,
    /// Kind of operating system.
    pub os_family: String,
    /// How it was installed.
    pub deployment: Deployment,
    /// What the numbers are of.
    pub window: Window,
    /// Seconds of that in which the proxy ran, by a clock that cannot be set.
    pub uptime_s: u64,
    /// Numbers of things, coarse.
    pub counts: Counts,
    /// Relayed, two significant digits; what that leaves out is in the next report.
    pub bytes: Bytes,
    /// What is in use.
    pub features: Features,
    /// Numbers of failures, coarse.
    pub errors: Errors,
}

/// From the end of the report before on.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Seconds since 1970.
    pub start: UnixTime,
    /// Never before `start`.
    pub end: UnixTime,
}

/// How it was installed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Deployment {
    /// The vendor's machine image.
    Ami,
    /// The Debian package.
    Deb,
    /// A container.
    Container,
    /// A development build.
    Dev,
    /// Anything else.
    Other,
}

/// Numbers of things.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Upstream clusters, in buckets.
    pub clusters: String,
    /// Brokers known, in buckets.
    pub brokers: String,
    /// Listeners, in buckets.
    pub listeners: String,
    /// The most client connections at once, as the next power of two.
    pub peak_connections: u64,
    /// Client connections, as the next power of two.
    pub connections_opened: u64,
}

/// What is in use.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of the report"
)]
pub struct Features {
    /// A listener speaks TLS.
    pub downstream_tls: bool,
    /// A listener asks for client certificates.
    pub client_certificates: bool,
    /// Brokers are spoken to over TLS.
    pub upstream_tls: bool,
    /// With a certificate of the proxy's own.
    pub upstream_certificate: bool,
    /// A listener routes by port.
    pub port_routing: bool,
    /// A listener routes by server name.
    pub sni_routing: bool,
    /// A listener takes PROXY headers.
    pub proxy_protocol: bool,
    /// The address map is not the built-in one.
    pub custom_address_map: bool,
    /// Zones are configured.
    pub zones: bool,
    /// Sessions are logged one by one.
    pub access_log: bool,
    /// The licence comes through an agent.
    pub license_agent: bool,
}

/// Numbers of failures, as the next power of two.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Errors {
    /// Brokers that could not be connected to.
    pub upstream_connect: u64,
    /// TLS handshakes with clients that failed.
    pub tls_handshake: u64,
    /// Times that the licence's source began to have nothing to use.
    pub license_refresh: u64,
}

/// What a report is made of, beside what was counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) seq: u64,
    pub(super) prev_sha256: Option<&'a str>,
    pub(super) install_id: &'a str,
    pub(super) install_key: &'a str,
    pub(super) report_id: &'a str,
    pub(super) window: Window,
}

impl Report {
    /// Rounds what was counted, `bytes` being all that no report has yet.
    pub(super) fn new(place: Place<'_>, facts: &Facts, counted: &Counted, bytes: Bytes) -> Self {
        Self {
            schema: SCHEMA,
            report_id: place.report_id.to_owned(),
            seq: place.seq,
            prev_sha256: place.prev_sha256.map(str::to_owned),
            install_id: place.install_id.to_owned(),
            install_key: place.install_key.to_owned(),
            license_jti: facts.license_jti.clone(),
            version: facts.version.clone(),
            commit: facts.commit.clone(),
            target: facts.target.clone(),
            os_family: facts.os_family.clone(),
            deployment: facts.deployment,
            window: place.window,
            uptime_s: counted.up_ms / 1000,
            counts: Counts {
                clusters: bucket(facts.clusters),
                brokers: bucket(counted.brokers),
                listeners: bucket(facts.listeners),
                peak_connections: power_of_two(counted.peak_connections),
                connections_opened: power_of_two(counted.connections_opened),
            },
            bytes: Bytes {
                incoming: two_digits(bytes.incoming),
                outgoing: two_digits(bytes.outgoing),
            },
            features: facts.features,
            errors: Errors {
                upstream_connect: power_of_two(counted.errors.upstream_connect),
                tls_handshake: power_of_two(counted.errors.tls_handshake),
                license_refresh: power_of_two(counted.errors.license_refresh),
            },
        }
    }
}

/// One of six.
fn bucket(number: u64) -> String {
    let name = match number {
        0 => "0",
        1 => "1",
        2..=3 => "2-3",
        4..=10 => "4-10",
        11..=50 => "11-50",
        51.. => "51+",
    };
    name.to_owned()
}

/// 0, or the power of two that is not below.
fn power_of_two(number: u64) -> u64 {
    match number {
        0 => 0,
        _ => number.checked_next_power_of_two().unwrap_or(1 << 63),
    }
}

/// The largest number of two significant digits that is not above: never more than was relayed.
fn two_digits(number: u64) -> u64 {
    let mut scale: u64 = 1;
    while number / scale >= 100 {
        scale = scale.saturating_mul(10);
    }
    number / scale * scale
}

/// What a signed report says, as the very text that was signed. Not verified.
pub(super) fn text_of(token: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    String::from_utf8(Base64UrlUnpadded::decode_vec(payload).ok()?).ok()
}

#[cfg(test)]
mod tests;
