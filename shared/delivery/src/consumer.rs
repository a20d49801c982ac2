//! What a function sees of a mapping: a batch, its time, and the answers it may give.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Record;

/// A function's answer to a batch, as `ReportBatchItemFailures` reads it.
///
/// The service takes the lowest sequence number of `batchItemFailures` as the checkpoint: what is before it is done, the
/// record itself and everything after it is delivered again. An empty list is a success of the whole batch. A failed
/// invocation, and an identifier that is not in the batch, fail it whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// An empty list of failures.
    Done,
    /// The lowest sequence number among the failures.
    FailedFrom(u64),
    /// The function failed.
    Error,
}

/// One batch on its way through one sandbox.
#[derive(Debug)]
pub struct Invocation<T> {
    /// Counted from 0 over the whole run.
    pub number: u64,
    /// Which function is asked, below `Settings::functions`.
    pub function: usize,
    /// Which mapping asked.
    pub mapping: usize,
    /// Which of the shard's concurrent orders, below the parallelization factor.
    pub order: usize,
    pub shard: usize,
    /// Ascending by sequence, never none.
    pub records: Vec<Rc<Record<T>>>,
    pub time: Time,
    /// Where the batch lies in its order: from, until.
    pub(crate) span: (usize, usize),
}

/// How much of an invocation's time is gone. One poll is one unit.
#[derive(Debug, Clone)]
pub struct Time {
    spent: Arc<AtomicU32>,
    limit: u32,
}

impl Time {
    pub(crate) fn new(limit: u32) -> Self {
        Self { spent: Arc::default(), limit }
    }

    /// Whether a careful function would still begin something: a fifth of the time is left.
    pub fn is_left(&self) -> bool {
        u64::from(self.spent.load(Ordering::Relaxed)) * 5 <= u64::from(self.limit) * 4
    }

    /// Takes one unit; `false` when there is none left.
    pub(crate) fn take(&self) -> bool {
        self.spent.fetch_add(1, Ordering::Relaxed) < self.limit
    }
}

/// A warm sandbox of the function under test. What it keeps in itself survives from one invocation to the next.
pub trait Consumer<T> {
    /// Takes one batch. Dropped at any await when the sandbox crashes or its time is over.
    fn handle(&self, invocation: &Invocation<T>) -> impl Future<Output = Response>;
}
