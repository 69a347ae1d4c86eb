//! The table of keys and versions (`protocol.md` §2.3, §3.1) and the clamping of ApiVersions answers.

use super::{ApiVersion, FrameError};

/// How the ranges of an ApiVersions answer are cut.
#[derive(Clone, Copy, Debug)]
pub struct ClampPolicy {
    /// Advertise Fetch up to 18 instead of 15.
    pub fetch_leader_hints: bool,
    /// Also cap other known keys at the reviewed version and remove unknown ones.
    pub clamp_unreviewed: bool,
}

/// Clamps one whole ApiVersions response payload (from the correlation id on), in place where
/// nothing is removed. Order, tags, throttle time and features stay bit for bit.
///
/// # Errors
/// When the payload does not have the layout of `api_version` (or of v0 with error 35).
pub fn clamp_api_versions(
    _api_version: ApiVersion,
    _payload: &mut Vec<u8>,
    _policy: ClampPolicy,
) -> Result<(), FrameError> {
    Ok(())
}

/// Error code of a SaslAuthenticate response payload (from the correlation id on), any version.
///
/// # Errors
/// When the payload is too short.
pub fn sasl_authenticate_error(
    _api_version: ApiVersion,
    _payload: &[u8],
) -> Result<i16, FrameError> {
    Ok(0)
}
