//! The responses that are looked at: addresses at the head, in a coordinator answer or at the tail,
//! version ranges, the outcome of SASL.
//!
//! Collects no more than it must: a head up to the end of its broker array, a tail, a small answer.

use std::cmp::min;

use tokio::io::{AsyncRead, AsyncWrite};

use super::super::RelayError;
use super::ResponsePump;
use crate::kafka::FrameError;
use crate::kafka::answer::{self, Found, MOST_COLLECTED};
use crate::kafka::in_flight::{Answerer, Due, ResponseKind};
use crate::kafka::tail::{Scanned, TailScanner, neutralise};
use crate::kafka::versions::sasl_authenticate_error;
use crate::metrics::Fate;
use crate::pool::BUFFER_LEN;

/// A frame up to this long is rewritten whole; a longer one is streamed and neutralised (§4.7).
const REWRITTEN_WHOLE: usize = BUFFER_LEN;

impl<R, W> ResponsePump<'_, R, W>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    /// Deals with one frame that is looked at. The window starts with its size.
    pub(super) async fn special(&mut self, due: Due, payload_len: usize) -> Result<(), RelayError> {
        self.window.consume(4);
        let Answerer::Broker(kind) = due.answer else {
            return Ok(());
        };
        match kind {
            ResponseKind::Opaque => Ok(()),
            ResponseKind::Metadata | ResponseKind::DescribeCluster => {
                self.head(due, kind, payload_len).await
            }
            ResponseKind::FindCoordinator => {
                let payload = self.collect(payload_len).await?;
                self.whole(due, kind, (&payload, 0)).await
            }
            ResponseKind::ApiVersions => {
                let mut payload = self.collect(payload_len).await?;
                let changed = self.answers.clamp(due, &mut payload);
                changed.map_err(|source| rewrite_failed(due, source))?;
                self.write_frame(&payload).await
            }
            ResponseKind::SaslAuthenticate => {
                let payload = self.collect(payload_len).await?;
                let error = sasl_authenticate_error(due.api_version, &payload)
                    .map_err(RelayError::Response)?;
                if error == 0 {
                    self.shared.authenticated.set(true);
                } else {
                    self.shared.login_failed();
                }
                self.write_frame(&payload).await
            }
            ResponseKind::Produce
            | ResponseKind::Fetch
            | ResponseKind::ShareFetch
            | ResponseKind::ShareAcknowledge => self.tail(due, kind, payload_len).await,
        }
    }

    /// Addresses at the head: collects up to the end of the broker array, streams the rest.
    async fn head(
        &mut self,
        due: Due,
        kind: ResponseKind,
        payload_len: usize,
    ) -> Result<(), RelayError> {
        let mut arrived = Vec::new();
        let found = loop {
            self.take(&mut arrived, payload_len).await?;
            let found = answer::find(kind, due.api_version, &arrived, payload_len)
                .map_err(|source| rewrite_failed(due, source))?;
            if let Some(found) = found {
                break found;
            }
            if arrived.len() == payload_len {
                return Err(rewrite_failed(
                    due,
                    FrameError::Beyond {
                        what: "broker array",
                    },
                ));
            }
            if arrived.len() > MOST_COLLECTED + BUFFER_LEN {
                return Err(rewrite_failed(
                    due,
                    FrameError::TooLarge {
                        what: "broker array",
                        most: MOST_COLLECTED,
                    },
                ));
            }
        };
        self.splice(due, &found, (&[], &arrived), payload_len)
            .await?;
        self.left = payload_len - arrived.len();
        Ok(())
    }

    /// An answer that is wholly here; `tail_at` is where `find` starts reading.
    async fn whole(
        &mut self,
        due: Due,
        kind: ResponseKind,
        (payload, tail_at): (&[u8], usize),
    ) -> Result<(), RelayError> {
        let (before, part) = payload.split_at_checked(tail_at).unwrap_or((payload, &[]));
        let found = answer::find(kind, due.api_version, part, part.len())
            .map_err(|source| rewrite_failed(due, source))?
            .ok_or_else(|| rewrite_failed(due, FrameError::Beyond { what: "answer" }))?;
        self.splice(due, &found, (before, part), payload.len())
            .await
    }

    /// Learns, waits for the table if it must, writes what has arrived (`before`, and `part`, in which
    /// brokers were found) with the section replaced.
    async fn splice(
        &mut self,
        due: Due,
        found: &Found,
        (before, part): (&[u8], &[u8]),
        payload_len: usize,
    ) -> Result<(), RelayError> {
        let placed = self
            .answers
            .place(due, found)
            .await
            .map_err(RelayError::OtherCluster)?;
        let replaced = self
            .answers
            .replace(due, found, part, &placed)
            .map_err(|source| rewrite_failed(due, source))?;
        let too_large = || {
            rewrite_failed(
                due,
                FrameError::TooLarge {
                    what: "answer",
                    most: i32::MAX as usize,
                },
            )
        };
        let size = (payload_len - found.section.len())
            .checked_add(replaced.bytes.len())
            .and_then(|size| i32::try_from(size).ok())
            .ok_or_else(too_large)?;
        let kept = part.get(..found.section.start).unwrap_or_default();
        let after = part.get(found.section.end..).unwrap_or_default();
        self.write(&[&size.to_be_bytes(), before, kept, &replaced.bytes, after])
            .await
    }

    /// Addresses at the tail: rewritten when the frame is small, made harmless in place when not.
    async fn tail(
        &mut self,
        due: Due,
        kind: ResponseKind,
        payload_len: usize,
    ) -> Result<(), RelayError> {
        let mut scanner = TailScanner::new(kind, due.api_version, payload_len);
        let failed = |source| rewrite_failed(due, source);
        if payload_len <= REWRITTEN_WHOLE {
            let payload = self.collect(payload_len).await?;
            return match scanner.feed(&payload).map_err(failed)? {
                Scanned::TailAt(at) => self.whole(due, kind, (&payload, at)).await,
                Scanned::Before => Err(failed(FrameError::Beyond { what: "tail" })),
            };
        }
        let size = i32::try_from(payload_len)
            .map_err(|_out_of_range| failed(FrameError::Invalid { what: "size" }))?;
        self.write(&[&size.to_be_bytes()]).await?;
        let tail_len = self.stream_to_tail(&mut scanner, due, payload_len).await?;
        let mut tail = self.collect(tail_len).await?;
        if let Some(found) = answer::find(kind, due.api_version, &tail, tail_len).map_err(failed)? {
            self.answers
                .learn(due, &found)
                .map_err(RelayError::OtherCluster)?;
        }
        let hidden = neutralise(kind, due.api_version, &mut tail).map_err(failed)?;
        self.answers.count(
            due,
            if hidden {
                Fate::Neutralised
            } else {
                Fate::Passed
            },
        );
        self.write(&[&tail]).await
    }

    /// Forwards everything before the tail; returns the tail's length.
    async fn stream_to_tail(
        &mut self,
        scanner: &mut TailScanner,
        due: Due,
        payload_len: usize,
    ) -> Result<usize, RelayError> {
        let mut left = payload_len;
        loop {
            if self.window.len() == 0 {
                self.fill().await?;
            }
            let n = min(left, self.window.len());
            let piece = self.window.bytes().get(..n).unwrap_or_default();
            let scanned = scanner
                .feed(piece)
                .map_err(|source| rewrite_failed(due, source))?;
            let forward = match scanned {
                Scanned::Before => n,
                Scanned::TailAt(at) => at,
            };
            self.forward_window(forward).await?;
            left -= forward;
            match scanned {
                Scanned::TailAt(_) => return Ok(left),
                Scanned::Before if left == 0 => {
                    return Err(rewrite_failed(due, FrameError::Beyond { what: "tail" }));
                }
                Scanned::Before => {}
            }
        }
    }
}

fn rewrite_failed(due: Due, source: FrameError) -> RelayError {
    RelayError::Rewrite {
        api_key: due.api_key,
        api_version: due.api_version,
        source,
    }
}
