//! Counts what a client sends and receives, by itself: what the ledger is held against.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::Result;
use throughway_tests::wire::{Connection, Door, raw_request};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A user and a word in every place that a client can name; none may be in a report.
pub(super) const USER: (&str, &str) = ("zanzibar-user", "zanzibar-password");
pub(super) const WORD: &str = "zanzibar";

/// Sums over all sessions.
#[derive(Clone, Default)]
pub(super) struct Tally {
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    up: AtomicU64,
    down: AtomicU64,
    /// The sums of the last while, with when they were reached.
    history: Mutex<VecDeque<(Instant, (u64, u64))>>,
}

/// A stream whose bytes are counted.
struct Counted {
    stream: TcpStream,
    counts: Arc<Counts>,
}

impl Tally {
    /// To the broker, and back to the client.
    pub(super) fn sums(&self) -> (u64, u64) {
        let sum = |sum: &AtomicU64| sum.load(Ordering::SeqCst);
        (sum(&self.counts.up), sum(&self.counts.down))
    }

    /// A session of this user, counted from its first byte on.
    pub(super) async fn log_in(&self, door: &Door) -> Connection {
        let stream = TcpStream::connect(&door.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let counts = Arc::clone(&self.counts);
        let mut session = Connection::over(Counted { stream, counts });
        session.authenticate(USER).await.unwrap();
        session
    }

    /// One request and its answer.
    pub(super) async fn exchange(&self, session: &mut Connection) -> Result<()> {
        let body = [WORD.as_bytes(), &[9; 500]].concat();
        session
            .send_frame(&raw_request((super::HEARTBEAT, 0), 55, &body))
            .await?;
        session.receive_frame().await?;
        let mut history = self.counts.history.lock().unwrap();
        history.push_back((Instant::now(), self.sums()));
        if history.len() > 100_000 {
            history.pop_front();
        }
        Ok(())
    }

    /// What was relayed within so long before this moment, at most.
    pub(super) fn within(&self, time: Duration, moment: Instant) -> (u64, u64) {
        let history = self.counts.history.lock().unwrap();
        let before = history
            .iter()
            .rev()
            .find(|(at, _)| *at + time < moment)
            .map_or((0, 0), |(_, sums)| *sums);
        let now = self.sums();
        (now.0 - before.0, now.1 - before.1)
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let read = buffer.filled().len() - before;
        self.counts.down.fetch_add(read as u64, Ordering::SeqCst);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = polled {
            self.counts.up.fetch_add(written as u64, Ordering::SeqCst);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
