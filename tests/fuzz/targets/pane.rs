//! Stored panes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| touchline_fuzz::pane(bytes));
