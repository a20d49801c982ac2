//! Some thousands of schedules, all exact; the same seed is the same run; nothing depends on the number of threads.
//! P1, P3 to P8, P11 to P15. `cargo xtask faults` runs more of them.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::process::Command;

use touchline_faults::{Allowed, NAMES, Options, Outcome, Total, log_line, run_many, table};

const SEED: u64 = 20_231_029;
const SCHEDULES: u64 = 3_000;

fn total_of(seed: u64, schedules: u64, options: &Options) -> Total {
    let mut total = Total::default();
    run_many(seed, schedules, options, 2, |number, outcome| {
        if let Some(violation) = &outcome.violation {
            println!("{}: {}", log_line(number, &outcome), violation.text);
        }
        total.add(number, &outcome);
    });
    total
}

#[test]
fn every_pane_counts_every_accepted_event_once_however_it_is_delivered() {
    let total = total_of(SEED, SCHEDULES, &Options::all());
    println!("{}", table(&total));
    assert_eq!((total.wrong_pane_count, total.other_count), (0, 0), "{:?}", total.failed);
    for (number, name) in NAMES.into_iter().filter(|(number, _)| *number != 20) {
        assert!(total.counts.of(number) > 0, "F{number} never happened: {name}");
    }
}

#[test]
fn a_fault_that_is_not_allowed_does_not_happen() {
    for only in [vec![1, 2], vec![5, 6, 7], vec![9, 13], vec![21]] {
        let allowed: Allowed = only.iter().copied().collect();
        let total = total_of(SEED, 300, &Options { allowed, ..Options::all() });
        assert_eq!((total.wrong_pane_count, total.other_count), (0, 0), "{:?}", total.failed);
        // A stale cache needs no fault to happen: two sandboxes are enough.
        let happened: Vec<usize> =
            (1..=21).filter(|number| *number != 17 && *number != 19 && total.counts.of(*number) > 0).collect();
        assert_eq!(happened, only);
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let lines = |threads| {
        let mut lines = Vec::new();
        run_many(SEED, 200, &Options::all(), threads, |number, outcome: Outcome| {
            lines.push(log_line(number, &outcome));
        });
        lines
    };
    assert_eq!(lines(1), lines(3));
}

#[test]
fn one_seed_is_one_run_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let logs = ["a", "b"].map(|name| {
        let path = folder.path().join(name);
        let output = Command::new(env!("CARGO_BIN_EXE_faults"))
            .args(["--schedules", "100", "--seed", "7", "--log"])
            .arg(&path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        std::fs::read(path).unwrap()
    });
    assert_eq!(logs[0].iter().filter(|byte| **byte == b'\n').count(), 100);
    assert_eq!(logs[0], logs[1]);
}
