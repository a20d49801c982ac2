//! Layout B: the open panes of a lane in one item, everything else in items of their own.
//! LPS-1: a part is *open* (in its lane's item) or has *left* (an item of its own, as in layout A). It begins open, leaves
//! once and never comes back: so whoever holds the version of an own item may go there directly.
//! LPS-2: a part leaves by a copy first and by being taken out of the lane's item second, the latter by compare-and-swap on
//! what was copied. While it is open the copy counts for nothing; an older copy is replaced only by one made from a lane's
//! item that was read after it. Readers look into the lane's item first.
//! LPS-3: what one call writes into a lane is one compare-and-swap, visible at once or not at all.
//! Parts leave when they are published, sealed or full, because corrections are rare; and when they are large, because every
//! write of the lane would carry them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use touchline_metric::FamilyState;
use touchline_window::PaneState;

use super::address::{is_pane, lane_of, lanes_of_partition};
use super::{LaneEntry, LaneItem};
use crate::{Item, ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError};

/// Versions of own items, as callers see them, have this bit: higher than any version of an open part, and never one of them.
const OWN: u64 = 1 << 63;
/// Compare-and-swaps of one lane in one call before it is given up.
const MAX_ROUNDS: usize = 12;
/// Tries to let parts leave; what stays is tried again after the next write.
const MAX_LEAVING_ROUNDS: usize = 4;
const READS_IN_FLIGHT: usize = 32;

/// When a lane's item is too full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneLimits {
    /// The largest item of a lane.
    pub item_bytes: usize,
    /// A part that is larger leaves: every write of its lane would carry it.
    pub open_part_bytes: usize,
}

impl LaneLimits {
    /// A store's whole item, and a part that costs as much as a dozen.
    pub const DEFAULT: LaneLimits =
        LaneLimits { item_bytes: crate::MAX_ITEM_BYTES, open_part_bytes: crate::MAX_ITEM_BYTES / 16 };
}

/// Panes over a store of items.
pub struct LanePanes {
    items: Arc<dyn ItemStore>,
    lanes: u16,
    limits: LaneLimits,
    /// Lanes as this sandbox saw them last. A stale one costs a lost swap or a read; it is never believed over the store.
    seen: Mutex<HashMap<ItemKey, Seen>>,
    /// Calls of this sandbox take turns at a lane: only other sandboxes make them lose a swap.
    turns: Mutex<HashMap<ItemKey, Turn>>,
}

type Turn = Arc<tokio::sync::Mutex<()>>;

/// A lane's item and its version in the store; `None`: there is none.
#[derive(Clone, Default)]
struct Seen {
    version: Option<u64>,
    item: Arc<LaneItem>,
}

/// A lane in the course of a call.
struct Visit {
    key: ItemKey,
    seen: Seen,
    /// Read in this call, not remembered.
    is_fresh: bool,
    /// Writes without an outcome, by their place in the call.
    open: Vec<usize>,
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

type Outcomes = Vec<Option<Result<PutOutcome, StoreError>>>;
/// Own items of parts that are not open, as they were read after their lane.
type OwnItems = HashMap<ItemKey, Option<Item>>;

/// Whether a part with this version has left its lane's item.
pub fn is_own_version(version: u64) -> bool {
    version & OWN != 0
}

impl LanePanes {
    /// Panes over `items`. `lanes`: lanes of the stream.
    pub fn new(items: Arc<dyn ItemStore>, lanes: u16, limits: LaneLimits) -> Self {
        Self { items, lanes, limits, seen: Mutex::default(), turns: Mutex::default() }
    }

