//! How long answers take, from a request's arrival here to that of its answer.
//!
//! Owns buckets and sums as plain atomics: the exposition crate's own histogram has a lock, and no
//! session shall wait for another. It must not know clocks; times arrive measured.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::requests::ByApi;
use crate::kafka::ApiKey;

/// Upper bounds in microseconds. What brokers answer at once takes a few milliseconds; a fetch that
/// waits for records takes half a second by default.
const BOUNDS: [u64; 12] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000,
];

/// The times of all answers, and for each API their number and sum.
#[derive(Debug)]
pub(super) struct Times {
    /// One for each bound, and one beyond.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    by_api: ByApi<Arc<Total>>,
}

/// How many took how long in all.
#[derive(Debug, Default)]
struct Total {
    count: AtomicU64,
    nanoseconds: AtomicU64,
}

/// What the two families of one naming are called: all answers, those of each API, and its label.
pub(super) struct Names {
    pub(super) all: &'static str,
    pub(super) by_api: &'static str,
    pub(super) label: &'static str,
}

impl Times {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            buckets: Default::default(),
            by_api: ByApi::new(|_name| Arc::default()),
        })
    }

    /// Counts one answer.
    pub(super) fn add(&self, api_key: ApiKey, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let at = BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        let total = self.by_api.of(api_key);
        total.count.fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        total.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Writes both families; those of single APIs have no buckets but the one that holds all.
    pub(super) fn encode(&self, mut to: DescriptorEncoder<'_>, names: &Names) -> fmt::Result {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let each = self.by_api.each();
        let each = each.map(|(api, of)| (api, read(&of.count), read(&of.nanoseconds)));
        let each: Vec<_> = each.collect();
        let sum = each
            .iter()
            .fold(0_u64, |sum, (_, _, more)| sum.saturating_add(*more));
        let counts = self.buckets.each_ref().map(read);
        let bounds = BOUNDS.map(|micros| seconds(micros.saturating_mul(1_000)));
        let bounds = bounds.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(counts).collect();
        let help = "From a request to its answer";
        to.encode_descriptor(names.all, help, None, MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(seconds(sum), counts.iter().sum(), &buckets, None)?;
        let help = "From a request to its answer, by API";
        let mut family = to.encode_descriptor(names.by_api, help, None, MetricType::Histogram)?;
        for (api, count, nanoseconds) in each {
            let labels = [(names.label, api)];
            let all = [(f64::INFINITY, count)];
            family
                .encode_family(&labels)?
                .encode_histogram::<NoLabelSet>(seconds(nanoseconds), count, &all, None)?;
        }
        Ok(())
    }
}

/// The same under our own names.
#[derive(Debug)]
pub(super) struct OwnTimes(pub(super) Arc<Times>);

impl Collector for OwnTimes {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let names = Names {
            all: "response_seconds",
            by_api: "api_response_seconds",
            label: "api",
        };
        self.0.encode(encoder, &names)
    }
}

fn seconds(nanoseconds: u64) -> f64 {
    Duration::from_nanos(nanoseconds).as_secs_f64()
}
