//! The door from the lake back to panes: a pane is computed anew from silver's events and the after-seal ledger.
//! RBD-1: the new state is the fold over the distinct events that the aggregation would admit (P1), put back by
//! compare-and-swap as the next revision; finalisation publishes it once.
//! RBD-2: the same events give no new revision; ledger entries that the pane counts now are marked, again and again the same.
//! RBD-3: a pane that counted what the lake does not hold yet is left alone and named.
//! The only writer that changes a sealed pane (STATE-3).

mod fold;
mod put;
mod taken;

use std::collections::BTreeMap;
use std::sync::Arc;

use touchline_lake::{Lake, LakeError};
use touchline_metric::Family;
use touchline_store::{ItemStore, Ledger, Redriven, StoreError, redriven};
use touchline_window::{PaneDecodeError, PaneKey, WindowPolicy};

pub use put::Change;

/// Everything an invocation needs, built once per cold start.
pub struct RebuildContext {
    pub store: Arc<dyn ItemStore>,
    pub lake: Arc<Lake>,
    pub policy: WindowPolicy,
    pub lanes: u16,
}

/// Which panes are to be rebuilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebuildRequest {
    pub family: Family,
    /// As pane keys have it: `finnhub:AAPL`, `espn:401547505|h2h`.
    pub entity: String,
    /// Panes that start here or later, UTC ms.
    pub from_ms: i64,
    /// Panes that start before.
    pub to_ms: i64,
    /// The marks' time, UTC ms.
    pub at_ms: i64,
}

/// A pane that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct RebuiltPane {
    pub family: Family,
    pub entity: String,
    pub start_ms: i64,
    pub change: Change,
    /// Entries of the after-seal ledger that the pane counts now.
    pub settled_count: u64,
}

/// Why a rebuild ended early. Run it again: what is rebuilt stays so.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error("rebuilding: {0}")]
    Store(#[from] StoreError),
    #[error("reading the lake: {0}")]
    Lake(#[from] LakeError),
    #[error("a rebuilt pane of {entity} cannot be encoded: {error}")]
    Encode { entity: String, error: PaneDecodeError },
    #[error("the pane of {entity} changed {tries} times while it was rebuilt; run it again when its window is quieter")]
    Contended { entity: String, tries: usize },
}

/// Rebuilds every pane of the request that the lake or the after-seal ledger knows events of.
pub async fn handle(context: &RebuildContext, request: &RebuildRequest) -> Result<Vec<RebuiltPane>, RebuildError> {
    let mut panes: BTreeMap<PaneKey, Vec<taken::Delivery>> = BTreeMap::new();
    for (key, delivery) in taken::deliveries(context, request).await? {
        panes.entry(key).or_default().push(delivery);
    }
    let mut rebuilt = Vec::with_capacity(panes.len());
    for (key, deliveries) in panes {
        let change = put::rebuild(context, request.family, &key, &deliveries).await?;
        let settled = match change {
            Change::Lacking { .. } => Vec::new(),
            _ => settled(&deliveries, request.at_ms),
        };
        redriven::mark(&*context.store, Ledger::Late, taken::source_of(&key.entity), &settled).await?;
        rebuilt.push(RebuiltPane {
            family: request.family,
            entity: key.entity,
            start_ms: key.start_ms,
            change,
            settled_count: settled.len() as u64,
        });
    }
    Ok(rebuilt)
}

/// Nothing was published again: the pane counts the very delivery that the entry stands for.
fn settled(deliveries: &[taken::Delivery], at_ms: i64) -> Vec<(String, Redriven)> {
    let entries = deliveries.iter().filter_map(|delivery| delivery.after_seal.clone());
    entries.map(|name| (name, Redriven { republished: 0, at_ms })).collect()
}
