//! One session from accept to close, in order: first bytes, TLS, route, dial, relay, close.
//!
//! Owns the deadlines before relaying; it ends in exactly one `CloseReason`. It must not know frames
//! beyond the first prefix.

mod arrival;
mod end;
pub mod error;
pub mod first_packet;
mod handshakes;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpStream;
use tokio::time::Instant;
use tracing::{Instrument, Span, field, info_span};

use self::arrival::arrive;
use self::end::close;
use self::error::SessionError;
pub use self::handshakes::Handshakes;
use crate::addrmap::{AddressMap, Inbound, Target};
use crate::admission::Pass;
use crate::close::CloseReason;
use crate::config::Config;
use crate::drain::Drain;
use crate::inventory::{Present, Route, Scope};
use crate::kafka::versions::ClampPolicy;
use crate::kafka::{Endpoint, NodeId};
use crate::licence::Guard;
use crate::metrics::{DialOutcome, Metrics};
use crate::pool::Pool;
use crate::relay::{self, Answers, Counts, Legs, Shared, Terms, Unmapped};
pub use crate::telemetry::Budget;
use crate::tls::ServerTls;
use crate::tls::stream::Stream;
use crate::topology::Topology;
use crate::upstream::{DialError, Upstream};

/// Everything a session uses and does not own.
#[derive(Debug)]
pub struct Edge {
    /// As parsed.
    pub config: Arc<Config>,
    /// One for each listener; `None` for SASL_PLAINTEXT.
    pub server_tls: Vec<Option<Arc<ServerTls>>>,
    /// Dials brokers.
    pub upstream: Upstream,
    /// What was learned.
    pub topology: Arc<Topology>,
    /// What is advertised.
    pub address_map: AddressMap,
    /// Whether new sessions are accepted.
    pub licence: Arc<Guard>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The polite end.
    pub drain: Arc<Drain>,
    /// Bounds handshakes per second.
    pub handshakes: Handshakes,
    /// Bounds log lines that peers can provoke.
    pub budget: Budget,
    /// Brokers without an address, told once.
    pub unmapped: Unmapped,
    /// Next connection id.
    pub next_id: AtomicU64,
}

/// A socket just accepted.
#[derive(Debug)]
pub struct Accepted {
    /// The client's socket.
    pub stream: TcpStream,
    /// The client's address.
    pub client: SocketAddr,
    /// Index into `Config::listeners`.
    pub listener: usize,
    /// Port that accepted it.
    pub local_port: u16,
    /// When.
    pub at: Instant,
}

/// The connected broker, and how the session was routed to it.
struct Routed {
    upstream: Stream,
    route: Route,
}

/// Runs one session to its end.
pub async fn run(accepted: Accepted, mut pass: Pass, edge: Arc<Edge>, pool: Pool) {
    let listener = edge
        .config
        .listeners
        .get(accepted.listener)
        .map_or("", |l| l.name.as_str());
    let id = edge.next_id.fetch_add(1, Ordering::Relaxed);
    let cut = edge.drain.cut.child_token();
    let inventory = &edge.drain.inventory;
    let present = inventory.enter(id, accepted.listener, accepted.client, cut);
    // At info, so that every line about a session says whose it is.
    let span = info_span!(
        "session",
        connection_id = id,
        listener,
        client_addr = %accepted.client,
        sni = field::Empty,
        node_id = field::Empty,
        upstream_addr = field::Empty,
    );
    let ended = live(accepted, (&mut pass, &present), &edge, pool)
        .instrument(span.clone())
        .await;
    let _entered = span.enter();
    close(&edge, &present, ended);
}

/// The stages in order.
async fn live(
    accepted: Accepted,
    (pass, present): (&mut Pass, &Present),
    edge: &Arc<Edge>,
    pool: Pool,
) -> Result<CloseReason, SessionError> {
    let at = accepted.at;
    let displaced = pass.displaced();
    let before_relay = async {
        let arrival = arrive(accepted, pass, edge, present).await?;
        if !edge.address_map.introduce(&arrival.inbound).await {
            return Err(SessionError::NotRoutable);
        }
        let routed = dial(edge, &arrival.target).await?;
        Ok::<_, SessionError>(routed.map(|routed| (arrival, routed)))
    };
    let ready = tokio::select! {
        ready = before_relay => ready?,
        () = displaced.cancelled() => return Err(SessionError::Displaced),
        () = present.polite.cancelled() => None,
    };
    let Some((arrival, routed)) = ready else {
        return Ok(CloseReason::DrainCompleted);
    };
    let broker = edge.metrics.broker(routed.route.counted_as());
    let _connected = broker.opened();
    let counts = Counts {
        all: &edge.metrics,
        listener: edge.metrics.listener(present.listener),
        broker: &broker,
        entry: present,
    };
    let shared = Shared::new(&edge.config.limits, counts);
    let terms = Terms {
        limits: &edge.config.limits,
        timeouts: &edge.config.timeouts,
        accepted: at,
        provisional: routed.route.provisional,
        clamp_unreviewed: clamps_unreviewed(&edge.config),
        names_users: edge.config.access_log,
        drain: present.polite.clone(),
        cut: present.cut.clone(),
        pool,
    };
    register(edge, present, routed.route);
    let answers = answers(edge, &arrival.inbound);
    let legs = Legs {
        downstream: arrival.stream.read_ahead(&terms.pool),
        upstream: routed.upstream.read_ahead(&terms.pool),
        first_bytes: arrival.first_bytes,
    };
    let ended = relay::run(legs, &shared, &answers, &terms).await;
    Ok(ended?)
}

