//! The store under a schedule: slow, faulty, contended, and at the bottom audited.
//! LAYER-1: from the sandbox down: `Slow` yields around every call, `FaultyStore` loses and throttles, `Contended`
//! writes in between, `Audited` is the memory store with the books beside it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use touchline_delivery::{Random, yield_now};
use touchline_store::{
    Fault, FaultyStore, Item, ItemKey, ItemStore, ItemWrite, LaneItem, MemoryStore, PutOutcome, StoreError,
};

use crate::Options;
use crate::books::{Books, Taken};

/// Books that several layers write.
pub type SharedBooks = Arc<Mutex<Books>>;

/// Items beside the panes whose writes are a part of the story.
const TOLD: [&str; 4] = ["due#", "outbox#", "archive#", "late#"];
/// Failed conditions of one storm at most: more than one invocation stands.
const MAX_STORM: usize = 9;

pub fn open(books: &SharedBooks) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything below the sandboxes' own layer. `has_faults` switches the faults off in the end.
pub fn layers(
    audited: Arc<Audited>,
    random: &mut Random,
    options: &Options,
    has_faults: &Arc<AtomicBool>,
) -> Arc<dyn ItemStore> {
    let storm_percent = if options.allowed.has(14) { *random.pick(&[0, 2, 5]) } else { 0 };
    let contended = Contended {
        books: Arc::clone(&audited.books),
        inner: audited,
        weather: Mutex::new(Weather { random: random.fork(), storm: 0, percent: storm_percent }),
        has_faults: Arc::clone(has_faults),
    };
    let books = Arc::clone(&contended.books);
    let percent = *random.pick(&[0, 3, 12]);
    let (allowed, has_faults, mut random) = (options.allowed, Arc::clone(has_faults), random.fork());
    let next = move || {
        if !has_faults.load(Ordering::Relaxed) || !random.chance(percent) {
            return Fault::None;
        }
        let (number, fault) =
            *random.pick(&[(14, Fault::Throttle), (14, Fault::LostRequest), (3, Fault::LostResponse)]);
        if !allowed.has(number) {
            return Fault::None;
        }
        let mut books = open(&books);
        books.counts.note(number);
        books.trace.note(&[11, fault as u64], || format!("      the store: {fault:?}"));
        fault
    };
    Arc::new(FaultyStore::new(contended, next))
}

/// The memory store with the books beside it.
pub struct Audited {
    pub memory: MemoryStore,
    pub books: SharedBooks,
    /// What lanes' items hold.
    lanes: Mutex<HashMap<ItemKey, LaneItem>>,
}

impl Audited {
    /// An empty one.
    pub fn new(books: SharedBooks) -> Self {
        Self { memory: MemoryStore::default(), books, lanes: Mutex::default() }
    }

    async fn put_one(&self, write: ItemWrite) -> Result<PutOutcome, StoreError> {
        let key = write.key.clone();
        let expected = write.expected;
        let (is_pane, is_lane) = (is_pane(&key), is_lane(&key));
        let value = write.value.clone().filter(|_| is_pane || is_lane);
        let mark = mark_of(&write);
        let outcome = self.memory.put(vec![write]).await.pop().unwrap_or_else(|| no_outcome(&key));
        match &outcome {
            Ok(PutOutcome::Written(version)) => {
                match &value {
                    Some(value) if is_lane => self.take_lane(&key, value).await?,
                    // The copy of a part that is still in its lane's item is nobody's yet.
                    Some(value) if !self.is_open(&key) => {
                        let version = open(&self.books).own_version(*version);
                        self.take_part(&key, version, value).await?;
                    }
                    _ => {}
                }
                let mut books = open(&self.books);
                if let Some((source, lane, mark)) = mark {
                    books.take_mark(source, lane, mark);
                }
                if key.pk.starts_with("late#") {
                    books.late_positions.insert(key.sk.clone());
                }
                if TOLD.iter().any(|kind| key.pk.starts_with(kind)) {
                    books.trace.note(&[18, hash(&key), *version], || match version {
                        0 => format!("      gone: {} {}", key.pk, without_padding(&key.sk)),
                        _ => format!("      version {version} of {} {}", key.pk, without_padding(&key.sk)),
                    });
                }
            }
            Ok(PutOutcome::Conflict(current)) if (is_pane || is_lane) && expected.is_some() => {
                let mut books = open(&self.books);
                books.counts.note(17);
                let now = current.as_ref().map_or(0, |item| item.version);
                books.trace.note(&[12, now], || format!("      refused: expected {expected:?}, it is {now}"));
            }
            _ => {}
        }
        outcome
    }

    /// A part of a pane was written, wherever it lies.
    async fn take_part(&self, key: &ItemKey, version: u64, value: &[u8]) -> Result<(), StoreError> {
        let needed = {
            let books = open(&self.books);
            let number = books.scenario.part_of(key).map(|(number, _)| number).filter(|_| books.must_be_announced(key));
            number.map(|number| &books.scenario.panes[number]).map(|plan| (plan.due.clone(), plan.directory.clone()))
        };
        let (is_due, is_listed) = match &needed {
            Some((due, listed)) => (self.memory.get(due).await?.is_some(), self.memory.get(listed).await?.is_some()),
            None => (true, true),
        };
        open(&self.books).take(&Taken { key, version, value, is_due, is_listed });
        Ok(())
    }

