#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollway_fuzz::wire_v1(data));
