//! Kafka's own performance tools against a real cluster, through each candidate and without one.
//!
//! Owns the cluster and what is made of the tools' words. It must not know how candidates are told.

mod tools;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use self::tools::{Ran, Tools};
use super::ground::Ground;
use super::peers::{Candidate, Kind};
use super::{Sample, usage};
use crate::cluster::{Cluster, ClusterOptions, Front, Listener, NODE_IDS};
use crate::wire::Door;

/// Bytes of one record.
const RECORD: u64 = 1_000;
/// A fixed rate is kept this long.
const RATE_SECONDS: u64 = 8;
/// Nothing else is spoken by brokers and clients.
const TLS_VERSION: &str = "TLSv1.3";
const CIPHER: &str = "TLS_AES_256_GCM_SHA384";

/// Name of a workload.
pub const PRODUCE: &str = "Kafka's tools, produce, 1 KB records";
/// The other half of the same.
pub const CONSUME: &str = "Kafka's tools, consume, 1 KB records";
/// What is reached of a rate.
pub const RATE: &str = "Kafka's tools, produce at half the direct peak";
/// Unit of that.
pub const REACHED: &str = "of the rate";

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

/// What a broker's leg speaks: the brokers refuse everything else.
#[must_use]
pub fn spoken() -> String {
    format!("{TLS_VERSION} {CIPHER}, as brokers take nothing else")
}

/// One client of one cluster.
#[derive(Debug)]
pub struct Bench<'a> {
    ground: &'a Ground,
    tools: Tools,
    records: u64,
    topics: u32,
}

impl<'a> Bench<'a> {
    /// `records` in each run.
    ///
    /// # Errors
    ///
    /// When Kafka's tools cannot be had.
    pub fn new(ground: &'a Ground, records: u64) -> Result<Self> {
        Ok(Self {
            ground,
            tools: Tools::new(ground.folder().join("client.properties"))?,
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
        let (topic, records, door) = (self.topic(), self.records, &candidate.door);
        let produce = || self.tools.produce(door, &topic, (records, None));
        let produced = counted(candidate, produce).context(PRODUCE)?;
        let consume = || self.tools.consume(door, &topic, records);
        let consumed = counted(candidate, consume).context(CONSUME)?;
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
            let work = (self.records, None);
            let ran = self.tools.produce(&self.direct()?, &topic, work)?;
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
        let ran = self.tools.produce(&candidate.door, &topic, work)?;
        let reached = ran.records_per_second / number(rate);
        let sample = |value, unit| told(candidate, (RATE, round), (value, unit), ran);
        Ok([sample(reached, REACHED)?, sample(ran.p99, "ms, p99")?])
    }

    /// Where clients get in with nobody between.
    fn direct(&self) -> Result<Door> {
        let cluster = self.ground.cluster().context("no cluster")?;
        let peers = [Kind::HaProxy, Kind::Envoy];
        let before = peers
            .iter()
            .filter(|kind| !self.ground.lanes(**kind).is_empty());
        let front = Listener::Front(u16::try_from(before.count())?);
        let door = self.ground.door(cluster.port(NODE_IDS[0], front));
        let trust = |(name, _)| (name, cluster.authority.certificate());
        Ok(Door {
            tls: door.tls.map(trust),
            ..door
        })
    }

    fn topic(&mut self) -> String {
        self.topics += 1;
        format!("bench-{}", self.topics)
    }

    fn cpu(
        &self,
        candidate: &Candidate,
        what: (&'static str, usize),
        (cpu, ran): (Duration, Ran),
    ) -> Result<Sample> {
        let each = cpu.as_secs_f64() / (number(self.records * RECORD) / 1e9);
        told(candidate, what, (each, "CPU-s/GB"), ran)
    }
}

fn counted(candidate: &Candidate, run: impl FnOnce() -> Result<Ran>) -> Result<(Duration, Ran)> {
    let before = candidate.cpu()?;
    let ran = run()?;
    Ok((candidate.cpu()?.saturating_sub(before), ran))
}

fn told(
    candidate: &Candidate,
    (workload, round): (&'static str, usize),
    (value, unit): (f64, &'static str),
    ran: Ran,
) -> Result<Sample> {
    Ok(Sample {
        candidate: candidate.name.clone(),
        legs: candidate.legs,
        workload,
        round,
        value,
        unit,
        gb_per_second: ran.records_per_second * number(RECORD) / 1e9,
        load_average: usage::load_average()?,
    })
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
