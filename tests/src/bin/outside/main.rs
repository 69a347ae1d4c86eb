//! What stands outside the machine of `make image-test`: AWS, a real Kafka, and those who look in from
//! there, a load balancer and a Kafka client.
//!
//! `outside stage FOLDER CLIENTS-PORT ADMIN-PORT` starts all that, writes what the machine is told into
//! FOLDER, says `ready` and stays until SIGTERM. `outside ask FOLDER begin|end` has it look; each prints
//! what holds. `outside pipe PORT` is how QEMU reaches the metadata service: standard input is the
//! machine's connection.

#![expect(clippy::print_stdout, reason = "a program that a script talks to")]

mod looks;
mod stage;

use std::os::fd::AsFd;
use std::path::Path;

use anyhow::{Result, bail};
use tokio::net::TcpStream;

use self::stage::Stage;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["stage", folder, clients, admin] => {
            let stage = Stage::start(Path::new(folder), clients.parse()?, admin.parse()?).await?;
            println!("ready");
            stage.serve().await
        }
        ["ask", folder, what] => stage::ask(Path::new(folder), what).await,
        ["pipe", port] => pipe(port.parse()?).await,
        _ => bail!("usage: outside stage FOLDER PORT PORT, ask FOLDER begin|end, pipe PORT"),
    }
}

async fn pipe(port: u16) -> Result<()> {
    let machine = std::net::TcpStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    machine.set_nonblocking(true)?;
    let mut machine = TcpStream::from_std(machine)?;
    let mut service = TcpStream::connect(("127.0.0.1", port)).await?;
    tokio::io::copy_bidirectional(&mut machine, &mut service).await?;
    Ok(())
}
