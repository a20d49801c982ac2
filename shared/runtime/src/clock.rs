//! The wall clock, a simulation's clock and a stopwatch, for the doors alone.

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

/// What the doors take for now: the wall clock, or that of a simulation, which may run faster.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock(Option<Simulated>);

#[derive(Debug, Clone, Copy)]
struct Simulated {
    since: Stopwatch,
    started_at_ms: i64,
    speed: f64,
}

impl Clock {
    /// The wall clock.
    pub const WALL: Clock = Clock(None);

    /// A clock that shows `at_ms` now and runs `speed` times as fast as ours.
    pub fn simulated(at_ms: i64, speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        Self(Some(Simulated { since: Stopwatch::start(), started_at_ms: at_ms, speed }))
    }

    /// UTC ms.
    pub fn now_ms(&self) -> i64 {
        match self.0 {
            None => now_ms(),
            Some(Simulated { since, started_at_ms, speed }) => {
                started_at_ms + (since.elapsed().as_secs_f64() * 1000.0 * speed) as i64
            }
        }
    }

    /// What this clock moves by while ours moves by `ours_ms`.
    pub fn its_ms(&self, ours_ms: i64) -> i64 {
        let speed = self.0.map_or(1.0, |simulated| simulated.speed);
        (ours_ms as f64 * speed) as i64
    }

    /// How long `ms` of this clock take on ours; nothing where they have passed.
    pub fn our_time(&self, ms: i64) -> Duration {
        let speed = self.0.map_or(1.0, |simulated| simulated.speed);
        Duration::from_millis(ms.max(0) as u64).div_f64(speed)
    }
}
