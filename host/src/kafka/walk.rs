//! Walks a layout while its bytes pass, in pieces of any size, without keeping any of them.
//!
//! A layout is a constant list of steps; the walker holds a stack of loop counters, the bytes of one
//! varint and a number of bytes to skip. It must not know which message it walks.

use super::FrameError;
use super::cursor::{MOST_TAGS, Varint};

/// One part of a layout.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// So many bytes.
    Fixed(usize),
    /// A string with an int16 length; negative is null.
    Str16,
    /// A string, bytes or records with a varint length + 1; 0 is null.
    Compact,
    /// A tagged section.
    Tags,
    /// An array with a varint count + 1; 0 is null.
    Each(&'static [Self]),
}

impl Step {
    /// The fewest bytes it can take.
    fn least(self) -> usize {
        match self {
            Self::Fixed(len) => len,
            Self::Str16 => 2,
            Self::Compact | Self::Tags | Self::Each(_) => 1,
        }
    }
}

/// What the next bytes are.
#[derive(Clone, Copy, Debug)]
enum Expect {
    /// The first byte of the next step.
    Step,
    /// Bytes to skip, never 0.
    Skip(usize),
    /// Low byte of an int16 length, or its high byte while `None`.
    Len16(Option<u8>),
    /// A string's length.
    Len(Varint),
    /// An array's count.
    Count(Varint, &'static [Step]),
    /// A tagged section's count.
    TagCount(Varint),
    /// A tag.
    Tag(Varint),
    /// A tagged field's size.
    TagSize(Varint),
}

/// A list of steps under way.
#[derive(Debug)]
struct Level {
    steps: &'static [Step],
    next: usize,
    /// Elements still to come after the one under way.
    more: usize,
}

/// The walk over one payload.
#[derive(Debug)]
pub(super) struct Walk {
    /// Payload bytes not consumed yet.
    left: usize,
    /// As deep as the layout nests.
    levels: Vec<Level>,
    expect: Expect,
    /// Tagged fields still to come in the section under way.
    tags: usize,
}

impl Walk {
    /// Over `payload_len` bytes that begin with these steps.
    pub(super) fn new(steps: &'static [Step], payload_len: usize) -> Self {
        Self {
            left: payload_len,
            levels: vec![Level {
                steps,
                next: 0,
                more: 0,
            }],
            expect: Expect::Step,
            tags: 0,
        }
    }

    /// Payload bytes after those consumed.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Takes the next piece; `Some` with the offset in it where the steps end.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Result<Option<usize>, FrameError> {
        let mut rest = piece.get(..self.left).unwrap_or(piece);
        let given = rest.len();
        loop {
            if matches!(self.expect, Expect::Step) && !self.begin_step()? {
                return Ok(Some(given - rest.len()));
            }
            if let Expect::Skip(len) = self.expect {
                let now = len.min(rest.len());
                rest = rest.get(now..).unwrap_or_default();
                self.left -= now;
                if now < len {
                    self.expect = Expect::Skip(len - now);
                    break;
                }
                self.expect = self.next_tag();
                continue;
            }
            let Some((&byte, after)) = rest.split_first() else {
                break;
            };
            rest = after;
            self.left -= 1;
            self.take_byte(byte)?;
        }
        if self.left == 0 {
            return Err(FrameError::Beyond { what: "layout" });
        }
        Ok(None)
    }

    /// Sets what comes next; false when all steps are done.
    fn begin_step(&mut self) -> Result<bool, FrameError> {
        while let Some(level) = self.levels.last_mut() {
            if let Some(step) = level.steps.get(level.next).copied() {
                level.next += 1;
                self.expect = match step {
                    Step::Fixed(len) => self.skip(len)?,
                    Step::Str16 => Expect::Len16(None),
                    Step::Compact => Expect::Len(Varint::default()),
                    Step::Tags => Expect::TagCount(Varint::default()),
                    Step::Each(steps) => Expect::Count(Varint::default(), steps),
                };
                return Ok(true);
            }
            if level.more > 0 {
                level.more -= 1;
                level.next = 0;
            } else {
                self.levels.pop();
            }
        }
        Ok(false)
    }

