//! Bytes that a store may hold as a pane.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| touchline_fuzz::pane(bytes));
