//! Our end of a connection that somebody else moves by hand.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is on its way.
#[derive(Default)]
pub(crate) struct Wire {
    pub(crate) to_us: VecDeque<u8>,
    pub(crate) from_us: Vec<u8>,
    /// What we may write before we have to wait.
    pub(crate) room: usize,
    /// Nothing comes behind `to_us`.
    pub(crate) ended: bool,
}

/// Our end of it. Nobody is woken: whoever waits is asked again.
#[derive(Clone, Default)]
pub(crate) struct Route(pub(crate) Rc<RefCell<Wire>>);

impl AsyncRead for Route {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut wire = self.0.borrow_mut();
        let n = wire.to_us.len().min(buf.remaining());
        if n == 0 && !wire.ended {
            return Poll::Pending;
        }
        buf.put_slice(&wire.to_us.drain(..n).collect::<Vec<_>>());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Route {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut wire = self.0.borrow_mut();
        let n = bytes.len().min(wire.room);
        if n == 0 {
            return Poll::Pending;
        }
        wire.room -= n;
        wire.from_us.extend_from_slice(&bytes[..n]);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
