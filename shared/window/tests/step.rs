//! The step's laws on a tiny aggregate whose fold can be read off by hand: a sum and a register.
//! P1, P3, P4, P7, P13, P15.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use support::{SumState, Tape, deliveries, event, tapes};
use touchline_event::{Event, Lane};
use touchline_window::{
    Aggregate, Lateness, PaneDecodeError, PaneKey, PaneState, Positioned, Verdict, WindowPolicy, pane_start_ms, step,
};

/// What a worker does with the step, without a store: takes the verdict's state.
fn take(state: &mut PaneState<SumState>, tape: &Tape, range: std::ops::Range<usize>) -> u64 {
    let events: Vec<&Positioned> = tape.events[range].iter().collect();
    match step(state, &[], &tape.shard, &events) {
        Verdict::Write(next, counts) => {
            *state = *next;
            let accounted = counts.applied + counts.duplicate + counts.redelivered;
            assert_eq!(accounted, events.len() as u64, "every event given is accounted for");
            counts.applied
        }
        Verdict::Unchanged(counts) => {
            assert_eq!(counts.redelivered, events.len() as u64, "what changes nothing was there before");
            0
        }
        Verdict::Sealed(_) => panic!("nothing is sealed here"),
    }
}

/// The fold over the distinct events, their ids, and the latest first arrival.
fn fold(tapes: &[Tape]) -> (SumState, Vec<u64>, i64) {
    let distinct: BTreeMap<u64, &Event> = tapes
        .iter()
        .flat_map(|tape| &tape.events)
        .map(|positioned| (positioned.event.event_id.0, &positioned.event))
        .collect();
    let mut state = SumState::default();
    distinct.values().for_each(|event| state.apply(event));
    let as_of_ms = distinct.values().map(|event| event.first_arrival_ms).max().unwrap_or(i64::MIN);
    (state, distinct.keys().copied().collect(), as_of_ms)
}

fn key() -> impl Strategy<Value = PaneKey> {
    let family = prop_oneof![Just("trades"), Just("odds")];
    let pane_ms = prop_oneof![Just(60_000), Just(1_000)];
    (family, "[ab#|:]{0,4}", pane_ms, -2_i64..3, 0_u16..3).prop_map(|(family, entity, pane_ms, n, lane)| PaneKey {
        family,
        entity,
        pane_ms,
        start_ms: n * pane_ms,
        lane: Lane(lane),
    })
}

