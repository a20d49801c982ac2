//! Anomalies as the API and the alerts read them: `anomaly#family` / `window start#entity#kind` -> figures.
//! ANO-1: named by window, entity and kind, so that finalising a pane again overwrites and never doubles.

use serde::{Deserialize, Serialize};
use touchline_window::PaneKey;

use super::{decode, encode};
use crate::{ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError};

/// One unusual window of one entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnomalyEntry {
    pub family: String,
    pub source: String,
    pub entity: String,
    /// `volume_spike`, `price_jump`.
    pub kind: String,
    pub window_start_ms: i64,
    pub window_ms: i64,
    /// As of the pane's data, UTC ms: not a clock reading.
    pub detected_at_ms: i64,
    pub value: f64,
    pub expectation: f64,
    pub severity: f64,
    pub robust_z: Option<f64>,
    pub revision: u32,
}

impl AnomalyEntry {
    /// Stable name: the same window judged again has the same one.
    pub fn id(&self) -> String {
        format!("{}#{}#{}", PaneKey::sort_prefix(self.window_ms, self.window_start_ms), self.entity, self.kind)
    }
}

/// Writes or replaces an entry.
pub async fn put(store: &dyn ItemStore, entry: &AnomalyEntry) -> Result<(), StoreError> {
    let key = ItemKey::new(format!("anomaly#{}", entry.family), entry.id());
    let value = encode(&key.sk, entry)?;
    let mut expected = None;
    loop {
        let write = ItemWrite { key: key.clone(), expected, value: Some(value.clone()), expires_at_ms: None };
        match store.put(vec![write]).await.pop() {
            Some(Ok(PutOutcome::Written(_))) | None => return Ok(()),
            Some(Ok(PutOutcome::Conflict(current))) => expected = current.map(|item| item.version),
            Some(Err(error)) => return Err(error),
        }
    }
}

/// Entries of windows of `window_ms` starting in `from_ms..to_ms`, ascending by window, at most `limit`.
pub async fn list(
    store: &dyn ItemStore,
    family: &str,
    window_ms: i64,
    from_ms: i64,
    to_ms: i64,
    limit: usize,
) -> Result<Vec<AnomalyEntry>, StoreError> {
    let (from, to) = (PaneKey::sort_prefix(window_ms, from_ms), PaneKey::sort_prefix(window_ms, to_ms));
    let found = store.query(&format!("anomaly#{family}"), &from, Some(&to), limit).await?;
    found.into_iter().map(|(sk, item)| decode(&sk, &item.value)).collect()
}
