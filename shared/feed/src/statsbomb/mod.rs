//! StatsBomb open data and API: matches, line-ups, events, 360 frames, competitions.
//! See docs/vendors/statsbomb.md for the vendor's definitions, pitch, clock and licence of use.

mod actions;
mod games;
mod parse;
mod payload;
mod table;

pub use parse::parse;
pub(crate) use payload::Matches;
