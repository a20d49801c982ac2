//! Recordings of worn devices: FIT, TCX, GPX and tables of readings.
//! See docs/vendors/wearable.md for the formats, their units and what is deliberately not kept.

mod fit;
mod parse;
mod payload;
mod table;
mod tracks;

pub use parse::parse;
