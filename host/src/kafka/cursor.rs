//! A bounded cursor over the bytes of one frame that have arrived.
//!
//! It knows where the payload ends even while part of it is still under way: a length that reaches
//! beyond the end is an error at once, one that only reaches beyond what has arrived asks for more.
//! Nothing is copied or allocated here, so no count read from the wire can make memory grow. It must
//! not know any message layout.

use super::FrameError;

/// The most tagged fields one section may hold. Kafka's largest section has four; the bound keeps a
/// section of millions of empty fields (CVE-2026-111115) from being walked at all.
pub(super) const MOST_TAGS: usize = 64;

/// How strings and counts are written: before or since a message's flexible version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Encoding {
    /// int16 string lengths, int32 counts, no tagged sections.
    Classic,
    /// Unsigned varints of length + 1 or count + 1, and tagged sections.
    Compact,
}

/// Why reading stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Halt {
    /// All is well so far, but more of the payload must arrive.
    NeedMore,
    /// The frame is not what the protocol allows.
    Broken(FrameError),
}

impl From<FrameError> for Halt {
    fn from(error: FrameError) -> Self {
        Self::Broken(error)
    }
}

impl Halt {
    /// The error of a frame that has arrived in whole, where asking for more cannot happen.
    pub(super) fn into_error(self) -> FrameError {
        match self {
            Self::NeedMore => FrameError::Beyond { what: "field" },
            Self::Broken(error) => error,
        }
    }
}

/// Reads one payload from its first byte on. `at <= arrived.len() <= end`.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    arrived: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Cursor<'a> {
    /// Over the first bytes of a payload of `payload_len` bytes; bytes beyond it are not looked at.
    pub(super) fn new(arrived: &'a [u8], payload_len: usize) -> Self {
        Self {
            arrived: arrived.get(..payload_len).unwrap_or(arrived),
            at: 0,
            end: payload_len,
        }
    }

    /// Offset of the next byte.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Bytes from here to the end of the payload, whether arrived or not.
    pub(super) fn left(&self) -> usize {
        self.end - self.at
    }

    /// The next `len` bytes.
    pub(super) fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], Halt> {
        if len > self.left() {
            return Err(FrameError::Beyond { what }.into());
        }
        let until = self.at + len;
        let taken = self.arrived.get(self.at..until).ok_or(Halt::NeedMore)?;
        self.at = until;
        Ok(taken)
    }

    /// Steps over `len` bytes.
    pub(super) fn skip(&mut self, len: usize, what: &'static str) -> Result<(), Halt> {
        self.take(len, what).map(|_| ())
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Halt> {
        let taken = self.take(N, what)?;
        taken
            .try_into()
            .ok()
            .ok_or(Halt::Broken(FrameError::Beyond { what }))
    }

    pub(super) fn i8(&mut self, what: &'static str) -> Result<i8, Halt> {
        self.array(what).map(i8::from_be_bytes)
    }

    pub(super) fn i16(&mut self, what: &'static str) -> Result<i16, Halt> {
        self.array(what).map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self, what: &'static str) -> Result<i32, Halt> {
        self.array(what).map(i32::from_be_bytes)
    }

    pub(super) fn uvarint(&mut self, what: &'static str) -> Result<usize, Halt> {
        let mut varint = Varint::default();
        loop {
            let [byte] = self.array(what)?;
            if let Some(value) = varint.push(byte)? {
                return Ok(value);
            }
        }
    }

    /// A string, or `None` for null. Every negative int16 length is null, as brokers and clients
    /// read it.
    pub(super) fn string(
        &mut self,
        encoding: Encoding,
        what: &'static str,
    ) -> Result<Option<&'a [u8]>, Halt> {
        let len = match encoding {
            Encoding::Classic => usize::try_from(self.i16(what)?).ok(),
            Encoding::Compact => self.uvarint(what)?.checked_sub(1),
        };
        len.map(|len| self.take(len, what)).transpose()
    }

    /// The number of elements of an array, 0 for null, checked against the bytes that are left when
    /// each takes `least` bytes or more.
    pub(super) fn count(
        &mut self,
        encoding: Encoding,
        least: usize,
        what: &'static str,
    ) -> Result<usize, Halt> {
        let count = match encoding {
            Encoding::Classic => usize::try_from(self.i32(what)?).unwrap_or(0),
            Encoding::Compact => self.uvarint(what)?.saturating_sub(1),
        };
        if count > self.left() / least.max(1) {
            return Err(FrameError::Beyond { what }.into());
        }
        Ok(count)
    }

    /// The number of fields in a tagged section.
    pub(super) fn tag_count(&mut self) -> Result<usize, Halt> {
        let count = self.uvarint("tagged fields")?;
        if count > MOST_TAGS {
            return Err(FrameError::TooLarge {
                what: "number of tagged fields",
                most: MOST_TAGS,
            }
            .into());
        }
        Ok(count)
    }

    /// Steps over a tagged section.
    pub(super) fn tags(&mut self) -> Result<(), Halt> {
        for _ in 0..self.tag_count()? {
            self.uvarint("tag")?;
            let size = self.uvarint("tagged field")?;
            self.skip(size, "tagged field")?;
        }
        Ok(())
    }

    /// Checks that the layout ends where the payload ends.
    pub(super) fn finish(&self) -> Result<(), FrameError> {
        match self.left() {
            0 => Ok(()),
            left => Err(FrameError::LeftOver { left }),
        }
    }
}

