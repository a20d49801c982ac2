//! The compare-and-swap loop over the panes of one batch.
//! GRP-1: a pane's due entry is written before its first write and before any write to a final pane (DUE-1).
//! GRP-2: an unknown outcome drops the cached state and leaves the pane's events for redelivery.
//! GRP-3 (P11): a part that would outgrow its item is frozen and the pane goes on in the next part.

use std::sync::Arc;

use touchline_event::{Sequence, ShardId};
use touchline_metric::{Family, FamilyState};
use touchline_store::{
    DueEntry, Item, ItemWrite, LateLedger, PutOutcome, StoreError, directory, due, late, panes, put_if_absent,
};
use touchline_window::{Lifecycle, PaneKey, PaneState, Positioned, StepCounts, Verdict, step};

use crate::cache::CachedPart;
use crate::{AggregateContext, BatchOutcome};

/// Lost compare-and-swaps a pane may have in one invocation.
const MAX_LOST_SWAPS: u32 = 6;
/// Rounds in all, which only a pane of very many parts could need.
const MAX_ROUNDS: u32 = 64;

/// A pane that an invocation changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaneChange {
    pub family: &'static str,
    pub entity: String,
    pub start_ms: i64,
    pub is_final: bool,
    pub revision: u32,
}

/// One pane's share of the batch.
pub(crate) struct Group {
    key: PaneKey,
    family: Family,
    source: String,
    /// Ascending by position.
    pub events: Vec<Positioned>,
    /// What earlier rounds learned of the pane: the cache may forget it in between.
    parts: Option<Vec<CachedPart>>,
    lost_swaps: u32,
}

impl Group {
    pub(crate) fn new(key: PaneKey, family: Family, source: String) -> Self {
        Self { key, family, source, events: Vec::new(), parts: None, lost_swaps: 0 }
    }

    fn due_entry(&self) -> DueEntry {
        DueEntry {
            stage: due::Stage::Final,
            family: self.family,
            entity: self.key.entity.clone(),
            source: self.source.clone(),
            pane_ms: self.key.pane_ms,
            start_ms: self.key.start_ms,
            lane: self.key.lane.0,
        }
    }
}

/// What a round wants to write for one group.
struct Attempt {
    group: Group,
    parts: Vec<CachedPart>,
    next: PaneState<FamilyState>,
    counts: StepCounts,
    /// How many of the group's events `next` covers: all, but for a part that gets too large.
    covered: usize,
}

enum Plan {
    Done,
    Sealed(Group, usize),
    Write(Box<Attempt>),
}

pub(crate) struct Groups {
    pending: Vec<Group>,
    failed: Vec<Group>,
}

impl Groups {
    pub(crate) fn new(groups: Vec<Group>) -> Self {
        Self { pending: groups, failed: Vec::new() }
    }

    /// The first record that must be delivered again.
    pub(crate) fn lowest_unfinished(&self) -> Option<Sequence> {
        self.pending
            .iter()
            .chain(&self.failed)
            .flat_map(|group| &group.events)
            .map(|event| event.position.sequence)
            .min()
    }

    pub(crate) async fn run(
        &mut self,
        context: &AggregateContext,
        shard: &ShardId,
        outcome: &mut BatchOutcome,
        has_time: &(impl Fn() -> bool + Sync),
    ) {
        for _ in 0..MAX_ROUNDS {
            let mut again = Vec::new();
            while !self.pending.is_empty() {
                if !has_time() {
                    self.pending.append(&mut again);
                    return;
                }
                let rest = self.pending.split_off(self.pending.len().min(context.puts_in_flight.max(1)));
                let chunk = std::mem::replace(&mut self.pending, rest);
                self.run_chunk(context, shard, chunk, &mut again, outcome).await;
            }
            if again.is_empty() {
                return;
            }
            self.pending = again;
        }
    }

