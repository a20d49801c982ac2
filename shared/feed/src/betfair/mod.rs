//! Betfair: the Exchange Stream API as recorded, historic data files, and the polled API-NG.
//! See docs/vendors/betfair.md for the vendor's definitions and clocks.

mod api_ng;
mod books;
mod parse;
mod payload;
mod table;

pub use books::Books;
pub use parse::parse;
