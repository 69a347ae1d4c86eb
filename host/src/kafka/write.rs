//! Writes the few fields that a section written anew needs. It must not know any message layout.

use super::FrameError;
use super::cursor::Encoding;

/// Appends an unsigned varint.
pub(super) fn put_uvarint(out: &mut Vec<u8>, value: usize) {
    let mut rest = value;
    loop {
        let low = u8::try_from(rest & 0x7f).unwrap_or(0);
        rest >>= 7;
        if rest == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Bytes `put_uvarint` takes for a value.
pub(super) fn uvarint_len(value: usize) -> usize {
    let mut rest = value >> 7;
    let mut len = 1;
    while rest > 0 {
        rest >>= 7;
        len += 1;
    }
    len
}

/// Appends a string.
pub(super) fn put_string(
    out: &mut Vec<u8>,
    encoding: Encoding,
    text: &str,
) -> Result<(), FrameError> {
    match encoding {
        Encoding::Classic => {
            let len = i16::try_from(text.len()).ok().ok_or(FrameError::Invalid {
                what: "length of a host",
            })?;
            out.extend_from_slice(&len.to_be_bytes());
        }
        Encoding::Compact => put_uvarint(out, text.len() + 1),
    }
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// Appends the number of elements of an array.
pub(super) fn put_count(
    out: &mut Vec<u8>,
    encoding: Encoding,
    count: usize,
) -> Result<(), FrameError> {
    match encoding {
        Encoding::Classic => {
            let count = i32::try_from(count).ok().ok_or(FrameError::Invalid {
                what: "number of elements",
            })?;
            out.extend_from_slice(&count.to_be_bytes());
        }
        Encoding::Compact => put_uvarint(out, count + 1),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::cursor::Cursor;

    #[test]
    fn a_varint_reads_back_and_has_the_length_foretold() {
        for value in [
            0,
            1,
            126,
            127,
            128,
            16_383,
            16_384,
            2_097_151,
            2_097_152,
            0xffff_ffff,
        ] {
            let mut out = Vec::new();
            put_uvarint(&mut out, value);
            assert_eq!(out.len(), uvarint_len(value));
            assert_eq!(Cursor::new(&out, out.len()).uvarint("v"), Ok(value));
        }
    }

    #[test]
    fn refuses_a_string_that_its_length_field_cannot_hold() {
        let long = "x".repeat(32_768);
        assert!(put_string(&mut Vec::new(), Encoding::Classic, &long).is_err());
        assert!(put_string(&mut Vec::new(), Encoding::Compact, &long).is_ok());
    }
}
