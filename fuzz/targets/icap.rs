#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| opes_fuzz_bodies::icap(octets));
