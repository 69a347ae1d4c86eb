//! A writer in transactions, some of which it aborts.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
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
    let mut producer = open(way, topic)?;
    let mut all = Vec::new();
    let mut number = 0;
    while progress.goes_on() {
        let (keys, failed) = write(&producer, topic, number)?;
        let on_purpose = number % ABORTED == ABORTED - 1;
        let (ended, at_worst) = if failed || on_purpose {
            (abort(&producer), Outcome::Aborted)
        } else {
            (commit(&producer), Outcome::Unknown)
        };
        let outcome = match ended {
            Ok(outcome) => outcome,
            Err(error) if is_final(&error) => {
                // As any application does then; the new producer ends what the old one has left.
                drop(producer);
                producer = open(way, topic)?;
                at_worst
            }
            Err(error) => return Err(error),
        };
        if outcome == Outcome::Committed {
            progress.add(Kind::Committed, 1);
        }
        all.push(Transaction { keys, outcome });
        number += 1;
    }
    Ok(all)
}

fn open(way: &Way, topic: &str) -> Result<Writer> {
    let producer: Writer = way
        .config()
        .set("transactional.id", format!("{topic}-writer"))
        .set("transaction.timeout.ms", "60000")
        .set("linger.ms", "5")
        .create()?;
    again("init", || producer.init_transactions(STEP))?;
    Ok(producer)
}

/// After these the library lets its producer do nothing more: librdkafka calls INVALID_TXN_STATE one,
/// which a broker answers when it has ended the transaction and its first answer to that was lost.
fn is_final(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(KafkaError::Transaction(why)) if why.is_fatal())
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
            Err(error) if may_be_repeated(&error) => {
                if Instant::now() > deadline {
                    bail!("{what}: {error} for {LIMIT:?}");
                }
            }
            Err(error) => return Err(error).context(what),
        }
    }
}

/// A commit begins by waiting for acknowledgements, and running out of time there is no error of the
/// transaction's.
fn may_be_repeated(error: &KafkaError) -> bool {
    match error {
        KafkaError::Transaction(why) => why.is_retriable(),
        KafkaError::Flush(code) => *code == RDKafkaErrorCode::OperationTimedOut,
        _ => false,
    }
}
