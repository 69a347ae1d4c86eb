//! Who talks to whom: what is counted for listeners, brokers and APIs, under our names and the old ones.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::broker::Brokers;
use super::labels::{LoginOutcome, LoginOutcomeCounters};
use super::listener::{ListenerFamilies, ListenerMetrics};
use super::replaced::Replaced;
use super::requests::ByApi;
use super::times::{OwnTimes, Times};
use super::{Registrar, resolve};

/// The handles that sessions count with.
#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) listeners: Vec<ListenerMetrics>,
    /// Stands in for a listener index that does not exist; counted nowhere.
    pub(super) unlisted: ListenerMetrics,
    pub(super) brokers: Arc<Brokers>,
    pub(super) requests: Arc<ByApi<Counter>>,
    pub(super) times: Arc<Times>,
    pub(super) logins: LoginOutcomeCounters,
    pub(super) known_brokers: Gauge,
}

impl Traffic {
    pub(super) fn new(
        listener_names: &[String],
        new: &mut Registrar<'_>,
        unprefixed: &mut Registry,
    ) -> Self {
        let families = ListenerFamilies::default();
        families.register(new.0);
        let by_api = new.by_labels("requests", "Requests forwarded to brokers, by API");
        let traffic = Self {
            listeners: listener_names.iter().map(|l| families.of(l)).collect(),
            unlisted: ListenerFamilies::default().of("none"),
            brokers: Brokers::new(new),
            requests: Arc::new(ByApi::new(|api| resolve(&by_api, &[("api", api)]))),
            times: Times::new(),
            logins: LoginOutcomeCounters::new(new.by_label(
                "logins",
                "SASL logins by what the broker said to them",
                "outcome",
            )),
            known_brokers: new.gauge("topology_brokers", "Brokers known now"),
        };
        let times = OwnTimes(Arc::clone(&traffic.times));
        new.0.register_collector(Box::new(times));
        unprefixed.register_collector(Box::new(Replaced {
            listeners: traffic.listeners.clone(),
            brokers: Arc::clone(&traffic.brokers),
            requests: Arc::clone(&traffic.requests),
            times: Arc::clone(&traffic.times),
            failed_logins: traffic.logins.of(LoginOutcome::Failed).clone(),
            known_brokers: traffic.known_brokers.clone(),
        }));
        traffic
    }
}
