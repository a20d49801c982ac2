//! What the tests of the whole product share: the built `touchline`, Python oracles, test data, seeded choices.
//! SUP-1: a test never runs a stale binary: cargo is asked once per test program whether it is fresh.
//! Knows no room's types; the product is driven through its command line only.
#![allow(clippy::disallowed_methods, reason = "tests of the whole read the developer's environment")]

mod binary;
mod counterpart;
mod folders;
mod oracle;
mod random;

pub use binary::{output_of, touchline};
pub use counterpart::Counterpart;
pub use folders::{data_folder, node_script, repository, target_folder, trade_recordings};
pub use oracle::oracle;
pub use random::{Random, seed};
