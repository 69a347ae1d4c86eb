//! A member of the group that reads what the writers write.

use std::time::Duration;

use anyhow::Result;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::check::Seen;
use super::client::{Way, group_config, seen};
use super::{Kind, Names, Progress};

/// Reads until it is told to stop, commits as it goes, and returns what it has seen.
pub(super) fn run(way: &Way, names: &Names, progress: &Progress) -> Result<Vec<Seen>> {
    let consumer: BaseConsumer = group_config(way, &names.group).create()?;
    consumer.subscribe(&[&names.written, &names.transactional])?;
    let mut all = Vec::new();
    while progress.goes_on() {
        // Lost connections are reported here too; the library finds its way back by itself.
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(200)) {
            all.push(seen(&message));
            // Not this member's any more, perhaps: then the next one reads it again.
            _ = consumer.store_offset_from_message(&message);
            progress.add(Kind::Read, 1);
        }
    }
    Ok(all)
}
