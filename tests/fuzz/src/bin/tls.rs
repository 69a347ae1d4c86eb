//! Searches for inputs that break `throughway_fuzz::tls`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| throughway_fuzz::tls(input));
