//! ESPN's site API: scoreboards and game summaries of team sports.
//! See docs/vendors/espn.md for the vendor's definitions, clocks, endpoints and licence of use.

mod game;
mod listings;
mod moments;
mod odds;
mod parse;
mod payload;
mod plays;
mod summary;
mod table;

pub use parse::parse;
