//! Panes that finalisation still has to look at: `due#stage#family` / `pane end#entity#lane` -> which pane.
//! DUE-1: written before a pane's first write and before every write to a final pane, so that no change is left unpublished.
//! DUE-2: removed only by compare-and-swap on the version that was read before the pane was, and only when a change
//! announced before that reading can no longer be written: the pane exists and its last part's version has moved since.

use serde::{Deserialize, Serialize};
use touchline_event::Lane;
use touchline_metric::Family;
use touchline_window::PaneKey;

use super::{decode, encode};
use crate::{Item, ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError};

/// What the pane waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// To be final, or its correction to be published.
    Final,
    /// To be sealed, where the stream's retention ends.
    Seal,
}

/// A pane to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueEntry {
    pub stage: Stage,
    pub family: Family,
    pub entity: String,
    /// The vendor whose watermark decides.
    pub source: String,
    pub pane_ms: i64,
    pub start_ms: i64,
    pub lane: u16,
}

impl DueEntry {
    /// The pane this is about.
    pub fn pane_key(&self) -> PaneKey {
        PaneKey {
            family: self.family.as_str(),
            entity: self.entity.clone(),
            pane_ms: self.pane_ms,
            start_ms: self.start_ms,
            lane: Lane(self.lane),
        }
    }

    /// Where the entry is kept.
    pub fn key(&self) -> ItemKey {
        let end_ms = self.start_ms.saturating_add(self.pane_ms);
        ItemKey::new(
            partition(self.stage, self.family),
            format!("{}#{}#{:05}", PaneKey::sort_prefix(self.pane_ms, end_ms), self.entity, self.lane),
        )
    }
}

fn partition(stage: Stage, family: Family) -> String {
    let stage = match stage {
        Stage::Final => "final",
        Stage::Seal => "seal",
    };
    format!("due#{stage}#{}", family.as_str())
}

/// Makes sure that finalisation will look at the panes again after this moment.
pub async fn touch(store: &dyn ItemStore, entries: &[DueEntry]) -> Result<(), StoreError> {
    let mut pending: Vec<(&DueEntry, Option<u64>)> = entries.iter().map(|entry| (entry, None)).collect();
    while !pending.is_empty() {
        let mut writes = Vec::with_capacity(pending.len());
        for (entry, expected) in &pending {
            let key = entry.key();
            let value = Some(encode(&key.sk, entry)?);
            writes.push(ItemWrite { key, expected: *expected, value, expires_at_ms: None });
        }
        let outcomes = store.put(writes).await;
        let mut again = Vec::new();
        for ((entry, _), outcome) in pending.into_iter().zip(outcomes) {
            match outcome? {
                PutOutcome::Written(_) => {}
                PutOutcome::Conflict(current) => again.push((entry, current.map(|item| item.version))),
            }
        }
        pending = again;
    }
    Ok(())
}

/// Entries of panes that end at or before `end_ms`, at most `limit`, earliest first.
pub async fn list(
    store: &dyn ItemStore,
    stage: Stage,
    family: Family,
    pane_ms: i64,
    from: &str,
    end_ms: i64,
    limit: usize,
) -> Result<Vec<(String, Item, DueEntry)>, StoreError> {
    let to = PaneKey::sort_prefix(pane_ms, end_ms.saturating_add(1));
    let found = store.query(&partition(stage, family), from, Some(&to), limit).await?;
    found.into_iter().map(|(sk, item)| decode(&sk, &item.value).map(|entry| (sk, item, entry))).collect()
}

/// The removal of an entry as it was read.
pub fn removal(entry: &DueEntry, version: u64) -> ItemWrite {
    ItemWrite { key: entry.key(), expected: Some(version), value: None, expires_at_ms: None }
}
