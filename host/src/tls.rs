//! TLS of both legs: chains, keys and trust from files to rustls, reloaded on change.
//!
//! Owns rustls, the key store formats and the two handshakes. It must not know Kafka or routing.
//!
//! - `source`, `store`  bytes of files to key pairs and trust anchors
//! - `jks`, `pkcs12`, `pem`  the formats
//! - `hello`    a client's handshake up to the choice of a configuration
//! - `records`  a handshake and what follows, over a socket
//! - `verify`   brokers whose certificates do not bear their names
//! - `summary`  a certificate in words
//! - `legs`     everything that is reloaded
//! - `self_signed`  a certificate where nobody gave one

mod hello;
mod jks;
mod legs;
mod pem;
mod pkcs12;
pub mod records;
mod self_signed;
mod source;
mod store;
pub mod stream;
mod summary;
mod verify;

use std::io;
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;
use rustls::client::{UnbufferedClientConnection, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ServerSessionMemoryCache, UnbufferedServerConnection, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};

use self::records::{Own, Records};
use self::store::{KeyBytes, TrustBytes};
use crate::config::{ClientAuth, ClientTlsConfig, ServerTlsConfig};

pub use self::hello::{Hello, MAX_HELLO_BYTES};
pub use self::legs::{Legs, Reloaded};
pub use self::self_signed::self_signed;
pub use self::summary::CertificateSummary;

/// TLS with a client, over its socket.
pub type ServerStream<S, B = Own> = Records<S, UnbufferedServerConnection, B>;

/// TLS with a broker, over its socket.
pub type ClientStream<S, B = Own> = Records<S, UnbufferedClientConnection, B>;

const VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// Sessions of TLS 1.2 clients without tickets that can be resumed; rustls's own default.
const RESUMABLE_SESSIONS: usize = 256;

/// Why TLS is not set up or a handshake failed. Names the file and what would be accepted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A store, chain, key or trust source cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// A handshake failed.
    #[error("tls handshake failed")]
    Handshake(#[source] io::Error),
}

/// The server side of one listener. Holds the last good configuration; has its own session tickets.
#[derive(Debug)]
pub struct ServerTls {
    source: ServerTlsConfig,
    loaded: ArcSwap<LoadedServer>,
}

impl ServerTls {
    /// Loads everything.
    ///
    /// # Errors
    /// `TlsError::Unusable`.
    pub fn load(config: &ServerTlsConfig) -> Result<Self, TlsError> {
        let loaded = ServerBytes::read(config)?.open(config)?;
        Ok(Self {
            source: config.clone(),
            loaded: ArcSwap::from_pointee(loaded),
        })
    }

    /// The configuration for the next handshake.
    #[must_use]
    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.loaded.load().config)
    }

    /// The certificate that clients are shown.
    #[must_use]
    pub fn describe(&self) -> CertificateSummary {
        self.loaded.load().leaf.clone()
    }

    /// Reads the files again and swaps the configuration in when their content changed. `Ok(true)`
    /// when it did; on an error the last good one stays. Blocking.
    ///
    /// # Errors
    /// `TlsError::Unusable`.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let read = ServerBytes::read(&self.source)?;
        if read.sum() == self.loaded.load().sum {
            return Ok(false);
        }
        self.loaded.store(Arc::new(read.open(&self.source)?));
        Ok(true)
    }
}

#[derive(Debug)]
struct LoadedServer {
    sum: [u8; 32],
    config: Arc<ServerConfig>,
    leaf: CertificateSummary,
}

struct ServerBytes<'a> {
    identity: KeyBytes<'a>,
    /// `None` when clients are not asked for certificates.
    trust: Option<TrustBytes<'a>>,
}

impl<'a> ServerBytes<'a> {
    fn read(config: &'a ServerTlsConfig) -> Result<Self, TlsError> {
        let trust = match (config.client_auth, &config.trust) {
            (ClientAuth::None, _) => None,
            // The system's anchors would let in whoever bought a certificate anywhere.
            (_, None) => {
                return Err(TlsError::Unusable(
                    "client certificates are asked for, but there is no trust store to verify them"
                        .to_owned(),
                ));
            }
            (_, trust) => Some(TrustBytes::read(trust.as_ref())?),
        };
        Ok(Self {
            identity: KeyBytes::read(&config.identity)?,
            trust,
        })
    }

    fn sum(&self) -> [u8; 32] {
        sum(Some(&self.identity), self.trust.as_ref())
    }

    fn open(self, source: &ServerTlsConfig) -> Result<LoadedServer, TlsError> {
        let sum = self.sum();
        let identity = self.identity.open()?;
        let leaf = identity
            .cert
            .first()
            .and_then(CertificateSummary::of)
            .ok_or_else(|| TlsError::Unusable("the certificate is damaged".to_owned()))?;
        let clients = match self.trust {
            None => WebPkiClientVerifier::no_client_auth(),
            Some(trust) => client_verifier(trust, source.client_auth)?,
        };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&PROVIDER))
            .with_protocol_versions(VERSIONS)
            .map_err(unusable)?
            .with_client_cert_verifier(clients)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
        // New ones for each configuration, so that nothing granted under another certificate,
        // listener or client trust can be resumed under this one.
        config.session_storage = ServerSessionMemoryCache::new(RESUMABLE_SESSIONS);
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(unusable)?;
        // No 0-RTT: it can be replayed.
        config.max_early_data_size = 0;
        Ok(LoadedServer {
            sum,
            config: Arc::new(config),
            leaf,
        })
    }
}

