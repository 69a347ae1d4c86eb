//! `make matrix`: which client came through throughway to which Kafka; see `docs/compatibility.md`.
//!
//! Prints a table for each Kafka version, and writes those into the document for which all clients
//! were tried in all ways.

#![expect(clippy::print_stdout, reason = "the tables are the purpose")]

use anyhow::{Context, Result, ensure};
use throughway_tests::matrix::plan::Plan;
use throughway_tests::matrix::{document, run};

#[tokio::main]
async fn main() -> Result<()> {
    let plan = Plan::of(std::env::args().skip(1))?;
    let mut holds = true;
    for kafka in &plan.kafka {
        println!("Kafka {kafka}");
        let table = run(kafka, &plan).await.context(*kafka)?;
        print!("{}", table.text());
        holds &= table.holds();
        if plan.is_whole() {
            document::write(kafka, plan.records, &table)?;
        }
    }
    ensure!(holds, "not every client came through");
    Ok(())
}
