//! Requests and their answers, from the bytes of a recorded connection.
//!
//! Pure. Knows frames, the fixed fields of headers, and the few others that tests ask for.

use std::collections::{HashMap, VecDeque};

/// Kafka's keys of the requests that tests look for.
pub mod api {
    #![allow(missing_docs, reason = "the names are Kafka's")]
    pub const PRODUCE: i16 = 0;
    pub const API_VERSIONS: i16 = 18;
    pub const ADD_PARTITIONS_TO_TXN: i16 = 24;
    pub const ADD_OFFSETS_TO_TXN: i16 = 25;
    pub const END_TXN: i16 = 26;
    pub const TXN_OFFSET_COMMIT: i16 = 28;
}

/// What a broker answers to whom it takes for another's client (KIP-1242).
pub const REBOOTSTRAP_REQUIRED: i16 = 129;

/// A request and what was answered.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Kafka's API key.
    pub api_key: i16,
    /// The request's version.
    pub version: i16,
    request: Vec<u8>,
    /// Without its length; `None` where nothing has come.
    answer: Option<Vec<u8>>,
}

impl Exchange {
    /// All of a connection, in the order of requests.
    #[must_use]
    pub fn all(sent: &[u8], received: &[u8]) -> Vec<Self> {
        let mut answers: HashMap<i32, VecDeque<&[u8]>> = HashMap::new();
        for answer in frames(received) {
            if let Some(id) = number(answer, 0) {
                answers.entry(id).or_default().push_back(answer);
            }
        }
        let exchange = |request: &[u8]| {
            let answer = answers.get_mut(&number(request, 4)?);
            let answer = answer.and_then(VecDeque::pop_front);
            Some(Self {
                api_key: short(request, 0)?,
                version: short(request, 2)?,
                request: request.to_vec(),
                answer: answer.map(<[u8]>::to_vec),
            })
        };
        frames(sent).into_iter().filter_map(exchange).collect()
    }

    /// Of an ApiVersions request from version 5 on that has an opinion: which broker it is meant for,
    /// and the error that was answered.
    #[must_use]
    pub fn identity(&self) -> Option<(i32, i16)> {
        if self.api_key != api::API_VERSIONS || self.version < 5 {
            return None;
        }
        // The last field, before the end of the tags.
        let node_id = number(&self.request, self.request.len().checked_sub(5)?)?;
        let error = short(self.answer.as_deref()?, 4)?;
        (node_id >= 0).then_some((node_id, error))
    }

    /// What the client calls itself.
    #[must_use]
    pub fn client_id(&self) -> String {
        let id = self.request.get(10..10 + self.client_id_length());
        String::from_utf8_lossy(id.unwrap_or_default()).into_owned()
    }

    /// Whether it is a Produce of a transaction (from version 9 on).
    #[must_use]
    pub fn is_transactional_produce(&self) -> bool {
        // After the client id, no tags and then a compact string: 0 is null.
        let id = self.request.get(11 + self.client_id_length());
        self.api_key == api::PRODUCE && self.version >= 9 && id.is_some_and(|&length| length > 1)
    }

    fn client_id_length(&self) -> usize {
        // -1 is none.
        let length = short(&self.request, 8).and_then(|length| usize::try_from(length).ok());
        length.unwrap_or(0)
    }
}

/// Payloads; what is cut off at the end is none.
fn frames(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let Some(length) = number(bytes, 0).and_then(|length| usize::try_from(length).ok()) {
        let Some(frame) = bytes.get(4..4 + length) else {
            break;
        };
        found.push(frame);
        bytes = &bytes[4 + length..];
    }
    found
}

fn number(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn short(bytes: &[u8], at: usize) -> Option<i16> {
    Some(i16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap();
        [&length.to_be_bytes()[..], payload].concat()
    }

    #[test]
    fn answers_are_found_by_their_ids() {
        let identity = b"\0\x12\0\x05\0\0\0\x07\0\x01c\0\x02n\x021\x02c\0\0\0\x05\0";
        let produce = b"\0\0\0\x0c\0\0\0\x08\0\x01c\0\x02t\0";
        let sent = [frame(identity), frame(produce), frame(b"\0\0")].concat();
        let received = frame(b"\0\0\0\x07\0\x81\0");
        let all = Exchange::all(&sent, &received);
        assert_eq!(all.len(), 2, "{all:?}");
        assert_eq!(all[0].identity(), Some((5, REBOOTSTRAP_REQUIRED)));
        assert!(!all[0].is_transactional_produce());
        assert_eq!(all[0].client_id(), "c");
        assert!(all[1].is_transactional_produce());
        assert_eq!((all[1].identity(), all[1].version), (None, 12));
    }
}
