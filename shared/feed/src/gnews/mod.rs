//! GNews: articles of a search or of the top headlines.
//! See docs/vendors/gnews.md for definitions, endpoints, limits and licence of use.

mod parse;

pub use parse::parse;
