//! The FIFO of requests whose response is due.
//!
//! Responses are matched by order alone; the correlation id is only a check. A Produce request with
//! acks=0 is due nothing, but its id is remembered because some brokers answer it all the same.

use std::collections::VecDeque;

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
    /// A remembered acks=0 Produce; nothing is removed from the queue. Its answer may carry addresses
    /// like any other.
    AcksZero(Due),
    /// Neither: the streams are out of step, both sides must be closed.
    Desync,
}

/// The queue of one session. Grows with requests only; its owner stops reading at the limit.
#[derive(Debug, Default)]
pub struct InFlight {
    due: VecDeque<Due>,
    /// Acks=0 requests, oldest first; never more than `remember`.
    acks_zero: VecDeque<Due>,
    remember: usize,
}

impl InFlight {
    /// An empty queue that remembers at most `limit` acks=0 ids.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            remember: limit,
            ..Self::default()
        }
    }

    /// Notes a request, before its last byte is forwarded.
    pub fn push(&mut self, due: Due) {
        self.due.push_back(due);
    }

    /// Remembers an acks=0 Produce, which is due no response. The oldest one is forgotten for it
    /// once as many as the limit are remembered.
    pub fn remember_acks_zero(&mut self, due: Due) {
        if self.remember == 0 {
            return;
        }
        if self.acks_zero.len() >= self.remember {
            self.acks_zero.pop_front();
        }
        self.acks_zero.push_back(due);
    }

    /// The oldest request still due.
    #[must_use]
    pub fn head(&self) -> Option<&Due> {
        self.due.front()
    }

    /// Removes and returns the head when it is ours to answer.
    pub fn pop_ours(&mut self) -> Option<(Due, LocalAnswer)> {
        let due = *self.due.front()?;
        let Answerer::Us(answer) = due.answer else {
            return None;
        };
        self.due.pop_front();
        Some((due, answer))
    }

    /// Matches a broker's response by its correlation id. While the head is ours to answer every
    /// response is out of step: the owner takes those with `pop_ours` first.
    pub fn match_response(&mut self, correlation_id: CorrelationId) -> Matched {
        if let Some(&head) = self.due.front() {
            if matches!(head.answer, Answerer::Us(_)) {
                return Matched::Desync;
            }
            if head.correlation_id == correlation_id {
                self.due.pop_front();
                return Matched::Head(head);
            }
        }
        // Each acks=0 request excuses one response, so that a broker that repeats itself is noticed.
        let excused = |due: &Due| due.correlation_id == correlation_id;
        let at = self.acks_zero.iter().position(excused);
        at.and_then(|at| self.acks_zero.remove(at))
            .map_or(Matched::Desync, Matched::AcksZero)
    }

    /// Number of responses due.
    #[must_use]
    pub fn len(&self) -> usize {
        self.due.len()
    }

    /// True when nothing is due.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(id: i32, answer: Answerer) -> Due {
        Due {
            correlation_id: CorrelationId(id),
            api_key: ApiKey(3),
            api_version: ApiVersion(12),
            answer,
        }
    }

    fn produce(id: i32) -> Due {
        due(id, Answerer::Broker(ResponseKind::Produce))
    }

    const KINDS: [ResponseKind; 4] = [
        ResponseKind::Opaque,
        ResponseKind::Metadata,
        ResponseKind::FindCoordinator,
        ResponseKind::Fetch,
    ];

    fn assert_in_order(ids: impl Iterator<Item = i32> + Clone) {
        let mut queue = InFlight::new(16);
        let all = ids.zip(KINDS.iter().cycle());
        for (id, kind) in all.clone() {
            queue.push(due(id, Answerer::Broker(*kind)));
        }
        for (id, kind) in all {
            let expected = Matched::Head(due(id, Answerer::Broker(*kind)));
            assert_eq!(queue.match_response(CorrelationId(id)), expected);
        }
        assert!(queue.is_empty());
    }

    #[test]
    fn a_thousand_requests_are_matched_by_order_whatever_their_ids() {
        assert_in_order(std::iter::repeat_n(7, 1_000));
        assert_in_order((0..1_000).rev());
        assert_in_order(-1_000..0);
        assert_in_order((0..1_000).map(|i| (i32::MAX - 500).wrapping_add(i)));
    }

    #[test]
    fn an_unexplained_id_is_a_desync_and_removes_nothing() {
        let mut queue = InFlight::new(4);
        assert_eq!(queue.match_response(CorrelationId(1)), Matched::Desync);
        queue.push(due(1, Answerer::Broker(ResponseKind::Opaque)));
        queue.push(due(2, Answerer::Broker(ResponseKind::Metadata)));
        assert_eq!(queue.match_response(CorrelationId(2)), Matched::Desync);
        assert_eq!(queue.len(), 2);
    }

    #[test]
    fn ten_thousand_acks_zero_requests_are_remembered_in_constant_memory() {
        let mut queue = InFlight::new(1_024);
        for id in 0..10_000 {
            queue.remember_acks_zero(produce(id));
        }
        queue.push(due(10_000, Answerer::Broker(ResponseKind::Metadata)));
        assert_eq!(queue.acks_zero.len(), 1_024);
        assert!(matches!(
            queue.match_response(CorrelationId(10_000)),
            Matched::Head(_)
        ));
    }

    #[test]
    fn an_answer_to_acks_zero_is_excused_once_and_keeps_the_order() {
        let mut queue = InFlight::new(2);
        for id in 1..=3 {
            queue.remember_acks_zero(produce(id));
        }
        queue.push(due(9, Answerer::Broker(ResponseKind::Metadata)));
        assert_eq!(queue.match_response(CorrelationId(1)), Matched::Desync);
        assert_eq!(
            queue.match_response(CorrelationId(2)),
            Matched::AcksZero(produce(2))
        );
        assert_eq!(queue.match_response(CorrelationId(2)), Matched::Desync);
        assert!(matches!(
            queue.match_response(CorrelationId(9)),
            Matched::Head(_)
        ));
        assert_eq!(
            queue.match_response(CorrelationId(3)),
            Matched::AcksZero(produce(3))
        );
    }

    #[test]
    fn an_acks_zero_id_in_use_again_goes_to_the_head_first() {
        let mut queue = InFlight::new(2);
        queue.remember_acks_zero(produce(5));
        queue.push(due(5, Answerer::Broker(ResponseKind::Metadata)));
        assert!(matches!(
            queue.match_response(CorrelationId(5)),
            Matched::Head(_)
        ));
    }

    #[test]
    fn our_answers_wait_for_their_turn() {
        let mut queue = InFlight::new(2);
        let ours = due(2, Answerer::Us(LocalAnswer::ApiVersionsUnsupported));
        queue.push(due(1, Answerer::Broker(ResponseKind::Opaque)));
        queue.push(ours);
        assert_eq!(queue.pop_ours(), None);
        assert!(matches!(
            queue.match_response(CorrelationId(1)),
            Matched::Head(_)
        ));
        assert_eq!(queue.match_response(CorrelationId(2)), Matched::Desync);
        assert_eq!(queue.head(), Some(&ours));
        let answer = LocalAnswer::ApiVersionsUnsupported;
        assert_eq!(queue.pop_ours(), Some((ours, answer)));
        assert!(queue.is_empty());
    }

    #[test]
    fn an_entry_stays_small() {
        assert!(size_of::<Due>() <= 12);
    }
}
