//! Kafka's own performance tools against a real cluster, through each candidate and without one.
//!
//! Owns the cluster and the tools' command lines. It must not know how candidates are told.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::ground::Ground;
use super::peers::{Candidate, Kind};
use super::{Sample, usage};
use crate::cluster::{Cluster, ClusterOptions, Front, Listener, NODE_IDS, USER};
use crate::files::log_file;
use crate::kafka_jars;
use crate::process::Process;
use crate::wire::Door;

/// Bytes of one record.
const RECORD: u64 = 1_000;
/// For one tool's run on a busy machine.
const LIMIT: Duration = Duration::from_secs(180);
/// A fixed rate is kept this long.
const RATE_SECONDS: u64 = 8;
/// Names of workloads.
pub const PRODUCE: &str = "Kafka's tools, produce, 1 KB records";
/// As [`PRODUCE`].
pub const CONSUME: &str = "Kafka's tools, consume, 1 KB records";
/// As [`PRODUCE`].
pub const RATE: &str = "Kafka's tools, produce at half the direct peak";

/// A ground with a real cluster: one listener for each peer, one for nobody between.
///
/// # Errors
///
/// When it does not start.
pub fn ground(tls: bool, envoy: Option<PathBuf>) -> Result<Ground> {
    Ground::before_a_cluster(tls, envoy, |peers| {
        let front = |name: String, advertised| Front {
            name,
            tls,
            advertised,
        };
        let of_peers = peers.iter().zip(1..).map(|((_, ports), n)| {
            let advertised = NODE_IDS.into_iter().zip(ports.iter().copied());
            front(format!("PEER{n}"), advertised.collect())
        });
        let mut fronts: Vec<_> = of_peers.collect();
        fronts.push(front("DIRECT".to_owned(), BTreeMap::new()));
        let set = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let properties = [
            // What each run writes is read once: one copy, where nobody waits for another.
            ("auto.create.topics.enable", "true"),
            ("num.partitions", "6"),
            ("default.replication.factor", "1"),
            ("min.insync.replicas", "1"),
            ("ssl.enabled.protocols", TLS_VERSION),
            ("ssl.cipher.suites", CIPHER),
        ];
        Cluster::start(&ClusterOptions {
            properties: properties.map(set).to_vec(),
            jvm: Vec::new(),
            fronts,
            ..ClusterOptions::default()
        })
    })
}

/// Nothing else is spoken by brokers and clients.
const TLS_VERSION: &str = "TLSv1.3";
const CIPHER: &str = "TLS_AES_256_GCM_SHA384";

/// What a broker's leg speaks: the brokers refuse everything else.
#[must_use]
pub fn spoken() -> String {
    format!("{TLS_VERSION} {CIPHER}, as brokers take nothing else")
}

/// The tools, as one client of one cluster.
#[derive(Debug)]
pub struct Tools<'a> {
    ground: &'a Ground,
    class_path: String,
    records: u64,
    topics: u32,
}

/// What a tool says of its run.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    records_per_second: f64,
    /// Milliseconds, of a producer.
    p99: f64,
}

impl<'a> Tools<'a> {
    /// `records` in each run.
    ///
    /// # Errors
    ///
    /// When Maven's registry does not have them.
    pub fn new(ground: &'a Ground, records: u64) -> Result<Self> {
        Ok(Self {
            ground,
            class_path: kafka_jars::tools()?,
            records,
            topics: 0,
        })
    }

    /// Writes and reads the same records, as fast as it goes.
    ///
    /// # Errors
    ///
    /// When a tool fails.
    pub fn sample(&mut self, candidate: &Candidate, round: usize) -> Result<[Sample; 2]> {
        let topic = self.topic();
        let produced = self.counted(candidate, |tools| {
            tools.produce(&candidate.door, &topic, (tools.records, None))
        });
        let produced = produced.context(PRODUCE)?;
        let consumed = self.counted(candidate, |tools| tools.consume(&candidate.door, &topic));
        let consumed = consumed.context(CONSUME)?;
        Ok([
            self.cpu(candidate, (PRODUCE, round), produced)?,
            self.cpu(candidate, (CONSUME, round), consumed)?,
        ])
    }

    /// Records per second, nobody between; the median of three runs.
    ///
    /// # Errors
    ///
    /// As [`Self::sample`].
    pub fn peak(&mut self) -> Result<u64> {
        let mut peaks = Vec::new();
        for _ in 0..3 {
            let topic = self.topic();
            let ran = self.produce(&self.direct()?, &topic, (self.records, None))?;
            peaks.push(whole(ran.records_per_second));
        }
        peaks.sort_unstable();
        peaks.get(1).copied().context("no run")
    }

    /// How much of half the `peak`, in records per second, is reached; and the latency that 99 in
    /// 100 records keep to.
    ///
    /// # Errors
    ///
    /// As [`Self::sample`].
    pub fn at_half(
        &mut self,
        peak: u64,
        candidate: &Candidate,
        round: usize,
    ) -> Result<[Sample; 2]> {
        let rate = peak / 2;
        let topic = self.topic();
        let work = (rate * RATE_SECONDS, Some(rate));
        let ran = self.produce(&candidate.door, &topic, work)?;
        let sample = |value, unit| -> Result<Sample> {
            Ok(Sample {
                candidate: candidate.name.clone(),
                legs: candidate.legs,
                workload: RATE,
                round,
                value,
                unit,
                gb_per_second: ran.gigabytes_per_second(),
                load_average: usage::load_average()?,
            })
        };
        let reached = ran.records_per_second / number(rate);
        Ok([sample(reached, REACHED)?, sample(ran.p99, "ms, p99")?])
    }

