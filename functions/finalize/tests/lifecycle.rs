//! A pane's life: provisional, final, corrected, sealed; with a crash, a correction or a second finaliser at every moment.
//! P3, P10, FIN-1, FIN-2, FIN-3.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::pin::pin;
use std::sync::Arc;

use support::store::{Stop, StopStore, WriterStep};
use support::world::{LANES, PANE_MS, POLICY, SEALING, SERIES_PANES, START_MS, World, trade};
use support::writer::{due_entry, stored_parts};
use support::{poll_once, run};
use touchline_event::Event;
use touchline_finalize::handle;
use touchline_lake::tables::{ANOMALIES, ODDS_WINDOWS, SCORE_WINDOWS, TRADE_WINDOWS};
use touchline_store::ItemStore;

const END_MS: i64 = START_MS + PANE_MS;

#[test]
fn a_pane_is_final_then_corrected_then_sealed_and_takes_nothing_more() {
    let mut world = World::single(SEALING);
    let first = trade(1, START_MS, 1);
    let part = |world: &World| stored_parts(&world.store, &due_entry(&first, PANE_MS, LANES)).remove(0).1;
    world.reach(END_MS + SEALING.lateness_ms - 1);
    assert_eq!(world.finalise().finalised, [], "P10: one millisecond before the grace ends");
    world.reach(END_MS + SEALING.lateness_ms);
    assert_eq!(world.finalise().finalised.len(), 1);
    assert_eq!((part(&world).lifecycle.revision, part(&world).ids.len()), (1, 1), "final, and the ids stay");
    assert_eq!(world.seal_count(), 1);

    world.take(trade(2, START_MS + 1, 5));
    assert!(part(&world).lifecycle.is_dirty);
    world.reach(END_MS + SEALING.sealed_from_ms(END_MS).unwrap() - END_MS - 1);
    assert_eq!(world.finalise().finalised[0].revision, 2);
    world.reach(SEALING.sealed_from_ms(END_MS).unwrap());
    assert_eq!(world.finalise().sealed, 1);
    assert!(part(&world).lifecycle.is_sealed && part(&world).ids.is_empty());

    let before = world.pane_values();
    let mut late = world.writer(trade(3, START_MS + 2, 5));
    late.finish(&world.store);
    assert!(late.is_after_seal, "P10: the after-seal ledger takes it");
    let mut again = world.writer(trade(1, START_MS, 1));
    again.finish(&world.store);
    world.settle();
    assert_eq!(world.pane_values(), before, "STATE-3");
    let told: Vec<_> = world.trade_rows().iter().map(|row| (row.revision, row.trade_count)).collect();
    assert_eq!(told, [(1, 1), (2, 2)]);
}

#[test]
fn every_family_is_published_and_an_anomaly_appears_once() {
    let mut world = World::of_all_families(POLICY);
    world.reach(START_MS + 100 * PANE_MS);
    world.settle();
    let spike_at = START_MS + (SERIES_PANES - 1) * PANE_MS;
    world.take(trade(99, spike_at + 1, 1));
    world.settle();
    assert_eq!(world.stored_anomaly_count(), 1);
    let rows = world.rows();
    let counts: Vec<(&str, usize)> = rows.iter().map(|(table, rows)| (*table, rows.len())).collect();
    // The spike's pane has two revisions; a line without a point and a line at point 0 are two lines.
    assert_eq!(
        counts,
        [
            (ANOMALIES.name, 2),
            (ODDS_WINDOWS.name, 2),
            (SCORE_WINDOWS.name, 1),
            (TRADE_WINDOWS.name, SERIES_PANES as usize + 1)
        ]
    );
}

#[test]
fn a_crash_at_any_operation_leaves_the_same_rows_and_panes() {
    for policy in [POLICY, SEALING] {
        let prepared = || {
            let world = World::of_all_families(policy);
            world.reach(START_MS + 100 * PANE_MS);
            world
        };
        let calm = prepared();
        let counting = Arc::new(StopStore::new(&calm.store));
        run(handle(&calm.context(Arc::clone(&counting) as Arc<dyn ItemStore>))).unwrap();
        calm.settle();
        let operation_count = counting.operation_count();
        assert!(operation_count > 50, "{operation_count}");
        let (panes, rows) = (calm.pane_values(), calm.rows());
        for at in 0..operation_count {
            for stop in [Stop::FailBefore, Stop::FailAfter, Stop::StandBefore, Stop::StandAfter] {
                let world = prepared();
                let store = StopStore::stopping(&world.store, at, stop);
                // What stands is dropped here: the process was killed.
                let outcome = poll_once(pin!(handle(&world.context(Arc::new(store)))));
                assert!(outcome.is_none_or(|outcome| outcome.is_err()), "{stop:?} at {at}");
                world.settle();
                assert_eq!(world.pane_values(), panes, "{stop:?} at {at}");
                assert_eq!(world.stored_anomaly_count(), 1, "{stop:?} at {at}");
                assert_eq!(world.rows(), rows, "{stop:?} at {at}");
            }
        }
    }
}

