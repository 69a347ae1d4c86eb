//! What the clients of a load have in common: how they get in, and reading a topic from end to end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::check::{Observed, Place, Seen};
use super::{LIMIT, PARTITIONS};
use crate::clients::Security;
use crate::cluster::{Cluster, Listener, USER};

/// How a client gets in.
#[derive(Clone, Debug)]
pub struct Way {
    /// `host:port,…`.
    pub bootstrap: String,
    /// SASL or nothing.
    pub security: Security,
    /// Requests of the idempotent writer that wait for a broker's answer; 5 at most.
    pub in_flight: u8,
}

impl Way {
    /// By SASL_PLAINTEXT, as somebody the brokers know.
    #[must_use]
    pub fn plain(bootstrap: String) -> Self {
        Self {
            bootstrap,
            security: Security::sasl_plaintext(USER),
            in_flight: 5,
        }
    }

    /// For brokers that refuse requests while others of them are gone: from a second request that is out
    /// of order after a refused one, librdkafka goes on under a new epoch on every partition, and what
    /// another broker had taken without a word comes twice (its issue 4953).
    #[must_use]
    pub fn one_by_one(self) -> Self {
        Self {
            in_flight: 1,
            ..self
        }
    }

    /// To the brokers themselves.
    #[must_use]
    pub fn direct(cluster: &Cluster) -> Self {
        Self {
            bootstrap: cluster.direct(Listener::Internal),
            security: Security::none(),
            in_flight: 5,
        }
    }

    pub(super) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("security.protocol", &self.security.protocol)
            // Nobody waits for a minute because a broker is new.
            .set("topic.metadata.refresh.interval.ms", "5000")
            .set("reconnect.backoff.max.ms", "2000");
        if !self.security.mechanism.is_empty() {
            config
                .set("sasl.mechanism", &self.security.mechanism)
                .set("sasl.username", &self.security.username)
                .set("sasl.password", &self.security.password);
        }
        config
    }
}

pub(super) async fn create_topics(way: &Way, names: &[&str]) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = way.config().create()?;
    let topics: Vec<_> = names
        .iter()
        .map(|name| NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(3)))
        .collect();
    let options = AdminOptions::new().operation_timeout(Some(LIMIT));
    for result in admin.create_topics(&topics, &options).await? {
        result.map_err(|(name, code)| anyhow::anyhow!("create {name}: {code}"))?;
    }
    Ok(())
}

fn observed(message: &BorrowedMessage<'_>) -> Observed {
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or(b"-")).into_owned();
    let header = message.headers().and_then(|all| all.try_get(0));
    Observed {
        partition: message.partition(),
        offset: message.offset(),
        key: text(message.key()),
        value: text(message.payload()),
        header: text(header.and_then(|header| header.value)),
        timestamp: message.timestamp().to_millis(),
    }
}

pub(super) fn seen(message: &BorrowedMessage<'_>) -> Seen {
    Seen {
        topic: message.topic().to_owned(),
        record: observed(message),
    }
}

/// Every record of a topic that is committed, in the order of offsets.
pub(super) fn read_all(way: &Way, topic: &str) -> Result<Vec<Observed>> {
    let consumer: BaseConsumer = way
        .config()
        .set("group.id", format!("{topic}-nobody"))
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .create()?;
    let mut from = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        from.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&from)?;
    let deadline = Instant::now() + LIMIT;
    let (mut all, mut ended) = (Vec::new(), BTreeSet::new());
    while ended.len() < usize::try_from(PARTITIONS)? {
        ensure!(
            Instant::now() < deadline,
            "{topic} by {}: only {ended:?} read to their ends",
            way.bootstrap
        );
        match consumer.poll(Duration::from_secs(1)) {
            Some(Ok(message)) => all.push(observed(&message)),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ended.insert(partition);
            }
            // What fails is tried again by the library.
            Some(Err(_)) | None => {}
        }
    }
    all.sort_by_key(|record| (record.partition, record.offset));
    Ok(all)
}

/// Reads on as the only member of a group until all of `missing` has been seen.
pub(super) fn read_rest(
    way: &Way,
    (group, topics): (&str, &[&str]),
    mut missing: BTreeSet<Place>,
) -> Result<Vec<Seen>> {
    let consumer: BaseConsumer = group_config(way, group).create()?;
    consumer.subscribe(topics)?;
    let deadline = Instant::now() + LIMIT;
    let mut all = Vec::new();
    while let Some(first) = missing.first() {
        ensure!(
            Instant::now() < deadline,
            "{group} has not read {} records, {first:?} for one",
            missing.len()
        );
        // What fails is tried again by the library.
        if let Some(Ok(message)) = consumer.poll(Duration::from_secs(1)) {
            let seen = seen(&message);
            missing.remove(&seen.place());
            all.push(seen);
        }
    }
    Ok(all)
}

pub(super) fn group_config(way: &Way, group: &str) -> ClientConfig {
    let mut config = way.config();
    config
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed")
        .set("auto.commit.interval.ms", "500")
        // What is polled while a member leaves is not to count as seen.
        .set("enable.auto.offset.store", "false")
        .set("session.timeout.ms", "10000");
    config
}
