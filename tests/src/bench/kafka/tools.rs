//! Command lines and words of Kafka's performance tools.
//!
//! Owns what they are told and how they are understood. It must not know who stands between.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{CIPHER, RECORD, TLS_VERSION};
use crate::cluster::USER;
use crate::files::log_file;
use crate::kafka_jars;
use crate::process::Process;
use crate::wire::Door;

/// For one tool's run on a busy machine.
const LIMIT: Duration = Duration::from_secs(180);

/// Where they are, and where their configuration goes.
#[derive(Debug)]
pub(super) struct Tools {
    class_path: String,
    config: PathBuf,
}

/// What a tool says of its run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ran {
    pub(super) records_per_second: f64,
    /// Milliseconds that 99 in 100 records keep to, of a producer.
    pub(super) p99: f64,
}

impl Tools {
    /// Fails when Maven's registry does not have them.
    pub(super) fn new(config: PathBuf) -> Result<Self> {
        Ok(Self {
            class_path: kafka_jars::tools()?,
            config,
        })
    }

    /// As fast as it goes, or at `rate` records per second.
    pub(super) fn produce(
        &self,
        door: &Door,
        topic: &str,
        (records, rate): (u64, Option<u64>),
    ) -> Result<Ran> {
        let rate = rate.map_or_else(|| "-1".to_owned(), |rate| rate.to_string());
        let mut options = vec!["--topic", topic, "--command-property", "acks=1"];
        let (count, size) = (records.to_string(), RECORD.to_string());
        options.extend(["--num-records", &count, "--record-size", &size]);
        options.extend(["--throughput", &rate]);
        let lines = self.run("ProducerPerformance", door, &options)?;
        produced(&lines, records)
    }

    /// Everything that was produced.
    pub(super) fn consume(&self, door: &Door, topic: &str, records: u64) -> Result<Ran> {
        let count = records.to_string();
        let mut options = vec!["--topic", topic, "--num-records", &count];
        options.extend(["--timeout", "60000", "--hide-header"]);
        let lines = self.run("ConsumerPerformance", door, &options)?;
        consumed(&lines, records)
    }

    fn run(&self, tool: &str, door: &Door, options: &[&str]) -> Result<Vec<String>> {
        fs::write(&self.config, properties(door))?;
        let class = format!("org.apache.kafka.tools.{tool}");
        let config = self.config.display().to_string();
        let mut command = vec!["java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC"];
        command.extend(["-cp", &self.class_path, &class]);
        command.extend(["--bootstrap-server", &door.address]);
        command.extend(["--command-config", &config]);
        command.extend(options);
        let command: Vec<_> = command.into_iter().map(OsString::from).collect();
        let mut process = Process::start(&command, &[], &log_file(tool))?;
        let status = process.wait(LIMIT)?;
        let log = process.log().display();
        ensure!(status.success(), "{tool}: {status}; see {log}");
        Ok(process.lines())
    }
}

fn properties(door: &Door) -> String {
    let (user, password) = USER;
    let mut text = format!(
        "sasl.mechanism=PLAIN\n\
         sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
         username=\"{user}\" password=\"{password}\";\n"
    );
    match &door.tls {
        None => text.push_str("security.protocol=SASL_PLAINTEXT\n"),
        Some((_, ca)) => text.push_str(&format!(
            "security.protocol=SASL_SSL\nssl.truststore.type=PEM\nssl.truststore.location={}\n\
             ssl.enabled.protocols={TLS_VERSION}\nssl.cipher.suites={CIPHER}\n",
            ca.display()
        )),
    }
    text
}

/// From the last summary, which speaks of the whole run.
fn produced(lines: &[String], records: u64) -> Result<Ran> {
    let last = lines.iter().rev().find(|line| line.contains(" ms 99th"));
    let last = last.context("the producer said nothing of its latency")?;
    let all = last.starts_with(&format!("{records} records sent"));
    ensure!(all, "not {records}: {last}");
    Ok(Ran {
        records_per_second: before(last, " records/sec")?,
        p99: before(last, " ms 99th")?,
    })
}

/// Start, end, MB, MB/s, records, records/s, and more about fetching and rebalancing; among lines of
/// log, which begin with a bracket.
fn consumed(lines: &[String], records: u64) -> Result<Ran> {
    let is_table = |line: &&String| line.starts_with(|c: char| c.is_ascii_digit());
    let table = lines.iter().rev().find(is_table);
    let table = table.context("the consumer said nothing")?;
    let fields: Vec<_> = table.split(", ").collect();
    ensure!(fields.len() >= 6, "not understood: {table}");
    let read: u64 = fields[4].trim().parse()?;
    ensure!(read >= records, "{read} of {records} records read");
    Ok(Ran {
        records_per_second: fields[5].trim().parse()?,
        p99: 0.0,
    })
}

/// The number that stands right before `unit`.
fn before(line: &str, unit: &str) -> Result<f64> {
    let (before, _) = line.split_once(unit).with_context(|| unit.to_owned())?;
    let word = before.rsplit([' ', '(']).next().unwrap_or_default();
    word.parse().with_context(|| format!("{unit} in {line:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_summary_of_a_producer_counts() {
        let lines = [
            "2000 records sent, 100.0 records/sec (0.10 MB/sec), 9.9 ms avg latency, 11.0 ms max latency.",
            "5000 records sent, 1234.5 records/sec (1.18 MB/sec), 1.20 ms avg latency, 250.00 ms max \
             latency, 1 ms 50th, 3 ms 95th, 7 ms 99th, 20 ms 99.9th.",
        ];
        let lines = lines.map(str::to_owned);
        let ran = produced(&lines, 5000).unwrap();
        assert_eq!((ran.records_per_second, ran.p99), (1234.5, 7.0));
        assert!(produced(&lines, 6000).is_err());
    }

    #[test]
    fn a_consumer_that_reads_too_little_has_failed() {
        let line = "2026-11-27 18:30:00:000, 2026-11-27 18:30:02:000, 4.7684, 2.3842, 5000, 2500.0000, 300";
        let log = "[main] INFO closing, one, two, three, four, five";
        let lines = [line.to_owned(), log.to_owned()];
        assert_eq!(consumed(&lines, 5000).unwrap().records_per_second, 2500.0);
        assert!(consumed(&lines, 5001).is_err());
    }
}
