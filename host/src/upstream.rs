//! From a broker's address to a connected stream, within the deadline.
//!
//! Owns name resolution, the check of resolved addresses and the sockets towards brokers. It must not
//! know frames or clients.

mod own;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub use self::own::OwnAddresses;
use crate::config::{TcpConfig, UpstreamConfig};
use crate::kafka::Endpoint;
use crate::tls::stream::Stream;
use crate::tls::{ClientTls, TlsError};

/// Why a broker could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name does not resolve.
    #[error("resolve {host}")]
    Resolve {
        /// As the broker advertises it.
        host: String,
        /// From the resolver.
        #[source]
        source: io::Error,
    },
    /// It resolved, but to nothing that may be dialled.
    #[error(
        "{endpoint} resolved to {address}, which GATEWAY_UPSTREAM_ALLOWED does not cover; \
         add {address} to it if this is right"
    )]
    NotAllowed {
        /// As advertised.
        endpoint: Endpoint,
        /// As resolved.
        address: IpAddr,
    },
    /// It leads back to this process, which would be its own client.
    #[error("{endpoint} leads to {address}, where throughway itself listens")]
    OwnListener {
        /// As advertised.
        endpoint: Endpoint,
        /// As resolved, or as `GATEWAY_UPSTREAM_ADDRESS_MAP` has it.
        address: SocketAddr,
    },
    /// No address accepted a connection.
    #[error("connect to {endpoint} at {address}")]
    Connect {
        /// As advertised.
        endpoint: Endpoint,
        /// The last one tried.
        address: SocketAddr,
        /// Of the last one.
        #[source]
        source: io::Error,
    },
    /// The TLS handshake failed.
    #[error("tls handshake with {endpoint}")]
    Tls {
        /// As advertised.
        endpoint: Endpoint,
        /// From rustls.
        #[source]
        source: TlsError,
    },
    /// The whole took too long.
    #[error("no connection to {endpoint} within {limit:?}")]
    Deadline {
        /// As advertised.
        endpoint: Endpoint,
        /// `GATEWAY_DIAL_TIMEOUT_MS`.
        limit: Duration,
    },
}

/// Dials brokers.
#[derive(Debug)]
pub struct Upstream {
    config: Arc<UpstreamConfig>,
    tls: Option<Arc<ClientTls>>,
    tcp: TcpConfig,
    limit: Duration,
    own: OwnAddresses,
    /// Bootstrap servers take turns, so that first contact does not depend on one broker.
    turn: AtomicUsize,
}

/// Learned brokers that are tried for one client, so that a cluster out of reach does not hold it for long;
/// the next client's turn begins at the next one.
const MOST_LEARNED: usize = 3;

impl Upstream {
    /// `limit` bounds resolve, connect and TLS together.
    #[must_use]
    pub fn new(
        config: Arc<UpstreamConfig>,
        tls: Option<Arc<ClientTls>>,
        tcp: TcpConfig,
        limit: Duration,
    ) -> Self {
        Self {
            config,
            tls,
            tcp,
            limit,
            own: OwnAddresses::default(),
            turn: AtomicUsize::new(0),
        }
    }

    /// Where this process listens, to be added to as ports are bound: never dialled.
    #[must_use]
    pub fn own(&self) -> &OwnAddresses {
        &self.own
    }

    /// Connects to one broker.
    ///
    /// # Errors
    /// Everything in `DialError`.
    pub async fn dial(&self, to: &Endpoint) -> Result<Stream, DialError> {
        match timeout(self.limit, self.connect(to)).await {
            Ok(result) => result,
            Err(_) => Err(DialError::Deadline {
                endpoint: to.clone(),
                limit: self.limit,
            }),
        }
    }

    /// Connects to the next bootstrap server that can be reached, and says which.
    ///
    /// # Errors
    /// Of the last one, when none can.
    pub async fn dial_bootstrap(&self) -> Result<(Stream, Endpoint), DialError> {
        let servers: Vec<&Endpoint> = self.config.bootstrap_servers.iter().collect();
        self.dial_one_of(&servers, servers.len()).await
    }

