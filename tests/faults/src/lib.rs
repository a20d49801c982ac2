//! Exactly once, tried out: seeded schedules of everything that delivery, store and vendors do wrong, through the real
//! handler, each judged against a naive fold.
//! FLT-1: one seed gives one schedule, step by step, on any machine and with any number of threads.
//! FLT-2: what runs is the product's own handlers: aggregation, archive, finalisation, committer; the reference is written anew and shares nothing with it but the metrics.
//! FLT-3: no product code knows of this package.

mod auditor;
mod books;
mod catalogue;
mod lake;
mod later;
mod mutants;
mod report;
mod runner;
mod sandbox;
mod scenario;
mod schedule;
mod shrink;
mod store;
mod tables;
mod trace;
mod verdict;

pub use books::Violation;
pub use catalogue::{Allowed, Counts, LAST, NAMES};
pub use mutants::Mutant;
pub use report::{Total, log_line, table};
pub use runner::run_many;
pub use scenario::BEGIN_MS;
pub use schedule::{Outcome, run, seed_of};
pub use shrink::{Shrunk, shrink};

use touchline_store::PaneLayout;

/// What a schedule may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    pub allowed: Allowed,
    /// Events before anything is told twice, at most.
    pub events_max: Option<usize>,
    /// The design under test instead of the product's.
    pub mutant: Option<Mutant>,
    /// How panes lie in items; every schedule draws one unless given.
    pub layout: Option<PaneLayout>,
}

impl Options {
    /// The product, and everything that can go wrong.
    pub fn all() -> Self {
        Self { allowed: Allowed::all(), events_max: None, mutant: None, layout: None }
    }

    /// A design with a fault. Nothing expires unread there: what is lost then is nobody's mistake.
    pub fn of_mutant(mutant: Mutant) -> Self {
        Self { allowed: Allowed::all().without(21), events_max: None, mutant: Some(mutant), layout: None }
    }
}
