//! The Odds API: odds, historical odds, scores, events and sports of v4, the odds of v3, and flattened odds tables.
//! See docs/vendors/the-odds-api.md for the vendor's definitions, clocks and credits.

mod csv_rows;
mod parse;
mod payload;
mod quote;
mod table;
mod v3;

pub use parse::parse;