/// An unsigned varint whose bytes come one by one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Varint {
    value: u64,
    shift: u32,
}

impl Varint {
    /// Takes the next byte; the value once it was the last. Encodings longer than needed are
    /// accepted, since every client and broker accepts them.
    pub(super) fn push(&mut self, byte: u8) -> Result<Option<usize>, FrameError> {
        self.value |= u64::from(byte & 0x7f) << self.shift;
        if byte & 0x80 == 0 {
            let value = u32::try_from(self.value).ok();
            let value = value.and_then(|value| usize::try_from(value).ok());
            return value.map(Some).ok_or(FrameError::Varint);
        }
        self.shift += 7;
        if self.shift > 28 {
            return Err(FrameError::Varint);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8]) -> Cursor<'_> {
        Cursor::new(bytes, bytes.len())
    }

    #[test]
    fn asks_for_more_only_inside_the_payload() {
        let bytes = [0, 0, 0];
        assert_eq!(Cursor::new(&bytes, 4).i32("id"), Err(Halt::NeedMore));
        assert_eq!(
            whole(&bytes).i32("id"),
            Err(Halt::Broken(FrameError::Beyond { what: "id" }))
        );
    }

    #[test]
    fn does_not_read_the_next_frame() {
        let mut cursor = Cursor::new(&[1, 2, 3, 4], 2);
        assert_eq!(cursor.i16("x"), Ok(0x0102));
        assert!(matches!(cursor.i8("x"), Err(Halt::Broken(_))));
        assert_eq!(cursor.finish(), Ok(()));
    }

    #[test]
    fn reads_varints_up_to_five_bytes() {
        for (bytes, value) in [
            (&[0x00][..], 0),
            (&[0x7f], 127),
            (&[0x80, 0x01], 128),
            (&[0x80, 0x00], 0),
            (&[0xff, 0xff, 0xff, 0xff, 0x0f], 0xffff_ffff),
        ] {
            assert_eq!(whole(bytes).uvarint("v"), Ok(value));
        }
        for bytes in [
            &[0xff, 0xff, 0xff, 0xff, 0x10][..],
            &[0x80, 0x80, 0x80, 0x80, 0x80],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
        ] {
            assert_eq!(
                whole(bytes).uvarint("v"),
                Err(Halt::Broken(FrameError::Varint))
            );
        }
    }

    #[test]
    fn refuses_counts_that_cannot_fit() {
        let classic = [0x7f, 0xff, 0xff, 0xff, 0, 0];
        assert!(whole(&classic).count(Encoding::Classic, 1, "a").is_err());
        let compact = [0xff, 0xff, 0xff, 0xff, 0x0f, 0];
        assert!(whole(&compact).count(Encoding::Compact, 1, "a").is_err());
        assert_eq!(whole(&[4, 0, 0, 0]).count(Encoding::Compact, 1, "a"), Ok(3));
        assert!(
            whole(&[4, 0, 0, 0])
                .count(Encoding::Compact, 2, "a")
                .is_err()
        );
    }

    #[test]
    fn null_is_no_string_and_no_elements() {
        assert_eq!(
            whole(&[0xff, 0xff]).string(Encoding::Classic, "s"),
            Ok(None)
        );
        assert_eq!(whole(&[0]).string(Encoding::Compact, "s"), Ok(None));
        assert_eq!(
            whole(&[1]).string(Encoding::Compact, "s"),
            Ok(Some(&[][..]))
        );
        assert_eq!(whole(&[0]).count(Encoding::Compact, 9, "a"), Ok(0));
        assert_eq!(whole(&[0xff; 4]).count(Encoding::Classic, 9, "a"), Ok(0));
    }

    #[test]
    fn refuses_a_section_of_very_many_tags() {
        let mut bytes = vec![0xc0, 0x8d, 0xb7, 0x01];
        bytes.resize(6_000_004, 0);
        assert!(matches!(
            whole(&bytes).tags(),
            Err(Halt::Broken(FrameError::TooLarge {
                most: MOST_TAGS,
                ..
            }))
        ));
    }
}
