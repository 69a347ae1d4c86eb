//! Responses, broker to client: matched to the head of the in-flight queue and streamed untouched.
//!
//! Those that carry addresses, version ranges or the outcome of SASL go through `special`.

mod special;

use std::cmp::min;
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::{Answers, RelayError, Shared, Terms, is_gone};
use crate::close::{CloseReason, Side};
use crate::kafka::answer::MOST_COLLECTED;
use crate::kafka::in_flight::{Answerer, Due, ResponseKind};
use crate::kafka::{CorrelationId, FrameError};
use crate::pool::{BUFFER_LEN, Window};

/// Bytes of size and correlation id.
const PREFIX_LEN: usize = 8;

/// How the walk over opaque frames ended.
enum Then {
    /// What comes next breaks the protocol; what came before it has been answered all the same.
    Fail(RelayError),
    /// The window is used up, or holds a partial prefix.
    ReadOn,
    /// The head of the queue is ours to answer.
    Ours,
    /// A frame that is looked at begins; its size is at the window's start.
    Special(Due, usize),
}

/// The pump from the broker to the client.
pub(super) struct ResponsePump<'a, R, W> {
    from: &'a mut R,
    to: &'a mut W,
    shared: &'a Shared<'a>,
    answers: &'a Answers<'a>,
    terms: &'a Terms<'a>,
    window: Window,
    /// Bytes of the current opaque frame not seen yet; 0 at a frame boundary.
    left: usize,
}

