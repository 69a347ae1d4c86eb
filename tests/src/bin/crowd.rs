//! A crowd of clients: opens connections to ADDRESS, COUNT of them, logs in on each, says `here`, and
//! stays until it is killed.

#![expect(
    clippy::print_stdout,
    reason = "a test program: its word is its output"
)]

use anyhow::{Context, Result};
use throughway_tests::cluster::USER;
use throughway_tests::wire::{Connection, Door};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().context("ADDRESS")?;
    let count: usize = arguments.next().context("COUNT")?.parse()?;
    let door = Door { address, tls: None };
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        let mut connection = Connection::open(&door).await?;
        connection.authenticate(USER).await?;
        open.push(connection);
    }
    println!("here");
    std::future::pending().await
}
