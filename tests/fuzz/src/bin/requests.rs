//! Searches for inputs that break `throughway_fuzz::requests`.

#![no_main]
#![expect(
    unsafe_code,
    missing_docs,
    reason = "libFuzzer calls an exported function, which its macro writes"
)]

libfuzzer_sys::fuzz_target!(|input: &[u8]| throughway_fuzz::requests(input));
