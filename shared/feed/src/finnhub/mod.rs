//! Finnhub WebSocket messages: trades, pings, errors.
//! See docs/vendors/finnhub.md for the vendor's definitions and clocks.

mod parse;
mod payload;
mod table;

pub use parse::parse;
pub use table::excludes;
