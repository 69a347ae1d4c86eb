//! The FIFO of requests whose response is due (`protocol.md` §2.7, §4.1).
//!
//! Responses are matched by order alone; the correlation id is only a check. A Produce request with
//! acks=0 is due nothing, but its id is remembered because some brokers answer it all the same.

use super::request::LocalAnswer;
use super::{ApiKey, ApiVersion, CorrelationId};

/// How a response is treated.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ResponseKind {
    /// Streamed untouched.
    Opaque,
    /// Learned from and rewritten at the head.
    Metadata,
    /// Learned from and rewritten at the head; controllers removed.
    DescribeCluster,
    /// Learned from and rewritten.
    FindCoordinator,
    /// Version ranges clamped.
    ApiVersions,
    /// Its error code decides whether the session counts as authenticated.
    SaslAuthenticate,
    /// Node endpoints at the tail (v10–13).
    Produce,
    /// Node endpoints at the tail (v16–18).
    Fetch,
    /// Node endpoints at the tail.
    ShareFetch,
    /// Node endpoints at the tail.
    ShareAcknowledge,
}

/// One response that is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Due {
    /// As the client sent it.
    pub correlation_id: CorrelationId,
    /// Of the request.
    pub api_key: ApiKey,
    /// Of the request.
    pub api_version: ApiVersion,
    /// What to do with the response, or the answer we write ourselves.
    pub answer: Answerer,
}

/// Who answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answerer {
    /// The broker; its response is of this kind.
    Broker(ResponseKind),
    /// throughway.
    Us(LocalAnswer),
}

/// What a response's correlation id matched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Matched {
    /// The head of the queue, now removed.
    Head(Due),
    /// A remembered acks=0 Produce: forward untouched, nothing removed from the queue.
    AcksZero,
    /// Neither: the streams are out of step, both sides must be closed.
    Desync,
}

/// The queue of one session. Grows with requests only; its owner stops reading at the limit.
#[derive(Debug, Default)]
pub struct InFlight {
    _todo: (),
}

impl InFlight {
    /// An empty queue that remembers at most `limit` acks=0 ids.
    #[must_use]
    pub fn new(_limit: usize) -> Self {
        Self::default()
    }

    /// Notes a request, before its last byte is forwarded.
    pub fn push(&mut self, _due: Due) {}

    /// Remembers an acks=0 Produce, which is due no response.
    pub fn remember_acks_zero(&mut self, _correlation_id: CorrelationId) {}

    /// The oldest request still due.
    #[must_use]
    pub fn head(&self) -> Option<&Due> {
        None
    }

    /// Removes and returns the head when it is ours to answer.
    pub fn pop_ours(&mut self) -> Option<(Due, LocalAnswer)> {
        None
    }

    /// Matches a broker's response by its correlation id.
    pub fn match_response(&mut self, _correlation_id: CorrelationId) -> Matched {
        Matched::Desync
    }

    /// Number of responses due.
    #[must_use]
    pub fn len(&self) -> usize {
        0
    }

    /// True when nothing is due.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        true
    }
}
