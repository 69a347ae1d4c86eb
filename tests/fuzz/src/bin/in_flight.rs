//! Searches for inputs that break `throughway_fuzz::in_flight`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| throughway_fuzz::in_flight(input));
