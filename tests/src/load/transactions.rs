//! A writer in transactions, some of which it aborts.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use super::check::{Outcome, Transaction, value_of};
use super::client::Way;
use super::writer::header_of;
use super::{Kind, LIMIT, PARTITIONS, Progress};

/// For one call of the library, which is repeated as it asks for.
const STEP: Duration = Duration::from_secs(10);

/// One in so many is aborted on purpose.
const ABORTED: u64 = 5;

type Writer = ThreadedProducer<DefaultProducerContext>;

/// Writes until it is told to stop, and returns how each transaction ended.
pub(super) fn run(way: &Way, topic: &str, progress: &Progress) -> Result<Vec<Transaction>> {
    let producer: Writer = way
        .config()
        .set("transactional.id", format!("{topic}-writer"))
        .set("transaction.timeout.ms", "60000")
        .set("linger.ms", "5")
        .create()?;
    again("init", || producer.init_transactions(STEP))?;
    let mut all = Vec::new();
    let mut number = 0;
    while progress.goes_on() {
        let (keys, failed) = write(&producer, topic, number)?;
        let outcome = if failed || number % ABORTED == ABORTED - 1 {
            abort(&producer)?
        } else {
            commit(&producer)?
        };
        if outcome == Outcome::Committed {
            progress.add(Kind::Committed, 1);
        }
        all.push(Transaction { keys, outcome });
        number += 1;
    }
    Ok(all)
}

/// Two records to each partition; also says whether one of them was not taken.
fn write(producer: &Writer, topic: &str, number: u64) -> Result<(Vec<String>, bool)> {
    producer.begin_transaction().context("begin")?;
    let mut keys = Vec::new();
    let mut failed = false;
    for nth in 0..PARTITIONS * 2 {
        let partition = nth % PARTITIONS;
        // Ascending in each partition, as those of the other writer are.
        let key = format!("{partition}-{}", number * 2 + u64::from(nth >= PARTITIONS));
        let value = value_of(topic, &key);
        let record = BaseRecord::to(topic)
            .partition(partition)
            .key(&key)
            .payload(&value)
            .headers(header_of(&key));
        failed |= producer.send(record).is_err();
        keys.push(key);
    }
    Ok((keys, failed))
}

fn commit(producer: &Writer) -> Result<Outcome> {
    match again("commit", || producer.commit_transaction(STEP)) {
        Ok(()) => Ok(Outcome::Committed),
        Err(error) => match error.downcast_ref() {
            Some(KafkaError::Transaction(why)) if why.txn_requires_abort() => abort(producer),
            _ => Err(error),
        },
    }
}

fn abort(producer: &Writer) -> Result<Outcome> {
    again("abort", || producer.abort_transaction(STEP))?;
    Ok(Outcome::Aborted)
}

/// Repeats what the library says may be repeated.
fn again(what: &'static str, mut call: impl FnMut() -> Result<(), KafkaError>) -> Result<()> {
    let deadline = Instant::now() + LIMIT;
    loop {
        match call() {
            Ok(()) => return Ok(()),
            Err(KafkaError::Transaction(why)) if why.is_retriable() => {
                if Instant::now() > deadline {
                    bail!("{what}: {why} for {LIMIT:?}");
                }
            }
            Err(error) => return Err(error).context(what),
        }
    }
}