    /// Takes one byte of a length, count or tag.
    fn take_byte(&mut self, byte: u8) -> Result<(), FrameError> {
        self.expect = match self.expect {
            Expect::Step | Expect::Skip(_) => self.expect,
            Expect::Len16(None) => Expect::Len16(Some(byte)),
            Expect::Len16(Some(high)) => {
                let len = i16::from_be_bytes([high, byte]);
                self.skip(usize::try_from(len).unwrap_or(0))?
            }
            Expect::Len(mut varint) => match varint.push(byte)? {
                Some(len) => self.skip(len.saturating_sub(1))?,
                None => Expect::Len(varint),
            },
            Expect::Count(mut varint, steps) => match varint.push(byte)? {
                Some(count) => self.enter(steps, count.saturating_sub(1))?,
                None => Expect::Count(varint, steps),
            },
            Expect::TagCount(mut varint) => match varint.push(byte)? {
                Some(count) => self.enter_tags(count)?,
                None => Expect::TagCount(varint),
            },
            Expect::Tag(mut varint) => match varint.push(byte)? {
                Some(_) => Expect::TagSize(Varint::default()),
                None => Expect::Tag(varint),
            },
            Expect::TagSize(mut varint) => match varint.push(byte)? {
                Some(size) => self.skip(size)?,
                None => Expect::TagSize(varint),
            },
        };
        Ok(())
    }

    fn skip(&self, len: usize) -> Result<Expect, FrameError> {
        if len > self.left {
            return Err(FrameError::Beyond { what: "field" });
        }
        Ok(Expect::Skip(len))
    }

    fn enter(&mut self, steps: &'static [Step], count: usize) -> Result<Expect, FrameError> {
        let least: usize = steps.iter().map(|step| step.least()).sum();
        if count > self.left / least.max(1) {
            return Err(FrameError::Beyond { what: "array" });
        }
        if let Some(more) = count.checked_sub(1) {
            self.levels.push(Level {
                steps,
                next: 0,
                more,
            });
        }
        Ok(Expect::Step)
    }

    fn enter_tags(&mut self, count: usize) -> Result<Expect, FrameError> {
        if count > MOST_TAGS {
            return Err(FrameError::TooLarge {
                what: "number of tagged fields",
                most: MOST_TAGS,
            });
        }
        self.tags = count;
        Ok(self.next_tag())
    }

    fn next_tag(&mut self) -> Expect {
        match self.tags.checked_sub(1) {
            Some(tags) => {
                self.tags = tags;
                Expect::Tag(Varint::default())
            }
            None => Expect::Step,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Step::{Compact, Each, Fixed, Str16, Tags};
    use super::*;

    const STEPS: &[Step] = &[Fixed(2), Str16, Each(&[Compact, Tags]), Tags];

    /// Two fixed bytes, "ab", two elements ("x" with a tag, null without), no tags, then a rest.
    const BYTES: &[u8] = &[9, 9, 0, 2, 97, 98, 3, 2, 120, 1, 7, 1, 0xee, 0, 0, 0, 5, 5];

    fn end_of(bytes: &[u8], pieces: usize) -> Result<Option<usize>, FrameError> {
        let mut walk = Walk::new(STEPS, bytes.len());
        let mut before = 0;
        for piece in bytes.chunks(pieces) {
            if let Some(at) = walk.feed(piece)? {
                return Ok(Some(before + at));
            }
            before += piece.len();
        }
        Ok(None)
    }

    #[test]
    fn ends_at_the_same_byte_whatever_the_pieces() {
        for pieces in 1..=BYTES.len() {
            assert_eq!(end_of(BYTES, pieces), Ok(Some(16)));
        }
    }

    #[test]
    fn refuses_a_layout_that_does_not_fit() {
        for len in 0..16 {
            assert!(end_of(&BYTES[..len], 18.min(len.max(1))).is_err() || len == 0);
        }
        assert_eq!(
            Walk::new(STEPS, 0).feed(&[]),
            Err(FrameError::Beyond { what: "field" })
        );
    }

    #[test]
    fn refuses_counts_and_lengths_beyond_the_payload() {
        let count = [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
        let length = [0, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
        let varint = [0, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0];
        let tags = [0, 0, 0, 0, 1, 65, 0, 0, 0, 0, 0, 0];
        let tag_size = [0, 0, 0, 0, 1, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f];
        assert_eq!(end_of(&count, 3), Err(FrameError::Beyond { what: "array" }));
        assert_eq!(
            end_of(&length, 3),
            Err(FrameError::Beyond { what: "field" })
        );
        assert_eq!(end_of(&varint, 3), Err(FrameError::Varint));
        assert!(matches!(end_of(&tags, 3), Err(FrameError::TooLarge { .. })));
        assert_eq!(
            end_of(&tag_size, 3),
            Err(FrameError::Beyond { what: "field" })
        );
    }
}
