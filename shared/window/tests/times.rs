//! The times of a pane to the millisecond, and registers against the naive way: P2, P7, P10, PANE-1, WIN-4.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use touchline_event::{Article, Event, EventDraft, EventId, Lane};
use touchline_window::{
    Grid, LaneWatermark, Lateness, OrderKey, PaneKey, Register, Watermarks, WindowPolicy, WindowSpec,
};

const POLICY: WindowPolicy =
    WindowPolicy { pane_ms: 60_000, lateness_ms: 7, horizon_ms: 100, future_ms: 30, retention_ms: Some(500) };

fn event(timestamp_ms: i64, lateness_ms: i64) -> Event {
    let article = Article { title: "t".into(), url: "u".into(), ..Article::default() };
    let mut event = EventDraft::new("espn", timestamp_ms, timestamp_ms, article).with_id(EventId(1));
    event.first_arrival_ms = timestamp_ms + lateness_ms;
    event
}

#[test]
fn lateness_is_judged_to_the_millisecond() {
    let cases = [(101, Lateness::TooLate), (100, Lateness::Accepted), (0, Lateness::Accepted)];
    let ahead = [(-30, Lateness::Accepted), (-31, Lateness::Future)];
    for (lateness_ms, verdict) in cases.into_iter().chain(ahead) {
        assert_eq!(POLICY.judge(&event(1_698_598_800_000, lateness_ms)), verdict, "{lateness_ms} ms late");
    }
}

#[test]
fn times_of_no_possible_year_are_nobodys() {
    let year_3084 = 1 << 45;
    for (at, verdict) in [
        (year_3084 - 1, Lateness::Accepted),
        (year_3084, Lateness::Future),
        (-year_3084, Lateness::Accepted),
        (-year_3084 - 1, Lateness::Future),
    ] {
        assert_eq!(POLICY.judge(&event(at, 0)), verdict, "{at}");
    }
}

#[test]
fn a_pane_is_final_after_its_grace_and_sealed_after_the_retention_too() {
    let pane = PaneKey { family: "tally", entity: "e".into(), pane_ms: 60_000, start_ms: 120_000, lane: Lane(0) };
    assert_eq!(POLICY.final_from_ms(pane.end_ms()), 180_007);
    assert_eq!(POLICY.sealed_from_ms(pane.end_ms()), Some(180_507));
    assert_eq!(WindowPolicy { retention_ms: None, ..POLICY }.sealed_from_ms(pane.end_ms()), None);
    let day_ms = 24 * 60 * 60 * 1000;
    assert_eq!((WindowPolicy::DEFAULT.horizon_ms, WindowPolicy::DEFAULT.future_ms), (day_ms, day_ms));
}

#[test]
fn parts_of_a_pane_sort_behind_it_and_before_the_next_pane() {
    let pane = |start_ms| PaneKey { family: "tally", entity: "e".into(), pane_ms: 60_000, start_ms, lane: Lane(3) };
    let keys = [pane(0).sort_key(0), pane(0).sort_key(1), pane(0).sort_key(12), pane(60_000).sort_key(0)];
    assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
    assert!(keys[1].starts_with(&keys[0]) && keys[0].ends_with("#00003"), "{keys:?}");
}

#[test]
fn a_lane_that_never_spoke_has_no_watermark() {
    let mut marks = Watermarks::default();
    assert_eq!((marks.overall(), marks.furthest()), (None, None));
    marks.set(0, LaneWatermark::default());
    assert_eq!((marks.of_lane(0), marks.overall(), marks.furthest()), (None, None, None));
    marks.set(1, LaneWatermark { watermark_ms: -20, heartbeat_count: 1 });
    marks.set(2, LaneWatermark { watermark_ms: -50, heartbeat_count: 1 });
    assert_eq!((marks.of_lane(1), marks.overall(), marks.furthest()), (Some(-20), Some(-50), Some(-20)));
}

#[test]
fn a_lane_is_stuck_when_it_is_behind_by_more_than_the_tolerance() {
    let mut marks = Watermarks::default();
    marks.set(1, LaneWatermark { watermark_ms: 100, heartbeat_count: 1 });
    marks.set(2, LaneWatermark { watermark_ms: 40, heartbeat_count: 1 });
    assert_eq!((marks.stuck_lanes(60), marks.stuck_lanes(59)), (vec![], vec![2]));
}

fn orders() -> impl Strategy<Value = Vec<OrderKey>> {
    let order = (-5_000_i64..5_000, prop::option::of(0_i64..3), 0_u64..1_000);
    let order = order.prop_map(|(timestamp_ms, vendor_seq, event_id)| OrderKey { timestamp_ms, vendor_seq, event_id });
    prop::collection::vec(order, 1..40)
}

proptest! {
    #[test]
    fn registers_are_minimum_and_maximum_in_any_order_and_however_often(orders in orders()) {
        let (mut first, mut last) = (None, None);
        for order in orders.iter().chain(orders.iter().rev()) {
            Register::keep_first(&mut first, *order, || *order);
            Register::keep_last(&mut last, *order, || *order);
        }
        prop_assert_eq!(first.map(|kept| kept.value), orders.iter().min().copied());
        prop_assert_eq!(last.map(|kept| kept.value), orders.iter().max().copied());
    }

    #[test]
    fn a_grid_keeps_the_last_value_of_every_second(orders in orders()) {
        let mut grid = Grid::default();
        let mut naive: BTreeMap<i64, OrderKey> = BTreeMap::new();
        for order in &orders {
            grid.apply(*order, *order);
            let kept = naive.entry(order.timestamp_ms.div_euclid(1000)).or_insert(*order);
            *kept = (*kept).max(*order);
        }
        prop_assert_eq!(grid.seconds().map(|(second, kept)| (second, *kept)).collect::<BTreeMap<_, _>>(), naive.clone());
        prop_assert_eq!(grid.values().copied().collect::<Vec<_>>(), naive.into_values().collect::<Vec<_>>());
    }

    #[test]
    fn windows_that_contain_an_instant_are_those_and_no_others(
        slide in 1_i64..50, extra in 0_i64..200, at in -10_000_i64..10_000
    ) {
        let spec = WindowSpec::new(slide + extra, slide, 1).unwrap();
        let naive: Vec<i64> = (-11_000..=11_000)
            .filter(|start| start % slide == 0 && *start <= at && at < start + spec.size_ms)
            .collect();
        prop_assert_eq!(spec.starts_containing(at).collect::<Vec<_>>(), naive);
    }
}
