//! From an accepted socket to a client that is worth a broker: PROXY header, first bytes, TLS, route.
//!
//! Nothing is dialled before a plausible first request has arrived.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tracing::{Span, field};

use super::error::SessionError;
use super::first_packet::{Judgement, judge, judge_before_tls};
use super::{Accepted, Edge};
use crate::addrmap::{Inbound, Target};
use crate::admission::Pass;
use crate::config::{ListenerConfig, Routing};
use crate::inventory::Entry;
use crate::metrics::{HandshakeOutcome, WrongProtocol};
use crate::proxy_protocol::{self, Parsed};
use crate::tls::stream::Stream;
use crate::tls::{Hello, ServerTls, TlsError};

/// Most bytes looked at before relaying: the first prefix comes with them.
const FIRST_READ: usize = 4096;

/// `PROXY UNKNOWN\r\n`; version 2 begins with 16.
const SHORTEST_PROXY_HEADER: usize = 15;

/// A client whose first request has begun.
pub(super) struct Arrival {
    /// Decrypted, if it is TLS.
    pub(super) stream: Stream,
    /// What the address map was told.
    pub(super) inbound: Inbound,
    /// What the address map said.
    pub(super) target: Target,
    /// Read already.
    pub(super) first_bytes: Vec<u8>,
}

/// Takes a client in.
pub(super) async fn arrive(
    accepted: Accepted,
    pass: &mut Pass,
    edge: &Edge,
    entry: &Entry,
) -> Result<Arrival, SessionError> {
    let Some(listener) = edge.config.listeners.get(accepted.listener) else {
        return Err(SessionError::NotRoutable);
    };
    let first_byte_due = accepted.at + edge.config.timeouts.first_byte;
    let Accepted {
        mut stream, client, ..
    } = accepted;
    let client = real_client(&mut stream, (client, pass), listener, first_byte_due).await?;
    entry.set_real_client(client);
    let inbound = Inbound {
        listener: accepted.listener,
        server_name: None,
        local_port: accepted.local_port,
        client: client.ip(),
    };
    let tls = edge
        .server_tls
        .get(accepted.listener)
        .and_then(Option::as_ref);
    let (mut stream, inbound, target) = match tls {
        None => {
            let target = edge.address_map.route(&inbound).await;
            (Stream::Plain(stream), inbound, target)
        }
        Some(tls) => {
            secure(
                stream,
                inbound,
                (edge, listener, tls, entry),
                first_byte_due,
            )
            .await?
        }
    };
    if let Some(version) = stream.tls_version() {
        entry.set_tls_version(version);
    }
    let due = if tls.is_some() {
        Instant::now() + edge.config.timeouts.first_byte
    } else {
        first_byte_due
    };
    let most = edge.config.limits.max_frame_before_sasl;
    let first_bytes = timeout_at(due, first_request(&mut stream, most))
        .await
        .map_err(|_elapsed| SessionError::FirstByteDeadline)??;
    pass.speaks();
    if target == Target::NotRoutable {
        return Err(SessionError::NotRoutable);
    }
    Ok(Arrival {
        stream,
        inbound,
        target,
        first_bytes,
    })
}

/// The client's own address: from the PROXY header where the listener demands one, and counted then.
async fn real_client(
    stream: &mut TcpStream,
    (peer, pass): (SocketAddr, &mut Pass),
    listener: &ListenerConfig,
    due: Instant,
) -> Result<SocketAddr, SessionError> {
    if !listener.expects_proxy_header(peer.ip()) {
        return Ok(peer);
    }
    match timeout_at(due, proxy_header(stream)).await {
        Err(_elapsed) => Err(SessionError::FirstByteDeadline),
        Ok(Err(error)) => Err(error),
        Ok(Ok(source)) => {
            let client = source.unwrap_or(peer);
            Span::current().record("client_addr", field::display(client));
            // Without one the balancer speaks for itself, as in health checks: that is nobody's share.
            if source.is_some_and(|source| !pass.comes_from(source.ip())) {
                return Err(SessionError::TooManyOfSource);
            }
            Ok(client)
        }
    }
}

