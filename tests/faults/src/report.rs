//! What a run says: a line of the log for every schedule, a table in the end.
//! REP-1: a line says nothing that a second run of the same seed would not say.

use crate::{Counts, NAMES, Outcome};

/// Everything over all schedules.
#[derive(Debug, Clone, Default)]
pub struct Total {
    pub schedules: u64,
    pub events: u64,
    pub counts: Counts,
    /// Schedules with a pane that is not the fold over its events (P1).
    pub wrong_pane_count: u64,
    /// Schedules that broke another promise.
    pub other_count: u64,
    /// Number and seed of the first ones that failed.
    pub failed: Vec<(u64, u64)>,
}

/// Failing schedules that are remembered.
const MAX_REMEMBERED: usize = 100;

impl Total {
    /// Adds one schedule.
    pub fn add(&mut self, number: u64, outcome: &Outcome) {
        self.schedules += 1;
        self.events += outcome.event_count;
        self.counts.add(&outcome.counts);
        if let Some(violation) = &outcome.violation {
            if violation.invariant == "P1" {
                self.wrong_pane_count += 1;
            } else {
                self.other_count += 1;
            }
            if self.failed.len() < MAX_REMEMBERED {
                self.failed.push((number, outcome.seed));
            }
        }
    }
}

/// One schedule in the log.
pub fn log_line(number: u64, outcome: &Outcome) -> String {
    let Outcome { seed, event_count, steps, digest, violation, .. } = outcome;
    let verdict = match violation {
        None => "exact".to_owned(),
        Some(violation) => format!("{}: {}", violation.invariant, violation.text),
    };
    format!("{number} {seed:#018x} {event_count} events {steps} steps {digest:016x} {verdict}")
}

/// Faults by kind, then what came of it.
pub fn table(total: &Total) -> String {
    let mut text = String::from("fault                                                        times\n");
    for (number, name) in NAMES {
        let count = match number {
            20 => "nothing expires".to_owned(),
            _ => total.counts.of(number).to_string(),
        };
        text.push_str(&format!("F{number:<3} {name:<48} {count:>13}\n"));
    }
    text.push_str(&format!(
        "{} schedules, {} events published; wrong panes: {}; other broken promises: {}\n",
        total.schedules, total.events, total.wrong_pane_count, total.other_count
    ));
    text
}