    /// Where clients get in with nobody between.
    fn direct(&self) -> Result<Door> {
        let cluster = self.ground.cluster().context("no cluster")?;
        let peers = [Kind::HaProxy, Kind::Envoy];
        let peers = peers
            .iter()
            .filter(|kind| !self.ground.lanes(**kind).is_empty());
        let front = Listener::Front(u16::try_from(peers.count())?);
        let door = self.ground.door(cluster.port(NODE_IDS[0], front));
        let ca = cluster.authority.certificate();
        Ok(Door {
            tls: door.tls.map(|(name, _)| (name, ca)),
            ..door
        })
    }

    fn topic(&mut self) -> String {
        self.topics += 1;
        format!("bench-{}", self.topics)
    }

    fn counted(
        &self,
        candidate: &Candidate,
        run: impl FnOnce(&Self) -> Result<Ran>,
    ) -> Result<(Duration, Ran)> {
        let before = candidate.cpu()?;
        let ran = run(self)?;
        Ok((candidate.cpu()?.saturating_sub(before), ran))
    }

    fn cpu(
        &self,
        candidate: &Candidate,
        (workload, round): (&'static str, usize),
        (cpu, ran): (Duration, Ran),
    ) -> Result<Sample> {
        Ok(Sample {
            candidate: candidate.name.clone(),
            legs: candidate.legs,
            workload,
            round,
            value: cpu.as_secs_f64() / (number(self.records * RECORD) / 1e9),
            unit: "CPU-s/GB",
            gb_per_second: ran.gigabytes_per_second(),
            load_average: usage::load_average()?,
        })
    }

    fn produce(
        &self,
        door: &Door,
        topic: &str,
        (records, rate): (u64, Option<u64>),
    ) -> Result<Ran> {
        let records = records.to_string();
        let rate = rate.map_or_else(|| "-1".to_owned(), |rate| rate.to_string());
        let size = RECORD.to_string();
        let lines = self.run(
            "ProducerPerformance",
            door,
            &[
                "--topic",
                topic,
                "--num-records",
                &records,
                "--record-size",
                &size,
                "--throughput",
                &rate,
                "--command-property",
                "acks=1",
            ],
        )?;
        // "150000 records sent, 51020.4 records/sec (48.66 MB/sec), 1.2 ms avg latency, 9 ms max
        // latency, 1 ms 50th, 3 ms 95th, 5 ms 99th, 8 ms 99.9th."
        let last = lines.iter().rev().find(|line| line.contains(" ms 99th"));
        let last = last.context("the producer said nothing of its latency")?;
        ensure!(last.starts_with(&records), "not all records: {last}");
        Ok(Ran {
            records_per_second: before(last, " records/sec")?,
            p99: before(last, " ms 99th")?,
        })
    }

    fn consume(&self, door: &Door, topic: &str) -> Result<Ran> {
        let records = self.records.to_string();
        let lines = self.run(
            "ConsumerPerformance",
            door,
            &[
                "--topic",
                topic,
                "--num-records",
                &records,
                "--timeout",
                "60000",
                "--hide-header",
            ],
        )?;
        // start, end, MB, MB/s, records, records/s, and more of fetching and rebalancing
        let last = lines
            .iter()
            .rev()
            .find(|line| line.split(", ").count() >= 6);
        let fields: Vec<_> = last
            .context("the consumer said nothing")?
            .split(", ")
            .collect();
        let read: u64 = fields.get(4).context("records")?.trim().parse()?;
        ensure!(read >= self.records, "{read} of {records} records read");
        Ok(Ran {
            records_per_second: fields.get(5).context("records/s")?.trim().parse()?,
            p99: 0.0,
        })
    }

    fn run(&self, tool: &str, door: &Door, options: &[&str]) -> Result<Vec<String>> {
        let config = self.ground.folder().join("client.properties");
        fs::write(&config, properties(door))?;
        let class = format!("org.apache.kafka.tools.{tool}");
        let command = ["java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC"];
        let command = command.iter().copied();
        let named = [
            "-cp",
            &self.class_path,
            &class,
            "--bootstrap-server",
            &door.address,
        ];
        let config = config.display().to_string();
        let told = ["--command-config", config.as_str()];
        let command = command
            .chain(named)
            .chain(told)
            .chain(options.iter().copied());
        let command: Vec<OsString> = command.map(OsString::from).collect();
        let mut process = Process::start(&command, &[], &log_file(tool))?;
        let status = process.wait(LIMIT)?;
        let log = process.log().display();
        ensure!(status.success(), "{tool}: {status}; see {log}");
        Ok(process.lines())
    }
}

/// Unit of what [`Tools::at_half`] reaches.
pub const REACHED: &str = "of the rate";

impl Ran {
    fn gigabytes_per_second(self) -> f64 {
        self.records_per_second * number(RECORD) / 1e9
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

/// The number that stands right before `unit`.
fn before(line: &str, unit: &str) -> Result<f64> {
    let (before, _) = line.split_once(unit).with_context(|| unit.to_owned())?;
    let word = before.rsplit([' ', '(']).next().unwrap_or_default();
    word.parse().with_context(|| format!("{unit} in {line:?}"))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is positive and small"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

#[expect(clippy::cast_precision_loss, reason = "a report needs three digits")]
fn number(value: u64) -> f64 {
    value as f64
}
