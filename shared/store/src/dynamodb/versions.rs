//! The version that a new item starts at: above every version that an item under the same key had before (ITEM-1).
//! VER-1: within one process starts only grow, and are above every version the process deleted, whatever the clock does.
//! VER-2: between processes they grow as far as clocks agree; where they do not, 20 random bits keep an old version from
//! coming back. docs/decisions/0005 weighs this against tombstones.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// Versions of one millisecond. An item would have to be written a million times a millisecond to run ahead of the clock.
const RANDOM_BITS: u32 = 20;
/// Year 2248: beyond it, starts are told apart by chance and by VER-1 alone.
const MS_MAX: u64 = (1 << 43) - 1;

/// Gives starts.
#[derive(Debug)]
pub(super) struct Versions {
    now_ms: fn() -> i64,
    /// The highest version that was given or deleted.
    highest: AtomicU64,
}

impl Versions {
    pub(super) fn new(now_ms: fn() -> i64) -> Self {
        Self { now_ms, highest: AtomicU64::new(0) }
    }

    /// The first version of an item.
    pub(super) fn start(&self) -> u64 {
        let now_ms = u64::try_from((self.now_ms)()).unwrap_or(0).min(MS_MAX);
        let drawn = (now_ms << RANDOM_BITS) | (random() & ((1 << RANDOM_BITS) - 1));
        let above = |highest: u64| Some(drawn.max(highest + 1));
        let highest = self.highest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, above).unwrap_or_default();
        drawn.max(highest + 1)
    }

    /// Notes that an item was deleted at this version.
    pub(super) fn deleted(&self, version: u64) {
        self.highest.fetch_max(version, Ordering::Relaxed);
    }
}

/// 62 random bits.
pub(super) fn random() -> u64 {
    Uuid::new_v4().as_u64_pair().1 & (u64::MAX >> 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_grow_even_when_the_clock_stands_still() {
        let versions = Versions::new(|| 1_700_000_000_000);
        let starts: Vec<u64> = (0..1_000).map(|_| versions.start()).collect();
        assert!(starts.windows(2).all(|pair| pair[0] < pair[1]));
        versions.deleted(u64::MAX >> 1);
        assert!(versions.start() > u64::MAX >> 1);
    }

    #[test]
    fn a_later_millisecond_is_above_everything_an_earlier_one_can_reach() {
        let (early, late) = (Versions::new(|| 1_700_000_000_000), Versions::new(|| 1_700_000_000_001));
        assert!(early.start() < late.start() && late.start() < 1 << 63);
        assert!(Versions::new(|| i64::MAX).start() < u64::MAX >> 1);
    }

    #[test]
    fn two_processes_in_one_millisecond_do_not_start_alike() {
        let start = || Versions::new(|| 1_700_000_000_000).start();
        assert!((0..20).any(|_| start() != start()));
    }
}
