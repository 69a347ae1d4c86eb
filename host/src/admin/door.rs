//! How a connection came in: its PROXY header taken off, its TLS done, or plain.
//!
//! One deadline covers it all. Every byte that belongs to what follows is passed on. It must not know
//! HTTP.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::Cidr;
use crate::proxy_protocol::{self, Parsed, ProxyHeaderError};
use crate::tls::{Hello, ServerStream, ServerTls, TlsError};

/// From accept to a connection that is ready for a request.
const DEADLINE: Duration = Duration::from_secs(10);

/// How a TLS connection begins, and no HTTP request does: the record type (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;

/// More than a PROXY header has; what is read beyond it is passed on.
const FIRST_READ: usize = 1024;

/// A connection, and where it came from.
#[derive(Debug)]
pub(super) struct Entered {
    pub(super) stream: Stream,
    /// From the PROXY header, if there was one that says.
    pub(super) client: SocketAddr,
}

/// Ready for HTTP.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(Prefixed),
    Tls(Box<ServerStream<Prefixed>>),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum DoorError {
    /// A health check of a load balancer, say.
    #[error("closed before its first byte")]
    Silent,
    #[error("nothing complete within {} s", DEADLINE.as_secs())]
    Deadline,
    /// Only those named may say where a connection came from.
    #[error("a PROXY header from a source outside GATEWAY_HTTP_PROXY_PROTOCOL")]
    Untrusted,
    #[error("PROXY header")]
    Header(#[source] ProxyHeaderError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Takes a connection in.
pub(super) async fn enter(
    stream: TcpStream,
    peer: SocketAddr,
    trusted: &[Cidr],
    tls: &ServerTls,
) -> Result<Entered, DoorError> {
    let entering = async {
        let (stream, client) = first_bytes(stream, peer, trusted).await?;
        if stream.before().first() != Some(&TLS_HANDSHAKE) {
            let stream = Stream::Plain(stream);
            return Ok(Entered { stream, client });
        }
        let hello = Hello::read(stream).await?;
        let stream = Stream::Tls(Box::new(hello.accept(tls.current()).await?));
        Ok(Entered { stream, client })
    };
    timeout(DEADLINE, entering)
        .await
        .unwrap_or(Err(DoorError::Deadline))
}

/// Reads until it is clear whether there is a PROXY header, and at least one byte behind it.
async fn first_bytes(
    mut stream: TcpStream,
    peer: SocketAddr,
    trusted: &[Cidr],
) -> Result<(Prefixed, SocketAddr), DoorError> {
    let may_say = trusted.iter().any(|network| network.contains(peer.ip()));
    let mut bytes = Vec::with_capacity(FIRST_READ);
    let mut header = (0, None);
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(DoorError::Silent);
        }
        match proxy_protocol::parse(&bytes) {
            // It may still become something else; if not, HTTP will not have it.
            Ok(Parsed::Incomplete) if !may_say && !names_itself(&bytes) => break,
            Ok(_) | Err(ProxyHeaderError::Malformed | ProxyHeaderError::TooLong) if !may_say => {
                return Err(DoorError::Untrusted);
            }
            Ok(Parsed::Incomplete) => {}
            Ok(Parsed::Complete { source, header_len }) => {
                header = (header_len, source);
                break;
            }
            Err(ProxyHeaderError::Missing) => break,
            Err(error) => return Err(DoorError::Header(error)),
        }
    }
    let (length, source) = header;
    let mut stream = Prefixed {
        before: bytes,
        passed: length,
        stream,
    };
    if stream.before().is_empty() {
        stream.fill().await?;
    }
    Ok((stream, source.unwrap_or(peer)))
}

/// Whether bytes that may become a header can become nothing else: no method begins like that.
fn names_itself(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PR") || bytes.starts_with(b"\r\n\r\n")
}

/// A socket, and what was read of it already.
#[derive(Debug)]
pub(super) struct Prefixed {
    before: Vec<u8>,
    /// Of `before`, what has been passed on; never more than there is.
    passed: usize,
    stream: TcpStream,
}

impl Prefixed {
    /// What was read already and has not been passed on.
    fn before(&self) -> &[u8] {
        self.before.get(self.passed..).unwrap_or_default()
    }

    /// Reads what comes first behind a header.
    async fn fill(&mut self) -> Result<(), DoorError> {
        self.before.clear();
        self.passed = 0;
        match self.stream.read_buf(&mut self.before).await? {
            0 => Err(DoorError::Silent),
            _ => Ok(()),
        }
    }
}

impl AsyncRead for Prefixed {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = this.before();
        if before.is_empty() {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        }
        let count = before.len().min(buf.remaining());
        buf.put_slice(before.get(..count).unwrap_or_default());
        this.passed += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Prefixed {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
