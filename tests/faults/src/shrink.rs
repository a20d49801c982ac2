//! From a failing schedule to one that a person can read: fewer events, fewer kinds of fault, fewer steps.
//! SHR-1: the smaller schedule breaks the same promise; it is another schedule, with its own seed and options.

use touchline_delivery::mix;

use crate::{Options, Outcome, run};

/// Schedules tried for each size.
const TRIES_PER_SIZE: u64 = 1_500;
/// Schedules tried without a kind of fault.
const TRIES_PER_FAULT: u64 = 400;
/// Failing schedules compared in the end, for the one with the fewest steps.
const TRIES_FOR_LENGTH: u64 = 20;
const SIZES: [usize; 9] = [1, 2, 3, 4, 5, 7, 10, 15, 20];

/// A small failing schedule with its story.
pub struct Shrunk {
    pub options: Options,
    pub outcome: Outcome,
}

/// The smallest failing schedule found, at worst the one given.
pub fn shrink(seed: u64, options: &Options) -> Shrunk {
    let mut options = *options;
    let mut best = run(seed, &options, false);
    let Some(invariant) = best.violation.as_ref().map(|violation| violation.invariant) else {
        return Shrunk { options, outcome: run(seed, &options, true) };
    };
    let find = |options: &Options, salt: u64, tries: u64| {
        let mut outcomes = (0..tries).map(|n| run(mix(seed ^ salt << 32 ^ n), options, false));
        outcomes.find(|outcome| outcome.violation.as_ref().is_some_and(|found| found.invariant == invariant))
    };
    for (salt, size) in (1_u64..).zip(SIZES) {
        let smaller = Options { events_max: Some(size), ..options };
        if let Some(found) = find(&smaller, salt, TRIES_PER_SIZE) {
            (options, best) = (smaller, found);
            break;
        }
    }
    for number in options.allowed.numbers().collect::<Vec<_>>() {
        let fewer = Options { allowed: options.allowed.without(number), ..options };
        if let Some(found) = find(&fewer, 100 + number as u64, TRIES_PER_FAULT) {
            (options, best) = (fewer, found);
        }
    }
    for salt in 200..200 + TRIES_FOR_LENGTH {
        let shorter = find(&options, salt, TRIES_PER_FAULT).filter(|found| found.steps < best.steps);
        best = shorter.unwrap_or(best);
    }
    Shrunk { options, outcome: run(best.seed, &options, true) }
}
