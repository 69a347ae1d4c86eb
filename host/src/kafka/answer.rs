//! One door for the relay to the answers that carry broker addresses.
//!
//! `find` reads the bytes that have arrived and says which brokers they name and which part of them
//! must be replaced; `replace` writes that part anew. Offsets count from the first payload byte (the
//! correlation id).

use std::ops::Range;

use super::in_flight::ResponseKind;
use super::{ApiVersion, Endpoint, FrameError, NodeId};

/// The most that is ever collected of one answer: a broker array, a coordinator answer or a tail.
pub const MOST_COLLECTED: usize = 4 << 20;

/// The most brokers one answer may name.
pub const MOST_BROKERS: usize = 100_000;

/// One broker as an answer names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamedBroker {
    /// Never negative: "no node" entries are not listed.
    pub node_id: NodeId,
    /// As the broker advertises it. `None` when host is empty or not a name, or port is outside
    /// 1..=65535: such an entry can be neither learned nor dialled, and counts as not mappable.
    pub address: Option<Endpoint>,
    /// Never changed on the wire.
    pub rack: Option<String>,
}

/// What an answer says about brokers.
#[derive(Clone, Debug)]
pub struct Found {
    /// In the order of the answer; ids may repeat (coordinators). Controllers are not listed.
    pub brokers: Vec<NamedBroker>,
    /// Metadata v2+ and DescribeCluster: the cluster's id.
    pub cluster_id: Option<String>,
    /// Payload bytes that `replace` writes anew; everything outside stays as it is.
    pub section: Range<usize>,
    /// Which layout the section has. Opaque to the relay.
    pub(super) _layout: (),
}

/// A section written anew.
#[derive(Clone, Debug)]
pub struct Replaced {
    /// Takes the place of `Found::section`; its length may differ.
    pub bytes: Vec<u8>,
    /// Node ids that were removed (or whose coordinator entry became COORDINATOR_NOT_AVAILABLE).
    pub removed: Vec<NodeId>,
    /// Entries that now carry an advertised address.
    pub rewritten: usize,
}

/// Reads Metadata, DescribeCluster, FindCoordinator, or the tail of the four others.
///
/// For Metadata and DescribeCluster `arrived` may be an incomplete payload: `None` asks for more
/// bytes (up to `MOST_COLLECTED`). For FindCoordinator and tails `arrived` must reach the end of the
/// payload. For tails `arrived` starts where `tail::TailScanner` said the tail begins, and
/// `payload_len` is the length of that tail.
///
/// # Errors
/// When the bytes do not have the layout of this kind and version.
pub fn find(
    _kind: ResponseKind,
    _api_version: ApiVersion,
    _arrived: &[u8],
    _payload_len: usize,
) -> Result<Option<Found>, FrameError> {
    Ok(None)
}

/// Writes the section with the addresses that `place` gives; a broker it has none for is removed
/// from lists, and a coordinator becomes COORDINATOR_NOT_AVAILABLE (15) with node -1, "", -1.
///
/// # Errors
/// Never for a `found` that `find` returned for the same bytes.
pub fn replace<'a>(
    _found: &Found,
    _arrived: &[u8],
    _place: &mut dyn FnMut(NodeId) -> Option<&'a Endpoint>,
) -> Result<Replaced, FrameError> {
    Err(FrameError::Invalid { what: "todo" })
}
