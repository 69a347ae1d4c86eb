//! TLS of both legs: chains, keys and trust from files to rustls, reloaded on change.
//!
//! Owns rustls, the key store formats and the two handshakes. It must not know Kafka or routing.

pub mod stream;

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::config::{ClientTlsConfig, ServerTlsConfig};

/// Why TLS is not set up or a handshake failed. Names the file and what would be accepted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A store, chain, key or trust source cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// A handshake failed.
    #[error("tls handshake failed")]
    Handshake(#[source] std::io::Error),
}

/// The server side of one listener. Holds the last good configuration; has its own session tickets.
#[derive(Debug)]
pub struct ServerTls {
    _todo: (),
}

impl ServerTls {
    /// Loads everything.
    ///
    /// # Errors
    /// `TlsError::Unusable`.
    pub fn load(_config: &ServerTlsConfig) -> Result<Self, TlsError> {
        Ok(Self { _todo: () })
    }

    /// The configuration for the next handshake.
    #[must_use]
    pub fn current(&self) -> Arc<rustls::ServerConfig> {
        loop {}
    }

    /// Reads the files again and swaps the configuration in when their content changed. `Ok(true)`
    /// when it did; on an error the last good one stays. Blocking.
    ///
    /// # Errors
    /// `TlsError::Unusable`.
    pub fn reload(&self) -> Result<bool, TlsError> {
        Ok(false)
    }
}

/// The client side towards brokers.
#[derive(Debug)]
pub struct ClientTls {
    _todo: (),
}

impl ClientTls {
    /// Loads everything.
    ///
    /// # Errors
    /// `TlsError::Unusable`.
    pub fn load(_config: &ClientTlsConfig) -> Result<Self, TlsError> {
        Ok(Self { _todo: () })
    }

    /// As `ServerTls::reload`.
    ///
    /// # Errors
    /// `TlsError::Unusable`.
    pub fn reload(&self) -> Result<bool, TlsError> {
        Ok(false)
    }

    /// Handshake with a broker, verified by `host` (its own name, whatever address was dialled).
    ///
    /// # Errors
    /// `TlsError::Handshake`.
    pub async fn connect<S>(
        &self,
        _host: &str,
        _stream: S,
    ) -> Result<tokio_rustls::client::TlsStream<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        Err(TlsError::Unusable(String::new()))
    }
}

/// A ClientHello that has been read, before a configuration is chosen.
pub struct Hello<S> {
    _stream: S,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Hello<S> {
    /// Reads a ClientHello; `already_read` bytes were taken from the stream before (peeked). Not
    /// bounded in time, the caller is; bounded in bytes.
    ///
    /// # Errors
    /// `TlsError::Handshake`; a fitting alert has been sent where TLS has one.
    pub async fn read(_stream: S) -> Result<Self, TlsError> {
        Err(TlsError::Unusable(String::new()))
    }

    /// SNI, lower case, without a trailing dot. `None` when missing or not a DNS name.
    #[must_use]
    pub fn server_name(&self) -> Option<String> {
        None
    }

    /// Sends the alert `unrecognized_name` (RFC 6066 §3; rustls has no call for it) and closes.
    pub async fn refuse_name(self) {}

    /// Finishes the handshake.
    ///
    /// # Errors
    /// `TlsError::Handshake`.
    pub async fn accept(
        self,
        _config: Arc<rustls::ServerConfig>,
    ) -> Result<tokio_rustls::server::TlsStream<S>, TlsError> {
        Err(TlsError::Unusable(String::new()))
    }
}
