//! Puts the parts together and runs them from start to drained.
//!
//! Owns the order of starting and stopping, and the control runtime: Admin API, accepting, topology
//! changes, reloads, the licence, signals. Sessions run on the workers' runtimes.

mod admin;
mod licence;
mod maps;
mod misled;
mod reload;
mod tls;
mod usage;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::admin::Doors;
use self::usage::{Prepared, Usage};
use crate::addrmap::AddressMap;
use crate::admin::{Front, Readiness};
use crate::config::{Config, Parsed, render};
use crate::drain::Drain;
use crate::licence::keep::{keep, now};
use crate::licence::{Guard, LicenceError, Source};
use crate::listener::worker::Workers;
use crate::listener::{Listeners, ports_at_start};
use crate::metrics::Metrics;
use crate::notify::{Manager, Pulses, inherited};
use crate::relay::Unmapped;
use crate::session::{Budget, Edge, Handshakes};
use crate::signal::{Request, Signals, exit_at_once};
use crate::telemetry::Debugging;
use crate::tls::Legs;
use crate::topology::store::Store;
use crate::topology::{Snapshot, Topology};
use crate::upstream::Upstream;

/// Unless `GATEWAY_MAX_HANDSHAKES_PER_SECOND` says otherwise.
const HANDSHAKES_PER_WORKER: u32 = 200;

/// For files and services that are being read when everything else has ended.
const LAST_READ: Duration = Duration::from_secs(1);

/// The exit code when somebody signalled twice.
const INSISTED: u8 = 1;

