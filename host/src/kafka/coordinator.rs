//! FindCoordinator answers: one coordinator up to v3, one per key from v4 on.
//!
//! Errors name no node (-1, "", -1) and pass as they are.

use super::answer::{Found, NamedBroker};
use super::cursor::{Cursor, Encoding, Halt};
use super::section::{Entries, Entry, Fate, Layout, Unplaced, check_number};
use super::{ApiVersion, FrameError, NodeId};

/// Fewest bytes of a coordinator in v4 and later.
const LEAST: usize = 14;

/// Reads a whole FindCoordinator payload.
pub(super) fn find(cursor: &mut Cursor<'_>, api_version: ApiVersion) -> Result<Found, Halt> {
    let version = api_version.0;
    let encoding = match version {
        0..=2 => Encoding::Classic,
        3..=6 => Encoding::Compact,
        _ => {
            return Err(FrameError::Invalid {
                what: "api version",
            }
            .into());
        }
    };
    cursor.skip(4, "correlation id")?;
    if encoding == Encoding::Compact {
        cursor.tags()?;
    }
    if version >= 1 {
        cursor.skip(4, "throttle time")?;
    }
    let mut brokers = Vec::new();
    let entries = if version >= 4 {
        per_key(cursor, &mut brokers)?
    } else {
        single(cursor, version >= 1, encoding, &mut brokers)?
    };
    if encoding == Encoding::Compact {
        cursor.tags()?;
    }
    cursor.finish()?;
    Ok(Found {
        brokers,
        cluster_id: None,
        section: entries.whole.clone(),
        layout: Layout {
            encoding,
            unplaced: Unplaced::NotAvailable,
            arrays: vec![entries],
        },
    })
}

/// Error code, error message (v1 and later), node.
fn single(
    cursor: &mut Cursor<'_>,
    message: bool,
    encoding: Encoding,
    brokers: &mut Vec<NamedBroker>,
) -> Result<Entries, Halt> {
    let start = cursor.at();
    cursor.skip(2, "error code")?;
    if message {
        cursor.string(encoding, "error message")?;
    }
    let mut entry = node(cursor, encoding, brokers)?;
    entry.whole.start = start;
    entry.error_at = Some(start);
    Ok(Entries {
        size: None,
        whole: entry.whole.clone(),
        entries: vec![entry],
    })
}

/// Count, then for each: key, node, error code, error message, tags.
fn per_key(cursor: &mut Cursor<'_>, brokers: &mut Vec<NamedBroker>) -> Result<Entries, Halt> {
    let encoding = Encoding::Compact;
    let start = cursor.at();
    let count = cursor.count(encoding, LEAST, "coordinators")?;
    check_number(count)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let start = cursor.at();
        cursor.string(encoding, "key")?;
        let mut entry = node(cursor, encoding, brokers)?;
        entry.error_at = Some(cursor.at());
        cursor.skip(2, "error code")?;
        cursor.string(encoding, "error message")?;
        cursor.tags()?;
        entry.whole = start..cursor.at();
        entries.push(entry);
    }
    Ok(Entries {
        size: None,
        whole: start..cursor.at(),
        entries,
    })
}

/// Node id, host and port.
fn node(
    cursor: &mut Cursor<'_>,
    encoding: Encoding,
    brokers: &mut Vec<NamedBroker>,
) -> Result<Entry, Halt> {
    let node_at = cursor.at();
    let node_id = NodeId(cursor.i32("node id")?);
    let address_at = cursor.at();
    let host = cursor.string(encoding, "host")?.unwrap_or_default();
    let port = cursor.i32("port")?;
    let named = NamedBroker::read(node_id, host, port, None);
    let fate = Fate::of(node_id, host, named.address.as_ref());
    if node_id.0 >= 0 {
        brokers.push(named);
    }
    Ok(Entry {
        whole: node_at..cursor.at(),
        address: address_at..cursor.at(),
        node_at,
        node_id,
        error_at: None,
        fate,
    })
}
