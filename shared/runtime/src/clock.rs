//! The wall clock and a stopwatch, for the doors alone.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Now in UTC ms.
#[allow(clippy::disallowed_methods, reason = "this is the clock that the others are told to ask")]
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Time since it was started.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[allow(clippy::disallowed_methods, reason = "this is the clock that the others are told to ask")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
