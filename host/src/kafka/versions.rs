//! The table of keys and versions, and the clamping of ApiVersions answers.
//!
//! Only the APIs whose answers carry broker addresses are clamped by default; a newer version of
//! those has a layout that cannot be rewritten. It must not know what a session allows (`request`).

pub(super) mod table;

use std::ops::Range;

use super::cursor::{Cursor, Encoding, Halt};
use super::write::put_count;
use super::{ApiKey, ApiVersion, FrameError};

/// UNSUPPORTED_VERSION: the answer has the layout of v0, whatever version was asked for.
const UNSUPPORTED_VERSION: i16 = 35;

/// Fetch from v16 on carries node endpoints at the tail; up to here answers pass untouched.
const FETCH_WITHOUT_HINTS: ApiVersion = ApiVersion(15);

/// How the ranges of an ApiVersions answer are cut.
#[derive(Clone, Copy, Debug)]
pub struct ClampPolicy {
    /// Advertise Fetch up to 18 instead of 15.
    pub fetch_leader_hints: bool,
    /// Also cap other known keys at the reviewed version and remove unknown ones.
    pub clamp_unreviewed: bool,
}

/// The ranges of an answer, and where they stand.
#[derive(Debug)]
struct Advertised {
    encoding: Encoding,
    /// From the count to the end of the last entry.
    list: Range<usize>,
    entries: Vec<Entry>,
}

/// One {key, min, max}, with tags where it is flexible.
#[derive(Debug)]
struct Entry {
    whole: Range<usize>,
    key: ApiKey,
    min: ApiVersion,
    max: ApiVersion,
}

impl Entry {
    /// Bytes of key and min, which stand before max.
    const BEFORE_MAX: usize = 4;
}

/// Clamps one whole ApiVersions response payload (from the correlation id on), in place where
/// nothing is removed. Order, tags, throttle time and features stay bit for bit.
///
/// # Errors
/// When the payload does not have the layout of `api_version` (or of v0 with error 35).
pub fn clamp_api_versions(
    api_version: ApiVersion,
    payload: &mut Vec<u8>,
    policy: ClampPolicy,
) -> Result<(), FrameError> {
    let advertised = read_advertised(api_version, payload).map_err(Halt::into_error)?;
    let listed = advertised.entries.len();
    let mut kept = Vec::new();
    for entry in advertised.entries {
        let Some(max) = clamped_max(&entry, policy) else {
            continue;
        };
        let at = entry.whole.start + Entry::BEFORE_MAX;
        if let Some(bytes) = payload.get_mut(at..at + 2) {
            bytes.copy_from_slice(&max.0.to_be_bytes());
        }
        kept.push(entry.whole);
    }
    if kept.len() == listed {
        return Ok(());
    }
    let mut list = Vec::new();
    put_count(&mut list, advertised.encoding, kept.len())?;
    for whole in kept {
        list.extend_from_slice(payload.get(whole).unwrap_or_default());
    }
    drop(payload.splice(advertised.list, list));
    Ok(())
}

fn read_advertised(api_version: ApiVersion, payload: &[u8]) -> Result<Advertised, Halt> {
    let mut cursor = Cursor::new(payload, payload.len());
    // The header stays v0 in every version: the client cannot know yet what the broker speaks.
    cursor.skip(4, "correlation id")?;
    let layout = match cursor.i16("error code")? {
        UNSUPPORTED_VERSION => 0,
        _ => api_version.0,
    };
    let encoding = match layout {
        ..3 => Encoding::Classic,
        3.. => Encoding::Compact,
    };
    let start = cursor.at();
    let mut entries = Vec::new();
    for _ in 0..cursor.count(encoding, 6, "api keys")? {
        entries.push(read_entry(&mut cursor, encoding)?);
    }
    let list = start..cursor.at();
    if layout >= 1 {
        cursor.skip(4, "throttle time")?;
    }
    if encoding == Encoding::Compact {
        cursor.tags()?;
    }
    cursor.finish()?;
    Ok(Advertised {
        encoding,
        list,
        entries,
    })
}

fn read_entry(cursor: &mut Cursor<'_>, encoding: Encoding) -> Result<Entry, Halt> {
    let start = cursor.at();
    let key = ApiKey(cursor.i16("api key")?);
    let min = ApiVersion(cursor.i16("min version")?);
    let max = ApiVersion(cursor.i16("max version")?);
    if encoding == Encoding::Compact {
        cursor.tags()?;
    }
    Ok(Entry {
        whole: start..cursor.at(),
        key,
        min,
        max,
    })
}

/// The max to advertise, or `None` when no version is left. The min is never changed: brokers
/// advertise Produce from 0 for the sake of old librdkafka (KAFKA-18659).
fn clamped_max(entry: &Entry, policy: ClampPolicy) -> Option<ApiVersion> {
    let max = match table::reviewed(entry.key) {
        Some(reviewed) if entry.key == table::FETCH => {
            // A broker that starts beyond 15 would otherwise be left without any Fetch.
            if policy.fetch_leader_hints || entry.min > FETCH_WITHOUT_HINTS {
                entry.max.min(reviewed)
            } else {
                entry.max.min(FETCH_WITHOUT_HINTS)
            }
        }
        Some(reviewed) if policy.clamp_unreviewed || table::carries_addresses(entry.key) => {
            entry.max.min(reviewed)
        }
        None if policy.clamp_unreviewed => return None,
        Some(_) | None => return Some(entry.max),
    };
    (max >= entry.min && max >= table::least_known(entry.key)).then_some(max)
}

/// Error code of a SaslAuthenticate response payload (from the correlation id on), any version.
///
/// # Errors
/// When the payload is too short.
pub fn sasl_authenticate_error(api_version: ApiVersion, payload: &[u8]) -> Result<i16, FrameError> {
    let read = || {
        let mut cursor = Cursor::new(payload, payload.len());
        cursor.skip(4, "correlation id")?;
        if api_version.0 >= 2 {
            cursor.tags()?;
        }
        cursor.i16("error code")
    };
    read().map_err(Halt::into_error)
}

#[cfg(test)]
mod tests;
