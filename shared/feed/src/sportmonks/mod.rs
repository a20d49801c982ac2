//! SportMonks' football API, versions 3 and 2: fixtures with their includes, and lists of leagues, teams, squads, odds.
//! See docs/vendors/sportmonks.md for definitions, clocks, endpoints, limits and licence of use.

mod entities;
mod fixture;
mod includes;
mod odds;
mod parse;
mod payload;
mod table;

pub use parse::parse;
