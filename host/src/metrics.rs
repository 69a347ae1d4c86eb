//! What throughway counts, and its rendering as OpenMetrics text.
//!
//! Owns prometheus-client. Labels come from closed sets (`labels`, `requests`), from the listeners'
//! names and, up to a bound, from the cluster's node ids (`broker`), never from a client: no address,
//! server name, topic or user can grow the output. It must not know sockets, frames or HTTP. Every
//! series exists at zero from the start, a broker's from when the cluster has told of it.

mod address_map;
mod broker;
mod labels;
mod licence;
mod listener;
mod replaced;
mod requests;
#[cfg(test)]
mod tests;
mod times;
mod traffic;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

pub use self::broker::{BrokerGuard, BrokerMetrics};
pub use self::labels::{
    AcceptError, Api, DialOutcome, Fate, HandshakeOutcome, LoginOutcome, RefusedRequest,
    RemovedBroker, WrongProtocol,
};
pub use self::listener::{ListenerMetrics, SessionGuard};

use self::address_map::AddressMapMetrics;
use self::labels::{
    AcceptErrorCounters, ApiCounters, DialOutcomeCounters, RefusedRequestCounters,
    RemovedBrokerCounters,
};
use self::licence::LicenceMetrics;
use self::traffic::Traffic;
use self::usage::UsageMetrics;
use crate::kafka::request::{RequestPrefix, unreviewed};
use crate::kafka::{ApiKey, NodeId};
use crate::licence::Status;

type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter>;

