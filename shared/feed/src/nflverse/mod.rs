//! nflverse: `games.csv` of every NFL game since 1999 with its result, closing lines, roof and weather.
//! See docs/vendors/nflverse.md for the vendor's definitions, clock and licence of use.

mod parse;
mod payload;
mod table;

pub use parse::parse;
