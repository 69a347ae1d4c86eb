//! Accepting and one connection's life: slots, deadlines, the gate before the routes.
//!
//! Owns hyper. It must not know what a route does.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::door::{self, DoorError, Stream};
use super::gate::{self, Access, Refusal, Way};
use super::problem::{Problem, shown};
use super::{AdminState, routes};
use crate::config::Cidr;
use crate::slots::{Slot, Slots};
use crate::telemetry::Budget;
use crate::tls::ServerTls;

/// Connections at a time, of each door. Probes, scrapes and people are few.
pub(super) const MOST_CONNECTIONS: usize = 128;

/// From a connection that is ready, or from the answer before, to a complete request head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// From a complete head to the answer, the body's arrival included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// After this a connection ends behind its current answer, so that none is held for ever.
const LONGEST_CONNECTION: Duration = Duration::from_secs(300);

/// For the current answer to leave when a connection ends.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// Pause after an accept that failed: out of file descriptors is no reason to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Room for a request's head; hyper refuses what is larger with 431.
const HEAD_BYTES: usize = 64 * 1024;

/// What is still taken of a refused request's body, so that its sender reads the answer first.
const REFUSED_BODY_BYTES: u64 = 64 * 1024;

/// For that to arrive.
const REFUSED_BODY: Duration = Duration::from_secs(1);

/// What the HTTPS side goes by.
#[derive(Debug)]
pub struct Front {
    /// Our certificate.
    pub(super) tls: Arc<ServerTls>,
    pub(super) access: Access,
    pub(super) trusted: Vec<Cidr>,
}

impl Front {
    /// The certificate, to be reloaded with the others.
    #[must_use]
    pub fn tls(&self) -> Arc<ServerTls> {
        Arc::clone(&self.tls)
    }
}

/// Where connections come from.
enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A connection just accepted.
enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Listening {
    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok(Accepted::Tcp(stream, peer))
            }
            Self::Unix(listener) => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }
}

/// What every connection of one door shares.
pub(super) struct Shared {
    /// `None` on the control socket.
    front: Option<Front>,
    routes: TowerToHyperService<Router>,
    budget: Budget,
    shutdown: CancellationToken,
}

/// Serves until `shutdown`, then lets current answers leave for a second.
pub async fn serve(
    listener: TcpListener,
    front: Front,
    state: AdminState,
    shutdown: CancellationToken,
) {
    let shared = Shared::new(Some(front), state, shutdown);
    accept(Listening::Tcp(listener), Arc::new(shared)).await;
}

/// The same on the control socket, where everyone who gets in may do everything.
pub async fn serve_locally(listener: UnixListener, state: AdminState, shutdown: CancellationToken) {
    let shared = Shared::new(None, state, shutdown);
    accept(Listening::Unix(listener), Arc::new(shared)).await;
}

