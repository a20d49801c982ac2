//! The door from a stream batch to Parquet files on the chain: every accepted position once, whatever delivery re-cuts.
//! ARC-1 (P9): the chain item decides what is archived; files that lost their swap are orphans for the sweep.
//! ARC-2: what cannot be decoded is the aggregation's to quarantine; here it is passed over.
//! Commits nothing to a table: that is the commit door's, alone.

use std::sync::Arc;

use touchline_event::{Kind, Lane, Position, Sequence, decode_frame};
use touchline_lake::{Lake, Tables, tables::ArchivedEvent};
use touchline_store::ItemStore;
use touchline_stream::{Batch, Record};

/// Everything an invocation needs, built once per cold start.
pub struct ArchiveContext<L = Lake> {
    pub lake: Arc<L>,
    pub store: Arc<dyn ItemStore>,
    /// Lanes of the stream.
    pub lanes: u16,
    /// Consumer epoch of the chain; a rebuild would take another.
    pub epoch: String,
}

/// What became of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ArchiveOutcome {
    /// Deliver again from this record on; `None`: all done.
    pub failed_from: Option<Sequence>,
    pub row_count: u64,
    /// Rows that the chain had already.
    pub covered_count: u64,
}

/// Archives one batch.
pub async fn handle<L: Tables>(context: &ArchiveContext<L>, batch: &Batch) -> ArchiveOutcome {
    let events: Vec<ArchivedEvent> =
        batch.records.iter().flat_map(|record| events_of(context, batch, record)).collect();
    match context.lake.archive(&*context.store, &context.epoch, &events).await {
        Ok(archived) => {
            ArchiveOutcome { failed_from: None, row_count: archived.row_count, covered_count: archived.covered_count }
        }
        Err(error) => {
            tracing::warn!(shard = %batch.shard, %error, "batch not archived; it is delivered again");
            let failed_from = batch.records.first().map(|record| record.sequence);
            ArchiveOutcome { failed_from, ..ArchiveOutcome::default() }
        }
    }
}

fn events_of<L>(context: &ArchiveContext<L>, batch: &Batch, record: &Record) -> Vec<ArchivedEvent> {
    let Ok(frame) = decode_frame(&record.bytes) else { return Vec::new() };
    let lane = Lane::from_partition_key(&record.partition_key);
    let shard: Arc<str> = batch.shard.0.as_str().into();
    let mut events = Vec::with_capacity(frame.events.len());
    for (sub, event) in frame.events.into_iter().enumerate() {
        let Ok(event) = event else { continue };
        // The same test as the aggregation's: a forged lane is in quarantine, not in the lake.
        if event.kind == Kind::Heartbeat || lane != Some(event.lane(context.lanes)) {
            continue;
        }
        let position = Position { sequence: record.sequence, sub: sub as u32 };
        events.push(ArchivedEvent { lane: event.lane(context.lanes), event, shard: shard.clone(), position });
    }
    events
}
