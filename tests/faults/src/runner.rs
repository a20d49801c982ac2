//! Many schedules on several threads, told in the order of their numbers.
//! RUN-1: what is told does not depend on the number of threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::{Options, Outcome, run, seed_of};

/// Schedules that a thread takes at a time.
const CHUNK: u64 = 32;

/// Runs schedules 0 to `schedules` of a seed and tells each with its number, ascending.
pub fn run_many(seed: u64, schedules: u64, options: &Options, threads: usize, mut tell: impl FnMut(u64, Outcome)) {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..threads.max(1) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                loop {
                    let first = next.fetch_add(CHUNK, Ordering::Relaxed);
                    if first >= schedules {
                        return;
                    }
                    let numbers = first..(first + CHUNK).min(schedules);
                    let outcomes: Vec<Outcome> =
                        numbers.map(|number| run(seed_of(seed, number), options, false)).collect();
                    if sender.send((first, outcomes)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut early: BTreeMap<u64, Vec<Outcome>> = BTreeMap::new();
        let mut expected = 0;
        for (first, outcomes) in receiver {
            early.insert(first, outcomes);
            while let Some(outcomes) = early.remove(&expected) {
                let numbers = expected..;
                expected += CHUNK;
                numbers.zip(outcomes).for_each(|(number, outcome)| tell(number, outcome));
            }
        }
    });
}