async fn accept(listening: Listening, shared: Arc<Shared>) {
    let slots = Slots::new(MOST_CONNECTIONS);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shared.shutdown.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listening.accept() => match (accepted, slots.enter()) {
                (Ok(accepted), Some(slot)) => {
                    connections.spawn(Arc::clone(&shared).one(accepted, slot));
                }
                (Ok(_), None) => tracing::debug!("admin connection over the cap closed"),
                (Err(error), slot) => {
                    drop(slot);
                    if shared.budget.allows("accept") {
                        tracing::warn!(%error, "accept admin connection");
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    while connections.join_next().await.is_some() {}
}

impl Shared {
    pub(super) fn new(
        front: Option<Front>,
        state: AdminState,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            front,
            routes: TowerToHyperService::new(routes(state)),
            budget: Budget::default(),
            shutdown,
        }
    }

    /// One connection to its end.
    async fn one(self: Arc<Self>, accepted: Accepted, slot: Slot) {
        let displaced = slot.displaced.clone();
        let life = async {
            match (accepted, &self.front) {
                (Accepted::Unix(stream), _) => self.http(stream, Way::Local, None, &slot).await,
                (Accepted::Tcp(stream, peer), Some(front)) => {
                    self.tcp(stream, peer, front, &slot).await;
                }
                (Accepted::Tcp(..), None) => {}
            }
        };
        tokio::select! {
            () = displaced.cancelled() => tracing::debug!("admin connection made room for another"),
            () = life => {}
        }
    }

    async fn tcp(&self, stream: TcpStream, peer: SocketAddr, front: &Front, slot: &Slot) {
        let entered = tokio::select! {
            entered = door::enter(stream, peer, &front.trusted, &front.tls) => entered,
            () = self.shutdown.cancelled() => return,
        };
        match entered {
            Ok(entered) => {
                let client = Some(entered.client);
                match entered.stream {
                    Stream::Plain(stream) => self.http(stream, Way::Plain, client, slot).await,
                    Stream::Tls(stream) => self.http(stream, Way::Tls, client, slot).await,
                }
            }
            Err(error @ (DoorError::Untrusted | DoorError::Header(_)))
                if self.budget.allows("header") =>
            {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::info!(client_addr = %peer, error, "admin connection refused");
            }
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::debug!(client_addr = %peer, error, "admin connection failed");
            }
        }
    }

    /// Requests one after the other until the connection's end.
    pub(super) async fn http<S>(&self, stream: S, way: Way, client: Option<SocketAddr>, slot: &Slot)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let service = service_fn(|request| async move {
            slot.works();
            let response = self.answer(request, way, client).await;
            slot.waits();
            Ok::<_, Infallible>(response)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "admin connection failed");
                }
                return;
            }
            () = self.shutdown.cancelled() => {}
            () = sleep(LONGEST_CONNECTION) => {}
        }
        connection.as_mut().graceful_shutdown();
        let _cut_off = timeout(LAST_ANSWER, connection).await;
    }

    /// Gate first, then the routes.
    async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        way: Way,
        client: Option<SocketAddr>,
    ) -> Response {
        let (mut head, body) = request.into_parts();
        let access = self.front.as_ref().map(|front| &front.access);
        let mut response = match gate::judge(access, way, client, &head) {
            Ok(caller) => {
                let told = Told::of(&head, caller.name.clone(), client);
                head.extensions.insert(caller);
                let response = self.routed(hyper::Request::from_parts(head, body)).await;
                told.changed(&response);
                response
            }
            Err(refusal) => {
                if self.budget.allows("refused") {
                    Told::of(&head, String::new(), client).refused(&refusal);
                }
                pass_over(body).await;
                refusal.into_response()
            }
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let nosniff = HeaderValue::from_static("nosniff");
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
        response
    }

    async fn routed(&self, request: hyper::Request<Incoming>) -> Response {
        match timeout(REQUEST_TIMEOUT, self.routes.call(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_elapsed) => Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "the request did not come to its end in time",
                format!("the deadline is {} s", REQUEST_TIMEOUT.as_secs()),
            )
            .into_response(),
        }
    }
}

/// What the log says about a request.
struct Told {
    user: String,
    method: String,
    path: String,
    client_addr: String,
    changes: bool,
}

impl Told {
    fn of(head: &Parts, user: String, client: Option<SocketAddr>) -> Self {
        Self {
            user: shown(&user),
            method: shown(head.method.as_str()),
            path: shown(head.uri.path()),
            client_addr: client.map_or_else(|| "local".to_owned(), |client| client.to_string()),
            changes: !head.method.is_safe(),
        }
    }

    /// Who changed what: one line for each request that could.
    fn changed(&self, response: &Response) {
        let Self {
            user,
            method,
            path,
            client_addr,
            changes,
        } = self;
        if *changes {
            let status = response.status().as_u16();
            tracing::info!(user, method, path, client_addr, status, "admin request");
        }
    }

    fn refused(&self, refusal: &Refusal) {
        let Self {
            method,
            path,
            client_addr,
            ..
        } = self;
        let status = refusal.status().as_u16();
        tracing::info!(method, path, client_addr, status, "admin request refused");
    }
}

/// Takes what is left of a small body: a sender that is still writing would otherwise meet a reset
/// instead of the answer.
async fn pass_over(body: Incoming) {
    let small = body
        .size_hint()
        .upper()
        .is_some_and(|most| most <= REFUSED_BODY_BYTES);
    if small && !body.is_end_stream() {
        let most = usize::try_from(REFUSED_BODY_BYTES).unwrap_or(usize::MAX);
        let _unread = timeout(REFUSED_BODY, to_bytes(Body::new(body), most)).await;
    }
}
