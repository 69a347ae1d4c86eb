//! A raw Kafka connection: requests by hand, and the brokers' own judgement of who is who.
//!
//! Owns frames, headers and SASL PLAIN from a client's side. It must not know throughway: the
//! same calls go to a broker.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{
    MetadataRequest, RequestHeader, ResponseHeader, SaslAuthenticateRequest, SaslHandshakeRequest,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::certificates::Identity;

/// Nothing a test waits for takes longer.
const LIMIT: Duration = Duration::from_secs(30);

/// What a connection runs over.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One client connection.
pub struct Connection {
    stream: Box<dyn Stream>,
    correlation_id: i32,
    tls: String,
}

/// How to get in.
#[derive(Clone, Debug)]
pub struct Door {
    /// Where to dial.
    pub address: String,
    /// Server name and the authority's certificate; `None` for plaintext.
    pub tls: Option<(String, std::path::PathBuf)>,
}

impl Door {
    /// A plaintext one on this machine.
    #[must_use]
    pub fn plain(port: u16) -> Self {
        Self {
            address: format!("127.0.0.1:{port}"),
            tls: None,
        }
    }

    /// The address that leads here for a client that goes by server name, if there is one.
    #[must_use]
    pub fn as_told(&self) -> String {
        match (&self.tls, self.address.rsplit_once(':')) {
            (Some((name, _)), Some((_, port))) => format!("{name}:{port}"),
            _ => self.address.clone(),
        }
    }
}

/// A request's payload by hand: the fields that all header versions share, a null client id, and
/// `body` (which begins with the tags where the header has some).
#[must_use]
pub fn raw_request((key, version): (i16, i16), correlation_id: i32, body: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(10 + body.len());
    payload.put_i16(key);
    payload.put_i16(version);
    payload.put_i32(correlation_id);
    payload.put_i16(-1);
    payload.put_slice(body);
    payload
}

/// A broker's verdict on "are you node `node_id` of `cluster_id`?" (KIP-1242).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is.
    Yes,
    /// It is another one.
    No,
    /// Any other error code.
    Error(i16),
}

impl Connection {
    /// Connects, by TLS if the door says so.
    ///
    /// # Errors
    ///
    /// When there is no connection, or no handshake.
    pub async fn open(door: &Door) -> Result<Self> {
        let tcp = within("connect", TcpStream::connect(&door.address)).await?;
        tcp.set_nodelay(true)?;
        let Some((name, ca)) = &door.tls else {
            return Ok(Self::over(tcp));
        };
        let name = ServerName::try_from(name.clone())?;
        let connector = TlsConnector::from(Arc::new(client_config(ca, None)?));
        let stream = within("shake hands", connector.connect(name, tcp)).await?;
        Ok(Self {
            tls: tls_of(stream.get_ref().1),
            ..Self::over(stream)
        })
    }

    /// Protocol version and cipher suite; empty for plaintext.
    #[must_use]
    pub fn tls(&self) -> &str {
        &self.tls
    }

    /// What it runs over, after whatever was said.
    #[must_use]
    pub fn into_stream(self) -> Box<dyn Stream> {
        self.stream
    }

