//! One live session as others see it.
//!
//! Written by its own session only, so counting is a plain store; read by whoever lists. Nothing in
//! here is secret: no password, no token.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;

use super::Scope;
use crate::kafka::introduction::Told;
use crate::kafka::{Endpoint, NodeId};

/// The broker a session is connected to.
#[derive(Clone, Debug)]
pub struct Route {
    /// `None` on a connection of first contact.
    pub node_id: Option<NodeId>,
    /// Where that is.
    pub upstream: Endpoint,
    /// Connected to a bootstrap server for a broker not known yet.
    pub provisional: bool,
}

impl Route {
    /// The broker that is on the other side for certain; `None` where any of them may be.
    #[must_use]
    pub fn counted_as(&self) -> Option<NodeId> {
        self.node_id.filter(|_| !self.provisional)
    }
}

/// What a client has said of itself while it logged in. The first word counts: a broker keeps to it
/// for the whole connection, re-authentication included, and whoever is in must not be able to leave
/// under another name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Who {
    /// Name and version, as told in ApiVersions.
    pub software: Option<(Box<str>, Box<str>)>,
    /// The SASL mechanism asked for.
    pub mechanism: Option<Box<str>>,
    /// Whom PLAIN or SCRAM was to log in, if that is looked at.
    pub user: Option<Box<str>>,
    /// What came of it.
    pub login: Login,
}

/// What a login came to, as far as answers of the broker say.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Login {
    /// No word of the broker yet. A SaslAuthenticate answer without error is none: SCRAM takes two.
    #[default]
    Unfinished,
    /// The broker has answered a request that it answers to authenticated clients only.
    Completed,
    /// The broker has refused it.
    Failed,
}

impl Login {
    /// As it stands in logs and lists.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Unfinished => "unfinished",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// One live session.
#[derive(Debug)]
pub struct Entry {
    /// The `connection_id` of its log lines.
    pub id: u64,
    /// Index into `Config::listeners`.
    pub listener: usize,
    /// When it was accepted.
    pub since: SystemTime,
    /// Cancelled: take no more requests, deliver what is due, close.
    pub polite: CancellationToken,
    /// Cancelled: end at once.
    pub cut: CancellationToken,
    peer: SocketAddr,
    real_client: OnceLock<SocketAddr>,
    server_name: OnceLock<Box<str>>,
    tls_version: OnceLock<&'static str>,
    route: OnceLock<Route>,
    who: Mutex<Who>,
    bytes_downstream: AtomicU64,
    bytes_upstream: AtomicU64,
}

impl Entry {
    /// Of a client that has just been accepted.
    #[must_use]
    pub fn new(id: u64, listener: usize, peer: SocketAddr, cut: CancellationToken) -> Self {
        Self {
            id,
            listener,
            since: SystemTime::now(),
            polite: CancellationToken::new(),
            cut,
            peer,
            real_client: OnceLock::new(),
            server_name: OnceLock::new(),
            tls_version: OnceLock::new(),
            route: OnceLock::new(),
            who: Mutex::default(),
            bytes_downstream: AtomicU64::new(0),
            bytes_upstream: AtomicU64::new(0),
        }
    }

    /// The client's own address: the peer's, unless a PROXY header told another.
    #[must_use]
    pub fn client(&self) -> SocketAddr {
        *self.real_client.get().unwrap_or(&self.peer)
    }

    /// What a PROXY header told. Once.
    pub fn set_real_client(&self, client: SocketAddr) {
        _ = self.real_client.set(client);
    }

    /// The name asked for in the ClientHello, escaped.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.get().map(|name| &**name)
    }

    /// What the ClientHello asked for, escaped. Once.
    pub fn set_server_name(&self, name: &str) {
        _ = self.server_name.set(name.into());
    }

    /// `TLSv1.2` or `TLSv1.3`; `None` without TLS, or before the handshake is over.
    #[must_use]
    pub fn tls_version(&self) -> Option<&'static str> {
        self.tls_version.get().copied()
    }

    /// What the handshake came to. Once.
    pub fn set_tls_version(&self, version: &'static str) {
        _ = self.tls_version.set(version);
    }

    /// The broker, once connected.
    #[must_use]
    pub fn route(&self) -> Option<&Route> {
        self.route.get()
    }

    pub(super) fn set_route(&self, route: Route) {
        _ = self.route.set(route);
    }

    /// Of the broker; `None` before it is connected, and on a connection of first contact.
    #[must_use]
    pub fn node_id(&self) -> Option<NodeId> {
        self.route().and_then(|route| route.node_id)
    }

    pub(super) fn is_in(&self, scope: Scope) -> bool {
        match scope {
            Scope::All => true,
            Scope::Listener(index) => self.listener == index,
            Scope::Broker(node_id) => self.node_id() == Some(node_id),
        }
    }

    /// What the client has said of itself so far.
    #[must_use]
    pub fn who(&self) -> Who {
        self.with_who(|who| who.clone())
    }

    /// Notes what a request said.
    pub fn told(&self, told: Told) {
        self.with_who(|who| match told {
            Told::Software { name, version } => _ = who.software.get_or_insert((name, version)),
            Told::Mechanism(mechanism) => _ = who.mechanism.get_or_insert(mechanism),
            Told::User(user) => _ = who.user.get_or_insert(user),
        });
    }

    /// Notes what the broker said to it. Once completed it stays so.
    pub fn set_login(&self, login: Login) {
        self.with_who(|who| {
            if who.login != Login::Completed {
                who.login = login;
            }
        });
    }

    fn with_who<T>(&self, then: impl FnOnce(&mut Who) -> T) -> T {
        then(&mut self.who.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Bytes written to the client and to the broker.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        (
            self.bytes_downstream.load(Ordering::Relaxed),
            self.bytes_upstream.load(Ordering::Relaxed),
        )
    }

    /// Adds to them. Called by the session's own task alone: no atomic addition is needed.
    pub fn add_bytes(&self, downstream: u64, upstream: u64) {
        let add = |total: &AtomicU64, bytes: u64| {
            if bytes > 0 {
                let sum = total.load(Ordering::Relaxed).saturating_add(bytes);
                total.store(sum, Ordering::Relaxed);
            }
        };
        add(&self.bytes_downstream, downstream);
        add(&self.bytes_upstream, upstream);
    }
}
