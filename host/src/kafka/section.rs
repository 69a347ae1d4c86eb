//! The broker entries inside an answer: reading them, and writing the part that holds them anew.
//!
//! Every byte that is not a host, a port, a count or the size of a tagged field around them is
//! copied as it came: ids, racks, unknown tags. It must not know which messages hold such entries.

use std::ops::Range;

use super::answer::{MOST_BROKERS, NamedBroker, Replaced};
use super::cursor::{Cursor, Encoding, Halt};
use super::write::{put_count, put_string, put_uvarint};
use super::{Endpoint, FrameError, NodeId};

/// Error code a coordinator gets that cannot be placed; clients look it up again later.
const COORDINATOR_NOT_AVAILABLE: i16 = 15;

/// What becomes of entries that no address can be written into.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unplaced {
    /// They are left out.
    Removed,
    /// They stay, as an error without a node.
    NotAvailable,
}

/// How the section of an answer is made up.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) encoding: Encoding,
    pub(super) unplaced: Unplaced,
    /// In the order of the answer. More than one only when a tagged field is repeated.
    pub(super) arrays: Vec<Entries>,
}

/// One run of entries.
#[derive(Clone, Debug)]
pub(super) struct Entries {
    /// The varint that holds the byte length of `whole`, when it is a tagged field.
    pub(super) size: Option<Range<usize>>,
    /// From the count (if there is one) to the end of the last entry.
    pub(super) whole: Range<usize>,
    pub(super) entries: Vec<Entry>,
}

/// One entry.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) whole: Range<usize>,
    /// Host and port, which always stand side by side.
    pub(super) address: Range<usize>,
    /// Offset of the int32 node id, before `address`.
    pub(super) node_at: usize,
    pub(super) node_id: NodeId,
    /// Offset of an int16 error code, on either side of `address`; only coordinators have one.
    pub(super) error_at: Option<usize>,
    pub(super) fate: Fate,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// "No node": there is no address to hide.
    Keep,
    /// A broker whose address can be replaced, if it is mapped.
    Place,
    /// An entry whose address can neither be learned nor left as it is.
    Unplaceable,
    /// A controller, which clients never reach through us.
    Controller,
}

impl Fate {
    pub(super) fn of(node_id: NodeId, host: &[u8], address: Option<&Endpoint>) -> Self {
        match address {
            _ if node_id.0 < 0 && host.is_empty() => Self::Keep,
            Some(_) if node_id.0 >= 0 => Self::Place,
            _ => Self::Unplaceable,
        }
    }
}

/// Which fields a broker entry has.
#[derive(Clone, Copy, Debug)]
pub(super) struct BrokerShape {
    pub(super) encoding: Encoding,
    pub(super) rack: bool,
    pub(super) fenced: bool,
    /// The entries are controllers.
    pub(super) controllers: bool,
}

impl BrokerShape {
    /// The node endpoints of Produce, Fetch, ShareFetch and ShareAcknowledge.
    pub(super) const ENDPOINT: Self = Self {
        encoding: Encoding::Compact,
        rack: true,
        fenced: false,
        controllers: false,
    };

    /// The fewest bytes of an entry.
    fn least(self) -> usize {
        match self.encoding {
            Encoding::Classic => 10 + if self.rack { 2 } else { 0 },
            Encoding::Compact => 11 + usize::from(self.fenced),
        }
    }
}

/// Reads an array of broker entries, count included; adds those that name a broker to `brokers`.
pub(super) fn read_brokers(
    cursor: &mut Cursor<'_>,
    shape: BrokerShape,
    brokers: &mut Vec<NamedBroker>,
) -> Result<Entries, Halt> {
    let start = cursor.at();
    let count = cursor.count(shape.encoding, shape.least(), "brokers")?;
    check_number(count)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(read_broker(cursor, shape, brokers)?);
    }
    Ok(Entries {
        size: None,
        whole: start..cursor.at(),
        entries,
    })
}

/// Checks a number of entries against the bound.
pub(super) fn check_number(count: usize) -> Result<(), FrameError> {
    if count > MOST_BROKERS {
        return Err(FrameError::TooLarge {
            what: "number of brokers",
            most: MOST_BROKERS,
        });
    }
    Ok(())
}

fn read_broker(
    cursor: &mut Cursor<'_>,
    shape: BrokerShape,
    brokers: &mut Vec<NamedBroker>,
) -> Result<Entry, Halt> {
    let start = cursor.at();
    let node_id = NodeId(cursor.i32("node id")?);
    let address_at = cursor.at();
    let host = cursor.string(shape.encoding, "host")?.unwrap_or_default();
    let port = cursor.i32("port")?;
    let address = address_at..cursor.at();
    let rack = if shape.rack {
        cursor.string(shape.encoding, "rack")?
    } else {
        None
    };
    if shape.fenced {
        cursor.i8("fenced")?;
    }
    if shape.encoding == Encoding::Compact {
        cursor.tags()?;
    }
    let named = NamedBroker::read(node_id, host, port, rack);
    let fate = if shape.controllers {
        Fate::Controller
    } else {
        Fate::of(node_id, host, named.address.as_ref())
    };
    if node_id.0 >= 0 && !shape.controllers {
        brokers.push(named);
    }
    Ok(Entry {
        whole: start..cursor.at(),
        address,
        node_at: start,
        node_id,
        error_at: None,
        fate,
    })
}

