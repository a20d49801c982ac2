//! Pane states that this sandbox wrote last, so that a warm invocation needs no read.
//! CACHE-1 (F17): a stale entry only costs a lost compare-and-swap; it is never believed over the store.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use touchline_metric::FamilyState;
use touchline_window::{PaneKey, PaneState};

use crate::proof::WarmProofs;
use crate::sync::Mutex;

/// One part of a pane as last seen in the store; version `None`: never seen, assumed absent.
#[derive(Clone)]
pub(crate) struct CachedPart {
    pub version: Option<u64>,
    pub state: Arc<PaneState<FamilyState>>,
}

/// Bounded map of panes to their parts.
pub struct WarmCache {
    entries: Mutex<HashMap<PaneKey, Vec<CachedPart>>>,
    max_panes: usize,
    pub(crate) proofs: WarmProofs,
}

impl WarmCache {
    /// Room for `max_panes` panes.
    pub fn new(max_panes: usize) -> Self {
        Self { entries: Mutex::new(HashMap::new()), max_panes, proofs: WarmProofs::default() }
    }

    pub(crate) fn get(&self, key: &PaneKey) -> Option<Vec<CachedPart>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(crate) fn set(&self, key: &PaneKey, parts: Vec<CachedPart>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.max_panes && !entries.contains_key(key) {
            forget_older_half(&mut entries);
        }
        entries.insert(key.clone(), parts);
    }

    pub(crate) fn forget(&self, key: &PaneKey) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// Old panes are the ones least likely to be written again.
fn forget_older_half(entries: &mut HashMap<PaneKey, Vec<CachedPart>>) {
    let mut starts: Vec<i64> = entries.keys().map(|key| key.start_ms).collect();
    starts.sort_unstable();
    let middle = starts.get(starts.len() / 2).copied().unwrap_or(i64::MAX);
    entries.retain(|key, _| key.start_ms > middle);
}
