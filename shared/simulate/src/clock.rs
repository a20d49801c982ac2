//! The simulated clock: where the match day stands, running at a speed or held by whoever tests.
//! CLK-1: everything that is answered depends on this clock; limits on requests and faults by time depend on the server's own
//! elapsed time, which a speed does not stretch. A held clock moves both by what its holder says.

use std::time::Duration;

use tokio::sync::watch;
use touchline_runtime::Stopwatch;

/// Simulated seconds pass at least this slowly; below it a wait would not end.
const SPEED_MIN: f64 = 0.001;

/// Where the simulation stands.
pub struct Clock {
    hand: Hand,
    from_ms: i64,
    offset_ms: i64,
}

enum Hand {
    Running { since: Stopwatch, speed: f64 },
    Held(watch::Sender<i64>),
}

/// One instant as the simulation sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// On the match day's clock.
    pub now_ms: i64,
    /// What is added to every time that is told, so that clients see their own day.
    pub offset_ms: i64,
    /// Since the server started, by its own watch.
    pub elapsed_ms: i64,
}

impl Moment {
    /// The instant as clients are told it.
    pub fn told_ms(self) -> i64 {
        self.now_ms + self.offset_ms
    }
}

impl Clock {
    /// Begins at `from_ms` of the match day and passes `speed` seconds a second; `offset_ms` is added to what is told.
    pub fn running(from_ms: i64, speed: f64, offset_ms: i64) -> Self {
        let hand = Hand::Running { since: Stopwatch::start(), speed: speed.max(SPEED_MIN) };
        Self { hand, from_ms, offset_ms }
    }

    /// Stands at `from_ms` until it is moved.
    pub fn held(from_ms: i64) -> Self {
        Self { hand: Hand::Held(watch::Sender::new(from_ms)), from_ms, offset_ms: 0 }
    }

    /// Simulated seconds in a second; 0 where the clock is held.
    pub fn speed(&self) -> f64 {
        match self.hand {
            Hand::Running { speed, .. } => speed,
            Hand::Held(_) => 0.0,
        }
    }

    /// Where the simulation began.
    pub fn from_ms(&self) -> i64 {
        self.from_ms
    }

    /// Now.
    pub fn moment(&self) -> Moment {
        let (now_ms, elapsed_ms) = match &self.hand {
            Hand::Running { since, speed } => {
                let elapsed = since.elapsed();
                (self.from_ms + (elapsed.as_secs_f64() * speed * 1000.0) as i64, elapsed.as_millis() as i64)
            }
            Hand::Held(now) => (*now.borrow(), *now.borrow() - self.from_ms),
        };
        Moment { now_ms, offset_ms: self.offset_ms, elapsed_ms }
    }

    /// Moves a held clock forward; a running one goes by itself.
    pub fn advance(&self, by_ms: i64) {
        if let Hand::Held(now) = &self.hand {
            now.send_modify(|now| *now += by_ms.max(0));
        }
    }

    /// Returns when the clock has reached `at_ms`.
    pub async fn wait_until(&self, at_ms: i64) {
        match &self.hand {
            Hand::Running { speed, .. } => {
                let ahead_ms = (at_ms - self.moment().now_ms).max(0);
                tokio::time::sleep(Duration::from_secs_f64(ahead_ms as f64 / 1000.0 / speed)).await;
            }
            Hand::Held(now) => {
                // The sender lives in self: the wait cannot fail.
                let _ = now.subscribe().wait_for(|now| *now >= at_ms).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_held_clock_moves_when_it_is_told_and_wakes_who_waits() {
        let clock = Clock::held(1_000);
        let waiting = async {
            clock.wait_until(1_500).await;
            clock.moment()
        };
        let moving = async {
            clock.advance(499);
            tokio::task::yield_now().await;
            clock.advance(1);
        };
        let (moment, ()) = tokio::join!(waiting, moving);
        assert_eq!(moment, Moment { now_ms: 1_500, offset_ms: 0, elapsed_ms: 500 });
    }

    #[test]
    fn a_running_clock_tells_the_offset_and_starts_where_it_is_told() {
        let clock = Clock::running(1_000, 1.0, 50_000);
        let moment = clock.moment();
        assert!((1_000..5_000).contains(&moment.now_ms), "{moment:?}");
        assert_eq!(moment.told_ms(), moment.now_ms + 50_000);
    }
}
