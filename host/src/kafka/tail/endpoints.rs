//! Reads a complete tail: the node endpoints, and what stands around them.

use std::ops::Range;

use super::super::answer::Found;
use super::super::cursor::{Cursor, Encoding, Halt};
use super::super::in_flight::ResponseKind;
use super::super::section::{BrokerShape, Layout, Unplaced, read_brokers};
use super::super::{ApiVersion, FrameError};
use super::layouts;

/// The tag of the node endpoints in Produce and Fetch.
const NODE_ENDPOINTS: usize = 0;

/// A complete tail.
pub(super) struct Tail {
    pub(super) found: Found,
    /// The top-level tagged fields but the node endpoints, each from its tag to its last byte.
    pub(super) others: Vec<(usize, Range<usize>)>,
    /// True when the node endpoints are an array of their own, before the tagged section.
    pub(super) plain: bool,
}

/// Reads a tail for `answer`; the section is all of it.
pub(in crate::kafka) fn find(
    cursor: &mut Cursor<'_>,
    kind: ResponseKind,
    api_version: ApiVersion,
) -> Result<Found, Halt> {
    read(cursor, kind, api_version).map(|tail| tail.found)
}

/// Reads a tail, which must end where the payload ends.
pub(super) fn read(
    cursor: &mut Cursor<'_>,
    kind: ResponseKind,
    api_version: ApiVersion,
) -> Result<Tail, Halt> {
    if layouts::before_tail(kind, api_version).is_none() {
        return Err(FrameError::Invalid {
            what: "api version",
        }
        .into());
    }
    let plain = matches!(
        kind,
        ResponseKind::ShareFetch | ResponseKind::ShareAcknowledge
    );
    let mut brokers = Vec::new();
    let mut arrays = Vec::new();
    let mut others = Vec::new();
    if plain {
        arrays.push(read_brokers(cursor, BrokerShape::ENDPOINT, &mut brokers)?);
    }
    for _ in 0..cursor.tag_count()? {
        let start = cursor.at();
        let tag = cursor.uvarint("tag")?;
        let size_at = cursor.at();
        let size = cursor.uvarint("tagged field")?;
        let data_at = cursor.at();
        if plain || tag != NODE_ENDPOINTS {
            cursor.skip(size, "tagged field")?;
            others.push((tag, start..cursor.at()));
            continue;
        }
        let mut array = read_brokers(cursor, BrokerShape::ENDPOINT, &mut brokers)?;
        // The array decides where its bytes end, and must agree with the size around it: readers
        // differ in which of the two they believe.
        if cursor.at() - data_at != size {
            return Err(FrameError::Invalid {
                what: "size of the node endpoints",
            }
            .into());
        }
        array.size = Some(size_at..data_at);
        arrays.push(array);
    }
    cursor.finish()?;
    Ok(Tail {
        found: Found {
            brokers,
            cluster_id: None,
            section: 0..cursor.at(),
            layout: Layout {
                encoding: Encoding::Compact,
                unplaced: Unplaced::Removed,
                arrays,
            },
        },
        others,
        plain,
    })
}
