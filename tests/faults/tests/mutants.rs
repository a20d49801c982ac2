//! Designs with one part left out are noticed, and go wrong because of the faults, not by themselves.

use touchline_faults::{Allowed, Mutant, Options, Total, run_many, shrink};
use touchline_store::PaneLayout;

const SEED: u64 = 31;
/// A mutant must be caught among so many schedules.
const SCHEDULES: u64 = 10_000;
/// Most are caught among the first few.
const CHUNK: u64 = 500;

fn total_of(seed: u64, schedules: u64, options: &Options) -> Total {
    let mut total = Total::default();
    run_many(seed, schedules, options, 2, |number, outcome| total.add(number, &outcome));
    total
}

/// A pane that is wrong, or for what runs after the panes any promise of theirs.
fn went_wrong(total: &Total, mutant: Mutant) -> bool {
    total.wrong_pane_count > 0 || (!mutant.is_of_aggregation() && total.other_count > 0)
}

#[test]
fn every_mutant_goes_wrong() {
    for (mutant, layout) in Mutant::ALL.into_iter().flat_map(|mutant| PaneLayout::ALL.map(|layout| (mutant, layout))) {
        if mutant.is_of_lanes() && layout == PaneLayout::Pane {
            continue;
        }
        let options = Options { layout: Some(layout), ..Options::of_mutant(mutant) };
        let is_caught =
            (0..SCHEDULES / CHUNK).any(|chunk| went_wrong(&total_of(SEED + chunk, CHUNK, &options), mutant));
        assert!(is_caught, "{mutant:?} was not caught with panes by the {}", layout.as_str());
    }
}

#[test]
fn without_faults_designs_that_a_fault_breaks_are_right() {
    // These need one.
    let needs_fault = [Mutant::NoIds, Mutant::MarkPerBatch, Mutant::WallClock, Mutant::BlindRetry];
    for mutant in needs_fault {
        let none: Allowed = [].into_iter().collect();
        let options = Options { allowed: none, ..Options::of_mutant(mutant) };
        let total = total_of(SEED, 300, &options);
        assert_eq!((total.wrong_pane_count, total.other_count), (0, 0), "{mutant:?}: {:?}", total.failed);
    }
}

#[test]
fn a_failing_schedule_is_told_by_a_small_one() {
    let options = Options::of_mutant(Mutant::NoIds);
    let total = total_of(SEED, CHUNK, &options);
    let (_, seed) = total.failed[0];
    let smaller = shrink(seed, &options);
    assert!(smaller.options.events_max.is_some_and(|events| events <= 3), "{:?}", smaller.options);
    assert!(smaller.options.allowed.numbers().count() <= 3, "{:?}", smaller.options.allowed);
    let story = smaller.outcome.story.join("\n");
    for word in ["published", "with", "starts in sandbox", "applied"] {
        assert!(story.contains(word), "{word} is not in\n{story}");
    }
}
