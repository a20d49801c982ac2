//! Ledger entries whose events found their way after all: `redriven#ledger#source` / the entry's name -> what was done.
//! RDV-1: put if absent, after the events were acknowledged by the stream or counted in their pane; the entry itself stays.
//! RDV-2: `republished` is what the stream holds a second time for this entry, so that accounts can leave it out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{decode, encode, walk};
use crate::{ItemKey, ItemStore, StoreError, put_if_absent};

/// Whose entry it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ledger {
    Quarantine,
    /// Both late ledgers.
    Late,
}

impl Ledger {
    /// The name in keys and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quarantine => "quarantine",
            Self::Late => "late",
        }
    }
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redriven {
    /// Deliveries in the stream that stand for this entry's own: 0 where it was never in the stream, or was counted
    /// without publishing it again.
    pub republished: u64,
    /// When, UTC ms.
    pub at_ms: i64,
}

fn partition(ledger: Ledger, source: &str) -> String {
    format!("redriven#{}#{source}", ledger.as_str())
}

/// Marks entries; those marked before keep their mark.
pub async fn mark(
    store: &dyn ItemStore,
    ledger: Ledger,
    source: &str,
    entries: &[(String, Redriven)],
) -> Result<(), StoreError> {
    let mut items = Vec::with_capacity(entries.len());
    for (name, redriven) in entries {
        items.push((ItemKey::new(partition(ledger, source), name), encode(name, redriven)?));
    }
    if items.is_empty() { Ok(()) } else { put_if_absent(store, items).await }
}

/// Every mark of a source, by the entry's name.
pub async fn list(
    store: &dyn ItemStore,
    ledger: Ledger,
    source: &str,
) -> Result<BTreeMap<String, Redriven>, StoreError> {
    let found = walk(store, &partition(ledger, source), "", None).await?;
    found.into_iter().map(|(sk, item)| decode(&sk, &item.value).map(|redriven| (sk, redriven))).collect()
}
