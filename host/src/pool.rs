//! Read buffers of one worker, held only while data flows.
//!
//! An idle session holds no buffer: one is taken when its socket turns readable and given back as soon
//! as everything read has been written. It must not know frames, or TLS.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

/// Bytes of a window: four TLS records, one socket read (`data-path.md` §6).
pub(crate) const BUFFER_LEN: usize = 64 * 1024;

/// Bytes of one buffer: a window's, encrypted. Each of four records and a key update has at most 29
/// bytes around it (TLS 1.2's AES-GCM: header 5, nonce 8, tag 16).
pub(crate) const SEALED_LEN: usize = BUFFER_LEN + 256;

/// Free buffers a worker keeps for reuse; more are given back to the allocator.
const MOST_FREE: usize = 32;

/// The free list of one worker thread.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    free: Rc<RefCell<Vec<Box<[u8]>>>>,
}

impl Pool {
    fn take(&self) -> Box<[u8]> {
        let free = self.free.borrow_mut().pop();
        free.unwrap_or_else(|| vec![0; SEALED_LEN].into_boxed_slice())
    }

    fn give(&self, buffer: Box<[u8]>) {
        let mut free = self.free.borrow_mut();
        if free.len() < MOST_FREE {
            free.push(buffer);
        }
    }
}

/// Bytes held and not yet dealt with. Invariant: `start <= end <= most`; without a buffer both are 0.
#[derive(Debug)]
pub struct Window {
    pool: Pool,
    most: usize,
    buffer: Option<Box<[u8]>>,
    start: usize,
    end: usize,
    /// What reading ended with right behind the bytes held; told once those have been.
    failed: Option<io::Error>,
}

impl Window {
    /// For plaintext. Holds no buffer yet.
    pub(crate) fn new(pool: Pool) -> Self {
        Self::of(BUFFER_LEN, pool)
    }

    /// For what a window of plaintext becomes when encrypted. Holds no buffer yet.
    pub(crate) fn sealed(pool: Pool) -> Self {
        Self::of(SEALED_LEN, pool)
    }

    fn of(most: usize, pool: Pool) -> Self {
        Self {
            pool,
            most,
            buffer: None,
            start: 0,
            end: 0,
            failed: None,
        }
    }

    /// This, and bytes that were read before; as many of them as there is room for.
    pub(crate) fn with(mut self, bytes: &[u8]) -> Self {
        let space = self.space();
        let held = bytes.len().min(space.len());
        if let (Some(to), Some(from)) = (space.get_mut(..held), bytes.get(..held)) {
            to.copy_from_slice(from);
        }
        self.filled(held);
        self
    }

    /// Where more bytes go, behind those held. To be followed by [`Self::filled`].
    pub(crate) fn space(&mut self) -> &mut [u8] {
        self.move_to_front();
        let buffer = self.buffer.get_or_insert_with(|| self.pool.take());
        buffer.get_mut(self.end..self.most).unwrap_or_default()
    }

    /// The first `n` bytes of the space are held from now on. Gives the buffer back when none is.
    pub(crate) fn filled(&mut self, n: usize) {
        self.end = self.most.min(self.end.saturating_add(n));
        self.consume(0);
    }

