//! football-data.co.uk: tables of a league's season with results, match statistics and the odds of many bookmakers.
//! See docs/vendors/football-data.md for the vendor's columns, clock and licence of use.

mod parse;
mod payload;
mod table;

pub use parse::parse;
