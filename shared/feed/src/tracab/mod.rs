//! TRACAB: 25 Hz optical tracking of football, `.dat` frames and the XML that describes them.
//! See docs/vendors/tracab.md for the vendor's pitch, clock and licence of use.

mod parse;
mod payload;
mod table;

pub use parse::parse;
pub(crate) use payload::Notes;
