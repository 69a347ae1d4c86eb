//! The first half of a client's handshake: its hello, read before a configuration is chosen.
//!
//! Owns the byte cap and the alerts that rustls has no call for. It must not know which server names
//! exist or which configuration they get.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{Accepted, Acceptor, UnbufferedServerConnection};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::records::{Records, STEP, invalid, left_early};
use super::{ServerStream, TlsError};

/// The most bytes read for a ClientHello, record headers included. With post-quantum key shares
/// they have about 2 KiB; rustls would stop only a little above 64 KiB.
pub const MAX_HELLO_BYTES: usize = 64 * 1024;

/// RFC 8446 §6.2.
const DECODE_ERROR: u8 = 50;
/// RFC 6066 §3.
const UNRECOGNIZED_NAME: u8 = 112;

/// A ClientHello that has been read, before a configuration is chosen.
pub struct Hello<S> {
    accepted: Accepted,
    /// Everything read: the handshake begins with it anew.
    bytes: Vec<u8>,
    stream: S,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Hello<S> {
    /// Reads a ClientHello; the stream must still have its first byte (peeking is fine). Not
    /// bounded in time, the caller is; bounded by [`MAX_HELLO_BYTES`]. Not cancel safe: what was
    /// read is lost with the stream.
    ///
    /// # Errors
    /// `TlsError::Handshake`; a fitting alert has been sent where TLS has one.
    pub async fn read(mut stream: S) -> Result<Self, TlsError> {
        let mut acceptor = Acceptor::default();
        let mut bytes = Vec::new();
        loop {
            let error = match read_piece(&mut stream, &mut bytes).await {
                Ok(0) => left_early(),
                Ok(n) => match take(&mut acceptor, bytes.get(bytes.len() - n..)) {
                    Ok(None) => continue,
                    Ok(Some(accepted)) => {
                        return Ok(Self {
                            accepted,
                            bytes,
                            stream,
                        });
                    }
                    Err((error, alert)) if !alert.is_empty() => {
                        end_with(&mut stream, &alert).await;
                        return Err(TlsError::Handshake(error));
                    }
                    Err((error, _)) => error,
                },
                Err(error) => error,
            };
            // rustls has an alert for most of it, but none for too much.
            end_with(&mut stream, &alert(DECODE_ERROR)).await;
            return Err(TlsError::Handshake(error));
        }
    }

    /// SNI, lower case, without a trailing dot. `None` when missing or not a DNS name.
    #[must_use]
    pub fn server_name(&self) -> Option<String> {
        let hello = self.accepted.client_hello();
        let name = hello.server_name()?.to_ascii_lowercase();
        Some(
            name.strip_suffix('.')
                .map_or_else(|| name.clone(), str::to_owned),
        )
    }

    /// Sends the alert `unrecognized_name` (RFC 6066 §3; rustls has no call for it) and closes.
    /// Errors do not matter: the peer is gone then.
    pub async fn refuse_name(mut self) {
        end_with(&mut self.stream, &alert(UNRECOGNIZED_NAME)).await;
    }

    /// Finishes the handshake. Not bounded in time, the caller is.
    ///
    /// # Errors
    /// `TlsError::Handshake`; an alert has been sent.
    pub async fn accept(self, config: Arc<ServerConfig>) -> Result<ServerStream<S>, TlsError> {
        let side = UnbufferedServerConnection::new(config).map_err(io::Error::other);
        let side = side.map_err(TlsError::Handshake)?;
        let begun = Records::handshake(self.stream, side, self.bytes).await;
        begun.map_err(TlsError::Handshake)
    }
}

/// Reads once, up to the cap.
async fn read_piece<S: AsyncRead + Unpin>(
    stream: &mut S,
    bytes: &mut Vec<u8>,
) -> io::Result<usize> {
    let most = STEP.min(MAX_HELLO_BYTES.saturating_sub(bytes.len()));
    if most == 0 {
        let error = io::Error::new(io::ErrorKind::InvalidData, "ClientHello over 64 KiB");
        return Err(error);
    }
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    stream.take(most).read_buf(bytes).await
}

/// Hands rustls what is new; an error comes with its alert, or with nothing.
fn take(
    acceptor: &mut Acceptor,
    new: Option<&[u8]>,
) -> Result<Option<Accepted>, (io::Error, Vec<u8>)> {
    let mut new = new.unwrap_or_default();
    while !new.is_empty() {
        acceptor
            .read_tls(&mut new)
            .map_err(|error| (error, Vec::new()))?;
        match acceptor.accept() {
            Ok(None) => {}
            Ok(accepted) => return Ok(accepted),
            Err((error, mut alert)) => {
                let mut bytes = Vec::new();
                // Writing to memory does not fail.
                let _written = alert.write_all(&mut bytes);
                return Err((invalid(error), bytes));
            }
        }
    }
    Ok(None)
}

/// An alert record, version 1.2 as RFC 8446 §5.1 has it, 2 bytes, fatal.
fn alert(description: u8) -> [u8; 7] {
    [21, 3, 3, 0, 2, 2, description]
}

async fn end_with<S: AsyncWrite + Unpin>(stream: &mut S, alert: &[u8]) {
    if stream.write_all(alert).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

#[cfg(test)]
mod tests;
