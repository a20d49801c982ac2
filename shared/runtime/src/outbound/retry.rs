//! How long to wait before asking again.
//! RTY-1: waits are drawn from zero to a bound that doubles (full jitter), so that pollers that failed together do not
//! come back together.

use std::time::{Duration, UNIX_EPOCH};

/// Bounds of the waits between tries.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    pub first: Duration,
    pub longest: Duration,
}

impl Backoff {
    /// Half a second, doubled to ten.
    pub const DEFAULT: Backoff = Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(10) };

    /// The wait before try `attempt` (1 is the first repetition). `random` is any number.
    pub fn wait(&self, attempt: u32, random: u64) -> Duration {
        let bound = self.first.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(self.longest);
        let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
        bound.mul_f64(share)
    }
}

/// What a `Retry-After` asks for: seconds, or an instant (RFC 9110, 10.2.3). An instant is read against the answer's own
/// `Date`, so that two clocks need not agree.
pub fn retry_after_ms(value: &str, date: Option<&str>, now_ms: i64) -> Option<i64> {
    if let Ok(seconds) = value.trim().parse::<u32>() {
        return Some(i64::from(seconds) * 1000);
    }
    Some((http_date_ms(value)? - date.and_then(http_date_ms).unwrap_or(now_ms)).max(0))
}

/// An instant as HTTP writes it, UTC ms.
pub fn http_date_ms(text: &str) -> Option<i64> {
    let since = httpdate::parse_http_date(text.trim()).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_spread_from_zero_to_a_bound_that_doubles() {
        let backoff = Backoff::DEFAULT;
        assert_eq!(backoff.wait(1, 0), Duration::ZERO);
        for (attempt, bound_ms) in [(1, 500), (2, 1000), (3, 2000), (9, 10_000), (60, 10_000)] {
            let longest = backoff.wait(attempt, u64::MAX).as_millis();
            assert!(longest <= bound_ms && longest >= bound_ms - 1, "{attempt}: {longest}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_an_instant() {
        assert_eq!(retry_after_ms("120", None, 0), Some(120_000));
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(retry_after_ms("Sun, 06 Nov 1994 08:50:07 GMT", Some(date), 0), Some(30_000));
        assert_eq!(retry_after_ms(date, None, 784_111_777_000 - 5_000), Some(5_000));
        assert_eq!(retry_after_ms(date, None, 784_111_999_000), Some(0));
        assert_eq!(retry_after_ms("soon", None, 0), None);
    }
}
