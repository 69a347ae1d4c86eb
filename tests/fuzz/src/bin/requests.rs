//! Searches for inputs that break `throughway_fuzz::requests`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| throughway_fuzz::requests(input));