    async fn run_chunk(
        &mut self,
        context: &AggregateContext,
        shard: &ShardId,
        chunk: Vec<Group>,
        again: &mut Vec<Group>,
        outcome: &mut BatchOutcome,
    ) {
        let mut attempts = Vec::with_capacity(chunk.len());
        for group in chunk {
            match plan(context, shard, group, outcome) {
                Plan::Done => {}
                Plan::Sealed(group, count) => match note_after_seal(context, shard, &group).await {
                    Ok(()) => outcome.late += count as u64,
                    Err(_) => self.failed.push(group),
                },
                Plan::Write(attempt) => attempts.push(*attempt),
            }
        }
        if attempts.is_empty() {
            return;
        }
        if announce(context, &attempts).await.is_err() {
            self.failed.extend(attempts.into_iter().map(|attempt| attempt.group));
            return;
        }
        let mut writes = Vec::with_capacity(attempts.len());
        let mut ready = Vec::with_capacity(attempts.len());
        for attempt in attempts {
            match write_of(&attempt) {
                Ok(write) => {
                    writes.push(write);
                    ready.push(attempt);
                }
                Err(_) => self.failed.push(attempt.group),
            }
        }
        let results = context.store.put(writes).await;
        for (attempt, result) in ready.into_iter().zip(results) {
            self.settle(context, attempt, result, again, outcome);
        }
    }

    fn settle(
        &mut self,
        context: &AggregateContext,
        attempt: Attempt,
        result: Result<PutOutcome, StoreError>,
        again: &mut Vec<Group>,
        outcome: &mut BatchOutcome,
    ) {
        let Attempt { mut group, mut parts, next, counts, covered } = attempt;
        match result {
            Ok(PutOutcome::Written(version)) => {
                outcome.applied += counts.applied;
                outcome.duplicate += counts.duplicate;
                outcome.redelivered += counts.redelivered;
                outcome.changes.push(PaneChange {
                    family: group.key.family,
                    entity: group.key.entity.clone(),
                    start_ms: group.key.start_ms,
                    is_final: next.lifecycle.is_final,
                    revision: next.lifecycle.revision,
                });
                parts.pop();
                parts.push(CachedPart { version: Some(version), state: Arc::new(next) });
                context.cache.set(&group.key, parts.clone());
                group.parts = Some(parts);
                group.events.drain(..covered);
                if !group.events.is_empty() {
                    again.push(group);
                }
            }
            Ok(PutOutcome::Conflict(current)) => match learn(context, &mut group, parts, current) {
                Ok(()) if group.lost_swaps < MAX_LOST_SWAPS => again.push(group),
                Ok(()) => self.failed.push(group),
                Err(error) => {
                    tracing::error!(entity = group.key.entity, %error, "pane item cannot be read");
                    self.failed.push(group);
                }
            },
            Err(error) => {
                tracing::warn!(entity = group.key.entity, %error, "pane not written");
                context.cache.forget(&group.key);
                self.failed.push(group);
            }
        }
    }
}

/// Parts as this sandbox believes them to be; without memory, a first part that is assumed absent.
fn parts_of(context: &AggregateContext, group: &mut Group) -> Vec<CachedPart> {
    let fresh = || CachedPart { version: None, state: Arc::new(PaneState::new(group.family.empty())) };
    let mut parts = group.parts.take().or_else(|| context.cache.get(&group.key)).unwrap_or_default();
    match parts.last() {
        None => parts.push(fresh()),
        Some(last) if last.state.is_frozen => {
            let mut next = PaneState::new(group.family.empty());
            // A full part is sealed after the part that follows it: where it is sealed, that one is there, and it alone
            // can say what it has counted. So the next part is never taken for sealed unseen.
            next.lifecycle = Lifecycle { is_sealed: false, ..last.state.lifecycle.clone() };
            parts.push(CachedPart { version: None, state: Arc::new(next) });
        }
        Some(_) => {}
    }
    parts
}