/// Says where the session goes, and ends it at once where that broker is no longer.
fn register(edge: &Edge, present: &Present, route: Route) {
    let meant = route.counted_as();
    let dialled = route.upstream.clone();
    edge.drain.inventory.routed(present, route);
    // Those who find out that brokers have moved look at the inventory; it may have been a moment ago.
    if meant.is_some_and(|node_id| edge.topology.snapshot().has_given_up(&dialled, node_id)) {
        present.polite.cancel();
    }
}

fn clamps_unreviewed(config: &Config) -> bool {
    config.unreviewed_versions == crate::config::UnreviewedVersions::Clamp
}

fn answers<'a>(edge: &'a Edge, inbound: &'a Inbound) -> Answers<'a> {
    Answers {
        topology: &edge.topology,
        address_map: &edge.address_map,
        inbound,
        unmapped: &edge.unmapped,
        metrics: &edge.metrics,
        clamp: ClampPolicy {
            fetch_leader_hints: edge.config.fetch_leader_hints,
            clamp_unreviewed: clamps_unreviewed(&edge.config),
        },
    }
}

/// Connects to where the map sends the client. A broker that is known and cannot be dialled fails at
/// once: a connection that authenticates first would reset the client's back-off. `None` when the
/// broker takes no new sessions.
async fn dial(edge: &Edge, target: &Target) -> Result<Option<Routed>, SessionError> {
    let (node_id, hint) = match target {
        Target::NotRoutable => return Err(SessionError::NotRoutable),
        Target::Bootstrap => (None, None),
        Target::Broker {
            node_id,
            upstream_hint,
        } => (Some(*node_id), upstream_hint.clone()),
    };
    let known = node_id.and_then(|id| {
        edge.topology
            .snapshot()
            .brokers
            .get(&id)
            .map(|broker| broker.upstream.clone())
    });
    let hint = hint.filter(|endpoint| edge.config.upstream.allows_name(endpoint));
    if let Some(node_id) = node_id {
        Span::current().record("node_id", node_id.0);
        if edge.drain.inventory.is_closed(Scope::Broker(node_id)) {
            return Ok(None);
        }
    }
    let dialling = edge.metrics.dial();
    let on_behalf = known.is_none() && hint.is_none();
    let dialled: Result<(Stream, Endpoint), DialError> = match known.or(hint) {
        Some(to) => edge.upstream.dial(&to).await.map(|stream| (stream, to)),
        None => begin(edge).await,
    };
    match dialled {
        Ok((upstream, endpoint)) => {
            dialling.ended(DialOutcome::Connected);
            Span::current().record("upstream_addr", field::display(&endpoint));
            let provisional = on_behalf && node_id.is_some_and(|id| !is_at(edge, id, &endpoint));
            if provisional {
                edge.metrics.provisional_session();
            }
            let route = Route {
                node_id,
                upstream: endpoint,
                provisional,
            };
            Ok(Some(Routed { upstream, route }))
        }
        Err(error) => {
            dialling.ended(outcome(&error));
            let whose = node_id.filter(|_| !on_behalf);
            edge.metrics.broker(whose).dial_failed();
            Err(SessionError::Dial(error))
        }
    }
}

/// Connects to where first contact is made.
async fn begin(edge: &Edge) -> Result<(Stream, Endpoint), DialError> {
    let dialled = edge.upstream.dial_bootstrap().await;
    let Err(error) = dialled else {
        return dialled;
    };
    let snapshot = edge.topology.snapshot();
    let learned = snapshot.brokers.values().map(|broker| &broker.upstream);
    // What the operator has configured is what has to be named.
    edge.upstream.dial_learned(learned).await.or(Err(error))
}

/// Whether this broker has been learned to be there, while we were dialling a bootstrap server.
fn is_at(edge: &Edge, node_id: NodeId, endpoint: &Endpoint) -> bool {
    let snapshot = edge.topology.snapshot();
    let broker = snapshot.brokers.get(&node_id);
    broker.is_some_and(|broker| broker.upstream == *endpoint)
}

fn outcome(error: &DialError) -> DialOutcome {
    match error {
        DialError::Resolve { .. } => DialOutcome::NotResolved,
        DialError::NotAllowed { .. } | DialError::OwnListener { .. } => DialOutcome::NotAllowed,
        DialError::Connect { .. } => DialOutcome::Refused,
        DialError::Tls { .. } => DialOutcome::TlsFailed,
        DialError::Deadline { .. } => DialOutcome::TimedOut,
    }
}
