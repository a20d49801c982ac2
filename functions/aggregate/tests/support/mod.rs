//! A stream made from a seed, its delivery with everything that goes wrong, and what must be in the store afterwards.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

pub mod delivery;
pub mod events;
pub mod model;
pub mod random;
pub mod store;
pub mod stream;

use touchline_window::WindowPolicy;

pub const PANE_MS: i64 = 60_000;
pub const LANES: u16 = 4;
pub const SHARDS: u16 = 3;
/// Times small enough that a short stream meets all of them.
pub const POLICY: WindowPolicy = WindowPolicy {
    pane_ms: PANE_MS,
    lateness_ms: 120_000,
    horizon_ms: 600_000,
    future_ms: 300_000,
    retention_ms: None,
};