impl<'a, R, W> ResponsePump<'a, R, W>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    pub(super) fn new(
        from: &'a mut R,
        to: &'a mut W,
        (shared, answers): (&'a Shared<'a>, &'a Answers<'a>),
        terms: &'a Terms<'a>,
    ) -> Self {
        Self {
            from,
            to,
            shared,
            answers,
            terms,
            window: Window::new(terms.pool.clone()),
            left: 0,
        }
    }

    /// Runs until the broker closes, or until requests have ended and nothing is due.
    pub(super) async fn run(mut self) -> Result<CloseReason, RelayError> {
        loop {
            let (forward, then) = self.walk();
            self.forward_window(forward).await?;
            let then = match then {
                Then::Special(due, len) => {
                    self.special(due, len).await?;
                    continue;
                }
                Then::Fail(error) => return Err(error),
                then => then,
            };
            if self.left == 0 {
                self.deliver_ours().await?;
                if let Some(reason) = self.wound_down() {
                    return Ok(reason);
                }
            }
            if let Then::ReadOn = then
                && let Some(reason) = self.read_or_wake().await?
            {
                return Ok(reason);
            }
        }
    }

    /// Requests have ended and nothing is due any more.
    fn wound_down(&self) -> Option<CloseReason> {
        let (reason, _since) = self.shared.winding_down.get()?;
        self.shared.in_flight.borrow().is_empty().then_some(reason)
    }

    /// Passes over opaque frames; returns how many bytes of the window may be forwarded.
    fn walk(&mut self) -> (usize, Then) {
        let mut at = 0;
        loop {
            let rest = self.window.bytes().get(at..).unwrap_or_default();
            let seen = min(self.left, rest.len());
            if self.left > 0 {
                self.left -= seen;
                at += seen;
                if seen == 0 {
                    return (at, Then::ReadOn);
                }
                continue;
            }
            let ours = |due: &Due| matches!(due.answer, Answerer::Us(_));
            if self.shared.in_flight.borrow().head().is_some_and(ours) {
                return (at, Then::Ours);
            }
            // An alert is 7 bytes, fewer than a response's prefix.
            if matches!(rest, [0x15, 0x03, 0..=4, ..]) && !self.shared.authenticated.get() {
                return (at, Then::Fail(RelayError::TlsAlert));
            }
            let Some(prefix) = rest.first_chunk::<PREFIX_LEN>() else {
                return (at, Then::ReadOn);
            };
            let (payload_len, due) = match self.match_prefix(prefix) {
                Ok(matched) => matched,
                Err(error) => return (at, Then::Fail(error)),
            };
            if due.answer != Answerer::Broker(ResponseKind::Opaque) {
                return (at, Then::Special(due, payload_len));
            }
            at += PREFIX_LEN;
            self.left = payload_len.saturating_sub(PREFIX_LEN - 4);
        }
    }

    /// Reads size and correlation id.
    fn match_prefix(&self, prefix: &[u8; PREFIX_LEN]) -> Result<(usize, Due), RelayError> {
        let [s0, s1, s2, s3, c0, c1, c2, c3] = *prefix;
        let size = i32::from_be_bytes([s0, s1, s2, s3]);
        let correlation_id = CorrelationId(i32::from_be_bytes([c0, c1, c2, c3]));
        let authenticated = self.shared.authenticated.get();
        // A broker's answers have no limit but int32 once SASL has passed (§2.8).
        let most = if authenticated {
            i32::MAX as usize
        } else {
            self.terms.limits.max_frame_before_sasl
        };
        let payload_len = usize::try_from(size)
            .ok()
            .filter(|len| (4..=most).contains(len));
        let Some(payload_len) = payload_len else {
            let most = u32::try_from(most).unwrap_or(u32::MAX);
            return Err(RelayError::Response(FrameError::Size {
                size,
                least: 4,
                most,
            }));
        };
        let due = self
            .shared
            .match_response(correlation_id)
            .ok_or(RelayError::Desync { correlation_id })?;
        self.shared.answered(&due);
        Ok((payload_len, due))
    }

    /// Writes the answers that are ours and at the head of the queue.
    async fn deliver_ours(&mut self) -> Result<(), RelayError> {
        loop {
            let Some((due, answer)) = self.shared.pop_ours() else {
                return Ok(());
            };
            self.write(&[&answer.frame(due.correlation_id)]).await?;
            if answer.closes() {
                return Err(RelayError::HandshakeRefused);
            }
        }
    }

    /// Reads once; at a frame boundary an answer of ours or the end of requests wakes it too.
    async fn read_or_wake(&mut self) -> Result<Option<CloseReason>, RelayError> {
        let at_boundary = self.left == 0;
        let read = tokio::select! {
            read = self.window.fill(self.from) => read,
            () = self.shared.ours.notified(), if at_boundary => return Ok(None),
        };
        match self.noted(read)? {
            0 => {
                let winding_down = self.shared.winding_down.get();
                Ok(Some(
                    winding_down.map_or(CloseReason::BrokerClosed, |(reason, _)| reason),
                ))
            }
            _ => Ok(None),
        }
    }

    fn noted(&self, read: io::Result<usize>) -> Result<usize, RelayError> {
        self.shared.last_byte.set(Instant::now());
        match read {
            Ok(n) => Ok(n),
            Err(error) if is_gone(&error) => Ok(0),
            Err(source) => Err(RelayError::Io {
                side: Side::Upstream,
                source,
            }),
        }
    }

    /// Collects the next `len` bytes; grows with what arrives, never by what is announced.
    async fn collect(&mut self, len: usize) -> Result<Vec<u8>, RelayError> {
        if len > MOST_COLLECTED {
            let too_large = FrameError::TooLarge {
                what: "answer",
                most: MOST_COLLECTED,
            };
            return Err(RelayError::Response(too_large));
        }
        let mut bytes = Vec::new();
        while bytes.len() < len {
            self.take(&mut bytes, len).await?;
        }
        Ok(bytes)
    }

    /// Moves what the window holds (reading first when it is empty) behind `bytes`, up to `len` in all.
    async fn take(&mut self, bytes: &mut Vec<u8>, len: usize) -> Result<(), RelayError> {
        if self.window.len() == 0 {
            self.fill().await?;
        }
        let n = min(len - bytes.len(), self.window.len());
        bytes.extend_from_slice(self.window.bytes().get(..n).unwrap_or_default());
        self.window.consume(n);
        Ok(())
    }

    /// Reads once inside a frame, where an end of stream is a broken frame.
    async fn fill(&mut self) -> Result<(), RelayError> {
        let read = self.window.fill(self.from).await;
        match self.noted(read)? {
            0 => Err(RelayError::Io {
                side: Side::Upstream,
                source: io::Error::from(io::ErrorKind::UnexpectedEof),
            }),
            _ => Ok(()),
        }
    }

    async fn forward_window(&mut self, n: usize) -> Result<(), RelayError> {
        if n == 0 {
            return Ok(());
        }
        let bytes = self.window.bytes().get(..n).unwrap_or_default();
        send(self.to, self.shared, &[bytes]).await?;
        self.window.consume(n);
        Ok(())
    }

    async fn write_frame(&mut self, payload: &[u8]) -> Result<(), RelayError> {
        let size = i32::try_from(payload.len())
            .map_err(|_out_of_range| RelayError::Response(FrameError::Invalid { what: "size" }))?;
        self.write(&[&size.to_be_bytes(), payload]).await
    }

    async fn write(&mut self, parts: &[&[u8]]) -> Result<(), RelayError> {
        send(self.to, self.shared, parts).await
    }
}

/// Writes and flushes all parts in order.
async fn send<W: AsyncWrite + Unpin>(
    to: &mut W,
    shared: &Shared<'_>,
    parts: &[&[u8]],
) -> Result<(), RelayError> {
    let failed = |source| RelayError::Io {
        side: Side::Downstream,
        source,
    };
    // One write for small answers: with no delay set, each write would be a segment of its own.
    if parts.iter().map(|part| part.len()).sum::<usize>() <= BUFFER_LEN && parts.len() > 1 {
        let joined = parts.concat();
        to.write_all(&joined).await.map_err(failed)?;
        shared.add_bytes(joined.len(), 0);
    } else {
        for part in parts {
            to.write_all(part).await.map_err(failed)?;
            shared.add_bytes(part.len(), 0);
        }
    }
    to.flush().await.map_err(failed)
}