    fn recall(&self, key: &ItemKey) -> Option<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn remember(&self, key: &ItemKey, seen: &Seen) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), seen.clone());
    }

    fn forget(&self, key: &ItemKey) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    fn turn(&self, key: &ItemKey) -> Turn {
        Arc::clone(self.turns.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default())
    }

    async fn look(&self, key: &ItemKey) -> Result<Seen, StoreError> {
        let seen = seen_of(key, self.items.get(key).await?)?;
        self.remember(key, &seen);
        Ok(seen)
    }

    /// One part, wherever it is.
    async fn part(&self, lane: &ItemKey, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        match self.look(lane).await?.item.entries.get(key) {
            Some(entry) => Ok(Some(item_of(entry))),
            None => Ok(self.items.get(key).await?.map(own)),
        }
    }

    /// The visits with their lanes read, all at once; a lane that cannot be read fails its writes.
    async fn look_at_all(&self, lanes: BTreeMap<ItemKey, Vec<usize>>, outcomes: &mut Outcomes) -> Vec<Visit> {
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
        let missing = |visit: &Visit| -> Vec<usize> {
            let is_missing = |place: &usize| !visit.seen.item.entries.contains_key(&writes[*place].key);
            visit.open.iter().copied().filter(is_missing).collect()
        };
        let places: Vec<usize> = visits.iter().flat_map(missing).collect();
        let reads: Vec<_> = places.iter().map(|place| self.items.get(&writes[*place].key)).collect();
        let reads: Vec<_> = stream::iter(reads).buffered(READS_IN_FLIGHT).collect().await;
        let mut found = OwnItems::new();
        for (place, read) in places.into_iter().zip(reads) {
            match read {
                Ok(item) => drop(found.insert(writes[place].key.clone(), item.map(own))),
                Err(error) => fail(outcomes, &[place], &error),
            }
        }
        found
    }

    /// One compare-and-swap for each visited lane. Gives the lanes that must go on, read or to be read again.
    async fn round(
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

    /// The lane as it is after a swap, and whether the swap was ours.
    fn learn(&self, key: &ItemKey, next: LaneItem, outcome: PutOutcome) -> Result<(Seen, bool), StoreError> {
        let (seen, is_written) = match outcome {
            PutOutcome::Written(version) => (Seen { version: Some(version), item: Arc::new(next) }, true),
            PutOutcome::Conflict(current) => (seen_of(key, current)?, false),
        };
        self.remember(key, &seen);
        Ok((seen, is_written))
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

    /// After a write: lets go of what need not be in the lane's item. The write stands whatever becomes of this, and what
    /// stays is tried again after the next one.
    async fn tidy(&self, key: &ItemKey, seen: Seen) -> Seen {
        let is_large = |entry: &LaneEntry| entry.value.len() > self.limits.open_part_bytes;
        let is_leaving = |entry: &LaneEntry| is_large(entry) || is_at_rest(&entry.value);
        let leaving = seen.item.entries.iter().filter(|(_, entry)| is_leaving(entry)).map(|(part, _)| part.clone());
        let leaving: Vec<ItemKey> = leaving.collect();
        self.leave(key, seen.clone(), leaving).await.unwrap_or(seen)
    }

    /// Gives parts items of their own (LPS-2); gives the lane as it is then. Parts that cannot leave now stay.
    async fn leave(&self, lane: &ItemKey, mut seen: Seen, mut leaving: Vec<ItemKey>) -> Result<Seen, StoreError> {
        let mut copies: HashMap<ItemKey, u64> = HashMap::new();
        for _ in 0..MAX_LEAVING_ROUNDS {
            leaving.retain(|part| seen.item.entries.contains_key(part));
            if leaving.is_empty() {
                break;
            }
            let copy = |part: &ItemKey| {
                let entry = &seen.item.entries[part];
                ItemWrite {
                    key: part.clone(),
                    expected: copies.get(part).copied(),
                    value: Some(entry.value.to_vec()),
                    expires_at_ms: entry.expires_at_ms,
                }
            };
            let copied = self.items.put(leaving.iter().map(copy).collect()).await;
            let mut next = (*seen.item).clone();
            for (part, outcome) in leaving.iter().zip(copied) {
                match outcome {
                    Ok(PutOutcome::Written(version)) => {
                        copies.insert(part.clone(), version);
                        next.entries.remove(part);
                    }
                    // A copy that came to nothing, or the part has left by now: the lane's next state says which.
                    Ok(PutOutcome::Conflict(Some(item))) => drop(copies.insert(part.clone(), item.version)),
                    Ok(PutOutcome::Conflict(None)) => drop(copies.remove(part)),
                    Err(_) => {}
                }
            }
            if next.entries.len() == seen.item.entries.len() {
                seen = self.look(lane).await?;
                continue;
            }
            let value = Some(next.encode(lane)?);
            let swap = ItemWrite { key: lane.clone(), expected: seen.version, value, expires_at_ms: None };
            let outcome = self.items.put(vec![swap]).await.pop().unwrap_or_else(|| Err(unanswered(lane)));
            match outcome.and_then(|outcome| self.learn(lane, next, outcome)) {
                Ok((now, _)) => seen = now,
                Err(error) => {
                    self.forget(lane);
                    return Err(error);
                }
            }
        }
        Ok(seen)
    }
}

/// Decides what of a visit goes into the lane's item now; what can be refused is refused.
fn plan(mut visit: Visit, writes: &[ItemWrite], own_items: &OwnItems, outcomes: &mut Outcomes) -> Plan {
    let mut next = (*visit.seen.item).clone();
    let version = visit.seen.version.unwrap_or(0) + 1;
    let (mut covered, mut refused): (Vec<usize>, Vec<(usize, Option<Item>)>) = (Vec::new(), Vec::new());
    for &place in &visit.open {
        let write = &writes[place];
        if covered.iter().any(|other: &usize| writes[*other].key == write.key) {
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

fn seen_of(key: &ItemKey, item: Option<Item>) -> Result<Seen, StoreError> {
    Ok(match item {
        None => Seen::default(),
        Some(item) => Seen { version: Some(item.version), item: Arc::new(LaneItem::decode(key, &item.value)?) },
    })
}

fn item_of(entry: &LaneEntry) -> Item {
    Item { version: entry.version, value: entry.value.to_vec() }
}

/// An own item as callers see it.
fn own(item: Item) -> Item {
    Item { version: item.version | OWN, ..item }
}

/// Published, sealed or full: hardly ever written again.
fn is_at_rest(value: &[u8]) -> bool {
    PaneState::<FamilyState>::life_of(value)
        .is_ok_and(|(life, is_frozen)| is_frozen || life.is_sealed || (life.is_final && !life.is_dirty))
}

fn unanswered(key: &ItemKey) -> StoreError {
    StoreError::Unknown { key: key.pk.clone(), message: "no outcome".to_owned() }
}

#[async_trait]
impl ItemStore for LanePanes {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        match lane_of(key) {
            Some(lane) => self.part(&lane, key).await,
            None => self.items.get(key).await,
        }
    }

    async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>> {
        let mut outcomes: Outcomes = vec![None; writes.len()];
        let mut lanes: BTreeMap<ItemKey, Vec<usize>> = BTreeMap::new();
        let (mut direct, mut places) = (Vec::new(), Vec::new());
        for (place, write) in writes.iter().enumerate() {
            let is_own = write.expected.is_some_and(is_own_version);
            match lane_of(&write.key).filter(|_| !is_own) {
                Some(lane) => lanes.entry(lane).or_default().push(place),
                None => {
                    let expected = write.expected.map(|version| version & !OWN);
                    direct.push(ItemWrite { expected, ..write.clone() });
                    places.push(place);
                }
            }
        }
        if !direct.is_empty() {
            for (place, outcome) in places.into_iter().zip(self.items.put(direct).await) {
                let has_left = is_pane(&writes[place].key.pk);
                outcomes[place] = Some(outcome.map(|outcome| if has_left { own_outcome(outcome) } else { outcome }));
            }
        }
        let mut turns = Vec::with_capacity(lanes.len());
        // In the order of their keys, so that no two calls wait for each other.
        for lane in lanes.keys() {
            turns.push(self.turn(lane).lock_owned().await);
        }
        let (mut visits, mut unread) = (Vec::new(), BTreeMap::new());
        for (key, open) in lanes {
            match self.recall(&key) {
                Some(seen) => visits.push(Visit { key, seen, is_fresh: false, open }),
                None => drop(unread.insert(key, open)),
            }
        }
        for _ in 0..MAX_ROUNDS {
            visits.extend(self.look_at_all(std::mem::take(&mut unread), &mut outcomes).await);
            if visits.is_empty() {
                break;
            }
            (visits, unread) = self.round(visits, &writes, &mut outcomes).await;
        }
        drop(turns);
        let given_up = |(outcome, write): (Option<_>, ItemWrite)| {
            outcome.unwrap_or_else(|| Err(StoreError::Throttled { key: write.key.sk }))
        };
        outcomes.into_iter().zip(writes).map(given_up).collect()
    }

    async fn query(
        &self,
        pk: &str,
        from: &str,
        to: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Item)>, StoreError> {
        if !is_pane(pk) {
            return self.items.query(pk, from, to, limit).await;
        }
        let mut found: BTreeMap<String, Item> = BTreeMap::new();
        for lane in lanes_of_partition(pk, self.lanes) {
            let seen = self.look(&lane).await?;
            let is_asked =
                |key: &ItemKey| key.pk == pk && key.sk.as_str() >= from && to.is_none_or(|to| key.sk.as_str() < to);
            let open = seen.item.entries.iter().filter(|(key, _)| is_asked(key));
            found.extend(open.map(|(key, entry)| (key.sk.clone(), item_of(entry))));
        }
        for (sk, item) in self.items.query(pk, from, to, limit).await? {
            found.entry(sk).or_insert_with(|| own(item));
        }
        Ok(found.into_iter().take(limit).collect())
    }
}

fn own_outcome(outcome: PutOutcome) -> PutOutcome {
    match outcome {
        PutOutcome::Written(0) => PutOutcome::Written(0),
        PutOutcome::Written(version) => PutOutcome::Written(version | OWN),
        PutOutcome::Conflict(current) => PutOutcome::Conflict(current.map(own)),
    }
}