    /// Speaks over a stream that is open already.
    pub fn over(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            correlation_id: 0,
            tls: String::new(),
        }
    }

    /// Sends bytes as they are, no length before them.
    ///
    /// # Errors
    ///
    /// When the other side has closed.
    pub async fn send_raw(&mut self, bytes: &[u8]) -> Result<()> {
        within("send", self.stream.write_all(bytes)).await?;
        within("flush", self.stream.flush()).await
    }

    /// Sends one frame.
    ///
    /// # Errors
    ///
    /// When the other side has closed.
    pub async fn send_frame(&mut self, payload: &[u8]) -> Result<()> {
        let mut frame = BytesMut::with_capacity(payload.len() + 4);
        frame.put_i32(payload.len().try_into()?);
        frame.put_slice(payload);
        self.send_raw(&frame).await
    }

    /// Receives one frame, without its length.
    ///
    /// # Errors
    ///
    /// When the other side closes first.
    pub async fn receive_frame(&mut self) -> Result<Bytes> {
        let length = within("receive a length", self.stream.read_i32()).await?;
        let mut payload = vec![0; usize::try_from(length).context("negative length")?];
        within("receive a frame", self.stream.read_exact(&mut payload)).await?;
        Ok(payload.into())
    }

    /// Reads once; 0 when the other side has ended, an error when it is gone or says nothing.
    pub async fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize> {
        within("read", self.stream.read(buffer)).await
    }

    /// Ends our side; the other may go on, unless it is gone, which is an error.
    pub async fn finish(&mut self) -> Result<()> {
        within("finish", self.stream.shutdown()).await
    }

    /// Everything that still comes until the other side closes or resets the connection.
    ///
    /// # Errors
    ///
    /// When it stays open.
    pub async fn read_to_end(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let all = async { while matches!(self.stream.read_buf(&mut bytes).await, Ok(1..)) {} };
        let ended = tokio::time::timeout(LIMIT, all).await;
        ended.context("the other side does not close")?;
        Ok(bytes)
    }

    /// Whether the other side has ended the connection and sends nothing more; waits for it.
    ///
    /// # Errors
    ///
    /// When it does neither in time.
    pub async fn is_closed(&mut self) -> Result<bool> {
        let read = tokio::time::timeout(LIMIT, self.stream.read_u8()).await;
        Ok(read.context("neither closed nor said anything")?.is_err())
    }

    /// Sends a request without waiting for its answer; returns its correlation id.
    ///
    /// # Errors
    ///
    /// When it cannot be encoded in `version`, or the other side has closed.
    pub async fn send<R: Request>(&mut self, version: i16, request: &R) -> Result<i32> {
        let mut frame = self.header(R::KEY, version, R::header_version(version))?;
        request.encode(&mut frame, version)?;
        self.send_frame(&frame).await?;
        Ok(self.correlation_id)
    }

    /// Receives the answer to a request of type `R`, which must be the next due.
    ///
    /// # Errors
    ///
    /// When it is not, or cannot be decoded, or the other side closes.
    pub async fn receive<R: Request>(&mut self, version: i16, id: i32) -> Result<R::Response> {
        decode::<R>(version, id, self.receive_frame().await?)
    }

    /// Request and answer.
    ///
    /// # Errors
    ///
    /// As [`Self::send`] and [`Self::receive`].
    pub async fn call<R: Request>(&mut self, version: i16, request: &R) -> Result<R::Response> {
        let id = self.send(version, request).await?;
        self.receive::<R>(version, id).await
    }

    /// SaslHandshake v1 and SaslAuthenticate by PLAIN.
    ///
    /// # Errors
    ///
    /// When the broker refuses, in its own words.
    pub async fn authenticate(&mut self, (user, password): (&str, &str)) -> Result<()> {
        let handshake =
            SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str("PLAIN"));
        let answer = self.call(1, &handshake).await?;
        ensure!(
            answer.error_code == 0,
            "SaslHandshake error {}",
            answer.error_code
        );
        let token = format!("\0{user}\0{password}").into_bytes();
        let request = SaslAuthenticateRequest::default().with_auth_bytes(token.into());
        let answer = self.call(2, &request).await?;
        let words = answer.error_message.as_deref().unwrap_or_default();
        ensure!(
            answer.error_code == 0,
            "SaslAuthenticate error {}: {words}",
            answer.error_code
        );
        Ok(())
    }

    /// What a Metadata answer without topics tells of all brokers: `host:port` by node id.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn brokers(&mut self) -> Result<BTreeMap<i32, String>> {
        let request = MetadataRequest::default().with_topics(Some(Vec::new()));
        let answer = self.call(12, &request).await?;
        let told = answer.brokers.iter();
        Ok(told
            .map(|broker| (broker.node_id.0, format!("{}:{}", broker.host, broker.port)))
            .collect())
    }

    /// ApiVersions v5 (not in the crate yet) with an opinion on who the broker is.
    ///
    /// # Errors
    ///
    /// When there is no answer to it.
    pub async fn ask_identity(&mut self, cluster_id: &str, node_id: i32) -> Result<Verdict> {
        let mut frame = self.header(18, 5, 2)?;
        for text in ["throughway-tests", "1", cluster_id] {
            frame.put_u8(u8::try_from(text.len() + 1)?);
            frame.put_slice(text.as_bytes());
        }
        frame.put_i32(node_id);
        frame.put_u8(0);
        self.send_frame(&frame).await?;
        let mut answer = self.receive_frame().await?;
        ensure!(
            answer.remaining() >= 6,
            "an answer of {} bytes",
            answer.remaining()
        );
        let id = answer.get_i32();
        ensure!(
            id == self.correlation_id,
            "answer to {id}, not {}",
            self.correlation_id
        );
        Ok(match answer.get_i16() {
            0 => Verdict::Yes,
            129 => Verdict::No,
            code => Verdict::Error(code),
        })
    }

    fn header(&mut self, key: i16, version: i16, header_version: i16) -> Result<BytesMut> {
        self.correlation_id += 1;
        let mut frame = BytesMut::new();
        RequestHeader::default()
            .with_request_api_key(key)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation_id)
            .with_client_id(Some(StrBytes::from_static_str("throughway-tests")))
            .encode(&mut frame, header_version)?;
        Ok(frame)
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// Decodes the answer to a request of type `R`.
///
/// # Errors
///
/// When it answers another request, or has another layout.
pub fn decode<R: Request>(version: i16, id: i32, mut frame: Bytes) -> Result<R::Response> {
    let header = ResponseHeader::decode(&mut frame, R::Response::header_version(version))?;
    let answered = header.correlation_id;
    ensure!(answered == id, "answer to {answered}, not {id}");
    let response = R::Response::decode(&mut frame, version)?;
    let left = frame.remaining();
    ensure!(left == 0, "{left} bytes too many");
    Ok(response)
}

