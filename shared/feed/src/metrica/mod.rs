//! Metrica Sports: tracking as CSV and as EPTS (the FIFA format), its metadata, events as CSV and JSON.
//! See docs/vendors/metrica.md for the vendor's pitch, clock and licence of use.

mod epts;
mod events;
mod frames;
mod parse;
mod payload;
mod table;

pub use parse::parse;
pub(crate) use payload::Notes;
