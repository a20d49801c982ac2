//! Waits between attempts: drawn from nothing to a bound that doubles, so that many who failed together do not come back together.

/// Attempts so far and the bounds of the waits.
#[derive(Debug, Clone)]
pub struct Backoff {
    first_ms: u64,
    max_ms: u64,
    failures: u32,
}

impl Backoff {
    /// The first wait is below `first_ms`, none is above `max_ms`.
    pub fn new(first_ms: u64, max_ms: u64) -> Self {
        Self { first_ms, max_ms, failures: 0 }
    }

    /// How long to wait after one more failure, by a number drawn by chance.
    pub fn wait_ms(&mut self, draw: u64) -> u64 {
        let bound = self.first_ms.saturating_mul(1_u64.checked_shl(self.failures).unwrap_or(u64::MAX)).min(self.max_ms);
        self.failures = self.failures.saturating_add(1);
        draw % bound.saturating_add(1)
    }

    /// It went well: the next failure is a first one.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bounds_double_up_to_the_greatest_and_start_anew_after_success() {
        // A draw of the bound itself is the greatest wait.
        let mut backoff = Backoff::new(100, 350);
        assert_eq!([100, 200, 350, 350].map(|bound| backoff.wait_ms(bound)), [100, 200, 350, 350]);
        backoff.reset();
        assert_eq!(backoff.wait_ms(101), 0);
    }

    proptest! {
        #[test]
        fn no_wait_is_beyond_its_bound(draws in prop::collection::vec(any::<u64>(), 1..100), first in 1_u64..10_000) {
            let mut backoff = Backoff::new(first, 60_000);
            for (failures, draw) in draws.into_iter().enumerate() {
                let bound = u128::from(first) << failures.min(64);
                prop_assert!(u128::from(backoff.wait_ms(draw)) <= bound.min(60_000));
            }
        }
    }
}
