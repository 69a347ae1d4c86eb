//! What the bench program is told, as `NAME=value` arguments.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::disturb::Disturbance;

/// What to do.
#[derive(Debug)]
pub enum Task {
    /// Frames of one size through every candidate, then the memory of idle connections.
    Frames,
    /// Kafka's own tools against a real cluster, as fast as it goes.
    Kafka,
    /// The same at half of what it does without a proxy.
    Rate,
    /// Two quiet copies of throughway and a disturbed one.
    Disturb(Disturbance),
    /// Be the floor, for another one of these programs.
    Floor(String),
}

/// What to do, and how much of it.
#[derive(Debug)]
pub struct Options {
    /// What to do.
    pub task: Task,
    /// Each visits every candidate once; fewer than seven give no verdict.
    pub rounds: usize,
    /// TLS or plaintext, on both legs.
    pub legs: Vec<bool>,
    /// Part of the names of workloads to run; `idle` for the memory of idle connections.
    pub only: String,
    /// Idle connections.
    pub idle: usize,
    /// Records of one sample.
    pub records: u64,
    /// Where every sample goes, as a line of JSON.
    pub raw: PathBuf,
    /// Envoy's program.
    pub envoy: Option<PathBuf>,
    /// For disturbances: an address map of its own.
    pub map: Option<PathBuf>,
    /// For disturbances: brokers of the cluster.
    pub brokers: u16,
}

const ACCEPTED: &str = "kafka=peak|rate disturb=slow-http|rebuild|usage-down|scrape rounds legs=tls|plain \
                        only idle records raw envoy map brokers";

impl Options {
    /// From the command line.
    ///
    /// # Errors
    ///
    /// When an argument is unknown or has no such value.
    pub fn read(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            task: Task::Frames,
            rounds: 7,
            legs: vec![true, false],
            only: String::new(),
            idle: 200,
            records: 150_000,
            raw: PathBuf::from("target/bench.jsonl"),
            envoy: None,
            map: None,
            brokers: 2,
        };
        for argument in arguments {
            let (name, value) = argument.split_once('=').context("NAME=value")?;
            options.set(name, value).with_context(|| argument.clone())?;
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match (name, value) {
            ("kafka", "peak") => self.task = Task::Kafka,
            ("kafka", "rate") => self.task = Task::Rate,
            ("disturb", _) => self.task = Task::Disturb(Disturbance::named(value)?),
            ("floor", _) => self.task = Task::Floor(value.to_owned()),
            ("legs", "tls") => self.legs = vec![true],
            ("legs", "plain") => self.legs = vec![false],
            ("rounds", _) => self.rounds = value.parse()?,
            ("only", _) => value.clone_into(&mut self.only),
            ("idle", _) => self.idle = value.parse()?,
            ("records", _) => self.records = value.parse()?,
            ("raw", _) => self.raw = value.into(),
            ("envoy", _) => self.envoy = Some(value.into()),
            ("map", _) => self.map = Some(value.into()),
            ("brokers", _) => self.brokers = value.parse()?,
            _ => bail!("unknown; accepted: {ACCEPTED}"),
        }
        Ok(())
    }
}
