//! What the control plane may be put through while records pass: does anybody who only passes feel it?
//!
//! Owns the disturbances. It must not know how their effect is judged (`report`).

use std::time::Duration;

use anyhow::{Result, bail};
use kafka_protocol::messages::MetadataRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::peers::Candidate;
use crate::wire::Connection;

/// One kind of trouble beside the data plane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Disturbance {
    /// 2,000 connections at the Admin API whose requests never end, one byte each second; whoever is
    /// turned away comes again ten seconds later.
    SlowHttp,
    /// A cluster whose answers name other brokers each time: the address table is computed anew 20
    /// times a second.
    Rebuild,
    /// Usage reports go to an address where nobody listens.
    UsageDown,
    /// Metrics are asked for ten times a second, where once in 15 seconds is usual.
    Scrape,
}

const SLOW: usize = 2_000;
const BYTE: Duration = Duration::from_secs(1);
/// At once would be a flood of connects, and this loader's own time what is measured.
const AGAIN: Duration = Duration::from_secs(10);
const REBUILD: Duration = Duration::from_millis(50);
const SCRAPE: Duration = Duration::from_millis(100);

impl Disturbance {
    /// By the name that the command line has for it.
    ///
    /// # Errors
    ///
    /// When there is none of that name.
    pub fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "slow-http" => Self::SlowHttp,
            "rebuild" => Self::Rebuild,
            "usage-down" => Self::UsageDown,
            "scrape" => Self::Scrape,
            _ => bail!("unknown: {name}; accepted: slow-http rebuild usage-down scrape"),
        })
    }

    /// Begins it; dropping what is returned ends it. Call within a runtime.
    #[must_use]
    pub fn begin(self, candidate: &Candidate) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        match self {
            Self::SlowHttp => {
                for _ in 0..SLOW {
                    tasks.spawn(slowly(candidate.admin_port().unwrap_or_default()));
                }
            }
            Self::Rebuild => {
                let door = candidate.door.clone();
                tasks.spawn_local(async move {
                    let mut connection = Connection::open(&door).await.unwrap();
                    connection.authenticate(("bench", "bench")).await.unwrap();
                    loop {
                        let request = MetadataRequest::default();
                        let _answer = connection.call(12, &request).await.unwrap();
                        tokio::time::sleep(REBUILD).await;
                    }
                });
            }
            Self::Scrape => {
                tasks.spawn(scrape(candidate.admin_port().unwrap_or_default()));
            }
            // By the candidate's configuration: nothing to do but to wait.
            Self::UsageDown => {}
        }
        tasks
    }
}

/// A request that goes on as long as it may, and then another.
async fn slowly(port: u16) {
    loop {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        let _sent = stream.write_all(b"GET /health/live HTTP/1.1\r\nx: ").await;
        while stream.write_all(b"y").await.is_ok() {
            tokio::time::sleep(BYTE).await;
            // An answer to what is not whole is a refusal: start again.
            if matches!(stream.try_read(&mut [0; 64]), Ok(0)) {
                break;
            }
        }
        let _rest = stream.read(&mut [0; 1024]).await;
        drop(stream);
        tokio::time::sleep(AGAIN).await;
    }
}

/// Needs `GATEWAY_SECURED_METRICS=false`.
async fn scrape(port: u16) {
    loop {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let request = b"GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"), "no metrics");
        tokio::time::sleep(SCRAPE).await;
    }
}