fn plan(context: &AggregateContext, shard: &ShardId, mut group: Group, outcome: &mut BatchOutcome) -> Plan {
    let parts = parts_of(context, &mut group);
    let Some((current, frozen)) = parts.split_last() else { return Plan::Done };
    let frozen: Vec<&PaneState<FamilyState>> = frozen.iter().map(|part| &*part.state).collect();
    let mut covered = group.events.len();
    loop {
        let events: Vec<&Positioned> = group.events[..covered].iter().collect();
        match step(&current.state, &frozen, shard, &events) {
            Verdict::Unchanged(counts) => {
                outcome.redelivered += counts.redelivered;
                // A beginning that was cut to fit may hold nothing new while the rest does.
                group.events.drain(..covered);
                covered = group.events.len();
                if covered == 0 {
                    return Plan::Done;
                }
            }
            Verdict::Sealed(positions) => {
                group.events.retain(|event| positions.contains(&event.position));
                return Plan::Sealed(group, positions.len());
            }
            Verdict::Write(next, counts) => {
                let byte_count = next.encode().map_or(usize::MAX, |bytes| bytes.len());
                let is_smallest = covered == 1 && current.version.is_none();
                if byte_count <= context.max_item_bytes || is_smallest {
                    return Plan::Write(Box::new(Attempt { group, parts, next: *next, counts, covered }));
                }
                if current.version.is_some() {
                    // Close the full part as it is; the events go to the next part in the next round.
                    let mut full = (*current.state).clone();
                    full.is_frozen = true;
                    return Plan::Write(Box::new(Attempt {
                        group,
                        parts,
                        next: full,
                        counts: StepCounts::default(),
                        covered: 0,
                    }));
                }
                covered = covered.div_ceil(2);
            }
        }
    }
}

/// Directory and due entries that must exist before the panes change.
async fn announce(context: &AggregateContext, attempts: &[Attempt]) -> Result<(), StoreError> {
    let needs = |attempt: &&Attempt| {
        attempt.parts.last().is_some_and(|part| part.version.is_none() || part.state.lifecycle.is_final)
    };
    let due_entries: Vec<DueEntry> = attempts.iter().filter(needs).map(|attempt| attempt.group.due_entry()).collect();
    if due_entries.is_empty() {
        return Ok(());
    }
    let listed = attempts
        .iter()
        .filter(needs)
        .map(|attempt| directory::entry(attempt.group.family, &attempt.group.key.entity))
        .collect();
    put_if_absent(&*context.store, listed).await?;
    due::touch(&*context.store, &due_entries).await
}

fn write_of(attempt: &Attempt) -> Result<ItemWrite, touchline_window::PaneDecodeError> {
    let part = attempt.parts.len() as u32 - 1;
    Ok(ItemWrite {
        key: panes::key(&attempt.group.key, part),
        expected: attempt.parts.last().and_then(|part| part.version),
        value: Some(attempt.next.encode()?),
        expires_at_ms: None,
    })
}

/// Remembers the item that won, so that the next round starts from it. Meeting a full part is no lost race: the way to
/// the last part leads over all of them.
fn learn(
    context: &AggregateContext,
    group: &mut Group,
    mut parts: Vec<CachedPart>,
    current: Option<Item>,
) -> Result<(), touchline_window::PaneDecodeError> {
    parts.pop();
    match current {
        Some(item) => {
            let state = Arc::new(PaneState::decode(&item.value)?);
            group.lost_swaps += u32::from(!state.is_frozen);
            parts.push(CachedPart { version: Some(item.version), state });
            context.cache.set(&group.key, parts.clone());
            group.parts = Some(parts);
        }
        // It was there once and is gone: expired or repaired by hand. Start from what the store says now.
        None => {
            group.lost_swaps += 1;
            context.cache.forget(&group.key);
        }
    }
    Ok(())
}

async fn note_after_seal(context: &AggregateContext, shard: &ShardId, group: &Group) -> Result<(), StoreError> {
    let mut items = Vec::with_capacity(group.events.len());
    for Positioned { position, event } in &group.events {
        let reason = format!("the pane starting at {} is sealed", touchline_event::format_utc_ms(group.key.start_ms));
        let text = serde_json::to_string(event).unwrap_or_default();
        items.push(late::entry(shard, *position, LateLedger::AfterSeal, reason, event, text)?);
    }
    put_if_absent(&*context.store, items).await
}
