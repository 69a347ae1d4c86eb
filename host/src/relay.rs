//! The two pumps of a session: requests one way, responses the other, both streaming.
//!
//! Owns the order of things between them: what is in flight, when the session counts as
//! authenticated, how it winds down. It must not know how legs were connected or secured. Each side is
//! read only when the other has taken everything: there is no queue but the socket buffers and one
//! window per direction.

mod answers;
pub mod error;
mod requests;
mod responses;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

pub(crate) use self::answers::Answers;
pub use self::answers::Unmapped;
pub use self::error::RelayError;
use self::requests::RequestPump;
use self::responses::ResponsePump;
use crate::close::CloseReason;
use crate::config::{Limits, Timeouts};
use crate::inventory::{Entry, Login};
use crate::kafka::CorrelationId;
use crate::kafka::in_flight::{Due, InFlight, Matched};
use crate::kafka::introduction::{Naming, Told};
use crate::kafka::request::{LocalAnswer, RequestPrefix, before_authentication};
use crate::metrics::{BrokerMetrics, ListenerMetrics, LoginOutcome, Metrics};
use crate::pool::Pool;

/// After our own close, unread bytes of the client are read away this long, so that a reset does not
/// destroy the last answers on their way to it.
const LINGER: Duration = Duration::from_millis(500);

/// How long a polite close (TLS close_notify) may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a session hands to its relay.
pub(crate) struct Terms<'a> {
    /// Caps.
    pub(crate) limits: &'a Limits,
    /// Deadlines.
    pub(crate) timeouts: &'a Timeouts,
    /// When the client was accepted: the SASL deadline counts from here.
    pub(crate) accepted: Instant,
    /// Connected to a bootstrap server for a broker not known yet.
    pub(crate) provisional: bool,
    /// `GATEWAY_UNREVIEWED_VERSIONS=clamp`.
    pub(crate) clamp_unreviewed: bool,
    /// `GATEWAY_ACCESS_LOG`: whom PLAIN and SCRAM log in is looked at.
    pub(crate) names_users: bool,
    /// Asks for a polite end.
    pub(crate) drain: CancellationToken,
    /// Ends at once.
    pub(crate) cut: CancellationToken,
    /// Of this worker.
    pub(crate) pool: Pool,
}

/// What a session is counted with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts<'a> {
    /// Requests and logins.
    pub(crate) all: &'a Metrics,
    /// Bytes at the listener.
    pub(crate) listener: &'a ListenerMetrics,
    /// Bytes and requests of the broker.
    pub(crate) broker: &'a BrokerMetrics,
    /// Bytes of the session, and who the client is.
    pub(crate) entry: &'a Entry,
}

/// What both pumps see of the session. One task owns both, so nothing here needs a lock.
#[derive(Debug)]
pub(crate) struct Shared<'a> {
    counts: Counts<'a>,
    /// A mechanism has been asked for; a second time nothing more is learned of the client.
    introduced: Cell<bool>,
    /// The next SaslAuthenticate, and no later one, names its user in this way.
    naming: Cell<Option<Naming>>,
    /// What the broker has said to the login, once.
    login: Cell<Login>,
    in_flight: RefCell<InFlight>,
    /// When each request in flight arrived, in the same order.
    asked: RefCell<VecDeque<Instant>>,
    most_in_flight: usize,
    /// A SaslAuthenticate answer without error has passed.
    pub(crate) authenticated: Cell<bool>,
    /// Requests have ended for this reason; the session ends once nothing is due.
    winding_down: Cell<Option<(CloseReason, Instant)>>,
    /// An answer of ours may be at the head, or requests have ended.
    ours: Notify,
    /// The queue has become shorter.
    room: Notify,
    last_byte: Cell<Instant>,
}

impl<'a> Shared<'a> {
    pub(crate) fn new(limits: &Limits, counts: Counts<'a>) -> Self {
        Self {
            counts,
            introduced: Cell::new(false),
            naming: Cell::new(None),
            login: Cell::new(Login::Unfinished),
            in_flight: RefCell::new(InFlight::new(limits.max_in_flight)),
            asked: RefCell::default(),
            most_in_flight: limits.max_in_flight,
            authenticated: Cell::new(false),
            winding_down: Cell::new(None),
            ours: Notify::new(),
            room: Notify::new(),
            last_byte: Cell::new(Instant::now()),
        }
    }

    fn add_bytes(&self, downstream: usize, upstream: usize) {
        let (downstream, upstream) = (downstream as u64, upstream as u64);
        self.counts.entry.add_bytes(downstream, upstream);
        self.counts.listener.add_bytes(downstream, upstream);
        self.counts.broker.add_bytes(downstream, upstream);
    }

    fn count_request(&self, prefix: &RequestPrefix) {
        self.counts.all.request(prefix);
        self.counts.broker.request();
    }

    /// Notes what a request said of its client.
    fn told(&self, told: Told, names_users: bool) {
        if let Told::Mechanism(mechanism) = &told
            && !self.introduced.replace(true)
            && names_users
        {
            self.naming.set(Naming::of(mechanism));
        }
        self.counts.entry.told(told);
    }

    /// Notes a request that is due an answer. It came with the last bytes, whose time is known.
    fn asked(&self, due: Due) {
        self.in_flight.borrow_mut().push(due);
        self.asked.borrow_mut().push_back(self.last_byte.get());
    }