fn client_verifier(
    trust: TrustBytes<'_>,
    wanted: ClientAuth,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(trust.open()?), Arc::clone(&PROVIDER));
    let builder = match wanted {
        ClientAuth::Require => builder,
        ClientAuth::Optional | ClientAuth::None => builder.allow_unauthenticated(),
    };
    builder
        .build()
        .map_err(|error| TlsError::Unusable(format!("trust store of clients: {error}")))
}

/// The client side towards brokers.
#[derive(Debug)]
pub struct ClientTls {
    source: ClientTlsConfig,
    loaded: ArcSwap<LoadedClient>,
}

impl ClientTls {
    /// Loads everything.
    ///
    /// # Errors
    /// `TlsError::Unusable`.
    pub fn load(config: &ClientTlsConfig) -> Result<Self, TlsError> {
        let loaded = ClientBytes::read(config)?.open(config)?;
        Ok(Self {
            source: config.clone(),
            loaded: ArcSwap::from_pointee(loaded),
        })
    }

    /// As `ServerTls::reload`.
    ///
    /// # Errors
    /// `TlsError::Unusable`.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let read = ClientBytes::read(&self.source)?;
        if read.sum() == self.loaded.load().sum {
            return Ok(false);
        }
        self.loaded.store(Arc::new(read.open(&self.source)?));
        Ok(true)
    }

    /// Handshake with a broker, verified by `host` (its own name, whatever address was dialled).
    /// Not bounded in time, the caller is.
    ///
    /// # Errors
    /// `TlsError::Handshake`.
    pub async fn connect<S>(&self, host: &str, stream: S) -> Result<ClientStream<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // A certificate never has the dot that ends an absolute name.
        let name = ServerName::try_from(host.strip_suffix('.').unwrap_or(host).to_owned())
            .map_err(|error| {
                TlsError::Handshake(io::Error::new(io::ErrorKind::InvalidInput, error))
            })?;
        let config = Arc::clone(&self.loaded.load().config);
        let side = UnbufferedClientConnection::new(config, name).map_err(io::Error::other);
        let side = side.map_err(TlsError::Handshake)?;
        let begun = Records::handshake(stream, side, Vec::new()).await;
        begun.map_err(TlsError::Handshake)
    }
}

#[derive(Debug)]
struct LoadedClient {
    sum: [u8; 32],
    config: Arc<ClientConfig>,
}

struct ClientBytes<'a> {
    identity: Option<KeyBytes<'a>>,
    trust: TrustBytes<'a>,
}

impl<'a> ClientBytes<'a> {
    fn read(config: &'a ClientTlsConfig) -> Result<Self, TlsError> {
        Ok(Self {
            identity: config.identity.as_ref().map(KeyBytes::read).transpose()?,
            trust: TrustBytes::read(config.trust.as_ref())?,
        })
    }

    fn sum(&self) -> [u8; 32] {
        sum(self.identity.as_ref(), Some(&self.trust))
    }

    fn open(self, source: &ClientTlsConfig) -> Result<LoadedClient, TlsError> {
        let sum = self.sum();
        let anchors = Arc::new(self.trust.open()?);
        let verifier = WebPkiServerVerifier::builder_with_provider(anchors, Arc::clone(&PROVIDER))
            .build()
            .map_err(|error| TlsError::Unusable(format!("trust store of brokers: {error}")))?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
            .with_protocol_versions(VERSIONS)
            .map_err(unusable)?;
        let builder = if source.verify_host_name {
            builder.with_webpki_verifier(verifier)
        } else {
            let verifier = Arc::new(verify::AnyName(verifier));
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier)
        };
        // rustls offers no 0-RTT unless told to, and resumes only under the same server name.
        let config = match self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.open()?))),
        };
        Ok(LoadedClient {
            sum,
            config: Arc::new(config),
        })
    }
}

/// Named in every builder: a process default could be set, or missing, by any dependency.
static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));

fn provider() -> &'static CryptoProvider {
    &PROVIDER
}

fn sum(identity: Option<&KeyBytes<'_>>, trust: Option<&TrustBytes<'_>>) -> [u8; 32] {
    let mut sum = Sha256::new();
    if let Some(identity) = identity {
        identity.hash_into(&mut sum);
    }
    if let Some(trust) = trust {
        trust.hash_into(&mut sum);
    }
    sum.finalize().into()
}

fn unusable(error: rustls::Error) -> TlsError {
    TlsError::Unusable(error.to_string())
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
