//! What a redrive did, by vendor and reason.

use std::collections::BTreeMap;

/// Entries of one vendor and reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Entries that were open.
    pub open: u64,
    /// Of those, published again and marked; in a dry run, those that would be.
    pub redriven: u64,
    /// The first refusal met, in words.
    pub refusal: Option<String>,
}

/// What a redrive did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RedriveOutcome {
    pub tallies: BTreeMap<(String, String), Tally>,
    /// Events that went into the stream again, or would.
    pub event_count: u64,
    /// Events of the replayed vendor sessions that were counted before and were left out.
    pub counted_count: u64,
}

/// An outcome that still grows, and whom to tell.
pub(crate) struct Growing<'a> {
    outcome: RedriveOutcome,
    total: u64,
    done: u64,
    progress: &'a (dyn Fn(u64, u64) + Send + Sync),
}

impl RedriveOutcome {
    /// Entries that were tried again with success.
    pub fn redriven(&self) -> u64 {
        self.tallies.values().map(|tally| tally.redriven).sum()
    }

    /// Entries that stay where they are.
    pub fn refused(&self) -> u64 {
        self.tallies.values().map(|tally| tally.open - tally.redriven).sum()
    }
}

impl<'a> Growing<'a> {
    pub(crate) fn new(total: u64, progress: &'a (dyn Fn(u64, u64) + Send + Sync)) -> Self {
        progress(0, total);
        Self { outcome: RedriveOutcome::default(), total, done: 0, progress }
    }

    pub(crate) fn redriven(&mut self, source: &str, reason: &str) {
        self.tally(source, reason).redriven += 1;
    }

    pub(crate) fn refused(&mut self, source: &str, reason: &str, why: String) {
        self.tally(source, reason).refusal.get_or_insert(why);
    }

    pub(crate) fn published(&mut self, event_count: u64) {
        self.outcome.event_count += event_count;
    }

    pub(crate) fn left_out(&mut self, event_count: u64) {
        self.outcome.counted_count += event_count;
    }

    pub(crate) fn finish(self) -> RedriveOutcome {
        self.outcome
    }

    fn tally(&mut self, source: &str, reason: &str) -> &mut Tally {
        self.done += 1;
        (self.progress)(self.done, self.total);
        let tally = self.outcome.tallies.entry((source.to_owned(), reason.to_owned())).or_default();
        tally.open += 1;
        tally
    }
}
