//! Benchmarks of throughway beside its peers, paired: each round visits every candidate once with the
//! same work, and verdicts are medians of per-round ratios.
//!
//! Owns workloads and rounds. It must not know how a candidate is configured (`peers`).

pub mod disturb;
pub mod floor;
pub mod goals;
pub mod ground;
pub mod kafka;
pub mod load;
pub mod options;
pub mod peers;
pub mod report;
pub mod sink;
pub mod usage;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use self::ground::Ground;
use self::load::Load;
use self::peers::{Candidate, Kind};

/// What crosses the proxy in one sample.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Workload {
    /// As the report calls it.
    pub name: &'static str,
    /// What each connection does.
    pub load: Load,
    /// Connections at once.
    pub connections: usize,
    /// Frame bytes of one sample, both directions, over all connections.
    pub bytes: u64,
}

/// Bulk and small requests; sizes are of the larger frame.
pub const WORKLOADS: [Workload; 5] = [
    Workload::new("produce 1 MiB", Load::produce(1 << 20, 4), 2, 600_000_000),
    Workload::new("fetch 1 MiB", Load::fetch(1 << 20, 4), 2, 600_000_000),
    Workload::new("produce 64 KiB", Load::produce(64 << 10, 8), 4, 400_000_000),
    Workload::new("fetch 64 KiB", Load::fetch(64 << 10, 8), 4, 400_000_000),
    Workload::new("1 KiB and 1 KiB", Load::both(1 << 10, 16), 64, 120_000_000),
];

impl Workload {
    const fn new(name: &'static str, load: Load, connections: usize, bytes: u64) -> Self {
        Self {
            name,
            load,
            connections,
            bytes,
        }
    }
}

/// One candidate's work in one round.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// Which candidate.
    pub candidate: String,
    /// Plaintext or TLS on both legs.
    pub legs: &'static str,
    /// Which workload.
    pub workload: &'static str,
    /// From 0.
    pub round: usize,
    /// What is compared: processor seconds of the candidate per 10^9 bytes, or a time.
    pub value: f64,
    /// Of the value.
    pub unit: &'static str,
    /// 10^9 bytes a second by the clock; the loader's limit more than the candidate's.
    pub gb_per_second: f64,
    /// Of the machine, when the sample was over.
    pub load_average: f64,
}

/// Runs one sample against one candidate.
///
/// # Errors
///
/// When a connection fails or an answer is not what was asked for.
pub async fn sample(candidate: &Candidate, workload: &Workload, round: usize) -> Result<Sample> {
    let each = workload.bytes / u64::try_from(workload.connections)?;
    let requests = each / u64::try_from(workload.load.frame_bytes())?;
    let mut ready = Vec::new();
    for _ in 0..workload.connections {
        ready.push(load::Client::open(&candidate.door).await?);
    }
    let before = candidate.cpu()?;
    let began = Instant::now();
    let running = ready
        .into_iter()
        .map(|client| tokio::task::spawn_local(client.run(workload.load, requests)));
    let mut bytes = 0;
    for client in running.collect::<Vec<_>>() {
        bytes += client.await??;
    }
    let wall = began.elapsed();
    let cpu = candidate.cpu()?.saturating_sub(before);
    let gigabytes = bytes_in_gb(bytes);
    Ok(Sample {
        candidate: candidate.name.clone(),
        legs: candidate.legs,
        workload: workload.name,
        round,
        value: cpu.as_secs_f64() / gigabytes,
        unit: "CPU-s/GB",
        gb_per_second: gigabytes / wall.as_secs_f64(),
        load_average: usage::load_average()?,
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a report needs three digits, not sixteen"
)]
fn bytes_in_gb(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}

/// The median time of a request and its answer on a connection that has nothing else to do.
///
/// # Errors
///
/// As [`sample`].
pub async fn latency(candidate: &Candidate, requests: u64, round: usize) -> Result<Sample> {
    let client = load::Client::open(&candidate.door).await?;
    let mut took = load::ping_pong(client, Load::both(1 << 10, 1), requests).await?;
    took.sort();
    let median = took.get(took.len() / 2).context("no request")?;
    Ok(Sample {
        candidate: candidate.name.clone(),
        legs: candidate.legs,
        workload: "ping-pong, 1 KiB",
        round,
        value: median.as_secs_f64() * 1e6,
        unit: "µs, p50",
        gb_per_second: 0.0,
        load_average: usage::load_average()?,
    })
}

/// Every round visits every candidate once per workload, the order reversed each time, so that a
/// drift of the machine falls on all alike.
///
/// # Errors
///
/// As [`sample`], naming candidate and workload.
pub async fn rounds(
    candidates: &[Candidate],
    workloads: &[Workload],
    rounds: usize,
    mut done: impl FnMut(&Sample) -> Result<()>,
) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for round in 0..rounds {
        for workload in workloads {
            for candidate in order(candidates, round) {
                let sampled = sample(candidate, workload, round);
                let sampled = tokio::time::timeout(LIMIT, sampled).await;
                let told = || format!("{}: {}", candidate.name, workload.name);
                let sample = sampled
                    .context("takes too long")
                    .and_then(|sampled| sampled)
                    .with_context(told)?;
                done(&sample)?;
                samples.push(sample);
            }
        }
    }
    Ok(samples)
}

/// One round's order.
pub fn order<T>(candidates: &[T], round: usize) -> Vec<&T> {
    let mut order: Vec<_> = candidates.iter().collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

/// Name of [`idle`]'s workload.
pub const IDLE: &str = "idle, after 1 MiB each";

/// Memory that an idle connection costs after it has moved 1 MiB: a fresh process each time, as one
/// that has freed memory before would not show what it takes again.
///
/// # Errors
///
/// As [`sample`].
pub async fn idle(ground: &Ground, kind: Kind, connections: usize, round: usize) -> Result<Sample> {
    let candidate = kind.start(ground).await?;
    let load = Load::fetch(1 << 20, 1);
    let mut open = Vec::new();
    let mut first = 0;
    for n in 0..=connections {
        let client = load::Client::open(&candidate.door).await?;
        open.push(client.run_and_stay(load, 1).await?);
        if n == 0 {
            first = usage::memory(candidate.process())?;
        }
    }
    let grown = usage::memory(candidate.process())?.saturating_sub(first);
    Ok(Sample {
        candidate: candidate.name.clone(),
        legs: candidate.legs,
        workload: IDLE,
        round,
        value: bytes_in_gb(grown / u64::try_from(connections)?) * 1e9 / 1024.0,
        unit: "KiB each",
        gb_per_second: 0.0,
        load_average: usage::load_average()?,
    })
}

/// No sample takes longer, however busy the machine.
const LIMIT: Duration = Duration::from_secs(120);
