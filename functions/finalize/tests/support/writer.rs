//! What the aggregating door does to one pane, step by step: plan from what is stored, announce (DUE-1), write.
//! The door itself is another package; its own tests hold it to the same order.

use std::sync::Arc;

use touchline_event::{Event, Position, Sequence, ShardId};
use touchline_metric::{Family, FamilyState};
use touchline_store::{DueEntry, ItemKey, ItemStore, ItemWrite, MemoryStore, PutOutcome, due, panes};
use touchline_window::{PaneState, Positioned, Verdict, step};

use super::run;
use super::store::WriterStep;

/// One event on its way into its pane.
#[derive(Clone)]
pub struct Writer {
    entry: DueEntry,
    positioned: Positioned,
    /// The pane's last part is full: it is frozen first, and the event goes to a new part.
    is_splitting: bool,
    planned: Option<Planned>,
    is_announced: bool,
    pub is_done: bool,
    /// The pane was sealed first: the event is the after-seal ledger's.
    pub is_after_seal: bool,
}

#[derive(Clone)]
struct Planned {
    write: ItemWrite,
    is_announced_first: bool,
    is_freeze: bool,
}

impl Writer {
    pub fn new(entry: DueEntry, sequence: u64, event: Event) -> Self {
        let position = Position { sequence: Sequence::from_u64(sequence), sub: 0 };
        let positioned = Positioned { position, event };
        Self {
            entry,
            positioned,
            is_splitting: false,
            planned: None,
            is_announced: false,
            is_done: false,
            is_after_seal: false,
        }
    }

    pub fn splitting(mut self) -> Self {
        self.is_splitting = true;
        self
    }

    pub fn step(&mut self, store: &Arc<MemoryStore>, step: WriterStep) {
        if self.is_done {
            return;
        }
        match step {
            WriterStep::Plan => {
                self.planned = self.plan(store);
                self.is_announced = false;
            }
            WriterStep::Announce => {
                self.is_announced = true;
                if self.planned.as_ref().is_some_and(|planned| planned.is_announced_first) {
                    run(due::touch(&**store, std::slice::from_ref(&self.entry))).unwrap();
                }
            }
            WriterStep::Write => self.write(store),
        }
    }

    /// As the door does it: again from the start after every lost swap.
    pub fn finish(&mut self, store: &Arc<MemoryStore>) {
        while !self.is_done {
            // A plan made earlier is carried out first, as a late invocation would.
            if self.planned.is_none() {
                self.step(store, WriterStep::Plan);
            }
            if !self.is_announced {
                self.step(store, WriterStep::Announce);
            }
            self.step(store, WriterStep::Write);
        }
    }

    fn plan(&mut self, store: &MemoryStore) -> Option<Planned> {
        let mut parts = stored_parts(store, &self.entry);
        if parts.last().is_none_or(|(_, state)| state.is_frozen) {
            let mut next = PaneState::new(self.entry.family.empty());
            next.lifecycle = parts.last().map(|(_, state)| state.lifecycle.clone()).unwrap_or_default();
            parts.push((None, next));
        }
        let number = parts.len() as u32 - 1;
        let (version, current) = parts.pop().unwrap();
        let is_freeze = self.is_splitting && version.is_some() && !current.lifecycle.is_sealed;
        let next = if is_freeze {
            PaneState { is_frozen: true, ..current.clone() }
        } else {
            let frozen: Vec<&PaneState<FamilyState>> = parts.iter().map(|(_, state)| state).collect();
            match step(&current, &frozen, &ShardId("shard-0".into()), &[&self.positioned]) {
                Verdict::Write(next, _) => *next,
                Verdict::Unchanged(_) => {
                    self.is_done = true;
                    return None;
                }
                Verdict::Sealed(_) => {
                    (self.is_done, self.is_after_seal) = (true, true);
                    return None;
                }
            }
        };
        let key = panes::key(&self.entry.pane_key(), number);
        let value = Some(next.encode().unwrap());
        Some(Planned {
            write: ItemWrite { key, expected: version, value, expires_at_ms: None },
            is_announced_first: version.is_none() || current.lifecycle.is_final,
            is_freeze,
        })
    }

    fn write(&mut self, store: &MemoryStore) {
        let Some(planned) = self.planned.take() else { return };
        if let PutOutcome::Written(_) = run(store.put(vec![planned.write])).remove(0).unwrap() {
            self.is_splitting &= !planned.is_freeze;
            self.is_done = !planned.is_freeze;
        }
    }
}

/// Version and state of every part of a pane.
pub fn stored_parts(store: &MemoryStore, entry: &DueEntry) -> Vec<(Option<u64>, PaneState<FamilyState>)> {
    let first = panes::key(&entry.pane_key(), 0);
    let to = format!("{}$", first.sk);
    let found = run(store.query(&first.pk, &first.sk, Some(&to), 100)).unwrap();
    found.into_iter().map(|(_, item)| (Some(item.version), PaneState::decode(&item.value).unwrap())).collect()
}

/// The due entry that the door would write for an event's pane.
pub fn due_entry(event: &Event, pane_ms: i64, lanes: u16) -> DueEntry {
    DueEntry {
        stage: due::Stage::Final,
        family: Family::of(event).unwrap(),
        entity: Family::pane_entity(event),
        source: event.source.clone(),
        pane_ms,
        start_ms: touchline_window::pane_start_ms(event.timestamp_ms, pane_ms),
        lane: event.lane(lanes).0,
    }
}

/// Key of an item that only this test reads.
pub fn is_pane(key: &ItemKey) -> bool {
    key.pk.starts_with("pane#")
}
