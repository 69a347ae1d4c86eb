//! Searches for inputs that break `throughway_fuzz::edge`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| throughway_fuzz::edge(input));