fn label_set(labels: &[(&'static str, &str)]) -> Labels {
    labels
        .iter()
        .map(|&(key, value)| (key, value.to_owned()))
        .collect()
}

fn resolve(family: &Counters, labels: &[(&'static str, &str)]) -> Counter {
    family.get_or_create_owned(&label_set(labels))
}

/// A gauge raised by one until this is dropped.
#[derive(Debug)]
struct Raised(Gauge);

impl Raised {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Every handle there is. Shared by reference counting; no call waits for another.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// What people have alerts on by another name than ours would be.
    unprefixed: Registry,
    traffic: Traffic,
    rewritten: ApiCounters,
    neutralised: ApiCounters,
    passed: ApiCounters,
    brokers_removed: RemovedBrokerCounters,
    refused_requests: RefusedRequestCounters,
    accept_errors: AcceptErrorCounters,
    dials: DialOutcomeCounters,
    dials_in_progress: Gauge,
    unreviewed_requests: Counter,
    provisional_sessions: Counter,
    panics: Counter,
    address_map: AddressMapMetrics,
    upstream_verify_disabled: Gauge,
    licence: LicenceMetrics,
    usage: UsageMetrics,
}

impl Metrics {
    /// All series for these listeners, in the order of `Config::listeners`.
    #[must_use]
    pub fn new(listener_names: &[String]) -> Arc<Self> {
        let mut registry = Registry::with_prefix("throughway");
        let mut unprefixed = Registry::default();
        let mut new = Registrar(&mut registry);
        let traffic = Traffic::new(listener_names, &mut new, &mut unprefixed);
        let [rewritten, neutralised, passed] = fates(&mut new);
        Arc::new(Self {
            traffic,
            rewritten,
            neutralised,
            passed,
            brokers_removed: RemovedBrokerCounters::new(new.by_label(
                "brokers_removed",
                "Brokers taken out of answers",
                "reason",
            )),
            refused_requests: RefusedRequestCounters::new(new.by_label(
                "refused_requests",
                "Requests that closed their session",
                "reason",
            )),
            accept_errors: AcceptErrorCounters::new(new.by_label(
                "accept_errors",
                "Connections that could not be accepted",
                "kind",
            )),
            dials: DialOutcomeCounters::new(new.by_label(
                "dials",
                "Dials towards brokers, by how they ended",
                "outcome",
            )),
            dials_in_progress: new.gauge("dials_in_progress", "Dials towards brokers under way"),
            unreviewed_requests: new.counter(
                "unreviewed_requests",
                "Requests forwarded whose key or version throughway has not reviewed",
            ),
            provisional_sessions: new.counter(
                "provisional_sessions",
                "Sessions begun on a bootstrap broker because theirs was not known yet",
            ),
            panics: new.counter("panics", "Panics caught; each is a bug"),
            address_map: AddressMapMetrics::new(&mut new),
            upstream_verify_disabled: new.gauge(
                "upstream_verify_disabled",
                "1 while the brokers' host names are not verified",
            ),
            licence: LicenceMetrics::new(&mut new, &mut unprefixed),
            usage: UsageMetrics::new(&mut new),
            registry,
            unprefixed,
        })
    }

    /// The handles of the listener at this index of `Config::listeners`.
    #[must_use]
    pub fn listener(&self, index: usize) -> &ListenerMetrics {
        let traffic = &self.traffic;
        traffic.listeners.get(index).unwrap_or(&traffic.unlisted)
    }

    /// Counts an answer of an API whose answers are touched.
    pub fn response(&self, api: Api, fate: Fate) {
        let counters = match fate {
            Fate::Rewritten => &self.rewritten,
            Fate::Neutralised => &self.neutralised,
            Fate::Passed => &self.passed,
        };
        counters.of(api).inc();
    }

    /// Counts a broker taken out of an answer.
    pub fn broker_removed(&self, reason: RemovedBroker) {
        self.brokers_removed.of(reason).inc();
    }

    /// Counts a request that closed its session.
    pub fn refused_request(&self, reason: RefusedRequest) {
        self.refused_requests.of(reason).inc();
    }

    /// Counts a forwarded request.
    pub fn request(&self, prefix: &RequestPrefix) {
        self.traffic.requests.of(prefix.api_key).inc();
        if unreviewed(prefix) {
            self.unreviewed_requests.inc();
        }
    }

    /// Counts a broker's answer, so long after its request.
    pub fn answered(&self, api_key: ApiKey, took: Duration) {
        self.traffic.times.add(api_key, took);
    }

    /// Counts a login.
    pub fn login(&self, outcome: LoginOutcome) {
        self.traffic.logins.of(outcome).inc();
    }

    /// The handles of a broker; `None` is first contact.
    #[must_use]
    pub fn broker(&self, node_id: Option<NodeId>) -> BrokerMetrics {
        self.traffic.brokers.of(node_id)
    }

    /// Counts a connection that could not be accepted.
    pub fn accept_error(&self, kind: AcceptError) {
        self.accept_errors.of(kind).inc();
    }

    /// A dial is under way until the guard is told how it ended, or dropped.
    #[must_use = "a dial counts as under way only while the guard lives"]
    pub fn dial(&self) -> DialGuard {
        DialGuard {
            outcomes: self.dials.clone(),
            _under_way: Raised::new(&self.dials_in_progress),
        }
    }

    /// Counts a session connected to a bootstrap broker on behalf of one not known yet.
    pub fn provisional_session(&self) {
        self.provisional_sessions.inc();
    }

    /// Counts a component or table that was refused.
    pub fn addrmap_refused(&self) {
        self.address_map.refusals.inc();
    }

    /// Counts a map put into effect in place of another.
    pub fn addrmap_swapped(&self) {
        self.address_map.swaps.inc();
    }

    /// Sets the topology version of the published table.
    pub fn set_addrmap_table_version(&self, topology_version: u64) {
        self.address_map
            .table_version
            .set(i64::try_from(topology_version).unwrap_or(i64::MAX));
    }

    /// Sets which brokers are known; each has its series from then on.
    pub fn set_topology_brokers(&self, brokers: impl ExactSizeIterator<Item = NodeId>) {
        let known = i64::try_from(brokers.len()).unwrap_or(i64::MAX);
        self.traffic.known_brokers.set(known);
        brokers.for_each(|node_id| drop(self.broker(Some(node_id))));
    }

    /// Says that the brokers' host names are not verified.
    pub fn set_upstream_verify_disabled(&self, disabled: bool) {
        self.upstream_verify_disabled.set(i64::from(disabled));
    }

    /// Shows what the licence amounts to.
    pub fn set_licence(&self, status: &Status) {
        self.licence.set(status);
    }

    /// Counts a panic that was caught.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// Everything as OpenMetrics text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _infallible = encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &self.unprefixed))
            .and_then(|()| encode_eof(&mut text));
        text
    }
}

/// Counters of answers, in the order of `Fate`.
fn fates(new: &mut Registrar<'_>) -> [ApiCounters; 3] {
    let family = new.by_labels(
        "responses",
        "Answers of the APIs that carry broker addresses",
    );
    ["rewritten", "neutralised", "passed"]
        .map(|fate| ApiCounters::new(|api| resolve(&family, &[("api", api), ("fate", fate)])))
}

/// A dial that is under way.
#[derive(Debug)]
pub struct DialGuard {
    outcomes: DialOutcomeCounters,
    _under_way: Raised,
}

impl DialGuard {
    /// Counts how it ended.
    pub fn ended(self, outcome: DialOutcome) {
        self.outcomes.of(outcome).inc();
    }
}

/// Makes metrics known to the registry and hands out what is to be counted with.
struct Registrar<'a>(&'a mut Registry);

impl Registrar<'_> {
    fn counter(&mut self, name: &str, help: &str) -> Counter {
        let counter = Counter::default();
        self.0.register(name, help, counter.clone());
        counter
    }

    fn gauge(&mut self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::default();
        self.0.register(name, help, gauge.clone());
        gauge
    }

    fn by_labels(&mut self, name: &str, help: &str) -> Counters {
        let family = Counters::default();
        self.0.register(name, help, family.clone());
        family
    }

    /// For families of one label: from a value of it to its counter.
    fn by_label(
        &mut self,
        name: &str,
        help: &str,
        key: &'static str,
    ) -> impl Fn(&'static str) -> Counter + use<> {
        let family = self.by_labels(name, help);
        move |value| resolve(&family, &[(key, value)])
    }
}
