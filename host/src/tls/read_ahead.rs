//! A socket under TLS that is read a buffer at a time, though rustls asks for 4 KiB.
//!
//! Until it is told to, it reads what it is asked for and no more: a handshake owes nobody a buffer.
//! It must not know records.

use std::cmp::min;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::pool::{Pool, Window};

/// The socket, and what was read ahead.
#[derive(Debug)]
pub struct ReadAhead {
    socket: TcpStream,
    ahead: Option<Window>,
}

impl ReadAhead {
    /// Reads nothing ahead yet.
    #[must_use]
    pub fn new(socket: TcpStream) -> Self {
        Self {
            socket,
            ahead: None,
        }
    }

    /// From now on with buffers of `pool`.
    pub(super) fn begin(&mut self, pool: Pool) {
        self.ahead = Some(Window::new(pool));
    }
}

impl AsyncRead for ReadAhead {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { socket, ahead } = self.get_mut();
        let Some(ahead) = ahead else {
            return Pin::new(socket).poll_read(cx, buf);
        };
        if ahead.len() == 0 {
            ready!(ahead.poll_fill(cx, socket))?;
        }
        let n = min(ahead.len(), buf.remaining());
        buf.put_slice(ahead.bytes().get(..n).unwrap_or_default());
        ahead.consume(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ReadAhead {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    /// One call for all records that are ready.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn takes_a_small_piece_from_the_socket_until_it_may_read_ahead() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut far = TcpStream::connect(address).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let mut near = ReadAhead::new(socket);
        far.write_all(b"abcdef").await.unwrap();
        let mut two = [0; 2];
        near.read_exact(&mut two).await.unwrap();
        assert_eq!(&two, b"ab");
        let mut rest = [0; 8];
        assert_eq!(near.socket.peek(&mut rest).await.unwrap(), 4);

        near.begin(Pool::default());
        near.read_exact(&mut two).await.unwrap();
        assert_eq!(&two, b"cd");
        assert_eq!(near.ahead.as_ref().unwrap().bytes(), b"ef");
        drop(far);
        let mut left = Vec::new();
        near.read_to_end(&mut left).await.unwrap();
        assert_eq!(left, b"ef");
    }
}
