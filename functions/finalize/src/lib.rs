//! The door from watermarks to final panes: finality, corrections, seals, anomalies, and their rows for the lake.
//! FIN-1 (P10): a pane is made final only when its lane's watermark passed its end and grace; sealed only after the retention too.
//! FIN-2: every revision of a pane is queued for the lake once, with the content it had when it became that revision.
//! FIN-3: an entry of the due list is removed only if nobody touched it since it was read, and no change announced
//! before can still be written (DUE-2).
//! Reads no clock: time is what the heartbeats said.

mod anomalies;
mod pass;
mod rows;

use std::sync::Arc;

use touchline_metric::Family;
use touchline_store::{AnomalyEntry, ItemStore, StoreError, watermarks};
use touchline_window::{PaneDecodeError, Watermarks, WindowPolicy};

pub use pass::FinalPane;

/// Due entries looked at in one query.
const PAGE_ENTRIES: usize = 500;

/// Everything an invocation needs, built once per cold start.
pub struct FinalizeContext {
    pub store: Arc<dyn ItemStore>,
    pub policy: WindowPolicy,
    /// Vendors whose watermarks are read.
    pub sources: Vec<String>,
}

/// What one pass did.
#[derive(Debug, Default, PartialEq)]
pub struct FinalizeOutcome {
    pub finalised: Vec<FinalPane>,
    pub sealed: u64,
    pub anomalies: Vec<AnomalyEntry>,
}

/// Why a pass ended early; the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum FinalizeError {
    #[error("finalising: {0}")]
    Store(#[from] StoreError),
    #[error("pane of {entity} cannot be read: {error}")]
    Pane { entity: String, error: PaneDecodeError },
    #[error("a row of {table} cannot be written: {message}")]
    Row { table: &'static str, message: String },
}

/// One pass over everything that is due.
pub async fn handle(context: &FinalizeContext) -> Result<FinalizeOutcome, FinalizeError> {
    let mut marks: Vec<(&str, Watermarks)> = Vec::with_capacity(context.sources.len());
    for source in &context.sources {
        marks.push((source, watermarks::read(&*context.store, source).await?));
    }
    let mut outcome = FinalizeOutcome::default();
    for family in Family::ALL {
        pass::run(context, family, &marks, &mut outcome).await?;
        pass::seal(context, family, &marks, &mut outcome).await?;
    }
    Ok(outcome)
}