    /// The bytes not yet dealt with.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer
            .as_deref()
            .and_then(|buffer| buffer.get(self.start..self.end))
            .unwrap_or(&[])
    }

    /// The same, to be decrypted where they are.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.buffer
            .as_deref_mut()
            .and_then(|buffer| buffer.get_mut(self.start..self.end))
            .unwrap_or_default()
    }

    /// True when there is no room for one more.
    pub(crate) fn is_full(&self) -> bool {
        self.len() == self.most
    }

    /// How many they are.
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Marks `n` bytes as dealt with; gives the buffer back when none is left.
    pub(crate) fn consume(&mut self, n: usize) {
        self.start = self.end.min(self.start.saturating_add(n));
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            if let Some(buffer) = self.buffer.take() {
                self.pool.give(buffer);
            }
        }
    }

    /// Reads what is there, up to a buffer, behind the bytes held, which must be fewer than that; waits
    /// for the first of it only. 0 = end of stream. Cancel safe: a buffer is taken only in the poll
    /// that also reads.
    pub(crate) async fn fill<R: AsyncRead + Unpin>(&mut self, from: &mut R) -> io::Result<usize> {
        poll_fn(|cx| self.poll_fill(cx, from)).await
    }

    /// As [`Self::fill`]. TLS gives a record at a time: whoever writes wants several at once.
    pub(crate) fn poll_fill<R: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
    ) -> Poll<io::Result<usize>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Err(error));
        }
        let before = self.len();
        let polled = loop {
            let mut space = ReadBuf::new(self.space());
            let polled = Pin::new(&mut *from).poll_read(cx, &mut space);
            let (read, room) = (space.filled().len(), space.remaining());
            self.filled(read);
            if !matches!(polled, Poll::Ready(Ok(()))) || read == 0 || room == 0 {
                break polled;
            }
        };
        match (self.len() - before, polled) {
            (0, polled) => polled.map_ok(|()| 0),
            (read, polled) => {
                if let Poll::Ready(Err(error)) = polled {
                    self.failed = Some(error);
                }
                Poll::Ready(Ok(read))
            }
        }
    }

    fn move_to_front(&mut self) {
        if self.start > 0 {
            if let Some(buffer) = self.buffer.as_deref_mut() {
                buffer.copy_within(self.start..self.end, 0);
            }
            self.end -= self.start;
            self.start = 0;
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            self.pool.give(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn holds_no_buffer_while_nothing_flows() {
        let pool = Pool::default();
        let mut window = Window::new(pool.clone());
        let (mut near, mut far) = tokio::io::duplex(64);
        {
            let fill = window.fill(&mut near);
            tokio::pin!(fill);
            assert!(futures_pending(fill.as_mut()).await);
        }
        assert_eq!(pool.free.borrow().len(), 1);
        far.write_all(b"abc").await.unwrap();
        assert_eq!(window.fill(&mut near).await.unwrap(), 3);
        assert_eq!(pool.free.borrow().len(), 0);
        window.consume(1);
        assert_eq!(window.bytes(), b"bc");
        window.consume(2);
        assert_eq!(pool.free.borrow().len(), 1);
    }

    async fn futures_pending<F: Future>(mut future: Pin<&mut F>) -> bool {
        poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
    }

    #[tokio::test]
    async fn keeps_a_partial_prefix_and_reads_behind_it() {
        let mut window = Window::new(Pool::default()).with(b"0123456789");
        window.consume(8);
        let (mut near, mut far) = tokio::io::duplex(64);
        far.write_all(b"ab").await.unwrap();
        assert_eq!(window.fill(&mut near).await.unwrap(), 2);
        assert_eq!(window.bytes(), b"89ab");
    }

    /// Gives these pieces, one each time it is asked, and then fails.
    struct Pieces(Vec<&'static [u8]>);

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(match self.0.pop() {
                Some(piece) => {
                    buf.put_slice(piece);
                    Ok(())
                }
                None => Err(io::ErrorKind::ConnectionReset.into()),
            })
        }
    }

    #[tokio::test]
    async fn takes_all_that_is_there_and_tells_of_the_end_behind_it() {
        let mut window = Window::new(Pool::default());
        let mut pieces = Pieces(vec![b"ef", b"cd", b"ab"]);
        assert_eq!(window.fill(&mut pieces).await.unwrap(), 6);
        assert_eq!(window.bytes(), b"abcdef");
        let error = window.fill(&mut pieces).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(window.bytes(), b"abcdef");
    }

    #[tokio::test]
    async fn takes_no_more_than_a_buffer() {
        let mut window = Window::new(Pool::default());
        let (mut near, mut far) = tokio::io::duplex(2 * BUFFER_LEN);
        far.write_all(&vec![7; BUFFER_LEN + 1]).await.unwrap();
        assert_eq!(window.fill(&mut near).await.unwrap(), BUFFER_LEN);
        window.consume(BUFFER_LEN);
        assert_eq!(window.fill(&mut near).await.unwrap(), 1);
    }
}
