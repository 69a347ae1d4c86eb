//! Requests, client to broker: notes each prefix in the in-flight queue, streams the frame untouched.

use std::cmp::min;
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::{RelayError, Shared, Terms, is_gone};
use crate::close::{CloseReason, Side};
use crate::kafka::FrameError;
use crate::kafka::acks::AcksScanner;
use crate::kafka::in_flight::{Answerer, Due};
use crate::kafka::introduction::Introduction;
use crate::kafka::request::{
    LocalAnswer, PREFIX_LEN, Permissions, RequestFate, RequestPrefix, before_authentication,
    classify,
};
use crate::pool::Window;

/// What the bytes until the end of the current frame are.
enum Body {
    /// Forwarded as they are.
    Pass,
    /// Forwarded; whether an answer is due is not known yet.
    Produce(AcksScanner, Due),
    /// Forwarded; it says who the client is.
    Introduced(Introduction),
    /// Answered by us, not forwarded.
    Dropped(LocalAnswer),
}

/// How far the window was understood.
struct Run {
    /// Bytes to forward, from the window's start.
    forward: usize,
    /// Bytes to drop behind them.
    drop: usize,
    then: Then,
}

enum Then {
    /// Go on with what is left, or read more.
    GoOn,
    /// The queue is full: do not read the client until an answer has left it.
    AwaitRoom,
    /// No request is taken any more.
    End(Result<CloseReason, RelayError>),
}

/// The pump from the client to the broker.
pub(super) struct RequestPump<'a, R, W> {
    from: &'a mut R,
    to: &'a mut W,
    shared: &'a Shared<'a>,
    terms: &'a Terms<'a>,
    /// Bytes of the current frame not seen yet; 0 at a frame boundary.
    left: usize,
    body: Body,
}

