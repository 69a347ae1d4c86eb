//! Node endpoints at the tail of Produce, Fetch, ShareFetch and ShareAcknowledge answers: finding
//! them while the bytes pass, and making them harmless without changing the length (§4.5, §4.6).

use super::in_flight::ResponseKind;
use super::{ApiVersion, FrameError};

/// Walks one response payload (from the correlation id on), fed in pieces of any size, and says where
/// its tail begins: at the top-level tagged section (Produce, Fetch) or at the node endpoints'
/// count (ShareFetch, ShareAcknowledge). Constant memory, whatever the size of the answer.
#[derive(Debug)]
pub struct TailScanner {
    _todo: (),
}

/// What a scanner knows after a piece.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scanned {
    /// The whole piece lies before the tail and may be forwarded.
    Before,
    /// The tail begins at this offset in the piece just fed; the rest of the payload is the tail.
    TailAt(usize),
}

impl TailScanner {
    /// For a payload of `payload_len` bytes.
    #[must_use]
    pub fn new(_kind: ResponseKind, _api_version: ApiVersion, _payload_len: usize) -> Self {
        Self { _todo: () }
    }

    /// Takes the next piece of the payload.
    ///
    /// # Errors
    /// When a count or length reaches beyond the payload, or no tail can follow.
    pub fn feed(&mut self, _piece: &[u8]) -> Result<Scanned, FrameError> {
        Ok(Scanned::Before)
    }
}

/// Makes the node endpoints of a complete tail harmless without changing its length: an unknown
/// tagged field of zeros takes their place. Returns true when there was something to hide.
///
/// # Errors
/// When the tail does not have the layout of this kind and version.
pub fn neutralise(
    _kind: ResponseKind,
    _api_version: ApiVersion,
    _tail: &mut [u8],
) -> Result<bool, FrameError> {
    Ok(false)
}
