//! The names that dashboards and alerts of an earlier gateway go by, where they mean something here.
//!
//! Computed from our own numbers while they are rendered: they cost nothing in between and cannot
//! disagree. Left out are those about what a passthrough proxy does not have (selector threads,
//! caches, topics, users) or does not look at (error codes, throttle times).

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};

use super::ListenerMetrics;
use super::broker::Brokers;
use super::requests::ByApi;
use super::times::{Names, Times};

/// The name a cluster without virtual clusters went by.
const VCLUSTER: (&str, &str) = ("vcluster", "passthrough");

/// Whatever the old names are computed from.
#[derive(Debug)]
pub(super) struct Replaced {
    pub(super) listeners: Vec<ListenerMetrics>,
    pub(super) brokers: Arc<Brokers>,
    pub(super) requests: Arc<ByApi<Counter>>,
    pub(super) times: Arc<Times>,
    pub(super) failed_logins: Counter,
    pub(super) known_brokers: Gauge,
}

impl Collector for Replaced {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut to = To(encoder);
        let (opened, connected) = self.brokers.sessions();
        let clients = self.listeners.iter().map(ListenerMetrics::alive).sum();
        let closed = opened.saturating_sub(u64::try_from(connected).unwrap_or_default());
        to.counter(
            "gateway_upstream_connection_creation",
            "Connections to brokers opened",
            opened,
        )?;
        to.counter(
            "gateway_upstream_connection_close",
            "Connections to brokers closed",
            closed,
        )?;
        to.gauge(
            "gateway_upstream_connections_upstream_connected",
            "Connections to brokers now",
            connected,
        )?;
        to.gauge(
            "gateway_upstream_connections_downstream",
            "Client connections now",
            clients,
        )?;
        to.gauge(
            "gateway_upstream_io_nodes",
            "Brokers known now",
            self.known_brokers.get(),
        )?;
        to.gauges(
            (
                "gateway_active_connections_vcluster",
                "Client connections now",
            ),
            [(vec![VCLUSTER], clients)],
        )?;
        self.bytes(&mut to)?;
        let by_api = self.requests.each();
        to.counters(
            (
                "gateway_thread_request_rebuild",
                "Requests forwarded to brokers",
            ),
            by_api.map(|(name, count)| (vec![("api_key", name), VCLUSTER], count.get())),
        )?;
        to.counter(
            "gateway_failed_authentications",
            "Logins that a broker has refused",
            self.failed_logins.get(),
        )?;
        let names = Names {
            all: "gateway_latency_request_response_seconds",
            by_api: "gateway_apiKeys_latency_request_response_seconds",
            label: "apiKeys",
        };
        self.times.encode(to.0, &names)
    }
}

impl Replaced {
    /// Clients' side and brokers' side: a passthrough proxy forwards what it takes.
    fn bytes(&self, to: &mut To<'_>) -> fmt::Result {
        let each = self.listeners.iter().map(ListenerMetrics::bytes);
        let (down, up) = each.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let both = [("upstream", up), ("downstream", down)];
        to.counters(
            ("gateway_bytes_exchanged", "Bytes exchanged with clients"),
            both.map(|(direction, bytes)| (vec![("direction", direction)], bytes)),
        )?;
        to.counters(
            (
                "gateway_bytes_exchanged_vcluster",
                "Bytes exchanged with brokers",
            ),
            both.map(|(direction, bytes)| (vec![("direction", direction), VCLUSTER], bytes)),
        )
    }
}

type Pairs = Vec<(&'static str, &'static str)>;

/// Writes whole families.
struct To<'a>(DescriptorEncoder<'a>);

impl To<'_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let to = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(to)
    }

    fn gauge(&mut self, name: &str, help: &str, value: i64) -> fmt::Result {
        let to = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(to)
    }

    fn counters(
        &mut self,
        (name, help): (&str, &str),
        each: impl IntoIterator<Item = (Pairs, u64)>,
    ) -> fmt::Result {
        let mut to = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in each {
            ConstCounter::new(value).encode(to.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gauges(
        &mut self,
        (name, help): (&str, &str),
        each: impl IntoIterator<Item = (Pairs, i64)>,
    ) -> fmt::Result {
        let mut to = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in each {
            ConstGauge::new(value).encode(to.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
