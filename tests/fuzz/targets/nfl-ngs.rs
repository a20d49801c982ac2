//! Payloads of one vendor.
#![no_main]

use touchline_feed::Source;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| touchline_fuzz::payload(Source::NflNgs, bytes));
