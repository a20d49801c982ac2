//! The faults by the numbers of docs/exactly-once.md: which a run allows, how often each happened, what they are called.
//! CAT-1: every number from 1 to 21 has a name; a fault that is not simulated says so and counts nothing.

use touchline_delivery::{Fault, FaultCounts, FaultSet};

/// Highest number.
pub const LAST: usize = 21;

/// Number and name, as the closing table shows them.
pub const NAMES: [(usize, &str); LAST] = [
    (1, "crash between any two store calls"),
    (2, "retry cut anew, shorter or longer"),
    (3, "response lost after the work was done"),
    (4, "zombie beside its successor"),
    (5, "two mappings on one stream, Kafka rebalance"),
    (6, "batches of one shard at once (factor 2 to 10)"),
    (7, "split or merge, child read beside its parent"),
    (8, "record with several events at one sequence"),
    (9, "PutRecords failed in part or timed out"),
    (10, "event published again, poller or restart"),
    (11, "old snapshot, skewed clock, late correction"),
    (12, "poison: bad frame, event or lane"),
    (13, "record published again from the failure queue"),
    (14, "throttle, lost request, failed-condition storm"),
    (15, "pane split over several items"),
    (16, "time-out or frozen sandbox"),
    (17, "write from a stale cache"),
    (18, "late, very late or future event"),
    (19, "lane without a heartbeat"),
    (20, "sealed pane deleted by its time to live"),
    (21, "record expired before it was read"),
];

/// Numbers that a run allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed(u32);

impl Allowed {
    /// Everything.
    pub fn all() -> Self {
        (1..=LAST).collect()
    }

    /// Whether this number may happen.
    pub fn has(self, number: usize) -> bool {
        self.0 & (1 << number) != 0
    }

    /// All but one.
    pub fn without(self, number: usize) -> Self {
        Self(self.0 & !(1 << number))
    }

    /// Ascending.
    pub fn numbers(self) -> impl Iterator<Item = usize> {
        (1..=LAST).filter(move |number| self.has(*number))
    }

    /// What of it is the delivery's to do.
    pub fn in_delivery(self) -> FaultSet {
        Fault::ALL.into_iter().filter(|fault| self.has(number_of(*fault))).collect()
    }
}

impl FromIterator<usize> for Allowed {
    fn from_iter<I: IntoIterator<Item = usize>>(numbers: I) -> Self {
        Self(numbers.into_iter().fold(0, |set, number| set | 1 << number))
    }
}

fn number_of(fault: Fault) -> usize {
    match fault {
        Fault::Crash => 1,
        Fault::Recut => 2,
        Fault::LostResponse => 3,
        Fault::Zombie => 4,
        Fault::SecondMapping | Fault::Rebalance => 5,
        Fault::Parallelization => 6,
        Fault::Reshard => 7,
        Fault::PutFailure => 9,
        Fault::Republish => 10,
        Fault::Redrive => 13,
        Fault::TimeOut | Fault::Freeze => 16,
        Fault::ColdStart => 17,
        Fault::Expiry => 21,
    }
}

/// Occurrences by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts([u64; LAST + 1]);

impl Counts {
    /// One more of this number.
    pub fn note(&mut self, number: usize) {
        self.0[number] += 1;
    }

    /// Occurrences of this number.
    pub fn of(&self, number: usize) -> u64 {
        self.0[number]
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Counts) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count);
    }

    /// Adds what the delivery counted. A cold start is no fault in itself: what it leaves behind is counted as stale.
    pub fn add_delivery(&mut self, delivery: &FaultCounts) {
        for fault in Fault::ALL.into_iter().filter(|fault| *fault != Fault::ColdStart) {
            self.0[number_of(fault)] += delivery.of(fault);
        }
    }
}
