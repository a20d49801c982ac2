//! SkillCorner: matches, broadcast tracking in its versions, and the tables of dynamic events and phases of play.
//! See docs/vendors/skillcorner.md for the vendor's pitch, clock and licence of use.

mod games;
mod parse;
mod payload;
mod table;

pub use parse::parse;
pub(crate) use payload::Notes;
