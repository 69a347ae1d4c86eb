//! Binds the listeners' ports, accepts, backs off, caps, and hands each socket to a worker.
//!
//! Owns the accepting sockets. It must not know TLS, frames or routing.

pub mod worker;

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use self::worker::{Arriving, Workers};
use crate::admission::Admission;
use crate::config::{Config, ListenerConfig, Routing};
use crate::metrics::AcceptError;
use crate::notify::Manager;
use crate::session::Edge;

/// Connections the kernel holds for us while we are busy.
const BACKLOG: i32 = 1024;

/// First and longest pause after a failed accept (no file descriptors left, for instance): long enough
/// to be no burden, and short enough to be back within a second.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// A port that cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("listener {listener}: cannot bind {address}")]
pub struct BindError {
    /// Its name.
    pub listener: String,
    /// What was tried.
    pub address: SocketAddr,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// The accepting side of the process.
#[derive(Debug)]
pub struct Listeners {
    edge: Arc<Edge>,
    workers: Workers,
    admission: Arc<Admission>,
    manager: Arc<Manager>,
    bound: Mutex<BTreeSet<(usize, u16)>>,
    loops: TaskTracker,
}

impl Listeners {
    /// Binds nothing yet. What is bound later is kept by the manager over a restart.
    #[must_use]
    pub fn new(edge: Arc<Edge>, workers: Workers, manager: Arc<Manager>) -> Self {
        let admission = Arc::new(Admission::new(&edge.config));
        Self {
            edge,
            workers,
            admission,
            manager,
            bound: Mutex::default(),
            loops: TaskTracker::new(),
        }
    }

    /// Binds these (listener index, port) pairs that are not bound yet, and starts to accept. Must be
    /// called on the control runtime.
    ///
    /// # Errors
    /// The first port that cannot be bound; those before it stay bound.
    pub fn ensure(&self, wanted: &[(usize, u16)]) -> Result<(), BindError> {
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, port) in wanted {
            let Some(listener) = self.edge.config.listeners.get(*index) else {
                continue;
            };
            if self.edge.drain.accepting.is_cancelled() || !bound.insert((*index, *port)) {
                continue;
            }
            let address = SocketAddr::new(listener.bind, *port);
            let socket = self
                .manager
                .listen(address, bind)
                .and_then(TcpListener::from_std)
                .map_err(|source| {
                    bound.remove(&(*index, *port));
                    BindError {
                        listener: listener.name.clone(),
                        address,
                        source,
                    }
                })?;
            self.edge.upstream.own().add(address);
            self.accept_on(socket, *index, *port);
        }
        Ok(())
    }

    fn accept_on(&self, socket: TcpListener, listener: usize, local_port: u16) {
        let edge = Arc::clone(&self.edge);
        let workers = self.workers.clone();
        let admission = Arc::clone(&self.admission);
        self.loops.spawn(async move {
            let accepting = edge.drain.accepting.clone();
            let accept = accept_loop(
                socket,
                (listener, local_port),
                &edge,
                (&workers, &admission),
            );
            tokio::select! {
                () = accept => {}
                () = accepting.cancelled() => {}
            }
        });
    }
}

/// The ports a listener binds at start, as (index, port) pairs.
#[must_use]
pub fn ports_at_start(config: &Config) -> Vec<(usize, u16)> {
    let ports = |listener: &ListenerConfig| -> Vec<u16> {
        match &listener.routing {
            Routing::Sni { port, .. } => vec![port.local],
            Routing::Port {
                ports,
                bound_at_start,
                ..
            } => ports
                .iter()
                .take(*bound_at_start)
                .map(|pair| pair.local)
                .collect(),
        }
    };
    let each = config.listeners.iter().enumerate();
    each.flat_map(|(index, listener)| ports(listener).into_iter().map(move |p| (index, p)))
        .collect()
}

/// A listening socket that does not block.
///
/// # Errors
/// Those of the system.
pub fn bind(address: SocketAddr) -> io::Result<StdListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        // `::` takes IPv4 clients too, unless the system says otherwise for all sockets.
        _ = socket.set_only_v6(false);
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

async fn accept_loop(
    socket: TcpListener,
    (listener, local_port): (usize, u16),
    edge: &Arc<Edge>,
    (workers, admission): (&Workers, &Arc<Admission>),
) {
    let mut pause = BACK_OFF.0;
    loop {
        match socket.accept().await {
            Ok((stream, client)) => {
                pause = BACK_OFF.0;
                if !edge.licence.allows_new_sessions() {
                    refuse_unlicensed(edge);
                    continue;
                }
                let source = own_source(edge, listener, client.ip());
                let Some(pass) = Admission::admit(admission, listener, source) else {
                    edge.metrics.accept_error(AcceptError::Limit);
                    continue;
                };
                let guard = edge.metrics.listener(listener).opened();
                match stream.into_std() {
                    Ok(stream) => {
                        let at = tokio::time::Instant::now();
                        let arriving = Arriving {
                            stream,
                            client,
                            listener,
                            local_port,
                            at,
                            guard,
                            pass,
                        };
                        workers.hand_over(arriving).await;
                    }
                    Err(_gone_already) => edge.metrics.accept_error(AcceptError::Aborted),
                }
            }
            Err(error) => {
                edge.metrics.accept_error(kind(&error));
                if edge.budget.allows("accept") {
                    tracing::warn!(%error, "accept failed");
                }
                sleep(pause).await;
                pause = (pause * 2).min(BACK_OFF.1);
            }
        }
    }
}

/// Whom a connection counts for; `None` where only its PROXY header will tell.
fn own_source(edge: &Edge, listener: usize, peer: IpAddr) -> Option<IpAddr> {
    let listener = edge.config.listeners.get(listener);
    let proxied = listener.is_some_and(|listener| listener.expects_proxy_header(peer));
    (!proxied).then_some(peer)
}

/// Closing at once is all that a client understands before it has said anything.
fn refuse_unlicensed(edge: &Edge) {
    edge.metrics.accept_error(AcceptError::Licence);
    if edge.budget.allows("licence") {
        tracing::warn!("new session refused: the licence does not allow it");
    }
}

fn kind(error: &io::Error) -> AcceptError {
    use rustix::io::Errno;
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE) => AcceptError::OutOfFiles,
        Some(Errno::NOBUFS | Errno::NOMEM) => AcceptError::OutOfMemory,
        Some(Errno::CONNABORTED) => AcceptError::Aborted,
        _ => AcceptError::Other,
    }
}