/// What the broker behind `door` tells a client of all brokers: `host:port` by node id.
///
/// # Errors
///
/// When the connection fails, or `user` may not get in.
pub async fn brokers_told(door: &Door, user: (&str, &str)) -> Result<BTreeMap<i32, String>> {
    let mut connection = Connection::open(door).await?;
    connection.authenticate(user).await?;
    connection.brokers().await
}

/// A TLS client that trusts `ca`, and shows `identity` if there is one.
///
/// # Errors
///
/// When a file cannot be read.
pub fn client_config(ca: &Path, identity: Option<&Identity>) -> Result<ClientConfig> {
    let builder = ClientConfig::builder().with_root_certificates(roots(ca)?);
    let Some(identity) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = CertificateDer::pem_file_iter(&identity.certificate)?.collect::<Result<_, _>>()?;
    Ok(builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(&identity.key)?)?)
}

/// The authorities of a PEM file.
///
/// # Errors
///
/// When it cannot be read.
pub fn roots(ca: &Path) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca)? {
        roots.add(certificate?)?;
    }
    Ok(roots)
}

/// Protocol version and cipher suite of a TLS session.
#[must_use]
pub fn tls_of(session: &rustls::CommonState) -> String {
    let version = session.protocol_version().and_then(|v| v.as_str());
    let suite = session.negotiated_cipher_suite().map(|s| s.suite());
    let suite = suite.and_then(|suite| suite.as_str());
    format!("{} {}", version.unwrap_or("?"), suite.unwrap_or("?"))
}

async fn within<T, E>(what: &str, future: impl Future<Output = Result<T, E>>) -> Result<T>
where
    E: Into<anyhow::Error>,
{
    match tokio::time::timeout(LIMIT, future).await {
        Ok(result) => result.map_err(|error| error.into().context(what.to_owned())),
        Err(_) => bail!("{what}: no end after {LIMIT:?}"),
    }
}