impl<'a, R, W> RequestPump<'a, R, W>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    pub(super) fn new(
        from: &'a mut R,
        to: &'a mut W,
        shared: &'a Shared<'a>,
        terms: &'a Terms<'a>,
    ) -> Self {
        Self {
            from,
            to,
            shared,
            terms,
            left: 0,
            body: Body::Pass,
        }
    }

    /// Runs until no request is taken any more. `Ok` winds the session down: what is due is still
    /// delivered.
    pub(super) async fn run(mut self, first_bytes: Vec<u8>) -> Result<CloseReason, RelayError> {
        let mut window = Window::new(self.terms.pool.clone()).with(&first_bytes);
        drop(first_bytes);
        loop {
            let run = self.walk(window.bytes())?;
            let progressed = run.forward + run.drop > 0;
            self.forward(&window, run.forward).await?;
            window.consume(run.forward + run.drop);
            match run.then {
                Then::End(ended) => return ended,
                Then::AwaitRoom => self.shared.room.notified().await,
                Then::GoOn if progressed && window.len() > 0 => {}
                Then::GoOn => {
                    if let Some(reason) = self.read(&mut window).await? {
                        return Ok(reason);
                    }
                }
            }
        }
    }

    async fn forward(&mut self, window: &Window, n: usize) -> Result<(), RelayError> {
        let Some(bytes) = window.bytes().get(..n).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        let failed = |source| RelayError::Io {
            side: Side::Upstream,
            source,
        };
        self.to.write_all(bytes).await.map_err(failed)?;
        self.to.flush().await.map_err(failed)?;
        self.shared.add_bytes(0, bytes.len());
        Ok(())
    }

    /// Reads once; `Some` when no more requests come.
    async fn read(&mut self, window: &mut Window) -> Result<Option<CloseReason>, RelayError> {
        let at_boundary = self.left == 0;
        let amid_a_frame = !at_boundary || window.len() > 0;
        let read = tokio::select! {
            read = window.fill(self.from) => read,
            () = self.terms.drain.cancelled(), if at_boundary => {
                return Ok(Some(CloseReason::DrainCompleted));
            }
        };
        self.shared.last_byte.set(Instant::now());
        match read {
            Ok(1..) => Ok(None),
            // Nobody stops asking amid a request and waits for answers.
            Ok(0) if amid_a_frame => Err(RelayError::ClientGone),
            Ok(0) => Ok(Some(CloseReason::ClientClosed)),
            // TLS that ends without saying so.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !amid_a_frame => {
                Ok(Some(CloseReason::ClientClosed))
            }
            Err(error) if is_gone(&error) => Err(RelayError::ClientGone),
            Err(source) => Err(RelayError::Io {
                side: Side::Downstream,
                source,
            }),
        }
    }

    /// Understands as many frames as the window holds.
    fn walk(&mut self, bytes: &[u8]) -> Result<Run, RelayError> {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let stop = |drop, then| {
                Ok(Run {
                    forward: at,
                    drop,
                    then,
                })
            };
            if self.left > 0 {
                let seen = min(self.left, rest.len());
                if seen == 0 {
                    return stop(0, Then::GoOn);
                }
                self.left -= seen;
                if let Body::Dropped(answer) = self.body {
                    return stop(seen, self.after_dropped(answer));
                }
                self.look(rest.get(..seen).unwrap_or_default())?;
                at += seen;
                continue;
            }
            if self.terms.drain.is_cancelled() {
                return stop(0, Then::End(Ok(CloseReason::DrainCompleted)));
            }
            if self.shared.is_full() {
                return stop(0, Then::AwaitRoom);
            }
            let Some(prefix) = rest.first_chunk::<PREFIX_LEN>() else {
                return stop(0, Then::GoOn);
            };
            // What was good before a request that may not pass has been asked for all the same.
            let begun = match self.begin(prefix) {
                Ok(begun) => begun,
                Err(error) => return stop(0, Then::End(Err(error))),
            };
            match begun {
                Begun::Forward => at += PREFIX_LEN,
                Begun::Dropped(answer) => return stop(PREFIX_LEN, self.after_dropped(answer)),
                Begun::End(reason) => return stop(0, Then::End(Ok(reason))),
            }
        }
    }

    /// Takes a request's prefix and decides what becomes of it.
    fn begin(&mut self, bytes: &[u8; PREFIX_LEN]) -> Result<Begun, RelayError> {
        let most = self.shared.max_frame(self.terms.limits);
        let prefix = RequestPrefix::read(bytes, most).map_err(RelayError::Request)?;
        let permissions = Permissions {
            authenticated: self.shared.authenticated.get(),
            provisional: self.terms.provisional,
            clamp_unreviewed: self.terms.clamp_unreviewed,
        };
        let due = |answer| Due {
            correlation_id: prefix.correlation_id,
            api_key: prefix.api_key,
            api_version: prefix.api_version,
            answer,
        };
        self.left = prefix.payload_len.saturating_sub(PREFIX_LEN - 4);
        match classify(&prefix, permissions) {
            RequestFate::Forward(kind) => {
                self.body = self.introduction(&prefix);
                self.shared.asked(due(Answerer::Broker(kind)));
            }
            RequestFate::ForwardProduce(kind) => {
                let scanner = AcksScanner::new(prefix.api_version, prefix.payload_len);
                self.body = Body::Produce(scanner, due(Answerer::Broker(kind)));
                // A frame that ends here has no `acks` and would never be asked for it.
                self.scan_acks(&[])?;
            }
            RequestFate::AnswerLocally(answer) => {
                self.body = Body::Dropped(answer);
                self.shared.asked(due(Answerer::Us(answer)));
                self.shared.ours.notify_one();
                return Ok(Begun::Dropped(answer));
            }
            RequestFate::EndProvisional => return Ok(Begun::End(CloseReason::ProvisionalEnded)),
            RequestFate::Refuse(refusal) => {
                return Err(RelayError::Refused {
                    api_key: prefix.api_key,
                    api_version: prefix.api_version,
                    refusal,
                });
            }
        }
        self.shared.count_request(&prefix);
        Ok(Begun::Forward)
    }

    /// What a client says of itself is listened to as it passes.
    fn introduction(&self, prefix: &RequestPrefix) -> Body {
        if !before_authentication(prefix.api_key) {
            return Body::Pass;
        }
        let introduction = Introduction::begin(prefix, || self.shared.naming.take());
        introduction.map_or(Body::Pass, Body::Introduced)
    }

    /// A closing answer ends the requests once its own frame has been dropped whole.
    fn after_dropped(&self, answer: LocalAnswer) -> Then {
        if self.left == 0 && answer.closes() {
            Then::End(Ok(CloseReason::ClientClosed))
        } else {
            Then::GoOn
        }
    }

    /// Looks at bytes of the body that are about to be forwarded.
    fn look(&mut self, bytes: &[u8]) -> Result<(), RelayError> {
        match &mut self.body {
            Body::Pass | Body::Dropped(_) => Ok(()),
            Body::Produce(..) => self.scan_acks(bytes),
            Body::Introduced(introduction) => {
                introduction.feed(bytes);
                if self.left == 0 {
                    if let Some(told) = introduction.told() {
                        self.shared.told(told, self.terms.names_users);
                    }
                    self.body = Body::Pass;
                }
                Ok(())
            }
        }
    }

    /// Decides on `acks` before the frame's last byte is forwarded: the broker cannot answer earlier.
    fn scan_acks(&mut self, bytes: &[u8]) -> Result<(), RelayError> {
        let Body::Produce(scanner, due) = &mut self.body else {
            return Ok(());
        };
        match scanner.feed(bytes).map_err(RelayError::Request)? {
            Some(0) => {
                self.shared.in_flight.borrow_mut().remember_acks_zero(*due);
                self.body = Body::Pass;
            }
            Some(_) => {
                self.shared.asked(*due);
                self.body = Body::Pass;
            }
            None if self.left == 0 => {
                return Err(RelayError::Request(FrameError::Beyond { what: "acks" }));
            }
            None => {}
        }
        Ok(())
    }
}

enum Begun {
    Forward,
    Dropped(LocalAnswer),
    End(CloseReason),
}
