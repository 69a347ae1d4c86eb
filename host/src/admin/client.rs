//! Asks the Admin API of a running proxy: by its control socket, or over HTTPS from elsewhere.
//!
//! For the command line and the agent beside the proxy. It must not know what is asked.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::config::{ClientTlsConfig, HttpsUrl, Secret, TrustSource};
use crate::exchange::{Broken, exchange};
use crate::tls::{ClientTls, TlsError};

/// From the first byte to the whole answer.
const WHOLE: Duration = Duration::from_secs(15);

/// The longest answer taken: a page of connections has less.
const MOST_BYTES: usize = 4 << 20;

/// A running proxy.
#[derive(Clone, Debug)]
pub enum Client {
    /// On this machine, by its control socket.
    Local(PathBuf),
    /// By plain HTTP, which answers health checks and no more.
    Open(SocketAddr),
    /// Anywhere.
    Remote {
        /// Its Admin API; a path in it is not looked at.
        url: HttpsUrl,
        /// `name:password`.
        user: Option<Secret>,
        /// PEM; none for the system's trust store.
        ca: Option<PathBuf>,
    },
}

/// Why there is no answer, or not the wanted one.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody is there.
    #[error("connect to {to}")]
    Connect {
        /// The socket or the address.
        to: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The certificate, or what it is to be verified with.
    #[error("{to}")]
    Tls {
        /// The address.
        to: String,
        /// Why not.
        #[source]
        source: TlsError,
    },
    /// The exchange broke off.
    #[error("no whole answer from {to}")]
    Broken {
        /// The socket or the address.
        to: String,
        /// Why.
        #[source]
        source: Broken,
    },
    /// It took too long.
    #[error("no answer from {to} within {} s", WHOLE.as_secs(), to = .0)]
    Deadline(String),
    /// The proxy says no.
    #[error("{msg} ({status}): {cause}")]
    Refused {
        /// The status code.
        status: u16,
        /// What is wrong.
        msg: String,
        /// What to do about it.
        cause: String,
    },
    /// It says something else than expected.
    #[error("{to} does not answer as throughway does")]
    NotOurs {
        /// The socket or the address.
        to: String,
        /// What is unexpected.
        #[source]
        source: Broken,
    },
}

/// An error as the Admin API tells it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    msg: String,
    cause: String,
}

impl Client {
    /// What a GET of this path answers.
    ///
    /// # Errors
    /// `ClientError`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(Method::GET, path, String::new()).await
    }

    /// What a POST of this JSON to this path answers.
    ///
    /// # Errors
    /// `ClientError`.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: String,
    ) -> Result<T, ClientError> {
        self.ask(Method::POST, path, body).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<T, ClientError> {
        let whole = timeout(WHOLE, self.exchange(method, path, body)).await;
        let (status, body) = whole.map_err(|_elapsed| ClientError::Deadline(self.to()))??;
        if status >= 300 {
            let Told { msg, cause } = serde_json::from_slice(&body).unwrap_or_default();
            return Err(ClientError::Refused { status, msg, cause });
        }
        serde_json::from_slice(&body).map_err(|source| ClientError::NotOurs {
            to: self.to(),
            source: source.into(),
        })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<(u16, Bytes), ClientError> {
        let broken = |source: Broken| ClientError::Broken {
            to: self.to(),
            source,
        };
        let request = self.request(method, path, body);
        let request = request.map_err(|error| broken(error.into()))?;
        let exchanged = match self {
            Self::Local(socket) => {
                let stream = UnixStream::connect(socket).await;
                let stream = stream.map_err(|source| self.not_connected(source))?;
                exchange(stream, request, MOST_BYTES).await
            }
            Self::Open(address) => {
                let stream = TcpStream::connect(address).await;
                let stream = stream.map_err(|source| self.not_connected(source))?;
                exchange(stream, request, MOST_BYTES).await
            }
            Self::Remote { url, ca, .. } => {
                let stream = self.secure(url, ca.as_ref()).await?;
                exchange(stream, request, MOST_BYTES).await
            }
        };
        let (head, body) = exchanged.map_err(broken)?;
        Ok((head.status.as_u16(), body))
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close");
        request = match self {
            Self::Local(_) | Self::Open(_) => request.header(header::HOST, "localhost"),
            Self::Remote { url, .. } => request.header(header::HOST, url.authority()),
        };
        if let Self::Remote {
            user: Some(user), ..
        } = self
        {
            let basic = Base64::encode_string(user.0.as_bytes());
            request = request.header(header::AUTHORIZATION, format!("Basic {basic}"));
        }
        request.body(Full::new(body.into()))
    }

    async fn secure(
        &self,
        url: &HttpsUrl,
        ca: Option<&PathBuf>,
    ) -> Result<impl AsyncRead + AsyncWrite + Unpin + use<>, ClientError> {
        let failed = |source| ClientError::Tls {
            to: self.to(),
            source,
        };
        let trust = ca.map(|path| TrustSource::Store {
            path: path.clone(),
            password: None,
        });
        let tls = ClientTls::load(&ClientTlsConfig {
            trust,
            identity: None,
            verify_host_name: true,
        });
        let tls = tls.map_err(failed)?;
        let stream = TcpStream::connect((url.host.as_str(), url.port)).await;
        let stream = stream.map_err(|source| self.not_connected(source))?;
        tls.connect(&url.host, stream).await.map_err(failed)
    }

    fn not_connected(&self, source: io::Error) -> ClientError {
        ClientError::Connect {
            to: self.to(),
            source,
        }
    }

    /// Whom errors name.
    fn to(&self) -> String {
        match self {
            Self::Local(socket) => socket.display().to_string(),
            Self::Open(address) => address.to_string(),
            Self::Remote { url, .. } => format!("https://{}", url.authority()),
        }
    }
}
