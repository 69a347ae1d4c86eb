//! Finds `acks` in a Produce request while its bytes pass (`protocol.md` §4.2).

use super::{ApiVersion, FrameError};

/// Reads `acks` of one Produce request, fed with its payload bytes from offset 8 on (the client id's
/// length), in pieces of any size. Holds a few counters, never the bytes.
#[derive(Debug)]
pub struct AcksScanner {
    _todo: (),
}

impl AcksScanner {
    /// For a request of `payload_len` payload bytes (the frame's size field).
    #[must_use]
    pub fn new(_api_version: ApiVersion, _payload_len: usize) -> Self {
        Self { _todo: () }
    }

    /// Takes the next bytes; `Some(acks)` once known (further calls are not needed).
    ///
    /// # Errors
    /// When the fields before `acks` reach beyond the frame.
    pub fn feed(&mut self, _bytes: &[u8]) -> Result<Option<i16>, FrameError> {
        Ok(None)
    }
}
