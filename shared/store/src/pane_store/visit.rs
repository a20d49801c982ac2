//! What one call does with the lanes it writes into: reads them, decides part by part, swaps, and goes on with what was lost.
//! LPS-3. Own items are read after their lane (LPS-2).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use futures::{StreamExt as _, stream};

use super::lanes::{LanePanes, Seen, item_of};
use super::{LaneEntry, LaneItem};
use crate::{Item, ItemKey, ItemWrite, PutOutcome, StoreError};

const READS_IN_FLIGHT: usize = 32;

/// A lane in the course of a call.
pub(super) struct Visit {
    pub key: ItemKey,
    pub seen: Seen,
    /// Read in this call, not remembered.
    pub is_fresh: bool,
    /// Writes without an outcome, by their place in the call.
    pub open: Vec<usize>,
}

/// What a round does with a lane.
enum Plan {
    /// Every write has its outcome.
    Done,
    /// What was remembered may be old, and a refusal has to be true.
    LookAgain(Visit),
    Swap(Attempt),
}

/// What a round wants to write into a lane.
struct Attempt {
    visit: Visit,
    next: LaneItem,
    covered: Vec<usize>,
}

/// An attempt whose bytes fit, or the visit that goes on with more room.
enum Fitted {
    Swap(Attempt, Vec<u8>),
    Again(Visit),
}

pub(super) type Outcomes = Vec<Option<Result<PutOutcome, StoreError>>>;
/// Own items of parts that are not open, as they were read after their lane.
type OwnItems = HashMap<ItemKey, Option<Item>>;

impl LanePanes {
    /// The visits with their lanes read, all at once; a lane that cannot be read fails its writes.
    pub(super) async fn look_at_all(
        &self,
        lanes: BTreeMap<ItemKey, Vec<usize>>,
        outcomes: &mut Outcomes,
    ) -> Vec<Visit> {
        let keys: Vec<ItemKey> = lanes.keys().cloned().collect();
        let looks: Vec<_> = keys.iter().map(|key| self.look(key)).collect();
        let looks: Vec<_> = stream::iter(looks).buffered(READS_IN_FLIGHT).collect().await;
        let mut visits = Vec::with_capacity(keys.len());
        for ((key, open), look) in lanes.into_iter().zip(looks) {
            match look {
                Ok(seen) => visits.push(Visit { key, seen, is_fresh: true, open }),
                Err(error) => fail(outcomes, &open, &error),
            }
        }
        visits
    }

    /// Own items of everything that is to be written and is not open.
    async fn own_items(&self, visits: &[Visit], writes: &[ItemWrite], outcomes: &mut Outcomes) -> OwnItems {
        let mut missing = Vec::new();
        for visit in visits {
            let is_missing = |place: &&usize| !visit.seen.item.entries.contains_key(&writes[**place].key);
            missing.extend(visit.open.iter().filter(is_missing).map(|place| (&visit.key, *place)));
        }
        let reads: Vec<_> = missing.iter().map(|(lane, place)| self.own_part(lane, &writes[*place].key)).collect();
        let reads: Vec<_> = stream::iter(reads).buffered(READS_IN_FLIGHT).collect().await;
        let mut found = OwnItems::new();
        for ((_, place), read) in missing.into_iter().zip(reads) {
            match read {
                Ok(item) => drop(found.insert(writes[place].key.clone(), item)),
                Err(error) => fail(outcomes, &[place], &error),
            }
        }
        found
    }

    /// One compare-and-swap for each visited lane. Gives the lanes that must go on, read or to be read again.
    pub(super) async fn round(
        &self,
        mut visits: Vec<Visit>,
        writes: &[ItemWrite],
        outcomes: &mut Outcomes,
    ) -> (Vec<Visit>, BTreeMap<ItemKey, Vec<usize>>) {
        let own_items = self.own_items(&visits, writes, outcomes).await;
        let (mut again, mut unread) = (Vec::new(), BTreeMap::new());
        let (mut attempts, mut swaps) = (Vec::new(), Vec::new());
        for mut visit in visits.drain(..) {
            visit.open.retain(|place| outcomes[*place].is_none());
            let attempt = match plan(visit, writes, &own_items, outcomes) {
                Plan::Done => continue,
                Plan::LookAgain(visit) => {
                    unread.insert(visit.key, visit.open);
                    continue;
                }
                Plan::Swap(attempt) => attempt,
            };
            let open = attempt.visit.open.clone();
            match self.fitted(attempt, writes).await {
                Ok(Fitted::Swap(attempt, value)) => {
                    let (key, expected) = (attempt.visit.key.clone(), attempt.visit.seen.version);
                    swaps.push(ItemWrite { key, expected, value: Some(value), expires_at_ms: None });
                    attempts.push(attempt);
                }
                Ok(Fitted::Again(visit)) => again.push(visit),
                Err(error) => fail(outcomes, &open, &error),
            }
        }
        let swapped = if swaps.is_empty() { Vec::new() } else { self.items.put(swaps).await };
        for (attempt, outcome) in attempts.into_iter().zip(swapped) {
            again.extend(self.settle(attempt, outcome, writes, outcomes).await);
        }
        (again, unread)
    }

