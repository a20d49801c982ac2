//! How a vendor's page fares: `breaker` / source and page -> its circuit breaker. Pure transitions beside the record, because
//! the poller, the API and `status` all ask it.
//! BRK-1: closed until FAILURES_TO_OPEN failures in a row; then open for a while that doubles with every failed probe.
//! BRK-2: when the while is over, one probe goes out; it closes the breaker or opens it again. A probe that is never heard of
//! again is replaced after PROBE_MS.

use serde::{Deserialize, Serialize};

use super::{decode, encode, walk};
use crate::{ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError};

const FAILURES_TO_OPEN: u32 = 3;
const OPEN_MS: i64 = 30_000;
const OPEN_MS_MAX: i64 = 10 * 60_000;
const PROBE_MS: i64 = 60_000;
const HISTORY_MAX: usize = 32;
const MESSAGE_CHARS_MAX: usize = 300;

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BreakerPhase {
    /// Polls go out.
    #[default]
    Closed,
    /// None does.
    Open { until_ms: i64 },
    /// One is out to see.
    HalfOpen { since_ms: i64 },
}

impl BreakerPhase {
    /// The name that is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

/// What a breaker says to a poll that wants to go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    Go,
    /// As the one probe.
    Probe,
    NotBefore(i64),
}

/// A breaker and what it has seen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Breaker {
    pub phase: BreakerPhase,
    /// In a row.
    pub failures: u32,
    /// Times opened since it was last closed.
    pub trips: u32,
    pub last_success_at_ms: Option<i64>,
    pub last_failure_at_ms: Option<i64>,
    pub last_failure: Option<String>,
    /// Phases entered, latest last.
    pub history: Vec<(i64, BreakerPhase)>,
}

impl Breaker {
    /// Whether a poll may go out now.
    pub fn admit(&self, now_ms: i64) -> Admission {
        match self.phase {
            BreakerPhase::Closed => Admission::Go,
            BreakerPhase::Open { until_ms } if now_ms < until_ms => Admission::NotBefore(until_ms),
            BreakerPhase::Open { .. } => Admission::Probe,
            BreakerPhase::HalfOpen { since_ms } if now_ms < since_ms + PROBE_MS => {
                Admission::NotBefore(since_ms + PROBE_MS)
            }
            BreakerPhase::HalfOpen { .. } => Admission::Probe,
        }
    }

    /// The probe goes out.
    pub fn probe(&mut self, now_ms: i64) {
        self.enter(BreakerPhase::HalfOpen { since_ms: now_ms }, now_ms);
    }

    /// A poll came back with what was asked for.
    pub fn succeed(&mut self, now_ms: i64) {
        self.failures = 0;
        self.last_success_at_ms = self.last_success_at_ms.max(Some(now_ms));
        if self.phase != BreakerPhase::Closed {
            self.trips = 0;
            self.enter(BreakerPhase::Closed, now_ms);
        }
    }

    /// A poll did not.
    pub fn fail(&mut self, now_ms: i64, message: &str) {
        self.failures = self.failures.saturating_add(1);
        self.last_failure_at_ms = Some(now_ms);
        let shown = |c: char| if c.is_control() { ' ' } else { c };
        self.last_failure = Some(message.chars().take(MESSAGE_CHARS_MAX).map(shown).collect());
        let must_open = match self.phase {
            BreakerPhase::Closed => self.failures >= FAILURES_TO_OPEN,
            BreakerPhase::HalfOpen { .. } => true,
            // A poll that was out already when another one's failure opened it.
            BreakerPhase::Open { .. } => false,
        };
        if must_open {
            let length_ms = OPEN_MS.saturating_mul(1 << self.trips.min(10)).min(OPEN_MS_MAX);
            self.trips = self.trips.saturating_add(1);
            self.enter(BreakerPhase::Open { until_ms: now_ms + length_ms }, now_ms);
        }
    }

    fn enter(&mut self, phase: BreakerPhase, now_ms: i64) {
        self.phase = phase;
        self.history.push((now_ms, phase));
        if self.history.len() > HISTORY_MAX {
            self.history.remove(0);
        }
    }
}

const PARTITION: &str = "breaker";

fn key(source: &str, page: &str) -> ItemKey {
    ItemKey::new(PARTITION, format!("{source}|{page}"))
}

/// A page's breaker; closed where there is none yet.
pub async fn read(store: &dyn ItemStore, source: &str, page: &str) -> Result<Breaker, StoreError> {
    let key = key(source, page);
    Ok(store.get(&key).await?.map(|item| decode(&key.sk, &item.value)).transpose()?.unwrap_or_default())
}

