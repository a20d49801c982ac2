//! Events that no other family measures, counted by kind per entity and pane: nothing goes uncounted.
//! Grain: entity x pane. Unit: events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use touchline_event::{Event, Kind};

/// Mergeable state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TallyState {
    counts: BTreeMap<Kind, u64>,
}

impl TallyState {
    pub(crate) fn apply(&mut self, event: &Event) {
        *self.counts.entry(event.kind).or_insert(0) += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (kind, count) in &other.counts {
            *self.counts.entry(*kind).or_insert(0) += count;
        }
    }

    /// Events by kind.
    pub fn counts(&self) -> &BTreeMap<Kind, u64> {
        &self.counts
    }
}
