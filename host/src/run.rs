//! Puts the parts together and runs them from start to drained.
//!
//! Owns the order of starting and stopping, and the control runtime: Admin API, accepting, topology
//! changes, reloads, the licence, signals. Sessions run on the workers' runtimes.

mod licence;
mod reload;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::licence::Watch;
use self::reload::Reloader;
use crate::addrmap::AddressMap;
use crate::admin::{self, AdminState, Readiness};
use crate::config::{Config, ListenerConfig};
use crate::drain::Drain;
use crate::licence::{Guard, Source};
use crate::listener::worker::Workers;
use crate::listener::{Listeners, bind, ports_at_start};
use crate::metrics::Metrics;
use crate::notify::{Manager, Pulses, inherited};
use crate::relay::Unmapped;
use crate::session::{Budget, Edge, Handshakes};
use crate::signal::{Request, Signals, exit_at_once};
use crate::tls::{ClientTls, ServerTls};
use crate::topology::store::Store;
use crate::topology::{Snapshot, Topology};
use crate::upstream::Upstream;

/// Unless `GATEWAY_MAX_HANDSHAKES_PER_SECOND` says otherwise.
const HANDSHAKES_PER_WORKER: u32 = 200;

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
    client_tls: Option<Arc<ClientTls>>,
    store: Store,
}

/// Runs the proxy until it is drained; without a licence from that source, not at all.
///
/// # Errors
/// `RunError` says which exit code fits.
pub fn run(config: Config, licence: Source) -> Result<(), RunError> {
    // First: descriptors are handed over by number, before we open any. No configuration of ours.
    let variable = |name: &str| std::env::var_os(name);
    let manager = Arc::new(Manager::new(variable, inherited(variable)));
    let parts = prepare(Arc::new(config), licence).map_err(RunError::Refused)?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("make control runtime")
        .map_err(RunError::Failed)?;
    runtime
        .block_on(serve(parts, manager))
        .map_err(RunError::Failed)
}

/// Loads what may be refused. Binds nothing.
fn prepare(config: Arc<Config>, licence: Source) -> anyhow::Result<Parts> {
    make_folder(&config.state_directory)?;
    let licence = Guard::start(licence, &config.state_directory, licence::now())?;
    let server_tls = load_server_tls(&config)?;
    let client_tls = load_client_tls(&config)?;
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
    let address_map = address_map.with_context(|| match &config.address_map.component {
        Some(path) => format!("GATEWAY_ADDRESS_MAP={}", path.display()),
        None => "built-in address map".to_owned(),
    })?;
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
        client_tls.clone(),
        config.tcp,
        config.timeouts.dial,
    );
    let per_worker = HANDSHAKES_PER_WORKER.saturating_mul(config.workers.try_into().unwrap_or(1));
    let handshakes = config
        .limits
        .max_handshakes_per_second
        .unwrap_or(per_worker);
    let edge = Edge {
        server_tls,
        upstream,
        topology,
        address_map,
        licence: Arc::new(licence),
        metrics,
        drain: Arc::new(Drain::default()),
        handshakes: Handshakes::new(handshakes),
        budget: Budget::default(),
        unmapped: Unmapped::default(),
        next_id: 1.into(),
        config,
    };
    Ok(Parts {
        edge: Arc::new(edge),
        client_tls,
        store,
    })
}

/// For brokers that speak TLS.
fn load_client_tls(config: &Config) -> anyhow::Result<Option<Arc<ClientTls>>> {
    let load = |tls| ClientTls::load(tls).map(Arc::new);
    let loaded = config.upstream.tls.as_ref().map(load).transpose();
    loaded.context("upstream")
}

/// One for each listener that speaks TLS.
fn load_server_tls(config: &Config) -> anyhow::Result<Vec<Option<Arc<ServerTls>>>> {
    let load = |listener: &ListenerConfig| {
        let load = |tls| ServerTls::load(tls).map(Arc::new);
        let loaded = listener.tls.as_ref().map(load).transpose();
        loaded.with_context(|| format!("listener {}", listener.name))
    };
    config.listeners.iter().map(load).collect()
}

fn make_folder(state: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(state)
        .with_context(|| format!("GATEWAY_STATE_DIRECTORY: cannot use {}", state.display()))
}

