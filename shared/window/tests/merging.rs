//! Merge laws of registers, grids and panes, and windows as merges of panes: P2, P14.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use support::{SumState, event};
use touchline_event::Event;
use touchline_window::{Aggregate, Grid, OrderKey, Register, WindowSpec, merge_panes, pane_start_ms};

fn events() -> impl Strategy<Value = Vec<Event>> {
    let ids = prop::collection::btree_set(0_u64..200, 0..40);
    ids.prop_map(|ids| ids.into_iter().map(|id| event(id, (id as i64 * 7_919) % 600_000, id as i64 % 13 - 5)).collect())
}

fn state_of<'a>(events: impl IntoIterator<Item = &'a Event>) -> SumState {
    let mut state = SumState::default();
    events.into_iter().for_each(|event| state.apply(event));
    state
}

fn merged(a: &SumState, b: &SumState) -> SumState {
    let mut state = a.clone();
    state.merge(b);
    state
}

proptest! {
    #[test]
    fn p2_merge_is_associative_commutative_and_has_an_identity(a in events(), b in events(), c in events()) {
        let (a, b, c) = (state_of(&a), state_of(&b), state_of(&c));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(&merged(&a, &SumState::default()), &a);
        prop_assert_eq!(&merged(&SumState::default(), &a), &a);
    }

    #[test]
    fn p2_registers_and_grids_are_idempotent(events in events()) {
        let state = state_of(&events);
        let (mut first, mut last, mut grid) = (state.first.clone(), state.last.clone(), state.grid.clone());
        Register::merge_first(&mut first, &state.first);
        Register::merge_last(&mut last, &state.last);
        grid.merge(&state.grid);
        prop_assert_eq!((first, last, grid), (state.first, state.last, state.grid));
    }

    #[test]
    fn p2_a_grid_keeps_the_last_value_of_every_second_in_any_order(events in events(), seed: u64) {
        let mut grid = Grid::default();
        let mut shuffled: Vec<&Event> = events.iter().collect();
        shuffled.sort_by_key(|event| touchline_event::stable_hash(&(event.event_id.0 ^ seed).to_le_bytes()));
        shuffled.iter().for_each(|event| grid.apply(OrderKey::of(event), event.event_id.0));
        let mut expected: BTreeMap<i64, OrderKey> = BTreeMap::new();
        for order in events.iter().map(OrderKey::of) {
            let slot = expected.entry(order.timestamp_ms.div_euclid(1000)).or_insert(order);
            *slot = order.max(*slot);
        }
        let told: Vec<(i64, u64)> = grid.seconds().map(|(second, id)| (second, *id)).collect();
        prop_assert_eq!(told, expected.into_iter().map(|(second, order)| (second, order.event_id)).collect::<Vec<_>>());
    }

    #[test]
    fn p14_sliding_windows_of_panes_are_their_direct_computation(events in events(), size in 1_i64..6, slide in 1_i64..6) {
        let pane_ms = 60_000;
        let spec = WindowSpec::new(size.max(slide) * pane_ms, slide * pane_ms, pane_ms).unwrap();
        let mut panes: BTreeMap<i64, SumState> = BTreeMap::new();
        for event in &events {
            panes.entry(pane_start_ms(event.timestamp_ms, pane_ms)).or_default().apply(event);
        }
        let windows = merge_panes(panes.iter().map(|(start, state)| (*start, state)), spec);
        let mut direct: BTreeMap<i64, SumState> = BTreeMap::new();
        for start in (-10 * pane_ms..700_000).step_by(spec.slide_ms as usize).map(|at| at.div_euclid(spec.slide_ms) * spec.slide_ms) {
            let inside: Vec<&Event> = events.iter().filter(|event| (start..start + spec.size_ms).contains(&event.timestamp_ms)).collect();
            if !inside.is_empty() {
                direct.insert(start, state_of(inside));
            }
        }
        prop_assert_eq!(windows, direct);
    }
}