/// Takes the PROXY header off the stream, and not one byte more: what follows may be for TLS.
async fn proxy_header(stream: &mut TcpStream) -> Result<Option<SocketAddr>, SessionError> {
    let mut bytes = Vec::new();
    loop {
        match proxy_protocol::parse(&bytes).map_err(SessionError::ProxyHeader)? {
            Parsed::Complete { source, .. } => return Ok(source),
            Parsed::Incomplete => {}
        }
        // The shortest header has 15 bytes; behind them one at a time, each of a few dozen.
        let want = if bytes.is_empty() {
            SHORTEST_PROXY_HEADER
        } else {
            1
        };
        let mut piece = [0; SHORTEST_PROXY_HEADER];
        let piece = piece.get_mut(..want).unwrap_or_default();
        match stream.read_exact(piece).await {
            Ok(_) => bytes.extend_from_slice(piece),
            Err(error) => return Err(gone(error)),
        }
    }
}

/// Load balancers end their health checks in either way: by a close, or by a reset.
fn gone(error: io::Error) -> SessionError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => SessionError::GoneSilently,
        _ => SessionError::Io(error),
    }
}

/// Reads until the first request's prefix can be judged.
async fn first_request(
    stream: &mut (impl AsyncRead + Unpin),
    most: usize,
) -> Result<Vec<u8>, SessionError> {
    let mut bytes = Vec::with_capacity(FIRST_READ);
    loop {
        let read = stream.read_buf(&mut bytes).await.map_err(gone)?;
        match judge(&bytes, most) {
            Judgement::Kafka => return Ok(bytes),
            Judgement::Wrong(kind) => return Err(SessionError::WrongProtocol(kind)),
            Judgement::NeedMore if read == 0 => return Err(SessionError::GoneSilently),
            Judgement::NeedMore => {}
        }
    }
}

/// TLS with the client: peeks at the first byte, reads the ClientHello, routes by its name.
async fn secure(
    stream: TcpStream,
    mut inbound: Inbound,
    (edge, listener, tls, entry): (&Edge, &ListenerConfig, &Arc<ServerTls>, &Entry),
    first_byte_due: Instant,
) -> Result<(Stream, Inbound, Target), SessionError> {
    timeout_at(first_byte_due, hello_begins(&stream))
        .await
        .map_err(|_elapsed| SessionError::FirstByteDeadline)??;
    let due = Instant::now() + edge.config.timeouts.tls_handshake;
    if !edge.handshakes.turn(due).await {
        return Err(SessionError::TlsDeadline);
    }
    // On the heap while it lasts: neither who says nothing nor who is in keeps room for it.
    let handshake = Box::pin(async {
        let hello = Hello::read(stream).await?;
        inbound.server_name = hello.server_name();
        if let Some(name) = &inbound.server_name {
            let name = name.escape_default().to_string();
            entry.set_server_name(&name);
            Span::current().record("sni", name);
        }
        let target = edge.address_map.route(&inbound).await;
        let by_name = matches!(listener.routing, Routing::Sni { .. });
        if by_name && target == Target::NotRoutable {
            hello.refuse_name().await;
            return Ok(None);
        }
        let stream = hello.accept(tls.current()).await?;
        Ok::<_, TlsError>(Some((stream, target)))
    });
    match timeout_at(due, handshake).await {
        Err(_elapsed) => Err(SessionError::TlsDeadline),
        Ok(Err(error)) => Err(SessionError::Tls(error)),
        Ok(Ok(None)) => Err(SessionError::UnknownServerName),
        Ok(Ok(Some((stream, target)))) => {
            edge.metrics
                .listener(inbound.listener)
                .tls_handshake(HandshakeOutcome::Completed);
            Ok((Stream::Downstream(Box::new(stream)), inbound, target))
        }
    }
}

/// Waits for the first bytes without taking them. What has come with the first segment is judged as it
/// stands: peeking again would return at once, not when more arrives.
async fn hello_begins(stream: &TcpStream) -> Result<(), SessionError> {
    let mut first = [0; 16];
    let seen = stream.peek(&mut first).await.map_err(gone)?;
    match judge_before_tls(first.get(..seen).unwrap_or_default()) {
        Judgement::Kafka => Ok(()),
        Judgement::Wrong(kind) => Err(SessionError::WrongProtocol(kind)),
        Judgement::NeedMore if seen == 0 => Err(SessionError::GoneSilently),
        Judgement::NeedMore => Err(SessionError::WrongProtocol(WrongProtocol::NotKafka)),
    }
}
