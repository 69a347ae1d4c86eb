//! Node endpoints at the tail of Produce, Fetch, ShareFetch and ShareAcknowledge answers: finding
//! them while the bytes pass, and making them harmless without changing the length.
//!
//! Only the place of the tail is found here; `answer` rewrites a tail whose frame is still in
//! memory. The size of a large frame went out long before its tail arrives, so there the length
//! must not change: `neutralise`. Records are stepped over by their length, never looked at.

mod endpoints;
mod layouts;
mod neutralise;

use super::in_flight::ResponseKind;
use super::walk::Walk;
use super::{ApiVersion, FrameError};

pub(super) use endpoints::find;
pub use neutralise::neutralise;

/// Walks one response payload (from the correlation id on), fed in pieces of any size, and says where
/// its tail begins: at the top-level tagged section (Produce, Fetch) or at the node endpoints'
/// count (ShareFetch, ShareAcknowledge). Constant memory, whatever the size of the answer.
#[derive(Debug)]
pub struct TailScanner {
    /// `None` for a kind or version that has no tail.
    walk: Option<Walk>,
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
    pub fn new(kind: ResponseKind, api_version: ApiVersion, payload_len: usize) -> Self {
        let before_tail = layouts::before_tail(kind, api_version);
        Self {
            walk: before_tail.map(|steps| Walk::new(steps, payload_len)),
        }
    }

    /// Takes the next piece of the payload. The tail may begin right behind a piece; its offset then
    /// is the piece's length.
    ///
    /// # Errors
    /// When a count or length reaches beyond the payload, or no tail can follow.
    pub fn feed(&mut self, piece: &[u8]) -> Result<Scanned, FrameError> {
        let walk = self.walk.as_mut().ok_or(FrameError::Invalid {
            what: "kind or version of an answer with a tail",
        })?;
        match walk.feed(piece)? {
            None => Ok(Scanned::Before),
            Some(_) if walk.left() == 0 => Err(FrameError::Beyond { what: "tail" }),
            Some(at) => Ok(Scanned::TailAt(at)),
        }
    }
}

#[cfg(test)]
mod tests;
