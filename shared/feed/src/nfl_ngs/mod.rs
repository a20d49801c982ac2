//! NFL Next Gen Stats: tables of 10 Hz tracking, of games and of plays, as the Big Data Bowl and the highlight feed have them.
//! See docs/vendors/nfl-ngs.md for the vendor's field, clock and licence of use.

mod parse;
mod payload;
mod table;

pub use parse::parse;
