//! Bytes that a stream may hold as a record.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| touchline_fuzz::frame(bytes));
