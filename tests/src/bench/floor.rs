//! The floor under every proxy's cost on this machine: bytes moved from one socket to another and
//! looked at by nobody, and what it takes to open and seal a TLS record.
//!
//! A program of its own (the bench program called with [`argument`]), so that its processor time is
//! taken as that of every other candidate.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustix::pipe::{SpliceFlags, fcntl_setpipe_size, pipe, splice};

use super::ground::Lane;
use super::usage;

const COPY: usize = 256 << 10;
const PIPE: usize = 1 << 20;
/// Two for each connection of the workload that has the most, and some for those about to end. They
/// stay: a thread that has ended takes its processor time with it.
const THREADS: usize = 192;
/// The most that one TLS record carries.
const RECORD: usize = 16 << 10;

/// What the bench program is to be called with.
#[must_use]
pub fn argument(by_splice: bool, lane: &Lane) -> String {
    let how = if by_splice { "splice" } else { "copy" };
    format!("floor={how}:{}:{}", lane.edge, lane.broker)
}

/// Serves what [`argument`] says, for ever.
///
/// # Errors
///
/// When the port is taken.
pub fn serve(value: &str) -> Result<()> {
    let (how, ports) = value.split_once(':').context("floor=HOW:PORT:PORT")?;
    let (edge, broker) = ports.split_once(':').context("floor=HOW:PORT:PORT")?;
    let (edge, broker): (u16, u16) = (edge.parse()?, broker.parse()?);
    let pump = match how {
        "splice" => by_splice,
        _ => by_copy,
    };
    let (ways, waiting) = channel::<(TcpStream, TcpStream)>();
    let waiting = Arc::new(Mutex::new(waiting));
    for _ in 0..THREADS {
        let waiting = Arc::clone(&waiting);
        thread::spawn(move || {
            while let Some((from, to)) = next(&waiting) {
                // However it went, the other end is to know.
                let _went = pump(&from, &to);
                let _known = to.shutdown(Shutdown::Write);
            }
        });
    }
    for client in TcpListener::bind(("127.0.0.1", edge))?.incoming() {
        let client = client?;
        let broker = TcpStream::connect(("127.0.0.1", broker))?;
        for end in [&client, &broker] {
            end.set_nodelay(true)?;
        }
        ways.send((client.try_clone()?, broker.try_clone()?))?;
        ways.send((broker, client))?;
    }
    Ok(())
}

fn next(waiting: &Mutex<Receiver<(TcpStream, TcpStream)>>) -> Option<(TcpStream, TcpStream)> {
    waiting.lock().unwrap().recv().ok()
}

fn by_copy(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; COPY];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..read])?;
    }
}

fn by_splice(from: &TcpStream, to: &TcpStream) -> io::Result<()> {
    let (out, into) = pipe()?;
    // Without the right to it, the usual 64 KiB have to do.
    let _size = fcntl_setpipe_size(&into, PIPE);
    loop {
        let mut held = splice(from, None, &into, None, PIPE, SpliceFlags::MOVE)?;
        if held == 0 {
            return Ok(());
        }
        while held > 0 {
            held -= splice(&out, None, to, None, held, SpliceFlags::MOVE)?;
        }
    }
}

/// Processor seconds that opening and sealing 10^9 bytes take, in whole records of AES-256-GCM.
///
/// # Errors
///
/// When the library fails.
pub fn records() -> Result<f64> {
    const ROUNDS: u32 = 20_000;
    let key = UnboundKey::new(&AES_256_GCM, &[7; 32])?;
    let key = LessSafeKey::new(key);
    let nonce = || Nonce::assume_unique_for_key([1; 12]);
    let mut record = vec![0; RECORD];
    let own = i32::try_from(std::process::id())?;
    let before = usage::cpu_of(own, "")?;
    for _ in 0..ROUNDS {
        key.seal_in_place_append_tag(nonce(), Aad::empty(), &mut record)?;
        key.open_in_place(nonce(), Aad::empty(), &mut record)?;
        record.truncate(RECORD);
    }
    let took: Duration = usage::cpu_of(own, "")?.saturating_sub(before);
    let gigabytes = f64::from(ROUNDS) * f64::from(u32::try_from(RECORD)?) / 1e9;
    Ok(took.as_secs_f64() / gigabytes)
}
