//! `make bench`: throughway beside its peers, with a loader of raw frames; see `docs/performance.md`.
//!
//! Prints Markdown, keeps every sample as a line of JSON.

#![expect(clippy::print_stdout, reason = "the report is the purpose")]
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use throughway_tests::bench::disturb::Disturbance;
use throughway_tests::bench::load::{Client, Load};
use throughway_tests::bench::peers::{self, Candidate, Ground};
use throughway_tests::bench::{self, Sample, WORKLOADS, report, sink, usage};
use tokio::task::LocalSet;

const OURS: &str = "throughway";
const CONTROL: &str = "throughway, second copy";

/// What to do, from `NAME=value` arguments.
struct Options {
    rounds: usize,
    legs: Vec<bool>,
    only: String,
    idle: usize,
    raw: PathBuf,
    envoy: Option<PathBuf>,
    disturb: Option<Disturbance>,
    map: Option<PathBuf>,
}

impl Options {
    fn read() -> Result<Self> {
        let mut options = Self {
            rounds: 7,
            legs: vec![true, false],
            only: String::new(),
            idle: 500,
            raw: PathBuf::from("target/bench.jsonl"),
            envoy: None,
            disturb: None,
            map: None,
        };
        for argument in std::env::args().skip(1) {
            let (name, value) = argument.split_once('=').context("NAME=value")?;
            match name {
                "rounds" => options.rounds = value.parse()?,
                "legs" => options.legs = vec![value == "tls"],
                "only" => value.clone_into(&mut options.only),
                "idle" => options.idle = value.parse()?,
                "raw" => options.raw = value.into(),
                "envoy" => options.envoy = Some(value.into()),
                "disturb" => options.disturb = Some(Disturbance::named(value)?),
                "map" => options.map = Some(value.into()),
                _ => {
                    bail!("unknown: {name}; accepted: rounds legs only idle raw envoy disturb map")
                }
            }
        }
        Ok(options)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::read()?;
    LocalSet::new()
        .run_until(async {
            match options.disturb {
                None => all(&options).await,
                Some(disturbance) => disturbed(&options, disturbance).await,
            }
        })
        .await
}

/// Two quiet copies and a disturbed one: the data plane's processor time and latency of each.
async fn disturbed(options: &Options, disturbance: Disturbance) -> Result<()> {
    let mut raw = File::create(&options.raw).context("raw samples")?;
    let ground = Ground::new(true)?;
    sink::start(ground.sink, Some(&ground.broker)).await?;
    let mut more = Vec::new();
    if let Some(map) = &options.map {
        more.push(("GATEWAY_ADDRESS_MAP", map.display().to_string()));
        more.push(("GATEWAY_ADDRESS_MAP_LIMITS", "runtime".to_owned()));
    }
    if disturbance == Disturbance::Scrape {
        more.push(("GATEWAY_SECURED_METRICS", "false".to_owned()));
    }
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
    for round in 0..options.rounds {
        let mut order: Vec<_> = candidates.iter().enumerate().collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for (at, candidate) in order {
            let going_on = (at == 1).then(|| disturbance.begin(candidate));
            tokio::time::sleep(SETTLE).await;
            samples.push(bench::sample(candidate, small, round).await?);
            samples.push(bench::latency(candidate, 5_000, round).await?);
            drop(going_on);
        }
    }
    let names: Vec<_> = candidates.iter().map(|c| c.name.clone()).collect();
    for unit in ["CPU-s/GB", "µs, p50"] {
        let of = samples.iter().filter(|s| s.unit == unit);
        let of: Vec<Sample> = of.cloned().collect();
        for sample in &of {
            writeln!(raw, "{}", serde_json::to_string(sample)?)?;
        }
        println!("\n### {disturbance:?}: {unit}, {} rounds\n", options.rounds);
        println!("{}\n", report::table(&of, &names, "disturbed"));
        println!("{}", report::control(&of, CONTROL, OURS));
    }
    Ok(())
}

/// For a disturbance to be under way, and the same pause for those without.
const SETTLE: Duration = Duration::from_secs(3);

async fn all(options: &Options) -> Result<()> {
    let mut raw = File::create(&options.raw).context("raw samples")?;
    for &tls in &options.legs {
        let legs = if tls { "TLS" } else { "plain" };
        println!("\n## {legs} on both legs\n");
        let ground = Ground::new(tls)?;
        let seen = sink::start(ground.sink, tls.then_some(&ground.broker)).await?;
        let candidates = start(&ground, options).await?;
        for candidate in &candidates {
            seen.borrow_mut().clear();
            let client = Client::open(&candidate.door).await?;
            println!("- {}: {}", candidate.name, candidate.version);
            println!(
                "  - client leg {:?}, broker leg {:?}",
                client.tls(),
                seen.borrow()
            );
            writeln!(
                raw,
                "{}",
                serde_json::json!({"candidate": candidate.name,
                "version": candidate.version, "configuration": candidate.configuration})
            )?;
        }
        let workloads: Vec<_> = WORKLOADS
            .into_iter()
            .filter(|workload| workload.name.contains(&options.only))
            .collect();
        let keep = |sample: &Sample| -> Result<()> {
            Ok(writeln!(raw, "{}", serde_json::to_string(sample)?)?)
        };
        let samples = bench::rounds(&candidates, &workloads, options.rounds, keep).await?;
        let names: Vec<_> = candidates.iter().map(|c| c.name.clone()).collect();
        for workload in &workloads {
            let of = samples.iter().filter(|s| s.workload == workload.name);
            let of: Vec<Sample> = of.cloned().collect();
            println!("\n### {}, {} rounds\n", workload.name, options.rounds);
            println!("{}\n", report::table(&of, &names, OURS));
            println!("{}", report::control(&of, CONTROL, OURS));
        }
        println!(
            "\n### Memory of an idle connection after 1 MiB each, {} of them\n",
            options.idle
        );
        println!("| candidate | before | per connection |\n|---|---|---|");
        for candidate in &candidates {
            idle(candidate, options.idle).await?;
        }
    }
    Ok(())
}

async fn start(ground: &Ground, options: &Options) -> Result<Vec<Candidate>> {
    let mut candidates = vec![
        peers::throughway(ground, OURS, &[])?,
        peers::haproxy(ground, false).await?,
        peers::haproxy(ground, true).await?,
    ];
    if let Some(envoy) = &options.envoy {
        candidates.push(peers::envoy(ground, envoy).await?);
    }
    candidates.push(peers::throughway(ground, CONTROL, &[])?);
    Ok(candidates)
}

/// Opens so many connections, moves 1 MiB through each and looks at what they cost while they idle.
async fn idle(candidate: &Candidate, connections: usize) -> Result<()> {
    let load = Load::fetch(1 << 20, 1);
    let mut open = vec![
        Client::open(&candidate.door)
            .await?
            .run_and_stay(load, 1)
            .await?,
    ];
    let before = usage::memory(candidate.process())?;
    for _ in 0..connections {
        open.push(
            Client::open(&candidate.door)
                .await?
                .run_and_stay(load, 1)
                .await?,
        );
    }
    let grown = usage::memory(candidate.process())?.saturating_sub(before);
    let each = grown / u64::try_from(connections)?;
    println!(
        "| {} | {} KiB | {:.1} KiB |",
        candidate.name,
        before / 1024,
        kib(each)
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a report needs three digits")]
fn kib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}
