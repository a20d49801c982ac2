//! How often a key may ask: counts in windows of the server's own time.
//! BUD-1: a refused request costs nothing; windows are aligned to the server's start, so that a held clock decides them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Keys counted at most; a client that makes up keys does not grow the server.
const KEYS_MAX: usize = 10_000;

/// What a vendor allows.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// Told apart from the vendor's other limits.
    pub name: &'static str,
    pub limit: u64,
    pub window_ms: i64,
}

/// What is left after a request, or how long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    Granted { used: u64, remaining: u64, resets_in_s: u64 },
    Refused { used: u64, remaining: u64, resets_in_s: u64 },
}

/// Counters of every key.
#[derive(Debug, Default)]
pub struct Budgets(Mutex<HashMap<Account, Counter>>);

/// An allowance's name and a key.
type Account = (&'static str, String);

/// What was spent in a window of that number.
#[derive(Debug, Clone, Copy)]
struct Counter {
    window: i64,
    used: u64,
}

impl Budgets {
    /// Takes `cost` from what `key` may spend, if there is enough.
    pub fn spend(&self, allowance: Allowance, key: &str, cost: u64, elapsed_ms: i64) -> Spent {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counters.len() >= KEYS_MAX {
            counters.clear();
        }
        let window = elapsed_ms.div_euclid(allowance.window_ms);
        let resets_in_s = ((window + 1) * allowance.window_ms - elapsed_ms).unsigned_abs().div_ceil(1000);
        let counter = counters.entry((allowance.name, key.to_owned())).or_insert(Counter { window, used: 0 });
        if counter.window != window {
            *counter = Counter { window, used: 0 };
        }
        let (used, remaining) = (counter.used, allowance.limit.saturating_sub(counter.used));
        if cost > remaining {
            return Spent::Refused { used, remaining, resets_in_s };
        }
        counter.used += cost;
        Spent::Granted { used: used + cost, remaining: remaining - cost, resets_in_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_and_a_refusal_costs_nothing() {
        let budgets = Budgets::default();
        let two = Allowance { name: "two", limit: 2, window_ms: 1_000 };
        let spend = |cost, at| budgets.spend(two, "k", cost, at);
        assert_eq!(spend(2, 100), Spent::Granted { used: 2, remaining: 0, resets_in_s: 1 });
        assert_eq!(spend(1, 999), Spent::Refused { used: 2, remaining: 0, resets_in_s: 1 });
        assert_eq!(spend(3, 1_000), Spent::Refused { used: 0, remaining: 2, resets_in_s: 1 });
        assert_eq!(spend(1, 1_001), Spent::Granted { used: 1, remaining: 1, resets_in_s: 1 });
        assert!(matches!(budgets.spend(two, "other", 2, 1_001), Spent::Granted { .. }));
    }
}
