//! Vendors that push: one file a vendor.

pub mod betfair;
mod books;
pub mod finnhub;