    /// Removes the oldest request that is ours to answer.
    fn pop_ours(&self) -> Option<(Due, LocalAnswer)> {
        let ours = self.in_flight.borrow_mut().pop_ours()?;
        self.asked.borrow_mut().pop_front();
        self.room.notify_one();
        Some(ours)
    }

    /// Finds the request that an answer of the broker is to.
    fn match_response(&self, correlation_id: CorrelationId) -> Option<Due> {
        let matched = self.in_flight.borrow_mut().match_response(correlation_id);
        self.room.notify_one();
        match matched {
            Matched::Head(due) => {
                if let Some(asked) = self.asked.borrow_mut().pop_front() {
                    let took = self.last_byte.get().saturating_duration_since(asked);
                    self.counts.all.answered(due.api_key, took);
                }
                Some(due)
            }
            // Nobody waits for it.
            Matched::AcksZero(due) => Some(due),
            Matched::Desync => None,
        }
    }

    /// An answer of the broker: one to an ordinary request says that the client is in.
    fn answered(&self, due: &Due) {
        if self.login.get() != Login::Completed && !before_authentication(due.api_key) {
            self.login.set(Login::Completed);
            self.counts.entry.set_login(Login::Completed);
            self.counts.all.login(LoginOutcome::Completed);
        }
    }

    /// A SaslAuthenticate answer with an error.
    fn login_failed(&self) {
        self.counts.entry.set_login(Login::Failed);
        self.counts.all.login(LoginOutcome::Failed);
    }

    fn is_full(&self) -> bool {
        self.in_flight.borrow().len() >= self.most_in_flight
    }

    fn max_frame(&self, limits: &Limits) -> usize {
        if self.authenticated.get() {
            limits.max_frame
        } else {
            limits.max_frame_before_sasl
        }
    }
}

/// The two connected legs of a session.
pub(crate) struct Legs<D, U> {
    /// The client.
    pub(crate) downstream: D,
    /// Its broker.
    pub(crate) upstream: U,
    /// Read from the client before the broker was dialled.
    pub(crate) first_bytes: Vec<u8>,
}

/// Relays until the session ends, then closes both legs politely.
///
/// # Errors
/// `RelayError` says what failed and on which side.
pub(crate) async fn run<D, U>(
    legs: Legs<D, U>,
    shared: &Shared<'_>,
    answers: &Answers<'_>,
    terms: &Terms<'_>,
) -> Result<CloseReason, RelayError>
where
    D: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let (mut client_read, mut client_write) = tokio::io::split(legs.downstream);
    let (mut broker_read, mut broker_write) = tokio::io::split(legs.upstream);
    let requests = RequestPump::new(&mut client_read, &mut broker_write, shared, terms);
    let responses = ResponsePump::new(
        &mut broker_read,
        &mut client_write,
        (shared, answers),
        terms,
    );
    let ended = pump(
        requests.run(legs.first_bytes),
        responses.run(),
        shared,
        terms,
    )
    .await;

    let farewell = async {
        _ = broker_write.shutdown().await;
        _ = client_write.shutdown().await;
    };
    _ = timeout(FAREWELL, farewell).await;
    if matches!(
        ended,
        Ok(CloseReason::DrainCompleted | CloseReason::ProvisionalEnded)
    ) || matches!(ended, Err(RelayError::HandshakeRefused))
    {
        _ = timeout(LINGER, read_away(&mut client_read)).await;
    }
    ended
}

async fn pump(
    requests: impl Future<Output = Result<CloseReason, RelayError>>,
    responses: impl Future<Output = Result<CloseReason, RelayError>>,
    shared: &Shared<'_>,
    terms: &Terms<'_>,
) -> Result<CloseReason, RelayError> {
    let mut requests = pin!(requests);
    let mut responses = pin!(responses);
    loop {
        let wind_down = shared.winding_down.get();
        tokio::select! {
            ended = &mut requests, if wind_down.is_none() => {
                shared.winding_down.set(Some((ended?, Instant::now())));
                shared.ours.notify_one();
            }
            ended = &mut responses => return ended,
            () = terms.cut.cancelled() => return Ok(CloseReason::DrainTimeout),
            overdue = watch(shared, terms) => return overdue,
        }
    }
}

/// Ends when a deadline of the session has passed.
async fn watch(shared: &Shared<'_>, terms: &Terms<'_>) -> Result<CloseReason, RelayError> {
    loop {
        let now = Instant::now();
        let mut next = now + Duration::from_secs(3600);
        if !shared.authenticated.get() {
            let due = terms.accepted + terms.timeouts.sasl;
            if due <= now {
                return Err(RelayError::SaslDeadline);
            }
            next = next.min(due);
        }
        if let Some(idle) = terms.timeouts.idle {
            let due = shared.last_byte.get() + idle;
            if due <= now {
                return Ok(CloseReason::IdleTimeout);
            }
            next = next.min(due);
        }
        match shared.winding_down.get() {
            // A drain is bounded by its own grace time, through `cut`.
            None | Some((CloseReason::DrainCompleted, _)) => {}
            Some((reason, since)) => {
                let due = since + terms.timeouts.half_close;
                if due <= now {
                    return Ok(reason);
                }
                next = next.min(due);
            }
        }
        sleep_until(next).await;
    }
}

async fn read_away(from: &mut (impl AsyncRead + Unpin)) {
    let mut away = vec![0; 4096];
    while matches!(from.read(&mut away).await, Ok(n) if n > 0) {}
}

/// True for the ways in which a peer's disappearance shows when it is read from or written to.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof,
    };
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof
    )
}

#[cfg(test)]
mod tests;