/// A correction whose steps fall on every triple of moments of a finalising pass.
fn corrected_at_every_moment(prepare: impl Fn() -> World, late: &Event, trade_count: i64, is_splitting: bool) {
    let operation_count = {
        let world = prepare();
        let store = Arc::new(StopStore::new(&world.store));
        run(handle(&world.context(Arc::clone(&store) as Arc<dyn ItemStore>))).unwrap();
        store.operation_count()
    };
    let opening: &[WriterStep] = match is_splitting {
        true => &[WriterStep::Plan, WriterStep::Announce, WriterStep::Write, WriterStep::Plan],
        false => &[WriterStep::Plan],
    };
    for planned in 0..=operation_count {
        for announced in planned..=operation_count {
            for written in announced..=operation_count {
                let mut world = prepare();
                let writer = world.writer(late.clone());
                let writer = if is_splitting { writer.splitting() } else { writer };
                let mut steps: Vec<_> = opening.iter().map(|step| (planned, *step)).collect();
                steps.extend([(announced, WriterStep::Announce), (written, WriterStep::Write)]);
                let store = Arc::new(StopStore::beside(&world.store, writer, &steps));
                run(handle(&world.context(Arc::clone(&store) as Arc<dyn ItemStore>))).unwrap();
                let mut writer = store.take_writer();
                writer.finish(&world.store);
                if world.policy.retention_ms.is_some() {
                    // A producer's duplicate of what is counted, at a moment when some of the ids may be gone.
                    world.take(trade(1, START_MS, 1));
                }
                world.settle();
                let counted = trade_count - i64::from(writer.is_after_seal);
                world.assert_published(late, counted, &format!("{planned}, {announced}, {written}"));
            }
        }
    }
}

fn due_single() -> World {
    let world = World::single(POLICY);
    world.reach(START_MS + 100 * PANE_MS);
    world
}

fn final_single() -> World {
    let world = due_single();
    world.settle();
    world
}

/// A correction is written and not published yet.
fn dirty_single() -> World {
    let mut world = final_single();
    world.take(trade(3, START_MS + 3, 1));
    world
}

/// Final, and the next pass seals it.
fn sealable_single() -> World {
    let world = World::single(SEALING);
    world.reach(END_MS + SEALING.lateness_ms);
    world.finalise();
    world.reach(START_MS + 100 * PANE_MS);
    world
}

/// The entry was announced by an invocation that died before it wrote.
fn touched_single() -> World {
    let mut world = final_single();
    let mut dead = world.writer(trade(9, START_MS + 9, 1));
    dead.step(&world.store, WriterStep::Plan);
    dead.step(&world.store, WriterStep::Announce);
    world
}

#[test]
fn a_correction_at_any_moment_of_the_first_finalisation_is_published() {
    corrected_at_every_moment(due_single, &trade(2, START_MS + 1, 1), 2, false);
}

#[test]
fn a_correction_at_any_moment_beside_a_look_at_a_clean_pane_is_published() {
    corrected_at_every_moment(touched_single, &trade(2, START_MS + 1, 1), 2, false);
    corrected_at_every_moment(final_single, &trade(2, START_MS + 1, 1), 2, false);
}

#[test]
fn a_second_correction_at_any_moment_of_publishing_the_first_is_published() {
    corrected_at_every_moment(dirty_single, &trade(2, START_MS + 1, 1), 3, false);
}

#[test]
fn a_correction_at_any_moment_of_sealing_is_published_or_noted_as_too_late() {
    corrected_at_every_moment(sealable_single, &trade(2, START_MS + 1, 1), 2, false);
    corrected_at_every_moment(sealable_single, &trade(2, START_MS + 1, 1), 2, true);
}

#[test]
fn the_late_first_event_of_a_pane_is_published_whenever_it_comes() {
    corrected_at_every_moment(due_single, &trade(2, START_MS + PANE_MS, 1), 1, false);
}

#[test]
fn a_pane_that_splits_at_any_moment_is_published_whole() {
    corrected_at_every_moment(due_single, &trade(2, START_MS + 1, 1), 2, true);
    corrected_at_every_moment(final_single, &trade(2, START_MS + 1, 1), 2, true);
}

#[test]
fn a_correction_between_two_finalisers_is_published() {
    let late = trade(2, START_MS + 1, 1);
    let operation_count = 40;
    for at in 0..operation_count {
        for announced_only in [false, true] {
            let mut world = due_single();
            let old_store = Arc::new(StopStore::stopping(&world.store, at, Stop::StandBefore));
            let old_context = world.context(Arc::clone(&old_store) as Arc<dyn ItemStore>);
            let mut old = pin!(handle(&old_context));
            let ended = poll_once(old.as_mut()).is_some();
            world.finalise();
            let mut writer = world.writer(late.clone());
            writer.step(&world.store, WriterStep::Plan);
            writer.step(&world.store, WriterStep::Announce);
            if !announced_only {
                writer.step(&world.store, WriterStep::Write);
            }
            // The first finaliser wakes up and goes on as if nothing had happened.
            old_store.release();
            assert!(ended || poll_once(old.as_mut()).is_some_and(|outcome| outcome.is_ok()));
            writer.finish(&world.store);
            world.settle();
            world.assert_published(&late, 2, &format!("{at}, {announced_only}"));
        }
    }
}

/// A split pane is sealed while its writer, or a crash, stands between any two operations: no id is counted twice.
#[test]
fn no_id_is_counted_twice_while_a_split_pane_is_sealed() {
    let first = trade(1, START_MS, 1);
    let prepared = || {
        let mut world = World::single(SEALING);
        let mut second = world.writer(trade(2, START_MS + 1, 1)).splitting();
        second.finish(&world.store);
        world.reach(END_MS + SEALING.lateness_ms);
        world.finalise();
        world.reach(START_MS + 100 * PANE_MS);
        world
    };
    for at in 0..40 {
        for stop in [Stop::StandBefore, Stop::StandAfter] {
            let mut world = prepared();
            let store = StopStore::stopping(&world.store, at, stop);
            drop(poll_once(pin!(handle(&world.context(Arc::new(store))))));
            // The first part's id at a new position: a producer's duplicate.
            world.take(first.clone());
            let parts = stored_parts(&world.store, &due_entry(&first, PANE_MS, LANES));
            assert_eq!(parts.iter().map(|(_, part)| part.applied_count).sum::<u64>(), 2, "{stop:?} at {at}");
            world.settle();
        }
    }
}