/// Why the proxy ended other than drained.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Configuration, licence, component or certificates refused, before any port was bound: exit code 78.
    #[error("refused")]
    Refused(#[source] anyhow::Error),
    /// Failed to start or while running: exit code 1.
    #[error("failed")]
    Failed(#[source] anyhow::Error),
}

/// Everything made before a port is bound.
struct Parts {
    edge: Arc<Edge>,
    legs: Arc<Legs>,
    store: Store,
    front: Front,
    shown_config: Arc<str>,
    usage: Prepared,
}

/// Runs the proxy until it is drained; without a licence from that source, not at all.
///
/// # Errors
/// `RunError` says which exit code fits.
pub fn run(parsed: &Parsed, licence: Source, debugging: Debugging) -> Result<(), RunError> {
    // First: descriptors are handed over by number, before we open any. No configuration of ours.
    let variable = |name: &str| std::env::var_os(name);
    let manager = Arc::new(Manager::new(variable, inherited(variable)));
    let parts = prepare(parsed, licence).map_err(RunError::Refused)?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("make control runtime")
        .map_err(RunError::Failed)?;
    let ended = runtime.block_on(serve(parts, manager, debugging));
    // A secrets service that hangs must not hold up the end.
    runtime.shutdown_timeout(LAST_READ);
    match ended {
        Ok(None) => Ok(()),
        Ok(Some(unlicensed)) => Err(RunError::Refused(unlicensed.into())),
        Err(error) => Err(RunError::Failed(error)),
    }
}

/// Loads what may be refused. Binds nothing.
fn prepare(parsed: &Parsed, licence: Source) -> anyhow::Result<Parts> {
    let config = Arc::new(parsed.config.clone());
    make_folder(&config.state_directory)?;
    let license_agent = licence.is_by_agent();
    let licence = Guard::start(licence, &config.state_directory, now())?;
    let usage = usage::prepare(&config, license_agent)?;
    let server_tls = tls::load_servers(&config)?;
    let client_tls = tls::load_client(&config)?;
    let front = Front::open(&config.admin, &config.state_directory)?;
    let legs = tls::legs(&config, &server_tls, &front, client_tls.clone());
    let upstream_config = Arc::new(config.upstream.clone());
    let store = Store::new(&config.state_directory, &upstream_config);
    let remembered = store.load().with_context(|| {
        format!(
            "GATEWAY_STATE_DIRECTORY: cannot read in {}",
            config.state_directory.display()
        )
    })?;
    let topology = Arc::new(Topology::new(Arc::clone(&upstream_config), remembered));
    let address_map = AddressMap::start(&config, topology.snapshot().map_brokers());
    let address_map = address_map.with_context(|| maps::whose(&config))?;
    let names: Vec<String> = config.listeners.iter().map(|l| l.name.clone()).collect();
    let metrics = Metrics::new(&names);
    metrics.set_topology_brokers(topology.snapshot().brokers.keys().copied());
    let verify = config
        .upstream
        .tls
        .as_ref()
        .is_none_or(|tls| tls.verify_host_name);
    metrics.set_upstream_verify_disabled(!verify);
    let upstream = Upstream::new(
        upstream_config,
        client_tls,
        config.tcp,
        config.timeouts.dial,
    );
    let edge = Edge {
        server_tls,
        upstream,
        topology,
        address_map,
        licence: Arc::new(licence),
        metrics,
        drain: Arc::new(Drain::default()),
        handshakes: handshakes(&config),
        budget: Budget::default(),
        unmapped: Unmapped::default(),
        next_id: 1.into(),
        config,
    };
    Ok(Parts {
        edge: Arc::new(edge),
        legs,
        store,
        front,
        shown_config: render(parsed, true).into(),
        usage,
    })
}

fn handshakes(config: &Config) -> Handshakes {
    let per_worker = HANDSHAKES_PER_WORKER.saturating_mul(config.workers.try_into().unwrap_or(1));
    let most = config.limits.max_handshakes_per_second;
    Handshakes::new(most.unwrap_or(per_worker))
}

fn make_folder(state: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(state)
        .with_context(|| format!("GATEWAY_STATE_DIRECTORY: cannot use {}", state.display()))
}

/// Runs until drained, or until there is no hope of a licence.
async fn serve(
    parts: Parts,
    manager: Arc<Manager>,
    debugging: Debugging,
) -> anyhow::Result<Option<LicenceError>> {
    let Parts {
        edge,
        legs,
        store,
        front,
        shown_config,
        usage,
    } = parts;
    let mut signals = Signals::listen().context("listen for signals")?;
    let (doors, listeners, pulses) = bind_all(&edge, front, &manager)?;

    let readiness = Arc::new(Readiness::default());
    readiness.set_ports_bound();
    readiness.set_table_published();
    licence::publish(&edge, &readiness, now());
    let (reload_licence, licence_asked) = mpsc::channel(1);
    let maps = maps::of(&edge, &listeners);
    let told = (shown_config, reload_licence.clone(), usage.store());
    let state = admin::state(&edge, (&legs, &maps), &readiness, &debugging, told);
    let end = CancellationToken::new();
    let tasks = TaskTracker::new();
    tasks.spawn(until(end.clone(), Arc::clone(&maps).watch()));
    let _control_socket = doors.serve(state, &tasks, &end);
    tasks.spawn(until(
        end.clone(),
        maps::follow_topology(Arc::clone(&edge), listeners),
    ));
    tasks.spawn(until(end.clone(), debugging.watch()));
    follow(&edge, store, &legs, (&tasks, &end));
    let usage = Usage::new(Arc::clone(&edge), usage);
    tasks.spawn(until(end.clone(), Arc::clone(&usage).run()));
    let watched = Arc::clone(&manager);
    let watching = async move { watched.watch(pulses).await };
    tasks.spawn(until(end.clone(), watching));
    tracing::info!(version = crate::build_info::VERSION, "throughway is ready");
    manager.ready();

    let reload = async || {
        manager.reloading();
        reload::now(&legs).await;
        // Not waited for, as a service may hang. When the place is taken, it is about to be read.
        let _about_to_be_read = reload_licence.try_send(oneshot::channel().0);
        // Compiling takes its time; the next signal must not wait for it.
        tasks.spawn(until(end.clone(), Arc::clone(&maps).reload()));
        manager.ready();
    };
    let told = |now| licence::publish(&edge, &readiness, now);
    let unlicensed = tokio::select! {
        () = obey(&mut signals, reload) => None,
        error = keep(Arc::clone(&edge.licence), licence_asked, told) => Some(error),
    };
    // Without a licence there has been no session.
    if unlicensed.is_none() {
        drain(&edge, &readiness, &mut signals, &manager).await;
    }
    end.cancel();
    tasks.close();
    tasks.wait().await;
    // All sessions have ended: from here on the ledger is exact.
    usage.flush().await;
    Ok(unlicensed)
}

/// Goes after what changes outside: the cluster, where its brokers are, and certificates.
fn follow(
    edge: &Arc<Edge>,
    store: Store,
    legs: &Arc<Legs>,
    (tasks, end): (&TaskTracker, &CancellationToken),
) {
    let remembering = remember_topology(Arc::clone(edge), Arc::new(store));
    tasks.spawn(until(end.clone(), remembering));
    tasks.spawn(until(end.clone(), misled::run(Arc::clone(edge))));
    tasks.spawn(until(end.clone(), reload::run(Arc::clone(legs))));
}

/// Does what signals ask for until one asks for the end.
async fn obey(signals: &mut Signals, reload: impl AsyncFn()) {
    loop {
        match signals.next().await {
            Request::Reload => reload().await,
            Request::Drain => return,
            Request::ExitAtOnce => exit_at_once(INSISTED),
        }
    }
}

/// Binds the Admin API and every port known so far, or takes over what the manager has kept.
fn bind_all(
    edge: &Arc<Edge>,
    front: Front,
    manager: &Arc<Manager>,
) -> anyhow::Result<(Doors, Arc<Listeners>, Pulses)> {
    let doors = Doors::open(&edge.config.admin, front, manager)?;
    edge.upstream.own().add(edge.config.admin.bind);
    let workers = Workers::start(edge, manager.beat_every()).context("start workers")?;
    let pulses = workers.pulses();
    let listeners = Listeners::new(Arc::clone(edge), workers, Arc::clone(manager));
    let mut ports = ports_at_start(&edge.config);
    // A map of the operator's own may need others before any broker is known.
    ports.extend_from_slice(edge.address_map.table().local_ports());
    listeners.ensure(&ports).map_err(|error| anyhow!(error))?;
    manager.forget_the_rest();
    Ok((doors, Arc::new(listeners), pulses))
}

/// Drains; a second signal ends the process at once.
async fn drain(edge: &Edge, readiness: &Readiness, signals: &mut Signals, manager: &Manager) {
    edge.drain.begin_end();
    readiness.set_draining(true);
    tracing::info!(sessions = edge.drain.sessions.len(), "draining");
    let politely = async {
        sleep(edge.config.shutdown.readiness_delay).await;
        edge.drain.run(&edge.config.shutdown).await
    };
    let impatiently = async {
        loop {
            if signals.next().await == Request::ExitAtOnce {
                exit_at_once(INSISTED);
            }
        }
    };
    let cut = tokio::select! {
        cut = politely => cut,
        () = impatiently => 0,
        () = manager.stopping(edge.drain.sessions.len()) => 0,
    };
    if cut > 0 {
        tracing::warn!(
            sessions = cut,
            "sessions cut at the end of GATEWAY_SHUTDOWN_GRACE_MS"
        );
    }
    tracing::info!("drained");
}

async fn until(end: CancellationToken, task: impl Future<Output = ()>) {
    tokio::select! {
        () = end.cancelled() => {}
        () = task => {}
    }
}

/// Writes down each change of the topology. A task of its own: answers that wait for a table must
/// not wait for a disk.
async fn remember_topology(edge: Arc<Edge>, store: Arc<Store>) {
    let mut changes = edge.topology.changes();
    while changes.changed().await.is_ok() {
        remember(&edge, &store, &edge.topology.snapshot()).await;
    }
}

/// Writes the topology down. A full disk costs the memory over a restart, never traffic.
async fn remember(edge: &Edge, store: &Arc<Store>, snapshot: &Arc<Snapshot>) {
    let (store, snapshot) = (Arc::clone(store), Arc::clone(snapshot));
    let save = move || store.save(snapshot.cluster_id.as_deref(), &snapshot.brokers);
    let saved = tokio::task::spawn_blocking(save).await;
    if let Ok(Err(error)) = saved
        && edge.budget.allows("topology")
    {
        tracing::warn!(%error, "topology not saved; it will be learned again after a restart");
    }
}
