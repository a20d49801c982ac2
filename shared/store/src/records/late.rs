//! Events that no pane takes any more: `late#source` / `shard#sequence#sub` -> the event and why.
//! LATE-3: put if absent under the position, so a redelivery is not a second entry.

use serde::{Deserialize, Serialize};
use touchline_event::{Event, Position, ShardId};

use super::{decode, encode, walk};
use crate::{ItemKey, ItemStore, StoreError};

/// Which of the two ledgers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LateLedger {
    /// Later than the horizon when it first arrived.
    Late,
    /// In time for the horizon, but its pane is sealed.
    AfterSeal,
}

/// An entry of either ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LateEntry {
    pub ledger: LateLedger,
    pub reason: String,
    /// The event as it travelled, JSON.
    pub event_json: String,
}

/// The item of an entry.
pub fn entry(
    shard: &ShardId,
    position: Position,
    ledger: LateLedger,
    reason: String,
    event: &Event,
    event_json: String,
) -> Result<(ItemKey, Vec<u8>), StoreError> {
    let key =
        ItemKey::new(format!("late#{}", event.source), format!("{shard}#{}#{:06}", sortable(position), position.sub));
    let value = encode(&key.sk, &LateEntry { ledger, reason, event_json })?;
    Ok((key, value))
}

/// Every entry of a source, in order of position.
pub async fn list(store: &dyn ItemStore, source: &str) -> Result<Vec<(String, LateEntry)>, StoreError> {
    let found = walk(store, &format!("late#{source}"), "", None).await?;
    found.into_iter().map(|(sk, item)| decode(&sk, &item.value).map(|entry| (sk, entry))).collect()
}

/// Decimal digits of a sequence, padded so that text order is numeric order.
pub(crate) fn sortable(position: Position) -> String {
    format!("{:0>77}", position.sequence.to_string())
}
