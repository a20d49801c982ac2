//! Sportradar: Soccer versions 4 and 3, play-by-play and push feeds of US leagues, and the Unified Odds Feed in XML.
//! See docs/vendors/sportradar.md for definitions, coordinates, clocks, endpoints and licence of use.

mod actions;
mod american;
mod lineups;
mod listings;
mod parse;
mod payload;
mod plays;
mod table;
mod timeline;
mod unified_odds;
mod xml;

pub use parse::parse;
