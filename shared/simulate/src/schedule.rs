//! What was known when: the snapshots of one thing on the match day's clock.
//! SCH-1: the state of an instant is the last snapshot taken by then; before the first one there is none.

use crate::moved::{UnixTimes, moved};
use crate::recordings::{Bundled, Part, RecordingError, polls};

/// A payload and the instant from which it is what the vendor answers.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// On the match day's clock.
    pub at_ms: i64,
    /// What lies between the times inside and the match day's clock.
    pub shift_ms: i64,
    bytes: Vec<u8>,
}

impl Snapshot {
    /// A payload whose own times are `shift_ms` before the match day's.
    pub fn new(at_ms: i64, shift_ms: i64, bytes: Vec<u8>) -> Self {
        Self { at_ms, shift_ms, bytes }
    }

    /// The bytes with the times that a client is told.
    pub fn told(&self, offset_ms: i64, unix: UnixTimes) -> Vec<u8> {
        moved(&self.bytes, self.shift_ms + offset_ms, unix)
    }
}

/// Snapshots in the order of their times.
#[derive(Debug, Clone, Default)]
pub struct Schedule(Vec<Snapshot>);

impl Schedule {
    /// In order, whatever order they come in.
    pub fn new(mut snapshots: Vec<Snapshot>) -> Self {
        snapshots.sort_by_key(|snapshot| snapshot.at_ms);
        Self(snapshots)
    }

    /// The answers of a recording of polls.
    pub fn of_polls(recording: &Bundled) -> Result<Self, RecordingError> {
        let shift_ms = recording.shift_ms;
        let snapshot = |part: Part| Snapshot::new(part.at_ms + shift_ms, shift_ms, part.bytes);
        Ok(Self::new(polls(&recording.bytes)?.into_iter().map(snapshot).collect()))
    }

    /// What is known at an instant, and its number.
    pub fn at(&self, now_ms: i64) -> Option<(usize, &Snapshot)> {
        let count = self.0.partition_point(|snapshot| snapshot.at_ms <= now_ms);
        count.checked_sub(1).and_then(|index| self.0.get(index).map(|snapshot| (index, snapshot)))
    }

    /// The snapshot of a number.
    pub fn get(&self, index: usize) -> Option<&Snapshot> {
        self.0.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_knows_what_was_taken_by_then_and_nothing_later() {
        let schedule = Schedule::new([30, 10, 20].map(|at| Snapshot::new(at, 0, vec![at as u8])).to_vec());
        for (now, expected) in [(9, None), (10, Some(0)), (19, Some(0)), (20, Some(1)), (99, Some(2))] {
            assert_eq!(schedule.at(now).map(|(index, _)| index), expected, "{now}");
        }
    }
}
