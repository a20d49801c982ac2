//! NewsAPI.org: articles and their sources.
//! See docs/vendors/newsapi.md for definitions, endpoints, limits and licence of use.

mod parse;
mod table;

pub use parse::parse;