impl Layout {
    /// Writes `section` anew.
    pub(super) fn rewrite<'a>(
        &self,
        section: Range<usize>,
        arrived: &[u8],
        place: &mut dyn FnMut(NodeId) -> Option<&'a Endpoint>,
    ) -> Result<Replaced, FrameError> {
        let mut rewriting = Rewriting {
            layout: self,
            arrived,
            place,
            replaced: Replaced {
                bytes: Vec::with_capacity(section.len()),
                removed: Vec::new(),
                rewritten: 0,
            },
        };
        let mut at = section.start;
        for array in &self.arrays {
            let size = array.size.as_ref();
            let begins = size.map_or(array.whole.start, |size| size.start);
            rewriting.copy(at..begins)?;
            let body = rewriting.array(array)?;
            if size.is_some() {
                put_uvarint(&mut rewriting.replaced.bytes, body.len());
            }
            rewriting.replaced.bytes.extend_from_slice(&body);
            at = array.whole.end;
        }
        rewriting.copy(at..section.end)?;
        Ok(rewriting.replaced)
    }
}

/// A rewriting under way.
struct Rewriting<'r, 'a> {
    layout: &'r Layout,
    arrived: &'r [u8],
    place: &'r mut dyn FnMut(NodeId) -> Option<&'a Endpoint>,
    replaced: Replaced,
}

impl Rewriting<'_, '_> {
    fn arrived(&self, range: Range<usize>) -> Result<&[u8], FrameError> {
        self.arrived
            .get(range)
            .ok_or(FrameError::Beyond { what: "section" })
    }

    fn copy(&mut self, range: Range<usize>) -> Result<(), FrameError> {
        let bytes = self
            .arrived
            .get(range)
            .ok_or(FrameError::Beyond { what: "section" })?;
        self.replaced.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Count and entries of one array, written anew.
    fn array(&mut self, array: &Entries) -> Result<Vec<u8>, FrameError> {
        let mut body = Vec::new();
        let mut kept = 0;
        for entry in &array.entries {
            kept += usize::from(self.entry(entry, &mut body)?);
        }
        if kept < array.entries.len() {
            let mut counted = Vec::with_capacity(body.len() + 5);
            put_count(&mut counted, self.layout.encoding, kept)?;
            counted.append(&mut body);
            return Ok(counted);
        }
        // The count as it came: null stays null.
        let first = array.entries.first();
        let count_end = first.map_or(array.whole.end, |entry| entry.whole.start);
        let mut counted = self.arrived(array.whole.start..count_end)?.to_vec();
        counted.append(&mut body);
        Ok(counted)
    }

    /// Writes one entry; false when it is left out.
    fn entry(&mut self, entry: &Entry, body: &mut Vec<u8>) -> Result<bool, FrameError> {
        match entry.fate {
            Fate::Keep => {
                body.extend_from_slice(self.arrived(entry.whole.clone())?);
                return Ok(true);
            }
            Fate::Controller => return Ok(false),
            Fate::Place | Fate::Unplaceable => {}
        }
        if entry.fate == Fate::Place
            && let Some(endpoint) = (self.place)(entry.node_id)
        {
            self.put(entry, &endpoint.host, i32::from(endpoint.port), body)?;
            self.replaced.rewritten += 1;
            return Ok(true);
        }
        self.replaced.removed.push(entry.node_id);
        match self.layout.unplaced {
            Unplaced::Removed => Ok(false),
            Unplaced::NotAvailable => {
                self.put_not_available(entry, body)?;
                Ok(true)
            }
        }
    }

    /// Writes one entry with another host and port.
    fn put(
        &self,
        entry: &Entry,
        host: &str,
        port: i32,
        body: &mut Vec<u8>,
    ) -> Result<(), FrameError> {
        body.extend_from_slice(self.arrived(entry.whole.start..entry.address.start)?);
        put_string(body, self.layout.encoding, host)?;
        body.extend_from_slice(&port.to_be_bytes());
        body.extend_from_slice(self.arrived(entry.address.end..entry.whole.end)?);
        Ok(())
    }

    fn put_not_available(&self, entry: &Entry, body: &mut Vec<u8>) -> Result<(), FrameError> {
        let start = body.len();
        self.put(entry, "", -1, body)?;
        patch(
            body,
            start + (entry.node_at - entry.whole.start),
            &[0xff; 4],
        )?;
        if let Some(at) = entry.error_at {
            // Offsets behind the address count from the end, which moved with the address.
            let at = if at < entry.address.start {
                start + (at - entry.whole.start)
            } else {
                body.len() - (entry.whole.end - at)
            };
            // An error of the broker's own says more than ours would.
            if body.get(at..at + 2) == Some(&[0, 0]) {
                patch(body, at, &COORDINATOR_NOT_AVAILABLE.to_be_bytes())?;
            }
        }
        Ok(())
    }
}

fn patch(body: &mut [u8], at: usize, bytes: &[u8]) -> Result<(), FrameError> {
    body.get_mut(at..at + bytes.len())
        .ok_or(FrameError::Beyond { what: "section" })?
        .copy_from_slice(bytes);
    Ok(())
}
