//! Takes the node endpoints out of a tail without changing its length: an unknown tagged field of
//! zeros, which every client skips by its size, fills their place.

use super::super::cursor::{Cursor, Halt};
use super::super::in_flight::ResponseKind;
use super::super::write::{put_uvarint, uvarint_len};
use super::super::{ApiVersion, FrameError};
use super::endpoints::{self, Tail};

/// Tags tried for the field of zeros, highest first: of one byte, and of two for the few lengths at
/// which the size grows by a byte. Kafka has no top-level tag beyond 3, so these stay unknown.
const SHORT_TAGS: std::ops::RangeInclusive<usize> = 1..=127;
const LONG_TAGS: std::ops::RangeInclusive<usize> = 128..=16_383;

/// Makes the node endpoints of a complete tail harmless without changing its length: an unknown
/// tagged field of zeros takes their place. Returns true when there was something to hide.
///
/// # Errors
/// When the tail does not have the layout of this kind and version.
pub fn neutralise(
    kind: ResponseKind,
    api_version: ApiVersion,
    tail: &mut [u8],
) -> Result<bool, FrameError> {
    let mut cursor = Cursor::new(tail, tail.len());
    let read = endpoints::read(&mut cursor, kind, api_version).map_err(Halt::into_error)?;
    let arrays = &read.found.layout.arrays;
    if arrays.iter().all(|array| array.entries.is_empty()) {
        return Ok(false);
    }
    let harmless = without_endpoints(tail, &read)?;
    if harmless.len() != tail.len() {
        return Err(NO_ROOM);
    }
    tail.copy_from_slice(&harmless);
    Ok(true)
}

/// Cannot happen: node endpoints leave at least the two bytes that an empty field takes.
const NO_ROOM: FrameError = FrameError::Invalid {
    what: "length of the node endpoints",
};

/// The tail with the field of zeros among the other fields, in ascending order of tags.
fn without_endpoints(tail: &[u8], read: &Tail) -> Result<Vec<u8>, FrameError> {
    let mut out = Vec::with_capacity(tail.len());
    if read.plain {
        put_uvarint(&mut out, 1); // no node endpoints: count 0, plus 1
    }
    put_uvarint(&mut out, read.others.len() + 1);
    let others: usize = read.others.iter().map(|(_, field)| field.len()).sum();
    let room = tail.len().checked_sub(out.len() + others).ok_or(NO_ROOM)?;
    let (pad, zeros) = pad_for(room, &read.others).ok_or(NO_ROOM)?;
    let after = read.others.iter().position(|(tag, _)| *tag > pad);
    let (before, after) = read
        .others
        .split_at_checked(after.unwrap_or(read.others.len()))
        .ok_or(NO_ROOM)?;
    for (_, field) in before {
        out.extend_from_slice(tail.get(field.clone()).unwrap_or_default());
    }
    put_uvarint(&mut out, pad);
    put_uvarint(&mut out, zeros);
    out.resize(out.len() + zeros, 0);
    for (_, field) in after {
        out.extend_from_slice(tail.get(field.clone()).unwrap_or_default());
    }
    Ok(out)
}

/// A tag that is not in use and the number of zeros with which tag, size and zeros fill `room`.
fn pad_for<T>(room: usize, used: &[(usize, T)]) -> Option<(usize, usize)> {
    [SHORT_TAGS, LONG_TAGS].into_iter().find_map(|tags| {
        let pad = tags
            .rev()
            .find(|pad| used.iter().all(|(tag, _)| tag != pad))?;
        let after_tag = room.checked_sub(uvarint_len(pad))?;
        (1..=5).find_map(|size_len| {
            let zeros = after_tag.checked_sub(size_len)?;
            (uvarint_len(zeros) == size_len).then_some((pad, zeros))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_room_of_two_bytes_or_more_can_be_filled() {
        for room in (2..20_000).chain(2_097_140..2_097_180) {
            let (pad, zeros) = pad_for::<()>(room, &[]).expect("fits");
            assert_eq!(uvarint_len(pad) + uvarint_len(zeros) + zeros, room);
            let rare = matches!(room, 130 | 16_387 | 2_097_156);
            assert_eq!(pad, if rare { 16_383 } else { 127 }, "room {room}");
        }
    }

    #[test]
    fn a_tag_in_use_is_not_taken_again() {
        let used = [(127, ()), (126, ())];
        assert_eq!(pad_for(10, &used), Some((125, 8)));
    }
}
