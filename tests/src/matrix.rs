//! `make matrix`: every client library with every Kafka, by every routing and upstream protocol.
//!
//! Owns the run: one cluster of each Kafka version, one throughway for each way beside it, all clients
//! through them. What is tried is `plan`, how a client gets in is `way`, where the tables go is
//! `document`. A client that does not come through is tried without throughway, too: if it fails there
//! as well, that is a gap between client and broker, else a failure of ours.

pub mod document;
pub mod plan;
mod way;

use std::sync::Arc;

use anyhow::Result;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::plan::Plan;
use self::way::Way;
use crate::cells::{self, Outcome, Table};
use crate::clients::{Library, NotHere};
use crate::cluster::{Cluster, ClusterOptions};

/// All ways beside one cluster.
struct Ground {
    through: Vec<Way>,
    /// Without throughway: plaintext and TLS.
    direct: [Way; 2],
    records: usize,
}

/// Tries the plan's clients in the plan's ways with one Kafka version.
///
/// # Errors
///
/// When cluster or throughway do not start or end as they should, or a registry is out of reach.
pub async fn run(kafka: &str, plan: &Plan) -> Result<Table> {
    let cluster = Cluster::start(&ClusterOptions {
        version: kafka.to_owned(),
        ..ClusterOptions::default()
    })?;
    let through = plan.ways.iter().map(|&way| Way::through(&cluster, way));
    let ground = Arc::new(Ground {
        through: through.collect::<Result<_>>()?,
        direct: [Way::direct(&cluster, false)?, Way::direct(&cluster, true)?],
        records: plan.records,
    });
    let mut table = Table::default();
    for (library, outcomes) in plan.clients.iter().zip(outcomes(&ground, plan).await?) {
        for (way, outcome) in ground.through.iter().zip(outcomes) {
            table.add(&plan::name(library)?, &way.name, outcome);
        }
    }
    let ground = Arc::into_inner(ground).expect("no client is left");
    for way in ground.through {
        way.end()?;
    }
    Ok(table)
}

/// What becomes of each cell, clients by ways; a few at a time.
async fn outcomes(ground: &Arc<Ground>, plan: &Plan) -> Result<Vec<Vec<Outcome>>> {
    let slots = Arc::new(Semaphore::new(plan.jobs));
    let mut running = JoinSet::new();
    let mut outcomes = vec![vec![Outcome::Missing; ground.through.len()]; plan.clients.len()];
    for (row, library) in plan.clients.iter().enumerate() {
        if let Err(error) = library.prepare() {
            let not_here = error.downcast::<NotHere>()?;
            outcomes[row].fill(Outcome::Gap(format!("not tried: {not_here}")));
            continue;
        }
        for column in 0..ground.through.len() {
            let (ground, library, slots) =
                (Arc::clone(ground), library.clone(), Arc::clone(&slots));
            running.spawn(async move {
                let _slot = slots.acquire().await.expect("never closed");
                (row, column, cell(&ground, &library, column).await)
            });
        }
    }
    let all = running.len();
    while let Some(done) = running.join_next().await {
        let (row, column, outcome) = done?;
        let (name, way) = (plan.clients[row].name(), &ground.through[column].name);
        let left = running.len();
        crate::say(&format!("{}/{all} {name}, {way}: {outcome:?}", all - left));
        outcomes[row][column] = outcome;
    }
    Ok(outcomes)
}

async fn cell(ground: &Ground, library: &Library, column: usize) -> Outcome {
    let way = &ground.through[column];
    let topic = cells::topic(library, &way.name);
    let Err(words) = way.attempt(library, &topic, ground.records).await else {
        return Outcome::Passed;
    };
    let direct = &ground.direct[usize::from(way.has_tls())];
    let topic = format!("{topic}-direct");
    match direct.attempt(library, &topic, ground.records).await {
        Ok(()) => Outcome::Failed(words),
        Err(words) => Outcome::Gap(format!("fails without throughway, too: {words}")),
    }
}