    /// The same for brokers that were learned, where no bootstrap server can be reached: all of those may
    /// have moved since they were configured.
    ///
    /// # Errors
    /// Of the last one tried, when none can be reached.
    pub async fn dial_learned<'a>(
        &self,
        brokers: impl Iterator<Item = &'a Endpoint>,
    ) -> Result<(Stream, Endpoint), DialError> {
        let tried = &self.config.bootstrap_servers;
        let others: Vec<&Endpoint> = brokers.filter(|broker| !tried.contains(broker)).collect();
        self.dial_one_of(&others, MOST_LEARNED).await
    }

    /// Tries so many at most, each time from another one on.
    async fn dial_one_of(
        &self,
        servers: &[&Endpoint],
        most: usize,
    ) -> Result<(Stream, Endpoint), DialError> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut failed = None;
        let split = turn.checked_rem(servers.len()).unwrap_or(0);
        let (later, sooner) = servers.split_at(split);
        for server in sooner.iter().chain(later).take(most) {
            match self.dial(server).await {
                Ok(stream) => return Ok((stream, (*server).clone())),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| DialError::Resolve {
            host: String::new(),
            source: io::Error::from(io::ErrorKind::NotFound),
        }))
    }

    async fn connect(&self, to: &Endpoint) -> Result<Stream, DialError> {
        let mut failed = None;
        for address in self.foreign(to).await? {
            match self.open(address).await {
                Ok(stream) => return self.secure(to, stream).await,
                Err(source) => {
                    failed = Some(DialError::Connect {
                        endpoint: to.clone(),
                        address,
                        source,
                    });
                }
            }
        }
        Err(failed.unwrap_or_else(|| DialError::Resolve {
            host: to.host.clone(),
            source: io::Error::from(io::ErrorKind::NotFound),
        }))
    }

    /// Addresses to dial, none of them our own: a broker that advertises one of those would have us
    /// dial ourselves, again and again.
    async fn foreign(&self, to: &Endpoint) -> Result<Vec<SocketAddr>, DialError> {
        let resolved = self.resolve(to).await?;
        let (own, foreign): (Vec<_>, Vec<_>) = resolved
            .into_iter()
            .partition(|address| self.own.covers(*address));
        match (foreign.is_empty(), own.first()) {
            (true, Some(address)) => Err(DialError::OwnListener {
                endpoint: to.clone(),
                address: *address,
            }),
            _ => Ok(foreign),
        }
    }

    /// Addresses of a name. Resolved once: the address checked here is the one dialled (DNS rebinding).
    async fn resolve(&self, to: &Endpoint) -> Result<Vec<SocketAddr>, DialError> {
        let instead = self.config.dial_instead.iter().find(|entry| {
            entry.host.eq_ignore_ascii_case(&to.host) && entry.port.is_none_or(|p| p == to.port)
        });
        if let Some(entry) = instead {
            return Ok(vec![SocketAddr::new(
                entry.ip,
                entry.to_port.unwrap_or(to.port),
            )]);
        }
        let resolved: Vec<SocketAddr> = match to.host.parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, to.port)],
            Err(_) => tokio::net::lookup_host((to.host.as_str(), to.port))
                .await
                .map_err(|source| DialError::Resolve {
                    host: to.host.clone(),
                    source,
                })?
                .collect(),
        };
        let (allowed, refused): (Vec<_>, Vec<_>) = resolved
            .into_iter()
            .partition(|address| self.config.allows_address(to, address.ip()));
        match (allowed.is_empty(), refused.first()) {
            (true, Some(address)) => Err(DialError::NotAllowed {
                endpoint: to.clone(),
                address: address.ip(),
            }),
            _ => Ok(allowed),
        }
    }

    async fn open(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        tune(&stream, &self.tcp, Some(self.tcp.upstream_user_timeout))?;
        Ok(stream)
    }

    async fn secure(&self, to: &Endpoint, stream: TcpStream) -> Result<Stream, DialError> {
        let Some(tls) = &self.tls else {
            return Ok(Stream::Plain(stream));
        };
        // On the heap while it lasts: the session keeps no room for it.
        match Box::pin(tls.connect(&to.host, stream)).await {
            Ok(stream) => Ok(Stream::Upstream(Box::new(stream))),
            Err(source) => Err(DialError::Tls {
                endpoint: to.clone(),
                source,
            }),
        }
    }
}

/// Sets what both legs have in common: no delay, keepalive, user timeout.
///
/// # Errors
/// When the socket is already gone.
pub fn tune(stream: &TcpStream, tcp: &TcpConfig, user_timeout: Option<Duration>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(tcp.keepalive_idle)
        .with_interval(tcp.keepalive_interval)
        .with_retries(tcp.keepalive_count);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(user_timeout)
}

#[cfg(test)]
mod tests;
