//! A pane's state as the fold over the distinct events of its deliveries.

use std::collections::BTreeSet;

use touchline_metric::{Family, FamilyState};
use touchline_window::{Aggregate as _, PaneState};

use crate::taken::Delivery;

/// The state of a pane that counted these deliveries and no other; ascending by shard and position, as they are given.
pub(crate) fn fold(family: Family, deliveries: &[Delivery]) -> PaneState<FamilyState> {
    let mut state = PaneState::new(family.empty());
    let mut ids = BTreeSet::new();
    for Delivery { shard, position, event, .. } in deliveries {
        let last = state.positions.entry(shard.clone()).or_insert(*position);
        *last = (*last).max(*position);
        if ids.insert(event.event_id.0) {
            state.aggregate.apply(event);
            state.as_of_ms = state.as_of_ms.max(event.first_arrival_ms);
        }
    }
    state.applied_count = ids.len() as u64;
    state.duplicate_count = (deliveries.len() - ids.len()) as u64;
    state.ids = ids.into_iter().collect();
    state
}