/// Every breaker, with its source and page.
pub async fn list(store: &dyn ItemStore) -> Result<Vec<(String, String, Breaker)>, StoreError> {
    let mut breakers = Vec::new();
    for (sk, item) in walk(store, PARTITION, "", None).await? {
        if let Some((source, page)) = sk.split_once('|') {
            breakers.push((source.to_owned(), page.to_owned(), decode(&sk, &item.value)?));
        }
    }
    Ok(breakers)
}

/// Changes a breaker by compare-and-swap; `change` answers what its caller wants to know of the state it met.
pub async fn update<T>(
    store: &dyn ItemStore,
    source: &str,
    page: &str,
    change: impl Fn(&mut Breaker) -> T,
) -> Result<T, StoreError> {
    let key = key(source, page);
    let mut current = store.get(&key).await?;
    loop {
        let before: Breaker =
            current.as_ref().map(|item| decode(&key.sk, &item.value)).transpose()?.unwrap_or_default();
        let mut breaker = before.clone();
        let answer = change(&mut breaker);
        if breaker == before {
            return Ok(answer);
        }
        let write = ItemWrite {
            key: key.clone(),
            expected: current.map(|item| item.version),
            value: Some(encode(&key.sk, &breaker)?),
            expires_at_ms: None,
        };
        match store.put(vec![write]).await.remove(0)? {
            PutOutcome::Written(_) => return Ok(answer),
            PutOutcome::Conflict(item) => current = item,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    fn failed(times: u32) -> Breaker {
        let mut breaker = Breaker::default();
        (0..times).for_each(|n| breaker.fail(i64::from(n), "503"));
        breaker
    }

    #[test]
    fn three_failures_in_a_row_open_and_a_success_between_them_does_not() {
        let mut breaker = failed(2);
        breaker.succeed(5);
        breaker.fail(6, "503");
        breaker.fail(7, "503");
        assert_eq!(breaker.admit(8), Admission::Go);
        breaker.fail(9, "503");
        assert_eq!(breaker.admit(9), Admission::NotBefore(9 + OPEN_MS));
    }

    #[test]
    fn a_probe_closes_or_opens_for_twice_as_long() {
        let mut breaker = failed(3);
        let mut now_ms = 2 + OPEN_MS;
        for length_ms in [60_000, 120_000, 240_000, 480_000, 600_000, 600_000] {
            assert_eq!(breaker.admit(now_ms), Admission::Probe);
            breaker.probe(now_ms);
            assert_eq!(breaker.admit(now_ms), Admission::NotBefore(now_ms + PROBE_MS), "one probe at a time");
            breaker.fail(now_ms, "still 503");
            assert_eq!(breaker.admit(now_ms), Admission::NotBefore(now_ms + length_ms));
            now_ms += length_ms;
        }
        breaker.probe(now_ms);
        breaker.succeed(now_ms + 10);
        assert_eq!((breaker.admit(now_ms + 11), breaker.trips, breaker.failures), (Admission::Go, 0, 0));
        let names: Vec<_> = breaker.history.iter().map(|(_, phase)| phase.as_str()).collect();
        assert_eq!(names[..3], ["open", "half_open", "open"]);
        assert_eq!(names.last(), Some(&"closed"));
    }

    #[test]
    fn a_lost_probe_is_replaced_and_a_late_failure_does_not_lengthen_the_wait() {
        let mut breaker = failed(3);
        let until_ms = 2 + OPEN_MS;
        breaker.fail(5000, "the poll that was out");
        assert_eq!(breaker.admit(6000), Admission::NotBefore(until_ms));
        breaker.probe(until_ms);
        assert_eq!(breaker.admit(until_ms + PROBE_MS), Admission::Probe);
    }

    #[test]
    fn what_a_vendor_says_is_kept_short_and_on_one_line() {
        let mut breaker = Breaker::default();
        breaker.fail(0, &format!("a\u{1b}[31m\r\nb{}", "x".repeat(1000)));
        let message = breaker.last_failure.unwrap();
        assert!(message.starts_with("a [31m  bxxx") && message.chars().count() == MESSAGE_CHARS_MAX, "{message}");
    }

    #[tokio::test]
    async fn of_two_pollers_one_is_the_probe() {
        let store = MemoryStore::default();
        let fail = |breaker: &mut Breaker| breaker.fail(0, "503");
        for _ in 0..FAILURES_TO_OPEN {
            update(&store, "espn", "p", fail).await.unwrap();
        }
        let probe = |breaker: &mut Breaker| {
            let admission = breaker.admit(OPEN_MS);
            if admission == Admission::Probe {
                breaker.probe(OPEN_MS);
            }
            admission
        };
        let first = update(&store, "espn", "p", probe).await.unwrap();
        let second = update(&store, "espn", "p", probe).await.unwrap();
        assert_eq!((first, second), (Admission::Probe, Admission::NotBefore(OPEN_MS + PROBE_MS)));
        assert_eq!(list(&store).await.unwrap().len(), 1);
    }
}