    /// A lane's item was written: what is new in it, and that nothing left it but by a copy (LPS-2).
    async fn take_lane(&self, lane: &ItemKey, value: &[u8]) -> Result<(), StoreError> {
        let now = LaneItem::decode(lane, value)?;
        let before = self.known_lanes().insert(lane.clone(), now.clone()).unwrap_or_default();
        open(&self.books).take_lane(lane, &now, value.len());
        for (key, entry) in &before.entries {
            if !now.entries.contains_key(key) {
                let copy = self.memory.get(key).await?;
                let is_same = copy.is_some_and(|copy| copy.value == *entry.value);
                let mut books = open(&self.books);
                books.trace.note(&[22, hash(key)], || format!("      {} {} leaves its lane", key.pk, key.sk));
                if !is_same {
                    books.break_promise("P1", format!("{} {} left its lane without a copy", key.pk, key.sk));
                }
            }
        }
        for (key, entry) in &now.entries {
            if before.entries.get(key).is_none_or(|old| old.version != entry.version) {
                self.take_part(key, entry.version, &entry.value).await?;
            }
        }
        Ok(())
    }

    fn known_lanes(&self) -> MutexGuard<'_, HashMap<ItemKey, LaneItem>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_open(&self, key: &ItemKey) -> bool {
        self.known_lanes().values().any(|lane| lane.entries.contains_key(key))
    }
}

fn is_pane(key: &ItemKey) -> bool {
    key.pk.starts_with("pane#")
}

fn is_lane(key: &ItemKey) -> bool {
    key.pk.starts_with("lane#")
}

/// Sequence numbers are padded to 77 digits for the store, not for a reader.
fn without_padding(sort_key: &str) -> String {
    let parts = sort_key.split('#').map(|part| if part.len() == 77 { part.trim_start_matches('0') } else { part });
    parts.collect::<Vec<_>>().join("#")
}

fn hash(key: &ItemKey) -> u64 {
    touchline_event::stable_hash(key.sk.as_bytes()) ^ touchline_event::stable_hash(key.pk.as_bytes()).rotate_left(1)
}

fn no_outcome(key: &ItemKey) -> Result<PutOutcome, StoreError> {
    Err(StoreError::Unknown { key: key.sk.clone(), message: "no outcome".to_owned() })
}

/// Source, lane and mark of a write to a watermark.
fn mark_of(write: &ItemWrite) -> Option<(String, u16, i64)> {
    let source = write.key.pk.strip_prefix("watermark#")?;
    let body = write.value.as_ref()?.get(1..)?;
    let mark: touchline_window::LaneWatermark = postcard::from_bytes(body).ok()?;
    Some((source.to_owned(), write.key.sk.parse().ok()?, mark.watermark_ms))
}

#[async_trait]
impl ItemStore for Audited {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        self.memory.get(key).await
    }

    async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>> {
        let mut outcomes = Vec::with_capacity(writes.len());
        for write in writes {
            outcomes.push(self.put_one(write).await);
        }
        outcomes
    }

    async fn query(
        &self,
        pk: &str,
        from: &str,
        to: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Item)>, StoreError> {
        self.memory.query(pk, from, to, limit).await
    }
}

struct Weather {
    random: Random,
    /// Failed conditions still to come.
    storm: usize,
    percent: usize,
}

/// Somebody else writes the same item just before: nothing changes but its version.
struct Contended {
    inner: Arc<Audited>,
    books: SharedBooks,
    weather: Mutex<Weather>,
    has_faults: Arc<AtomicBool>,
}

impl Contended {
    fn comes_between(&self) -> bool {
        let mut weather = self.weather.lock().unwrap_or_else(PoisonError::into_inner);
        let Weather { random, storm, percent } = &mut *weather;
        if *storm == 0 && random.chance(*percent) {
            *storm = 1 + random.below(MAX_STORM);
        }
        let comes = *storm > 0;
        *storm = storm.saturating_sub(1);
        comes && self.has_faults.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl ItemStore for Contended {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        self.inner.get(key).await
    }

    async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>> {
        for write in
            writes.iter().filter(|write| (is_pane(&write.key) || is_lane(&write.key)) && write.expected.is_some())
        {
            if !self.comes_between() {
                continue;
            }
            if let Ok(Some(item)) = self.inner.get(&write.key).await {
                open(&self.books).counts.note(14);
                let value = Some(item.value);
                let same =
                    ItemWrite { key: write.key.clone(), expected: Some(item.version), value, expires_at_ms: None };
                self.inner.put(vec![same]).await;
            }
        }
        self.inner.put(writes).await
    }

    async fn query(
        &self,
        pk: &str,
        from: &str,
        to: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Item)>, StoreError> {
        self.inner.query(pk, from, to, limit).await
    }
}

/// A sandbox's own way to the store: calls take their time, so that two invocations really meet between any two of their steps.
pub struct Slow {
    inner: Arc<dyn ItemStore>,
    random: Mutex<Random>,
}

impl Slow {
    pub fn new(inner: Arc<dyn ItemStore>, random: Random) -> Self {
        Self { inner, random: Mutex::new(random) }
    }

    async fn wait(&self) {
        let turns = self.random.lock().unwrap_or_else(PoisonError::into_inner).below(3);
        for _ in 0..turns {
            yield_now().await;
        }
    }
}

#[async_trait]
impl ItemStore for Slow {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        self.wait().await;
        self.inner.get(key).await
    }

    async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>> {
        let mut outcomes = Vec::with_capacity(writes.len());
        for write in writes {
            self.wait().await;
            outcomes.extend(self.inner.put(vec![write]).await);
        }
        self.wait().await;
        outcomes
    }

    async fn query(
        &self,
        pk: &str,
        from: &str,
        to: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Item)>, StoreError> {
        self.wait().await;
        self.inner.query(pk, from, to, limit).await
    }
}
