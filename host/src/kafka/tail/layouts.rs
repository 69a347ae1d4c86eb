//! What stands before the tail in the four answers, all of them flexible (response header v1).
//!
//! Field by field as in Kafka's message definitions; lengths of neighbouring fixed fields are added.

use super::super::ApiVersion;
use super::super::in_flight::ResponseKind;
use super::super::walk::Step::{self, Compact, Each, Fixed, Tags};

/// Correlation id; the header's tags follow as a step of their own.
const CORRELATION_ID: Step = Fixed(4);
const THROTTLE_TIME: Step = Fixed(4);
const ERROR_CODE: Step = Fixed(2);
const TOPIC_ID: Step = Fixed(16);
const LOCK_TIMEOUT: Step = Fixed(4);

/// Batch index, message.
const RECORD_ERROR: &[Step] = &[Fixed(4), Compact, Tags];
/// Index, error, base offset, log append time, log start offset | record errors | error message.
const PRODUCED_PARTITION: &[Step] = &[Fixed(30), Each(RECORD_ERROR), Compact, Tags];
const PRODUCE_BY_NAME: &[Step] = &[
    CORRELATION_ID,
    Tags,
    Each(&[Compact, Each(PRODUCED_PARTITION), Tags]),
    THROTTLE_TIME,
];
const PRODUCE_BY_ID: &[Step] = &[
    CORRELATION_ID,
    Tags,
    Each(&[TOPIC_ID, Each(PRODUCED_PARTITION), Tags]),
    THROTTLE_TIME,
];

/// Producer id, first offset.
const ABORTED_TRANSACTION: &[Step] = &[Fixed(16), Tags];
/// Index, error, high watermark, last stable offset, log start offset | aborted transactions |
/// preferred read replica | records.
const FETCHED_PARTITION: &[Step] = &[
    Fixed(30),
    Each(ABORTED_TRANSACTION),
    Fixed(4),
    Compact,
    Tags,
];
const FETCH: &[Step] = &[
    CORRELATION_ID,
    Tags,
    THROTTLE_TIME,
    ERROR_CODE,
    Fixed(4), // session id
    Each(&[TOPIC_ID, Each(FETCHED_PARTITION), Tags]),
];

/// Leader id, leader epoch. A struct, so it has tags of its own.
const LEADER: Step = Fixed(8);
/// First offset, last offset, delivery count.
const ACQUIRED: &[Step] = &[Fixed(18), Tags];
/// Index, error | message | acknowledge error | message | leader | records | acquired records.
const SHARE_FETCHED_PARTITION: &[Step] = &[
    Fixed(6),
    Compact,
    ERROR_CODE,
    Compact,
    LEADER,
    Tags,
    Compact,
    Each(ACQUIRED),
    Tags,
];
const SHARE_FETCH: &[Step] = &[
    CORRELATION_ID,
    Tags,
    THROTTLE_TIME,
    ERROR_CODE,
    Compact, // error message
    LOCK_TIMEOUT,
    Each(&[TOPIC_ID, Each(SHARE_FETCHED_PARTITION), Tags]),
];

/// Index, error | message | leader.
const ACKNOWLEDGED_PARTITION: &[Step] = &[Fixed(6), Compact, LEADER, Tags, Tags];
const ACKNOWLEDGED_TOPIC: &[Step] = &[TOPIC_ID, Each(ACKNOWLEDGED_PARTITION), Tags];
const SHARE_ACKNOWLEDGE_V1: &[Step] = &[
    CORRELATION_ID,
    Tags,
    THROTTLE_TIME,
    ERROR_CODE,
    Compact, // error message
    Each(ACKNOWLEDGED_TOPIC),
];
const SHARE_ACKNOWLEDGE_V2: &[Step] = &[
    CORRELATION_ID,
    Tags,
    THROTTLE_TIME,
    ERROR_CODE,
    Compact, // error message
    LOCK_TIMEOUT,
    Each(ACKNOWLEDGED_TOPIC),
];

/// The steps up to the tail; `None` when this kind and version has no tail.
pub(super) fn before_tail(kind: ResponseKind, api_version: ApiVersion) -> Option<&'static [Step]> {
    match (kind, api_version.0) {
        (ResponseKind::Produce, 10..=12) => Some(PRODUCE_BY_NAME),
        (ResponseKind::Produce, 13) => Some(PRODUCE_BY_ID),
        (ResponseKind::Fetch, 16..=18) => Some(FETCH),
        (ResponseKind::ShareFetch, 1..=2) => Some(SHARE_FETCH),
        (ResponseKind::ShareAcknowledge, 1) => Some(SHARE_ACKNOWLEDGE_V1),
        (ResponseKind::ShareAcknowledge, 2) => Some(SHARE_ACKNOWLEDGE_V2),
        _ => None,
    }
}