async fn serve(parts: Parts, manager: Arc<Manager>) -> anyhow::Result<()> {
    let Parts {
        edge,
        client_tls,
        store,
    } = parts;
    let mut signals = Signals::listen().context("listen for signals")?;
    let (admin, listeners, pulses) = bind_all(&edge, &manager)?;

    let readiness = Arc::new(Readiness::default());
    readiness.set_ports_bound();
    readiness.set_table_published();
    let licence = Watch::new(Arc::clone(&edge), Arc::clone(&readiness));
    let state = AdminState {
        metrics: Arc::clone(&edge.metrics),
        readiness: Arc::clone(&readiness),
    };
    let end = CancellationToken::new();
    let tasks = TaskTracker::new();
    tasks.spawn(admin::serve(admin, state, end.clone()));
    tasks.spawn(until(
        end.clone(),
        follow_topology(Arc::clone(&edge), listeners),
    ));
    tasks.spawn(until(
        end.clone(),
        remember_topology(Arc::clone(&edge), Arc::new(store)),
    ));
    let reloader = Reloader::new(Arc::clone(&edge), client_tls);
    tasks.spawn(until(end.clone(), Arc::clone(&reloader).run()));
    tasks.spawn(until(end.clone(), Arc::clone(&licence).run()));
    let watched = Arc::clone(&manager);
    tasks.spawn(until(
        end.clone(),
        async move { watched.watch(pulses).await },
    ));
    tracing::info!(version = crate::build_info::VERSION, "throughway is ready");
    manager.ready();

    loop {
        match signals.next().await {
            Request::Reload => {
                manager.reloading();
                Arc::clone(&reloader).now().await;
                Arc::clone(&licence).now().await;
                manager.ready();
            }
            Request::Drain => break,
            Request::ExitAtOnce => exit_at_once(),
        }
    }
    drain(&edge, &readiness, &mut signals, &manager).await;
    end.cancel();
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// Binds the Admin API and every port known so far, or takes over what the manager has kept.
fn bind_all(
    edge: &Arc<Edge>,
    manager: &Arc<Manager>,
) -> anyhow::Result<(TcpListener, Arc<Listeners>, Pulses)> {
    let admin = edge.config.admin.bind;
    let admin = manager
        .listen(admin, bind)
        .and_then(TcpListener::from_std)
        .with_context(|| format!("bind {admin}"))?;
    edge.upstream.own().add(edge.config.admin.bind);
    let workers = Workers::start(edge, manager.beat_every()).context("start workers")?;
    let pulses = workers.pulses();
    let listeners = Listeners::new(Arc::clone(edge), workers, Arc::clone(manager));
    let mut ports = ports_at_start(&edge.config);
    // A map of the operator's own may need others before any broker is known.
    ports.extend_from_slice(edge.address_map.table().local_ports());
    listeners.ensure(&ports).map_err(|error| anyhow!(error))?;
    manager.forget_the_rest();
    Ok((admin, Arc::new(listeners), pulses))
}

/// Drains; a second signal ends the process at once.
async fn drain(edge: &Edge, readiness: &Readiness, signals: &mut Signals, manager: &Manager) {
    readiness.set_draining(true);
    tracing::info!(sessions = edge.drain.sessions.len(), "draining");
    let politely = async {
        sleep(edge.config.shutdown.readiness_delay).await;
        edge.drain.run(&edge.config.shutdown).await
    };
    let impatiently = async {
        loop {
            if signals.next().await == Request::ExitAtOnce {
                exit_at_once();
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

/// Turns each change of the topology into a table, its ports bound before it is published.
async fn follow_topology(edge: Arc<Edge>, listeners: Arc<Listeners>) {
    let mut changes = edge.topology.changes();
    while changes.changed().await.is_ok() {
        let snapshot = edge.topology.snapshot();
        edge.metrics
            .set_topology_brokers(snapshot.brokers.keys().copied());
        let computed = edge
            .address_map
            .compute(snapshot.map_brokers(), snapshot.version)
            .await;
        let table = match computed {
            Ok(table) => table,
            Err(error) => {
                edge.metrics.addrmap_refused();
                tracing::warn!(%error, "address table not changed; the last good one stays");
                continue;
            }
        };
        if let Err(error) = listeners.ensure(table.local_ports()) {
            let error = format!("{:#}", anyhow!(error));
            tracing::error!(error, "address table not changed; the last good one stays");
            continue;
        }
        edge.address_map.publish(table);
        edge.metrics.set_addrmap_table_version(snapshot.version);
        tracing::info!(
            brokers = snapshot.brokers.len(),
            table_version = snapshot.version,
            "address table changed"
        );
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
