//! Finds `acks` in a Produce request while its bytes pass.
//!
//! Only `acks` says whether a response is due, and what stands before it has no fixed length: the
//! client id, the header's tags and the transactional id may each be large and cut anywhere.

use super::walk::{Step, Walk};
use super::{ApiVersion, FrameError};

/// Offset in the payload at which the scanner is fed: the client id's length.
const FED_FROM: usize = 8;

/// Client id; no transactional id yet.
const V0_TO_2: &[Step] = &[Step::Str16];
/// Client id, transactional id.
const V3_TO_8: &[Step] = &[Step::Str16, Step::Str16];
/// Client id (never compact), the header's tags, transactional id.
const FLEXIBLE: &[Step] = &[Step::Str16, Step::Tags, Step::Compact];

/// Reads `acks` of one Produce request, fed with its payload bytes from offset 8 on (the client id's
/// length), in pieces of any size. Holds a few counters, never the bytes.
#[derive(Debug)]
pub struct AcksScanner {
    /// Over what stands before `acks`.
    walk: Walk,
    found: Found,
}

#[derive(Clone, Copy, Debug)]
enum Found {
    Nothing,
    HighByte(u8),
    Acks(i16),
}

impl AcksScanner {
    /// For a request of `payload_len` payload bytes (the frame's size field).
    #[must_use]
    pub fn new(api_version: ApiVersion, payload_len: usize) -> Self {
        let steps = match api_version.0 {
            ..=2 => V0_TO_2,
            3..=8 => V3_TO_8,
            9.. => FLEXIBLE,
        };
        Self {
            walk: Walk::new(steps, payload_len.saturating_sub(FED_FROM)),
            found: Found::Nothing,
        }
    }

    /// Takes the next bytes; `Some(acks)` once known (further calls are not needed).
    ///
    /// # Errors
    /// When the fields before `acks` reach beyond the frame.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<i16>, FrameError> {
        if let Found::Acks(acks) = self.found {
            return Ok(Some(acks));
        }
        let Some(at) = self.walk.feed(bytes)? else {
            return Ok(None);
        };
        if self.walk.left() < 2 {
            return Err(FrameError::Beyond { what: "acks" });
        }
        for &byte in bytes.iter().skip(at) {
            match self.found {
                Found::Nothing => self.found = Found::HighByte(byte),
                Found::HighByte(high) => {
                    let acks = i16::from_be_bytes([high, byte]);
                    self.found = Found::Acks(acks);
                    return Ok(Some(acks));
                }
                Found::Acks(acks) => return Ok(Some(acks)),
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
