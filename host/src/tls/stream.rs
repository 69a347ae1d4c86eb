//! One leg of a session: a socket, with or without TLS on it.
//!
//! The seam for other record layers: the relay sees `AsyncRead + AsyncWrite` and nothing else.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls::ProtocolVersion;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::records::{Buffer, Own};
use super::{ClientStream, ServerStream};
use crate::pool::{Pool, Window};

/// A connected leg. Its buffers are its own until data is relayed.
#[derive(Debug)]
pub enum Stream<B = Own> {
    /// SASL_PLAINTEXT.
    Plain(TcpStream),
    /// SASL_SSL with a client.
    Downstream(Box<ServerStream<TcpStream, B>>),
    /// SASL_SSL with a broker.
    Upstream(Box<ClientStream<TcpStream, B>>),
}

impl Stream {
    /// Lets TLS read ahead of its records, with buffers of `pool`: for relaying.
    pub(crate) fn read_ahead(self, pool: &Pool) -> Stream<Window> {
        match self {
            Self::Plain(stream) => Stream::Plain(stream),
            Self::Downstream(stream) => Stream::Downstream(Box::new(stream.read_ahead(pool))),
            Self::Upstream(stream) => Stream::Upstream(Box::new(stream.read_ahead(pool))),
        }
    }

    /// `TLSv1.2` or `TLSv1.3`; `None` without TLS.
    #[must_use]
    pub fn tls_version(&self) -> Option<&'static str> {
        let state = match self {
            Self::Plain(_) => return None,
            Self::Downstream(stream) => stream.state(),
            Self::Upstream(stream) => stream.state(),
        };
        match state.protocol_version()? {
            ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
            ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
            _ => None,
        }
    }
}

impl<B: Buffer + Unpin> AsyncRead for Stream<B> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Downstream(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Upstream(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl<B: Buffer + Unpin> AsyncWrite for Stream<B> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Downstream(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Upstream(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Downstream(stream) => Pin::new(stream).poll_flush(cx),
            Self::Upstream(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Downstream(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Upstream(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
