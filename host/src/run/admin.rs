//! The Admin API's sockets and what it is told.
//!
//! It must not know what a route does.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::addrmap::Maps;
use crate::admin::{self, AdminState, ControlSocket, Front, LicenceReload, Readiness};
use crate::config::AdminConfig;
use crate::listener::bind;
use crate::notify::Manager;
use crate::session::Edge;
use crate::telemetry::Debugging;
use crate::tls::Legs;
use crate::usage::Store;

/// Bound, not yet served.
pub(super) struct Doors {
    tcp: TcpListener,
    front: Front,
    socket: Option<ControlSocket>,
}

impl Doors {
    /// Binds, or takes over what the manager has kept.
    pub(super) fn open(
        config: &AdminConfig,
        front: Front,
        manager: &Manager,
    ) -> anyhow::Result<Self> {
        let tcp = manager.listen(config.bind, bind);
        let tcp = tcp
            .and_then(TcpListener::from_std)
            .with_context(|| format!("bind {}", config.bind))?;
        let bind_socket = |path: &PathBuf| {
            let bound = ControlSocket::bind(path);
            bound.with_context(|| format!("RUNTIME_DIRECTORY: bind {}", path.display()))
        };
        let socket = config
            .control_socket
            .as_ref()
            .map(bind_socket)
            .transpose()?;
        Ok(Self { tcp, front, socket })
    }

    /// Serves on both until `end`. The socket's file is there as long as what is returned.
    pub(super) fn serve(
        self,
        state: AdminState,
        tasks: &TaskTracker,
        end: &CancellationToken,
    ) -> Option<ControlSocket> {
        let mut socket = self.socket;
        if let Some(listener) = socket.as_mut().and_then(ControlSocket::listener) {
            tasks.spawn(admin::serve_locally(listener, state.clone(), end.clone()));
        }
        tasks.spawn(admin::serve(self.tcp, self.front, state, end.clone()));
        socket
    }
}

/// What the routes show and change.
pub(super) fn state(
    edge: &Edge,
    (legs, maps): (&Arc<Legs>, &Arc<Maps>),
    readiness: &Arc<Readiness>,
    debugging: &Debugging,
    (shown_config, reload_licence, usage): (Arc<str>, LicenceReload, Store),
) -> AdminState {
    AdminState {
        config: Arc::clone(&edge.config),
        shown_config,
        metrics: Arc::clone(&edge.metrics),
        readiness: Arc::clone(readiness),
        topology: Arc::clone(&edge.topology),
        address_map: edge.address_map.clone(),
        maps: Arc::clone(maps),
        licence: Arc::clone(&edge.licence),
        drain: Arc::clone(&edge.drain),
        debugging: debugging.clone(),
        usage,
        legs: Arc::clone(legs),
        reload_licence,
        started: Instant::now(),
    }
}
