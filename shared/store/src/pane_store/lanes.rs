//! Layout B: the open panes of a lane in one item, everything else in items of their own.
//! LPS-1: a part is *open* (in its lane's item) or has *left* (an item of its own, as in layout A). It begins open, leaves
//! once and never comes back: so whoever holds the version of an own item may go there directly.
//! LPS-2: a part leaves by a copy first and by being taken out of the lane's item second, the latter by compare-and-swap on
//! what was copied. While it is open the copy counts for nothing; an older copy is replaced only by one made from a lane's
//! item that was read after it. Readers look into the lane's item first, and again when they found an own item: the part may have
//! begun in between, and what they found is the copy of an open part.
//! LPS-3: what one call writes into a lane is one compare-and-swap, visible at once or not at all.
//! Parts leave when they are published, sealed or full, because corrections are rare; and when they are large, because every
//! write of the lane would carry them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::address::{is_pane, lane_of, lanes_of_partition};
use super::visit::{Outcomes, Visit};
use super::{LaneEntry, LaneItem};
use crate::{Item, ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError};

/// Versions of own items, as callers see them, have this bit: higher than any version of an open part, and never one of them.
const OWN: u64 = 1 << 63;
/// Compare-and-swaps of one lane in one call before it is given up.
const MAX_ROUNDS: usize = 12;

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
    pub(super) items: Arc<dyn ItemStore>,
    lanes: u16,
    pub(super) limits: LaneLimits,
    /// Lanes as this sandbox saw them last. A stale one costs a lost swap or a read; it is never believed over the store.
    seen: Mutex<HashMap<ItemKey, Seen>>,
    /// Calls of this sandbox take turns at a lane: only other sandboxes make them lose a swap.
    turns: Mutex<HashMap<ItemKey, Turn>>,
}

type Turn = Arc<tokio::sync::Mutex<()>>;

/// A lane's item and its version in the store; `None`: there is none.
#[derive(Clone, Default)]
pub(super) struct Seen {
    pub version: Option<u64>,
    pub item: Arc<LaneItem>,
}

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

    pub(super) fn forget(&self, key: &ItemKey) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    fn turn(&self, key: &ItemKey) -> Turn {
        Arc::clone(self.turns.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default())
    }

    pub(super) async fn look(&self, key: &ItemKey) -> Result<Seen, StoreError> {
        let seen = seen_of(key, self.items.get(key).await?)?;
        self.remember(key, &seen);
        Ok(seen)
    }

    /// One part, wherever it is.
    async fn part(&self, lane: &ItemKey, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        match self.look(lane).await?.item.entries.get(key) {
            Some(entry) => Ok(Some(item_of(entry))),
            None => self.own_part(lane, key).await,
        }
    }

    /// A part that was not in its lane's item when that was read last.
    pub(super) async fn own_part(&self, lane: &ItemKey, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        let Some(item) = self.items.get(key).await? else { return Ok(None) };
        let entry = self.look(lane).await?.item.entries.get(key).map(item_of);
        Ok(Some(entry.unwrap_or_else(|| own(item))))
    }

    /// Parts of a partition that are open, by sort key.
    async fn open_parts(&self, pk: &str, from: &str, to: Option<&str>) -> Result<BTreeMap<String, Item>, StoreError> {
        let is_asked =
            |key: &ItemKey| key.pk == pk && key.sk.as_str() >= from && to.is_none_or(|to| key.sk.as_str() < to);
        let mut found = BTreeMap::new();
        for lane in lanes_of_partition(pk, self.lanes) {
            let seen = self.look(&lane).await?;
            let open = seen.item.entries.iter().filter(|(key, _)| is_asked(key));
            found.extend(open.map(|(key, entry)| (key.sk.clone(), item_of(entry))));
        }
        Ok(found)
    }

    /// The lane as it is after a swap, and whether the swap was ours.
    pub(super) fn learn(&self, key: &ItemKey, next: LaneItem, outcome: PutOutcome) -> Result<(Seen, bool), StoreError> {
        let (seen, is_written) = match outcome {
            PutOutcome::Written(version) => (Seen { version: Some(version), item: Arc::new(next) }, true),
            PutOutcome::Conflict(current) => (seen_of(key, current)?, false),
        };
        self.remember(key, &seen);
        Ok((seen, is_written))
    }
}

fn seen_of(key: &ItemKey, item: Option<Item>) -> Result<Seen, StoreError> {
    Ok(match item {
        None => Seen::default(),
        Some(item) => Seen { version: Some(item.version), item: Arc::new(LaneItem::decode(key, &item.value)?) },
    })
}

pub(super) fn item_of(entry: &LaneEntry) -> Item {
    Item { version: entry.version, value: entry.value.to_vec() }
}

/// An own item as callers see it.
pub(super) fn own(item: Item) -> Item {
    Item { version: item.version | OWN, ..item }
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
        let given_up = |write: ItemWrite| Err(StoreError::Throttled { key: write.key.sk });
        let outcomes = outcomes.into_iter().zip(writes);
        outcomes.map(|(outcome, write)| outcome.unwrap_or(given_up(write))).collect()
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
        let mut found = self.open_parts(pk, from, to).await?;
        let own_items = self.items.query(pk, from, to, limit).await?;
        if own_items.iter().any(|(sk, _)| !found.contains_key(sk)) {
            // Parts that left in the meantime stay as they were read: their versions are old, and whoever writes learns it.
            found.extend(self.open_parts(pk, from, to).await?);
        }
        for (sk, item) in own_items {
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
