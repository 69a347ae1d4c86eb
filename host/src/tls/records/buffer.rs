//! Encrypted bytes of one direction: few of their own during a handshake, a window of a pool after it.
//!
//! It must not know TLS beyond the size of its messages.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use crate::pool::{BUFFER_LEN, Window};

/// Bytes of one read during a handshake: it owes nobody a buffer.
pub(in crate::tls) const STEP: usize = 4096;

/// Bytes held and not yet dealt with.
pub trait Buffer {
    /// All of them.
    fn bytes(&self) -> &[u8];

    /// The same, to be decrypted where they are.
    fn bytes_mut(&mut self) -> &mut [u8];

    /// Marks `n` of them as dealt with.
    fn consume(&mut self, n: usize);

    /// Reads behind them; 0 = end of stream. Cancel safe.
    ///
    /// # Errors
    /// `InvalidData` when full: rustls has wanted more of a message that has no end.
    fn poll_fill<R: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
    ) -> Poll<io::Result<usize>>;

    /// Lets `write` put bytes behind them; it says how many. Where there is less than `room`, it gets that.
    ///
    /// # Errors
    /// Those of `write`.
    fn append<E>(
        &mut self,
        room: usize,
        write: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<(), E>;
}

/// Holds what it has to and no more, up to `BUFFER_LEN` by reading.
#[derive(Debug, Default)]
pub struct Own(pub(super) Vec<u8>);

impl Buffer for Own {
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    fn consume(&mut self, n: usize) {
        if n < self.0.len() {
            self.0.drain(..n);
        } else {
            self.0 = Vec::new();
        }
    }

    fn poll_fill<R: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
    ) -> Poll<io::Result<usize>> {
        let most = STEP.min(BUFFER_LEN.saturating_sub(self.0.len()));
        if most == 0 {
            return Poll::Ready(Err(endless()));
        }
        let mut piece = [0; STEP];
        let mut space = ReadBuf::new(piece.get_mut(..most).unwrap_or_default());
        ready!(Pin::new(from).poll_read(cx, &mut space))?;
        self.0.extend_from_slice(space.filled());
        Poll::Ready(Ok(space.filled().len()))
    }

    fn append<E>(
        &mut self,
        room: usize,
        write: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        let held = self.0.len();
        self.0.resize(held + room, 0);
        let written = write(self.0.get_mut(held..).unwrap_or_default());
        self.0.truncate(held + written.as_ref().map_or(0, |n| *n));
        written.map(drop)
    }
}

impl Buffer for Window {
    fn bytes(&self) -> &[u8] {
        Self::bytes(self)
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        Self::bytes_mut(self)
    }

    fn consume(&mut self, n: usize) {
        Self::consume(self, n);
    }

    fn poll_fill<R: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
    ) -> Poll<io::Result<usize>> {
        if self.is_full() {
            return Poll::Ready(Err(endless()));
        }
        Self::poll_fill(self, cx, from)
    }

    fn append<E>(
        &mut self,
        _room: usize,
        write: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        let written = write(self.space());
        self.filled(written.as_ref().map_or(0, |n| *n));
        written.map(drop)
    }
}

fn endless() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "TLS message over 64 KiB")
}