proptest! {
    #[test]
    fn p1_any_cut_any_repetition_any_order_of_shards_is_the_fold(
        (tapes, plan) in tapes().prop_flat_map(|tapes| { let plan = deliveries(&tapes); (Just(tapes), plan) })
    ) {
        let mut state = PaneState::new(SumState::default());
        let mut applied = 0;
        for (shard, range) in plan {
            let before = state.clone();
            applied += take(&mut state, &tapes[shard], range);
            // P3: no shard's position falls.
            for (shard, position) in &before.positions {
                prop_assert!(state.positions[shard] >= *position);
            }
        }
        let (expected, ids, as_of_ms) = fold(&tapes);
        let position_count: usize = tapes.iter().map(|tape| tape.events.len()).sum();
        prop_assert_eq!(&state.aggregate, &expected);
        prop_assert_eq!(&state.ids, &ids);
        prop_assert_eq!(state.as_of_ms, as_of_ms);
        prop_assert_eq!((state.applied_count, applied), (ids.len() as u64, ids.len() as u64));
        prop_assert_eq!(state.applied_count + state.duplicate_count, position_count as u64);
    }

    #[test]
    fn p4_any_suffix_of_any_shard_once_more_leaves_the_bytes_equal(tapes in tapes(), shard in 0_usize..3, from in 0_usize..20) {
        let mut state = PaneState::new(SumState::default());
        for tape in &tapes {
            take(&mut state, tape, 0..tape.events.len());
        }
        let before = state.encode().unwrap();
        let tape = &tapes[shard % tapes.len()];
        take(&mut state, tape, from.min(tape.events.len())..tape.events.len());
        prop_assert_eq!(state.encode().unwrap(), before);
    }

    #[test]
    fn p1_a_pane_split_anywhere_counts_like_one_that_is_not(tapes in tapes(), split_at in 1_usize..20) {
        let mut parts = vec![PaneState::new(SumState::default())];
        for (n, (tape, at)) in tapes.iter().flat_map(|tape| (0..tape.events.len()).map(move |at| (tape, at))).enumerate() {
            if n % split_at == split_at - 1 {
                parts.last_mut().unwrap().is_frozen = true;
                parts.push(PaneState::new(SumState::default()));
            }
            let (last, frozen) = parts.split_last_mut().unwrap();
            let frozen: Vec<&PaneState<SumState>> = frozen.iter().collect();
            // Every event comes twice.
            for _ in 0..2 {
                if let Verdict::Write(next, _) = step(last, &frozen, &tape.shard, &[&tape.events[at]]) {
                    *last = *next;
                }
            }
        }
        let mut merged = SumState::default();
        parts.iter().for_each(|part| merged.merge(&part.aggregate));
        prop_assert_eq!(merged, fold(&tapes).0);
    }

    #[test]
    fn p15_a_pane_is_read_back_as_written(tapes in tapes(), is_final: bool, is_frozen: bool, revision: u32) {
        let mut state = PaneState::new(SumState::default());
        for tape in &tapes {
            take(&mut state, tape, 0..tape.events.len());
        }
        (state.lifecycle.is_final, state.lifecycle.revision, state.is_frozen) = (is_final, revision, is_frozen);
        prop_assert_eq!(PaneState::decode(&state.encode().unwrap()).unwrap(), state);
    }

    #[test]
    fn p7_pane_and_lateness_are_functions_of_the_bytes(timestamp_ms: i64, delay_ms in -100_000_000_i64..100_000_000) {
        let mut event = event(1, 0, 1);
        (event.timestamp_ms, event.first_arrival_ms) = (timestamp_ms >> 18, (timestamp_ms >> 18) + delay_ms);
        let replayed: Event = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
        let policy = WindowPolicy::DEFAULT;
        // When the bytes are read again is no part of the decision.
        let reread = Event { ingested_at_ms: event.ingested_at_ms + 365 * 86_400_000, ..replayed };
        prop_assert_eq!(policy.judge(&reread), policy.judge(&event));
        if policy.judge(&event) == Lateness::Accepted {
            let start_ms = pane_start_ms(event.timestamp_ms, policy.pane_ms);
            prop_assert!((start_ms..start_ms + policy.pane_ms).contains(&event.timestamp_ms));
            let prefix = |start_ms| PaneKey::sort_prefix(policy.pane_ms, start_ms);
            prop_assert!(prefix(start_ms) < prefix(start_ms + policy.pane_ms));
        }
    }

    #[test]
    fn p13_different_panes_and_parts_never_share_an_item(
        a in key(), b in key(), part_a in 0_u32..3, part_b in 0_u32..3
    ) {
        let address = |key: &PaneKey, part| (PaneKey::partition("live", 0, key.family, &key.entity), key.sort_key(part));
        prop_assert_eq!(address(&a, part_a) == address(&b, part_b), (&a, part_a) == (&b, part_b));
    }
}

#[test]
fn a_correction_of_a_final_pane_raises_its_revision_once_and_a_repetition_does_not() {
    let mut state = PaneState::new(SumState::default());
    let tape = Tape::of("shard-0", [event(1, 0, 1), event(2, 1, 1), event(1, 0, 1)]);
    take(&mut state, &tape, 0..1);
    let mut state = state.finalised();
    assert_eq!(state.lifecycle.revision, 1);
    take(&mut state, &tape, 0..2);
    assert_eq!((state.lifecycle.revision, state.lifecycle.is_dirty), (2, true));
    take(&mut state, &tape, 0..3);
    assert_eq!((state.lifecycle.revision, state.duplicate_count), (2, 1));
    let sealed = state.finalised().sealed();
    let more = Tape::of("shard-1", [event(3, 2, 1)]);
    let verdict = step(&sealed, &[], &more.shard, &[&more.events[0]]);
    assert_eq!(verdict, Verdict::Sealed(vec![more.events[0].position]));
    // What was applied before the seal is no after-seal event when it is delivered again.
    assert!(matches!(step(&sealed, &[], &tape.shard, &[&tape.events[0]]), Verdict::Unchanged(_)));
}

#[test]
fn p15_a_format_that_a_later_release_wrote_is_refused_by_name() {
    let mut bytes = PaneState::new(SumState::default()).encode().unwrap();
    bytes[0] = 2;
    let error = PaneState::<SumState>::decode(&bytes).unwrap_err();
    assert!(matches!(error, PaneDecodeError::Format(2)));
    assert!(error.to_string().contains("format 2"), "{error}");
    assert!(matches!(PaneState::<SumState>::decode(&[]), Err(PaneDecodeError::Empty)));
}

#[test]
fn times_of_no_possible_year_are_refused_even_if_they_say_that_they_arrived_then() {
    for timestamp_ms in [i64::MIN, i64::MIN + 1, i64::MAX, 1 << 45, -(1 << 45) - 1] {
        let mut event = event(1, 0, 1);
        (event.timestamp_ms, event.first_arrival_ms) = (timestamp_ms, timestamp_ms);
        assert_eq!(WindowPolicy::DEFAULT.judge(&event), Lateness::Future, "{timestamp_ms}");
    }
}
