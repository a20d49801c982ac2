//! A pane's state as the fold over the distinct events of its deliveries.

use std::collections::BTreeSet;

use touchline_metric::{Family, FamilyState};
use touchline_window::{Aggregate as _, PaneState};

use crate::taken::Delivery;

/// The state of a pane that counted these deliveries and no other; ascending by shard and position, as they are given.
pub(crate) fn fold<'a>(family: Family, deliveries: impl Iterator<Item = &'a Delivery>) -> PaneState<FamilyState> {
    let mut state = PaneState::new(family.empty());
    let mut ids = BTreeSet::new();
    let mut delivery_count = 0;
    for Delivery { shard, position, event, .. } in deliveries {
        delivery_count += 1;
        let last = state.positions.entry(shard.clone()).or_insert(*position);
        *last = (*last).max(*position);
        if ids.insert(event.event_id.0) {
            state.aggregate.apply(event);
            state.as_of_ms = state.as_of_ms.max(event.first_arrival_ms);
        }
    }
    state.applied_count = ids.len() as u64;
    state.duplicate_count = delivery_count - state.applied_count;
    state.ids = ids.into_iter().collect();
    state
}
