//! `make bench`: throughway beside its peers; see `docs/performance.md`.
//!
//! Prints Markdown, keeps every sample as a line of JSON.

#![expect(clippy::print_stdout, reason = "the report is the purpose")]
use std::fs::File;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use throughway_tests::bench::disturb::Disturbance;
use throughway_tests::bench::ground::Ground;
use throughway_tests::bench::kafka::{self, Bench};
use throughway_tests::bench::options::{Options, Task};
use throughway_tests::bench::peers::{self, Candidate, Kind};
use throughway_tests::bench::sink::{self, Seen};
use throughway_tests::bench::{self, IDLE, Sample, WORKLOADS, floor, goals, load, report};
use throughway_tests::wire::Connection;
use tokio::task::LocalSet;

const OURS: &str = Kind::Throughway.name();
const CONTROL: &str = Kind::Control.name();

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::read(std::env::args().skip(1))?;
    if let Task::Floor(value) = &options.task {
        return floor::serve(value);
    }
    let mut run = Run {
        raw: File::create(&options.raw).context("raw samples")?,
        options,
    };
    LocalSet::new().run_until(run.all()).await
}

/// One run of the program.
struct Run {
    options: Options,
    raw: File,
}

impl Run {
    async fn all(&mut self) -> Result<()> {
        if let Task::Disturb(disturbance) = self.options.task {
            return self.disturbed(disturbance).await;
        }
        for tls in self.options.legs.clone() {
            let legs = if tls { "TLS" } else { "plain" };
            println!("\n## {legs} on both legs");
            match self.options.task {
                Task::Frames => self.frames(tls).await?,
                _ => self.kafka(tls).await?,
            }
        }
        Ok(())
    }

    /// Frames of one size each, and idle connections.
    async fn frames(&mut self, tls: bool) -> Result<()> {
        let ground = Ground::before_a_sink(tls, self.options.envoy.clone())?;
        let (port, plain) = ground.sinks();
        let seen = sink::start(port, ground.brokers, tls.then_some(&ground.broker)).await?;
        if let Some(plain) = plain {
            sink::start(plain, ground.brokers, None).await?;
        }
        let mut kinds = vec![Kind::Throughway, Kind::HaProxy, Kind::TunedHaProxy];
        kinds.extend(ground.envoy.is_some().then_some(Kind::Envoy));
        if IDLE.contains(&self.options.only) {
            self.idle(&ground, &[&kinds[..], &[Kind::Control]].concat())
                .await?;
        }
        kinds.extend([Kind::Splice, Kind::Copy, Kind::Control]);
        let workloads = WORKLOADS.into_iter();
        let workloads: Vec<_> = workloads
            .filter(|workload| workload.name.contains(&self.options.only))
            .collect();
        if workloads.is_empty() {
            return Ok(());
        }
        let candidates = self.start(&ground, &kinds, Some(&seen)).await?;
        let (rounds, raw) = (self.options.rounds, &mut self.raw);
        let samples = bench::rounds(&candidates, &workloads, rounds, |sample| keep(raw, sample));
        let samples = samples.await?;
        for workload in &workloads {
            self.report(&samples, workload.name, "CPU-s/GB");
        }
        let records = floor::records()?;
        writeln!(self.raw, "{}", json!({"AEAD pair, CPU-s/GB": records}))?;
        println!("\nOpening and sealing records of 16 KiB, AES-256-GCM: {records:.2} CPU-s/GB.");
        Ok(())
    }

    async fn idle(&mut self, ground: &Ground, kinds: &[Kind]) -> Result<()> {
        let mut samples = Vec::new();
        for round in 0..self.options.rounds {
            for kind in bench::order(kinds, round) {
                let sample = bench::idle(ground, *kind, self.options.idle, round);
                let sample = sample.await.with_context(|| kind.name())?;
                keep(&mut self.raw, &sample)?;
                samples.push(sample);
            }
        }
        self.report(&samples, IDLE, "KiB each");
        Ok(())
    }

    /// Kafka's own tools.
    async fn kafka(&mut self, tls: bool) -> Result<()> {
        let ground = kafka::ground(tls, self.options.envoy.clone())?;
        let mut kinds = vec![Kind::Throughway, Kind::HaProxy];
        kinds.extend(ground.envoy.is_some().then_some(Kind::Envoy));
        kinds.push(Kind::Control);
        let candidates = self.start(&ground, &kinds, None).await?;
        let mut tools = Bench::new(&ground, self.options.records)?;
        let mut samples = Vec::new();
        let peak = tools.peak()?;
        println!("- direct: {peak} records/s produced");
        writeln!(self.raw, "{}", json!({"direct, records/s": peak}))?;
        for round in 0..self.options.rounds {
            for candidate in bench::order(&candidates, round) {
                let taken = match self.options.task {
                    Task::Rate => tools.at_half(peak, candidate, round),
                    _ => tools.sample(candidate, round),
                };
                for sample in taken.with_context(|| candidate.name.clone())? {
                    keep(&mut self.raw, &sample)?;
                    samples.push(sample);
                }
            }
        }
        let reports = [
            (kafka::PRODUCE, "CPU-s/GB"),
            (kafka::CONSUME, "CPU-s/GB"),
            (kafka::RATE, kafka::REACHED),
            (kafka::RATE, "ms, p99"),
        ];
        for (workload, unit) in reports {
            self.report(&samples, workload, unit);
        }
        Ok(())
    }

