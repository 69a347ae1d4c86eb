//! What must hold for any input: one function for each fuzz target, which panics when it does not.
//!
//! The programs beside this search for inputs by libFuzzer (`make fuzz`); the test of this crate
//! replays those that are kept in `corpus`, every day. It must know throughway by its public
//! functions alone.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a fuzz target says that something does not hold"
)]

mod answers;
mod configuration;
mod edge;
mod in_flight;
mod requests;
mod route;
mod tls;

pub use answers::answers;
pub use configuration::configuration;
pub use edge::edge;
pub use in_flight::in_flight;
pub use requests::requests;
pub use tls::tls;

/// The fuzzer's own numbers, taken from the front of an input; 0 when there is nothing left.
#[derive(Debug)]
struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Every cut of a short input, some of a long one.
fn cuts(len: usize) -> impl Iterator<Item = usize> {
    (0..=len).step_by(1 + len / 300)
}

#[cfg(test)]
mod tests;
