//! An idempotent writer that never stops writing.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rdkafka::ClientContext;
use rdkafka::Statistics;
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};

use super::check::{Acknowledged, value_of};
use super::client::Way;
use super::{Kind, LIMIT, PARTITIONS, Progress};

/// Between two records of a partition: enough to have some in flight at any time.
const PACE: Duration = Duration::from_millis(30);

/// Records that wait for their acknowledgement, at most.
const MOST_DUE: i32 = 5_000;

/// Keeps what the broker says of each record.
#[derive(Clone)]
struct Deliveries {
    acknowledged: Arc<Mutex<Acknowledged>>,
    failed: Arc<Mutex<Vec<String>>>,
    progress: Arc<Progress>,
}

impl ClientContext for Deliveries {
    fn stats(&self, all: Statistics) {
        let asked = all
            .brokers
            .values()
            .filter_map(|one| one.req.get("Metadata"));
        let asked = asked.sum::<i64>().unsigned_abs();
        self.progress.refreshes.store(asked, Ordering::Relaxed);
    }
}

impl ProducerContext for Deliveries {
    /// The key.
    type DeliveryOpaque = Box<String>;

    fn delivery(&self, result: &DeliveryResult<'_>, key: Box<String>) {
        match result {
            Ok(message) => {
                let place = (message.partition(), message.offset());
                self.acknowledged.lock().unwrap().insert(place, *key);
                self.progress.add(Kind::Written, 1);
            }
            Err((error, _)) => self.failed.lock().unwrap().push(format!("{key}: {error}")),
        }
    }
}

/// Writes until it is told to stop, and returns what was acknowledged: that is all of it.
pub(super) fn run(way: &Way, topic: &str, progress: &Arc<Progress>) -> Result<Acknowledged> {
    let deliveries = Deliveries {
        acknowledged: Arc::default(),
        failed: Arc::default(),
        progress: Arc::clone(progress),
    };
    let producer: ThreadedProducer<Deliveries> = way
        .config()
        .set("enable.idempotence", "true")
        .set("max.in.flight", way.in_flight.to_string())
        .set("linger.ms", "5")
        .set("statistics.interval.ms", "500")
        .create_with_context(deliveries.clone())?;
    let mut sequence = 0_u64;
    while progress.goes_on() {
        if producer.in_flight_count() < MOST_DUE {
            for partition in 0..PARTITIONS {
                let key = format!("{partition}-{sequence}");
                let value = value_of(topic, &key);
                let record = BaseRecord::with_opaque_to(topic, Box::new(key.clone()))
                    .partition(partition)
                    .key(&key)
                    .payload(&value)
                    .headers(header_of(&key));
                let sent = producer.send(record).map_err(|(error, _)| error);
                sent.with_context(|| format!("send {key}"))?;
            }
            sequence += 1;
        }
        std::thread::sleep(PACE);
    }
    producer
        .flush(LIMIT)
        .context("get the last records acknowledged")?;
    let failed = deliveries.failed.lock().unwrap();
    ensure!(failed.is_empty(), "records not delivered: {failed:?}");
    let acknowledged = deliveries.acknowledged.lock().unwrap();
    Ok(acknowledged.clone())
}

/// Repeats the key, so that headers are seen to arrive with their own records.
pub(super) fn header_of(key: &str) -> OwnedHeaders {
    OwnedHeaders::new().insert(Header {
        key: "of",
        value: Some(key),
    })
}