    /// Starts them all, and tells what each is and speaks.
    async fn start(
        &mut self,
        ground: &Ground,
        kinds: &[Kind],
        seen: Option<&Seen>,
    ) -> Result<Vec<Candidate>> {
        let mut candidates = Vec::new();
        println!();
        for kind in kinds {
            let candidate = kind.start(ground).await?;
            if let Some(seen) = seen {
                seen.borrow_mut().clear();
            }
            let connection = Connection::open(&candidate.door).await?;
            let client_leg = connection.tls().to_owned();
            let broker_leg = match seen {
                Some(seen) => {
                    // The broker's leg is dialled when the client has begun to speak.
                    load::Client::over(connection).await?;
                    seen.borrow().iter().cloned().collect::<Vec<_>>().join(", ")
                }
                None if ground.is_tls() => kafka::spoken(),
                None => String::new(),
            };
            println!("- {}: {}", candidate.name, candidate.version);
            if !client_leg.is_empty() {
                println!("  - client leg {client_leg}, broker leg {broker_leg}");
            }
            let told = json!({"candidate": candidate.name, "version": candidate.version,
                "client leg": client_leg, "broker leg": broker_leg,
                "configuration": candidate.configuration});
            writeln!(self.raw, "{told}")?;
            candidates.push(candidate);
        }
        Ok(candidates)
    }

    /// Two quiet copies and a disturbed one: the data plane's processor time and latency of each.
    async fn disturbed(&mut self, disturbance: Disturbance) -> Result<()> {
        let mut ground = Ground::before_a_sink(true, None)?;
        ground.brokers = self.options.brokers;
        ground.map.clone_from(&self.options.map);
        let port = ground.sinks().0;
        sink::start(port, ground.brokers, Some(&ground.broker)).await?;
        let mut more = Vec::new();
        let quiet = peers::throughway(&ground, OURS, &more)?;
        let control = peers::throughway(&ground, CONTROL, &more)?;
        if disturbance == Disturbance::UsageDown {
            more.push(("GATEWAY_USAGE_ENDPOINT", "https://127.0.0.1:9/".to_owned()));
        }
        let worse = peers::throughway(&ground, "disturbed", &more)?;
        let mut candidates = [quiet, worse, control];
        candidates.iter_mut().for_each(|c| c.threads = "worker-");
        let small = WORKLOADS.last().context("no workload")?;
        let mut samples = Vec::new();
        for round in 0..self.options.rounds {
            for candidate in bench::order(&candidates, round) {
                let worse = candidate.name == "disturbed";
                let going_on = worse.then(|| disturbance.begin(candidate));
                tokio::time::sleep(SETTLE).await;
                samples.push(bench::sample(candidate, small, round).await?);
                samples.push(bench::latency(candidate, 5_000, round).await?);
                drop(going_on);
            }
        }
        for sample in &samples {
            keep(&mut self.raw, sample)?;
        }
        let names: Vec<_> = candidates.iter().map(|c| c.name.clone()).collect();
        for unit in ["CPU-s/GB", "µs, p50"] {
            let of = samples.iter().filter(|s| s.unit == unit);
            let of: Vec<Sample> = of.cloned().collect();
            println!("\n### {}, {unit}\n", subject(&self.options, disturbance));
            println!("{}\n", report::table(&of, &names, "disturbed"));
            println!("{}", report::control(&of, CONTROL, OURS));
        }
        Ok(())
    }

    /// A table, whether the run was calm, and what it says of the goals.
    fn report(&self, samples: &[Sample], workload: &str, unit: &str) {
        let of = samples.iter();
        let of = of.filter(|s| s.workload == workload && s.unit == unit);
        let of: Vec<Sample> = of.cloned().collect();
        let mut names = Vec::new();
        for sample in &of {
            if !names.contains(&sample.candidate) {
                names.push(sample.candidate.clone());
            }
        }
        if names.is_empty() {
            return;
        }
        println!("\n### {workload}, {} rounds\n", self.options.rounds);
        println!("{}\n", report::table(&of, &names, OURS));
        println!("{}", report::control(&of, CONTROL, OURS));
        for line in goals::verdicts(&of) {
            println!("{line}");
        }
    }
}

/// What was measured, as a heading.
fn subject(options: &Options, disturbance: Disturbance) -> String {
    let Options {
        rounds,
        brokers,
        map,
        ..
    } = options;
    let map = if map.is_some() {
        "a map of one's own"
    } else {
        "the built-in map"
    };
    match disturbance {
        Disturbance::Rebuild => {
            format!("a table of {brokers} brokers again and again by {map}, {rounds} rounds")
        }
        other => format!("{other:?}, {rounds} rounds"),
    }
}

/// For a disturbance to be under way, and the same pause for those without.
const SETTLE: Duration = Duration::from_secs(3);

fn keep(raw: &mut File, sample: &Sample) -> Result<()> {
    Ok(writeln!(raw, "{}", serde_json::to_string(sample)?)?)
}
