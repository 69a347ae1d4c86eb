//! Worker threads: one current-thread runtime each, both legs of a session on the same one.

use std::io;
use std::net::{SocketAddr, TcpStream as StdStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::Instant;

use crate::admission::Pass;
use crate::metrics::SessionGuard;
use crate::notify::{Pulse, Pulses, beat};
use crate::pool::Pool;
use crate::session::{self, Accepted, Edge};
use crate::upstream::tune;

/// Sockets on their way to one worker. When it is full, accepting waits.
const HAND_OVER: usize = 256;

/// A socket on its way to a worker.
#[derive(Debug)]
pub struct Arriving {
    pub(super) stream: StdStream,
    pub(super) client: SocketAddr,
    pub(super) listener: usize,
    pub(super) local_port: u16,
    pub(super) at: Instant,
    pub(super) guard: SessionGuard,
    pub(super) pass: Pass,
}

/// One worker, seen from the accepting side.
#[derive(Clone, Debug)]
struct Worker {
    sockets: mpsc::Sender<Arriving>,
    live: Arc<AtomicUsize>,
    pulse: Pulse,
}

/// All workers.
#[derive(Clone, Debug)]
pub struct Workers {
    each: Arc<Vec<Worker>>,
}

impl Workers {
    /// Starts the threads, whose event loops beat that often. They end when every `Workers` is gone
    /// and their sessions have ended.
    ///
    /// # Errors
    /// When a thread or a runtime cannot be made.
    pub fn start(edge: &Arc<Edge>, beats: Option<Duration>) -> io::Result<Self> {
        let mut each = Vec::new();
        for nth in 0..edge.config.workers {
            let (sockets, arriving) = mpsc::channel(HAND_OVER);
            let live = Arc::new(AtomicUsize::new(0));
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let (edge, counted) = (Arc::clone(edge), Arc::clone(&live));
            let pulse = Pulse::default();
            let beating = beat(pulse.clone(), beats);
            thread::Builder::new()
                .name(format!("worker-{nth}"))
                .spawn(move || {
                    let local = LocalSet::new();
                    let beating = local.spawn_local(beating);
                    local.block_on(&runtime, take_sockets(arriving, &edge, &counted));
                    beating.abort();
                    // Sessions still running keep the worker until the drain has cut them.
                    runtime.block_on(local);
                })?;
            each.push(Worker {
                sockets,
                live,
                pulse,
            });
        }
        Ok(Self {
            each: Arc::new(each),
        })
    }

    /// The beats of their event loops.
    #[must_use]
    pub fn pulses(&self) -> Pulses {
        Pulses::new(
            self.each
                .iter()
                .map(|worker| worker.pulse.clone())
                .collect(),
        )
    }

    /// Hands a socket to the worker with the fewest sessions.
    pub(super) async fn hand_over(&self, arriving: Arriving) {
        let load = |worker: &&Worker| worker.live.load(Ordering::Relaxed);
        if let Some(worker) = self.each.iter().min_by_key(load) {
            worker.live.fetch_add(1, Ordering::Relaxed);
            // Fails only when the worker is gone, which takes the socket with it.
            _ = worker.sockets.send(arriving).await;
        }
    }
}

/// Lowers a worker's load when its session ends, and counts a session that panicked.
struct Load {
    live: Arc<AtomicUsize>,
    edge: Arc<Edge>,
}

impl Drop for Load {
    fn drop(&mut self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
        if thread::panicking() {
            self.edge.metrics.panicked();
            tracing::error!("a session panicked; it alone was closed");
        }
    }
}

async fn take_sockets(
    mut arriving: mpsc::Receiver<Arriving>,
    edge: &Arc<Edge>,
    live: &Arc<AtomicUsize>,
) {
    let pool = Pool::default();
    while let Some(Arriving {
        stream,
        client,
        listener,
        local_port,
        at,
        guard,
        pass,
    }) = arriving.recv().await
    {
        let load = Load {
            live: Arc::clone(live),
            edge: Arc::clone(edge),
        };
        let Ok(stream) = TcpStream::from_std(stream) else {
            continue;
        };
        if tune(
            &stream,
            &edge.config.tcp,
            edge.config.tcp.client_user_timeout,
        )
        .is_err()
        {
            // Reset before it was taken up: a port scan or a load balancer's probe.
            continue;
        }
        let accepted = Accepted {
            stream,
            client,
            listener,
            local_port,
            at,
        };
        let (edge, pool) = (Arc::clone(edge), pool.clone());
        Arc::clone(&edge.drain).sessions.spawn_local(async move {
            let _held = (load, guard);
            session::run(accepted, pass, edge, pool).await;
        });
    }
}
