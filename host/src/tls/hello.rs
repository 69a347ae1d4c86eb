//! The first half of a client's handshake: its hello, read before a configuration is chosen.
//!
//! Owns the byte cap and the alert that rustls has no call for. It must not know which server names
//! exist or which configuration they get.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};

use super::TlsError;

/// The most bytes read for a ClientHello, record headers included. With post-quantum key shares
/// they have about 2 KiB; rustls would stop only a little above 64 KiB.
pub const MAX_HELLO_BYTES: usize = 64 * 1024;

/// RFC 8446 §6.2.
const DECODE_ERROR: u8 = 50;
/// RFC 6066 §3.
const UNRECOGNIZED_NAME: u8 = 112;

/// A ClientHello that has been read, before a configuration is chosen.
pub struct Hello<S> {
    start: StartHandshake<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Hello<S> {
    /// Reads a ClientHello; the stream must still have its first byte (peeking is fine). Not
    /// bounded in time, the caller is; bounded by [`MAX_HELLO_BYTES`]. Not cancel safe: what was
    /// read is lost with the stream.
    ///
    /// # Errors
    /// `TlsError::Handshake`; a fitting alert has been sent where TLS has one.
    pub async fn read(stream: S) -> Result<Self, TlsError> {
        let capped = Capped {
            stream,
            read: 0,
            written: false,
        };
        let mut acceptor = LazyConfigAcceptor::new(Acceptor::default(), capped);
        match (&mut acceptor).await {
            Ok(start) => {
                let StartHandshake { accepted, io, .. } = start;
                Ok(Self {
                    start: StartHandshake::from_parts(accepted, io.stream),
                })
            }
            Err(error) => {
                // rustls has an alert for most of it, but none for too much.
                if let Some(mut io) = acceptor.take_io().filter(|io| !io.written) {
                    end_with_alert(&mut io.stream, DECODE_ERROR).await;
                }
                Err(TlsError::Handshake(error))
            }
        }
    }

    /// SNI, lower case, without a trailing dot. `None` when missing or not a DNS name.
    #[must_use]
    pub fn server_name(&self) -> Option<String> {
        let hello = self.start.client_hello();
        let name = hello.server_name()?.to_ascii_lowercase();
        Some(
            name.strip_suffix('.')
                .map_or_else(|| name.clone(), str::to_owned),
        )
    }

    /// Sends the alert `unrecognized_name` (RFC 6066 §3; rustls has no call for it) and closes.
    /// Errors do not matter: the peer is gone then.
    pub async fn refuse_name(mut self) {
        end_with_alert(&mut self.start.io, UNRECOGNIZED_NAME).await;
    }

    /// Finishes the handshake. Not bounded in time, the caller is.
    ///
    /// # Errors
    /// `TlsError::Handshake`; an alert has been sent.
    pub async fn accept(
        self,
        config: Arc<rustls::ServerConfig>,
    ) -> Result<tokio_rustls::server::TlsStream<S>, TlsError> {
        self.start
            .into_stream(config)
            .await
            .map_err(TlsError::Handshake)
    }
}

async fn end_with_alert<S: AsyncWrite + Unpin>(stream: &mut S, description: u8) {
    // alert record, version 1.2 as RFC 8446 §5.1 has it, 2 bytes, fatal
    let record = [21, 3, 3, 0, 2, 2, description];
    if stream.write_all(&record).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

/// Counts what is read and fails beyond the cap, by at most one read of rustls (4 KiB).
struct Capped<S> {
    stream: S,
    read: usize,
    /// Whether rustls wrote anything, which can only be an alert.
    written: bool,
}

impl<S: AsyncRead + Unpin> AsyncRead for Capped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read >= MAX_HELLO_BYTES {
            let error = io::Error::new(io::ErrorKind::InvalidData, "ClientHello over 64 KiB");
            return Poll::Ready(Err(error));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.read += buf.filled().len().saturating_sub(before);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Capped<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written = true;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
