//! Random bytes that are the same on every run, and the ways of damaging a frame.

/// xorshift64.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % bound
    }

    pub(super) fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    pub(super) fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.byte()).collect()
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Changes, cuts or lengthens a payload, and lets its length lie at times; the frame.
    pub(super) fn damaged(&mut self, mut payload: Vec<u8>) -> Vec<u8> {
        let mut size = None;
        match self.below(8) {
            // As it is.
            0 => {}
            1 | 2 => {
                for _ in 0..=self.below(4) {
                    let at = self.below(payload.len().max(1));
                    let byte = self.byte();
                    if let Some(there) = payload.get_mut(at) {
                        *there = byte;
                    }
                }
            }
            3 => payload.truncate(self.below(payload.len() + 1)),
            4 => {
                let at = self.below(payload.len() + 1);
                let inserted = self.bytes(40);
                drop(payload.splice(at..at, inserted));
            }
            5 => {
                let at = self.below(payload.len() + 1);
                let extreme = self.pick(&EXTREMES);
                let end = payload.len().min(at + 4);
                drop(payload.splice(at..end, extreme.iter().copied()));
            }
            6 => {
                let off = i32::try_from(self.below(9)).unwrap() - 4;
                size = Some(i32::try_from(payload.len()).unwrap() + off);
            }
            _ => size = Some(i32::from_be_bytes(self.pick(&EXTREMES))),
        }
        let size = size.unwrap_or_else(|| i32::try_from(payload.len()).unwrap());
        [&size.to_be_bytes(), &payload[..]].concat()
    }
}

/// Counts and lengths that have brought others down.
const EXTREMES: [[u8; 4]; 8] = [
    [0x7f, 0xff, 0xff, 0xff],
    [0x80, 0, 0, 0],
    [0xff, 0xff, 0xff, 0xff],
    [0xff, 0xff, 0xff, 0x0f],
    [0, 0, 0, 0],
    [0, 0, 0, 3],
    [6, 0x3f, 0xff, 0xff],
    [0, 8, 0, 0],
];
