//! The `rdkafka` client: carries out one task (JSON on standard input) and reports (JSON on
//! standard output). The words are those of `throughway_tests::clients`.

#![expect(
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test program: its report is its output, its talk is a log"
)]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use throughway_tests::clients::{Action, Report, Task};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let task: Task = serde_json::from_reader(std::io::stdin()).context("read the task")?;
    let mut report = Report::default();
    let isolation = match task.action {
        Action::Describe => None,
        Action::RoundTrip => {
            create_topic(&task).await?;
            let producer = properties(&task)
                .set("enable.idempotence", "true")
                .create()?;
            report.written = write(&task, &producer, "").await;
            Some("read_uncommitted")
        }
        Action::Transactions => {
            create_topic(&task).await?;
            report.written = transactions(&task).await?;
            Some("read_committed")
        }
        other => bail!("this client cannot do {other:?}"),
    };
    if let Some(level) = isolation {
        read(&task, level, &mut report)?;
    }
    describe(&task, &mut report)?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

fn properties(task: &Task) -> ClientConfig {
    let mut config = ClientConfig::new();
    let security = &task.security;
    config
        .set("bootstrap.servers", &task.bootstrap)
        .set("security.protocol", &security.protocol);
    if !security.mechanism.is_empty() {
        config
            .set("sasl.mechanism", &security.mechanism)
            .set("sasl.username", &security.username)
            .set("sasl.password", &security.password);
    }
    if security.mechanism == "OAUTHBEARER" {
        config
            .set("enable.sasl.oauthbearer.unsecure.jwt", "true")
            .set(
                "sasl.oauthbearer.config",
                format!("principal={}", security.username),
            );
    }
    if let Some(ca) = &security.ca {
        config.set("ssl.ca.location", ca.display().to_string());
    }
    config.extend(task.properties.clone());
    config
}

async fn create_topic(task: &Task) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = properties(task).create()?;
    let topic = NewTopic::new(&task.topic, task.partitions, TopicReplication::Fixed(-1));
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    for result in admin.create_topics([&topic], &options).await? {
        result.map_err(|(name, code)| anyhow::anyhow!("create {name}: {code}"))?;
    }
    Ok(())
}

async fn write(task: &Task, producer: &FutureProducer, prefix: &str) -> usize {
    let mut sent = Vec::with_capacity(task.records);
    for index in 0..task.records {
        let (key, value) = Task::record(index);
        let key = format!("{prefix}{key}");
        let record = FutureRecord::to(&task.topic).key(&key).payload(&value);
        match producer.send_result(record) {
            Ok(delivery) => sent.push(delivery),
            Err((error, _)) => eprintln!("send: {error}"),
        }
    }
    let mut written = 0;
    for delivery in sent {
        match delivery.await {
            Ok(Ok(_)) => written += 1,
            other => eprintln!("delivery: {other:?}"),
        }
    }
    written
}

/// An aborted transaction, whose records nobody may see, and a committed one.
async fn transactions(task: &Task) -> Result<usize> {
    let id = format!("{}-id", task.topic);
    let producer: FutureProducer = properties(task).set("transactional.id", id).create()?;
    producer.init_transactions(PATIENCE)?;
    producer.begin_transaction()?;
    write(task, &producer, "aborted-").await;
    producer.abort_transaction(PATIENCE)?;
    producer.begin_transaction()?;
    let written = write(task, &producer, "").await;
    producer.commit_transaction(PATIENCE)?;
    Ok(written)
}

fn read(task: &Task, isolation: &str, report: &mut Report) -> Result<()> {
    let mut expected: HashMap<_, _> = (0..task.records).map(Task::record).collect();
    let consumer: BaseConsumer = properties(task)
        .set("group.id", format!("{}-group", task.topic))
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", isolation)
        .create()?;
    consumer.subscribe(&[&task.topic])?;
    let deadline = Instant::now() + PATIENCE;
    while !expected.is_empty() && Instant::now() < deadline {
        let message = match consumer.poll(Duration::from_secs(1)) {
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                eprintln!("poll: {error}");
                continue;
            }
            None => continue,
        };
        let key = message
            .key()
            .map(String::from_utf8_lossy)
            .unwrap_or_default();
        match expected.remove(&*key) {
            Some(value) if message.payload() == Some(value.as_bytes()) => report.read += 1,
            _ => report.wrong += 1,
        }
    }
    Ok(())
}

fn describe(task: &Task, report: &mut Report) -> Result<()> {
    let consumer: BaseConsumer = properties(task).create()?;
    let metadata = consumer.fetch_metadata(None, PATIENCE)?;
    for broker in metadata.brokers() {
        report
            .brokers
            .insert(broker.id(), format!("{}:{}", broker.host(), broker.port()));
    }
    report.cluster_id = consumer.client().fetch_cluster_id(PATIENCE);
    Ok(())
}
