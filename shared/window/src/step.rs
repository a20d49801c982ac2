//! The exactly-once step on one pane: which events of a batch are new to it, and the state after them.
//! STEP-1 (P4): an event at or below the shard's applied position changes nothing.
//! STEP-2: an id counted before, in this part or a frozen one, is counted as a duplicate and nothing else.
//! STEP-3: a sealed pane takes nothing; its events are named for the after-seal ledger.
//! Decides only; the caller does the compare-and-swap and tries again on what it lost to.

use touchline_event::{Event, Position, ShardId};

use crate::{Aggregate, PaneState};

/// An event and where it lies in its shard.
#[derive(Debug, Clone, PartialEq)]
pub struct Positioned {
    pub position: Position,
    pub event: Event,
}

/// What a step did with the events it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StepCounts {
    pub applied: u64,
    pub duplicate: u64,
    /// Deliveries of positions that had been applied before.
    pub redelivered: u64,
}

/// What the caller has to do.
#[derive(Debug, PartialEq)]
pub enum Verdict<A> {
    /// Every event was applied before.
    Unchanged(StepCounts),
    /// Put this state, if the item is still the one that was read.
    Write(Box<PaneState<A>>, StepCounts),
    /// The pane is sealed: these positions go to the after-seal ledger.
    Sealed(Vec<Position>),
}

/// Applies one shard's events, ascending by position, to `current`. `frozen` are the full parts before it.
pub fn step<A: Aggregate>(
    current: &PaneState<A>,
    frozen: &[&PaneState<A>],
    shard: &ShardId,
    events: &[&Positioned],
) -> Verdict<A> {
    let is_new = |event: &&&Positioned| {
        !current.has_passed(shard, event.position) && !frozen.iter().any(|part| part.has_passed(shard, event.position))
    };
    let new: Vec<&Positioned> = events.iter().filter(is_new).copied().collect();
    let mut counts = StepCounts { redelivered: (events.len() - new.len()) as u64, ..StepCounts::default() };
    let Some(last) = new.iter().map(|event| event.position).max() else {
        return Verdict::Unchanged(counts);
    };
    if current.lifecycle.is_sealed {
        return Verdict::Sealed(new.iter().map(|event| event.position).collect());
    }
    let mut next = current.clone();
    let mut new_ids = Vec::with_capacity(new.len());
    for Positioned { event, .. } in new {
        let id = event.event_id.0;
        let is_known =
            new_ids.contains_sorted(id) || current.has_counted(id) || frozen.iter().any(|part| part.has_counted(id));
        if is_known {
            counts.duplicate += 1;
            continue;
        }
        new_ids.insert_sorted(id);
        next.aggregate.apply(event);
        next.as_of_ms = next.as_of_ms.max(event.first_arrival_ms);
        counts.applied += 1;
    }
    next.ids.extend(new_ids);
    next.ids.sort_unstable();
    next.applied_count += counts.applied;
    next.duplicate_count += counts.duplicate;
    next.positions.insert(shard.clone(), last);
    if counts.applied > 0 && next.lifecycle.is_final {
        next.lifecycle.revision += 1;
        next.lifecycle.is_dirty = true;
    }
    Verdict::Write(Box::new(next), counts)
}

/// A sorted vector as a set; batches are small and mostly ascending work beats hashing here.
trait SortedSet {
    fn contains_sorted(&self, id: u64) -> bool;
    fn insert_sorted(&mut self, id: u64);
}

impl SortedSet for Vec<u64> {
    fn contains_sorted(&self, id: u64) -> bool {
        self.binary_search(&id).is_ok()
    }

    fn insert_sorted(&mut self, id: u64) {
        if let Err(at) = self.binary_search(&id) {
            self.insert(at, id);
        }
    }
}
