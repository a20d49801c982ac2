//! The door from a stream batch to committed panes: one invocation, one shard, each event counted exactly once.
//! AGG-1 (P1): whatever delivery repeats or re-cuts, a pane counts every accepted event once.
//! AGG-2 (P6): the reported failure is in the batch and not above an unapplied record.
//! AGG-3 (P12): every event of the batch ends in a pane, a ledger or quarantine, or the batch is retried from it.
//! AGG-4 (PRF-1): what producers vouch for is compared with what was finished, lane by lane.
//! Never panics on bytes; holds no state that a crash could lose.

mod cache;
mod groups;
mod proof;
mod sort;
mod sync;

use touchline_event::Sequence;
use touchline_store::{ItemStore, StoreError, put_if_absent, watermarks};
use touchline_stream::Batch;
use touchline_window::WindowPolicy;

pub use cache::WarmCache;
use groups::Groups;
pub use groups::PaneChange;

/// Everything an invocation needs, built once per cold start.
pub struct AggregateContext {
    pub store: std::sync::Arc<dyn ItemStore>,
    pub policy: WindowPolicy,
    /// Lanes of the stream; a record whose events belong elsewhere is forged.
    pub lanes: u16,
    /// Compare-and-swaps under way at once. 16 against DynamoDB; the embedded store takes hundreds in one transaction.
    pub puts_in_flight: usize,
    /// A pane item splits before it grows over this.
    pub max_item_bytes: usize,
    pub cache: WarmCache,
}

/// What became of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BatchOutcome {
    /// Deliver again from this record on; `None`: all done.
    pub failed_from: Option<Sequence>,
    pub applied: u64,
    pub duplicate: u64,
    /// Positions that an earlier invocation had finished.
    pub redelivered: u64,
    pub late: u64,
    pub quarantined: u64,
    pub changes: Vec<PaneChange>,
}

/// Applies one batch. `has_time` is asked before every round of writes; once it says no, nothing new is started.
pub async fn handle(context: &AggregateContext, batch: &Batch, has_time: impl Fn() -> bool + Sync) -> BatchOutcome {
    let sorted = sort::sort(context, batch);
    let mut outcome =
        BatchOutcome { late: sorted.late_count, quarantined: sorted.quarantined_count, ..BatchOutcome::default() };
    if let Err(error) = write_ledgers(context, sorted.ledger).await {
        tracing::warn!(shard = %batch.shard, %error, "ledgers not written; the batch is delivered again");
        outcome.failed_from = batch.records.first().map(|record| record.sequence);
        return outcome;
    }
    let mut groups = Groups::new(sorted.groups);
    groups.run(context, &batch.shard, &mut outcome, &has_time).await;
    let unfinished = groups.lowest_unfinished();
    outcome.failed_from = unfinished;
    // A heartbeat vouches for all events before it, so it counts when they are all in; what comes after it is another's.
    let vouched: Vec<sort::LaneHeartbeat> = (sorted.heartbeats.into_iter())
        .filter(|heartbeat| unfinished.is_none_or(|sequence| heartbeat.sequence < sequence))
        .collect();
    if let Err(error) = advance_watermarks(context, &vouched).await {
        tracing::warn!(shard = %batch.shard, %error, "watermarks not advanced; the batch is delivered again");
        outcome.failed_from = vouched.iter().map(|heartbeat| heartbeat.sequence).min();
    }
    if let Err((first, error)) = sorted.tales.fold(context, &batch.shard, unfinished).await {
        tracing::warn!(shard = %batch.shard, %error, "proof not folded; the batch is delivered again");
        outcome.failed_from = outcome.failed_from.into_iter().chain(first).min();
    }
    outcome
}

async fn write_ledgers(context: &AggregateContext, ledger: Vec<sort::LedgerItem>) -> Result<(), StoreError> {
    let mut items = Vec::with_capacity(ledger.len());
    for item in ledger {
        items.push(item?);
    }
    for chunk in items.chunks(context.puts_in_flight.max(1)) {
        put_if_absent(&*context.store, chunk.to_vec()).await?;
    }
    Ok(())
}

async fn advance_watermarks(context: &AggregateContext, heartbeats: &[sort::LaneHeartbeat]) -> Result<(), StoreError> {
    let mut by_source: std::collections::BTreeMap<&str, std::collections::BTreeMap<u16, i64>> = Default::default();
    for heartbeat in heartbeats {
        let mark = by_source.entry(&heartbeat.source).or_default().entry(heartbeat.lane).or_insert(i64::MIN);
        *mark = (*mark).max(heartbeat.watermark_ms);
    }
    for (source, lanes) in by_source {
        let lanes: Vec<(u16, i64)> = lanes.into_iter().collect();
        watermarks::advance(&*context.store, source, &lanes).await?;
    }
    Ok(())
}