    /// Takes note of a swap; gives the visit if it must go on.
    async fn settle(
        &self,
        Attempt { mut visit, next, covered }: Attempt,
        outcome: Result<PutOutcome, StoreError>,
        writes: &[ItemWrite],
        outcomes: &mut Outcomes,
    ) -> Option<Visit> {
        let version = visit.seen.version.unwrap_or(0) + 1;
        let (seen, is_written) = match outcome.and_then(|outcome| self.learn(&visit.key, next, outcome)) {
            Ok(learned) => learned,
            Err(error) => {
                self.forget(&visit.key);
                fail(outcomes, &visit.open, &error);
                return None;
            }
        };
        visit.seen = seen;
        if is_written {
            visit.open.retain(|place| !covered.contains(place));
            for place in covered {
                let version = writes[place].value.as_ref().map_or(0, |_| version);
                outcomes[place] = Some(Ok(PutOutcome::Written(version)));
            }
            visit.seen = self.tidy(&visit.key, visit.seen).await;
        }
        (!visit.open.is_empty()).then_some(Visit { is_fresh: true, ..visit })
    }

    /// The bytes of an attempt; where they are too many, less of them, or room for them first.
    async fn fitted(&self, mut attempt: Attempt, writes: &[ItemWrite]) -> Result<Fitted, StoreError> {
        loop {
            let value = attempt.next.encode(&attempt.visit.key)?;
            let was_empty = attempt.visit.seen.item.entries.is_empty();
            if value.len() <= self.limits.item_bytes || (was_empty && attempt.covered.len() == 1) {
                return Ok(Fitted::Swap(attempt, value));
            }
            if !was_empty {
                let leaving = attempt.visit.seen.item.entries.keys().cloned().collect();
                let seen = self.leave(&attempt.visit.key, attempt.visit.seen, leaving).await?;
                return Ok(Fitted::Again(Visit { seen, is_fresh: true, ..attempt.visit }));
            }
            // New parts only: half of them now, the rest in the next round.
            let half = attempt.covered.len().div_ceil(2);
            for place in attempt.covered.split_off(half) {
                attempt.next.entries.remove(&writes[place].key);
            }
        }
    }
}

/// Decides what of a visit goes into the lane's item now; what can be refused is refused.
fn plan(mut visit: Visit, writes: &[ItemWrite], own_items: &OwnItems, outcomes: &mut Outcomes) -> Plan {
    let mut next = (*visit.seen.item).clone();
    let version = visit.seen.version.unwrap_or(0) + 1;
    let (mut covered, mut refused): (Vec<usize>, Vec<(usize, Option<Item>)>) = (Vec::new(), Vec::new());
    let mut keys: HashSet<&ItemKey> = HashSet::new();
    for &place in &visit.open {
        let write = &writes[place];
        if keys.contains(&write.key) {
            // Its turn comes when the one before it is decided.
            continue;
        }
        let current = match visit.seen.item.entries.get(&write.key) {
            Some(entry) => Some(item_of(entry)),
            None => own_items.get(&write.key).cloned().flatten(),
        };
        if current.as_ref().map(|item| item.version) != write.expected {
            refused.push((place, current));
            continue;
        }
        covered.push(place);
        keys.insert(&write.key);
        match write.value.clone().map(Arc::new) {
            Some(value) => {
                let entry = LaneEntry { version, expires_at_ms: write.expires_at_ms, value };
                next.entries.insert(write.key.clone(), entry)
            }
            None => next.entries.remove(&write.key),
        };
    }
    if !refused.is_empty() && !visit.is_fresh {
        return Plan::LookAgain(visit);
    }
    for (place, current) in refused {
        outcomes[place] = Some(Ok(PutOutcome::Conflict(current)));
    }
    visit.open.retain(|place| outcomes[*place].is_none());
    if covered.is_empty() { Plan::Done } else { Plan::Swap(Attempt { visit, next, covered }) }
}

fn fail(outcomes: &mut Outcomes, places: &[usize], error: &StoreError) {
    for place in places {
        outcomes[*place].get_or_insert_with(|| Err(error.clone()));
    }
}
