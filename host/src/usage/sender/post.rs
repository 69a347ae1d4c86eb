//! One HTTPS POST, each on a connection of its own: there is one a day.
//!
//! It must not know what is sent. Full verification, no redirects, and every wait and size is bounded.

use std::io;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{HeaderMap, Request, header};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::build_info;
use crate::config::{ClientTlsConfig, ForwardProxy, HttpsUrl, TrustSource, UsageConfig};
use crate::exchange::exchange;
use crate::in_full::in_full;
use crate::licence::anchors;
use crate::tls::{ClientTls, TlsError};

/// Until there is a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(5);
/// Until there is an answer.
const WHOLE: Duration = Duration::from_secs(15);
/// The longest answer taken.
const MOST_BYTES: usize = 16 * 1024;
/// The longest head of a forward proxy's answer.
const MOST_HEAD: usize = 8 * 1024;

/// Where a build without a vendor's endpoint reports to: nowhere, for `.example` is no domain
/// (RFC 2606).
const NOWHERE: &str = "https://usage.throughway.example/v1/reports";

/// Where reports go, and how.
#[derive(Clone, Debug)]
pub struct Route {
    /// Whom they are for.
    pub endpoint: HttpsUrl,
    /// A CONNECT proxy on the way.
    pub forward_proxy: Option<ForwardProxy>,
    /// PEM; none for the system's trust store.
    pub ca_path: Option<std::path::PathBuf>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The certificates to verify the server with cannot be read.
    #[error("the certificates to verify the usage endpoint with cannot be used")]
    Trust(#[source] TlsError),
    /// No connection.
    #[error("connect to {to}")]
    Connect {
        /// The endpoint, or the proxy before it.
        to: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The forward proxy does not connect us.
    #[error("the forward proxy answers {0:?} to CONNECT")]
    Proxy(String),
    /// The server's certificate, or no TLS.
    #[error("{0}")]
    Tls(String, #[source] TlsError),
    /// The exchange broke off, or the answer is too long.
    #[error("no whole answer")]
    Exchange(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It took too long.
    #[error("no {what} within {} s", .limit.as_secs())]
    Deadline {
        /// What was waited for.
        what: &'static str,
        /// How long.
        limit: Duration,
    },
}

impl PostError {
    /// This and what caused it, in one line.
    pub(super) fn in_full(&self) -> String {
        in_full(self)
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// Posts along one route.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) route: Route,
}

fn tls(route: &Route) -> Result<ClientTls, PostError> {
    let trust = |path: &std::path::PathBuf| TrustSource::Store {
        path: path.clone(),
        password: None,
    };
    let config = ClientTlsConfig {
        trust: route.ca_path.as_ref().map(trust),
        identity: None,
        verify_host_name: true,
    };
    ClientTls::load(&config).map_err(PostError::Trust)
}

pub(super) fn check(route: &Route) -> Result<(), PostError> {
    match route.ca_path {
        Some(_) => tls(route).map(drop),
        // A machine without any trust store may get one while we run.
        None => Ok(()),
    }
}

impl Route {
    /// As configured; the vendor's own endpoint where none is.
    ///
    /// # Errors
    /// When the built-in endpoint is none.
    pub fn of(config: &UsageConfig) -> Result<Self, String> {
        let built_in = || HttpsUrl::parse(anchors::usage_endpoint().unwrap_or(NOWHERE));
        let endpoint = match &config.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => built_in().map_err(|why| format!("the built-in usage endpoint {why}"))?,
        };
        Ok(Self {
            endpoint,
            forward_proxy: config.forward_proxy.clone(),
            ca_path: config.ca_path.clone(),
        })
    }
}

impl Post {
    pub(super) fn new(route: Route) -> Self {
        Self { route }
    }

    /// Connects along the route, and sends nothing.
    pub(super) async fn reach(&self) -> Result<(), PostError> {
        let connected = timeout(CONNECT, self.connect()).await;
        let late = |_elapsed| PostError::Deadline {
            what: "connection",
            limit: CONNECT,
        };
        connected.map_err(late)?.map(drop)
    }

    /// Sends this text and waits for the answer.
    pub(super) async fn send(&self, text: &str) -> Result<Answer, PostError> {
        let deadline = |what, limit| move |_elapsed| PostError::Deadline { what, limit };
        let whole = async {
            let connected = timeout(CONNECT, self.connect());
            let stream = connected.await.map_err(deadline("connection", CONNECT))??;
            self.exchange(stream, text).await
        };
        timeout(WHOLE, whole)
            .await
            .map_err(deadline("answer", WHOLE))?
    }

    async fn connect(&self) -> Result<impl AsyncRead + AsyncWrite + Unpin + use<>, PostError> {
        let Route {
            endpoint,
            forward_proxy,
            ..
        } = &self.route;
        let (host, port) = match forward_proxy {
            Some(proxy) => (&proxy.host, proxy.port),
            None => (&endpoint.host, endpoint.port),
        };
        let to = || match forward_proxy {
            Some(proxy) => format!("forward proxy {}", proxy.authority()),
            None => endpoint.authority(),
        };
        let failed = |source| PostError::Connect { to: to(), source };
        let mut stream = TcpStream::connect((host.as_str(), port))
            .await
            .map_err(failed)?;
        if let Some(proxy) = forward_proxy {
            let status = ask_proxy(&mut stream, proxy, &endpoint.authority())
                .await
                .map_err(failed)?;
            if !is_connected(&status) {
                return Err(PostError::Proxy(status));
            }
        }
        // Read anew for each report: a renewed file counts at once, and there is one a day.
        let route = self.route.clone();
        let tls = tokio::task::spawn_blocking(move || tls(&route))
            .await
            .map_err(|error| PostError::Exchange(error.into()))??;
        let authority = endpoint.authority();
        tls.connect(&endpoint.host, stream)
            .await
            .map_err(|error| PostError::Tls(authority, error))
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        text: &str,
    ) -> Result<Answer, PostError> {
        let endpoint = &self.route.endpoint;
        let request = Request::post(&endpoint.path)
            .header(header::HOST, endpoint.authority())
            .header(
                header::USER_AGENT,
                format!("throughway/{}", build_info::VERSION),
            )
            .header(header::CONTENT_TYPE, "application/jose")
            .header(header::ACCEPT, "application/jose")
            .header(header::CONNECTION, "close")
            .body(Full::new(Bytes::from(text.to_owned())))
            .map_err(|error| PostError::Exchange(error.into()))?;
        let (head, body) = exchange(stream, request, MOST_BYTES)
            .await
            .map_err(PostError::Exchange)?;
        Ok(Answer {
            status: head.status.as_u16(),
            retry_after: retry_after(&head.headers),
            body: body.to_vec(),
        })
    }
}

/// In seconds; the form with a date is not looked at.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// The status line of the proxy's answer to CONNECT. Reads not one byte beyond the answer's head.
async fn ask_proxy(
    stream: &mut TcpStream,
    proxy: &ForwardProxy,
    endpoint: &str,
) -> io::Result<String> {
    let mut request = format!("CONNECT {endpoint} HTTP/1.1\r\nHost: {endpoint}\r\n");
    if let Some(credentials) = &proxy.credentials {
        let basic = Base64::encode_string(credentials.0.as_bytes());
        request.push_str(&format!("Proxy-Authorization: Basic {basic}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MOST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.push(stream.read_u8().await?);
    }
    let status = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let mut status = String::from_utf8_lossy(status).into_owned();
    status.retain(|c| !c.is_control());
    status.truncate(status.floor_char_boundary(80));
    Ok(status)
}

fn is_connected(status_line: &str) -> bool {
    let mut words = status_line.split(' ');
    words.next().is_some_and(|word| word.starts_with("HTTP/1."))
        && words
            .next()
            .is_some_and(|code| code.len() == 3 && code.starts_with('2'))
}
