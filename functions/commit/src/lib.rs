//! The door that commits: the chain's files and the outbox's rows become Iceberg snapshots. The only writer of silver and bronze.
//! COM-1 (P9): files and rows are in their table exactly once; the snapshot's own marks say which.
//! COM-2: run it again after any failure; it takes up where the tables say it was.
//! Kept apart from the other doors because the Iceberg stack weighs more than all of them.

mod ledgers;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use touchline_lake::tables::{
    ANOMALIES, LATE_EVENTS, ODDS_WINDOWS, PAYLOADS, QUARANTINE, REDRIVES, SCORE_WINDOWS, TRADE_WINDOWS, Table,
};
use touchline_lake::{Lake, LakeError, Tables, table_ident};
use touchline_store::{ItemStore, StoreError, outbox};

/// Rows that one commit takes from one table's outbox.
const ROWS_PER_COMMIT: usize = 20_000;
/// The name under which snapshots record outbox commits.
const FEED: &str = "outbox";

/// Everything an invocation needs, built once per cold start.
pub struct CommitContext<L = Lake> {
    pub lake: Arc<L>,
    pub store: Arc<dyn ItemStore>,
    /// Consumer epoch of the chain.
    pub epoch: String,
    /// Vendors whose ledgers are copied to bronze.
    pub sources: Vec<String>,
}

/// What one pass committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommitOutcome {
    pub files: u64,
    pub rows: u64,
}

/// Why a pass ended early; the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    #[error("committing: {0}")]
    Lake(#[from] LakeError),
    #[error("reading the outbox: {0}")]
    Store(#[from] StoreError),
    #[error("a row of {table} does not decode: {message}")]
    Row { table: &'static str, message: String },
}

/// One pass over chains, ledgers and outboxes.
pub async fn handle<L: Tables>(context: &CommitContext<L>) -> Result<CommitOutcome, CommitError> {
    let pass = context.lake.commit_chains(&*context.store, &context.epoch).await?;
    let files = pass.tables.iter().map(|report| report.file_count).sum();
    ledgers::queue(context).await?;
    let mut rows = 0;
    rows += commit_rows(context, &PAYLOADS).await?;
    rows += commit_rows(context, &QUARANTINE).await?;
    rows += commit_rows(context, &LATE_EVENTS).await?;
    rows += commit_rows(context, &REDRIVES).await?;
    rows += commit_rows(context, &TRADE_WINDOWS).await?;
    rows += commit_rows(context, &ODDS_WINDOWS).await?;
    rows += commit_rows(context, &SCORE_WINDOWS).await?;
    rows += commit_rows(context, &ANOMALIES).await?;
    Ok(CommitOutcome { files, rows })
}

/// Commits a table's waiting rows; the number of rows.
async fn commit_rows<L: Tables, R: DeserializeOwned + Sync>(
    context: &CommitContext<L>,
    table: &'static Table<R>,
) -> Result<u64, CommitError> {
    let ident = table_ident(table.name)?;
    let recorded = context.lake.recorded_sequence(&ident, FEED).await?.unwrap_or(0);
    let encoded = outbox::claim(&*context.store, table.name, recorded, ROWS_PER_COMMIT).await?;
    if encoded.is_empty() {
        return Ok(0);
    }
    let broken = |error: serde_json::Error| CommitError::Row { table: table.name, message: error.to_string() };
    let rows: Vec<R> =
        encoded.iter().map(|row| serde_json::from_slice(row)).collect::<Result<_, _>>().map_err(broken)?;
    let batch = table.batch(&rows.iter().collect::<Vec<_>>())?;
    context.lake.append_rows_once(&ident, vec![batch], FEED, recorded + 1).await?;
    Ok(rows.len() as u64)
}
