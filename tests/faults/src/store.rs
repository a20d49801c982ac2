//! The store under a schedule: slow, faulty, contended, and at the bottom audited.
//! LAYER-1: from the sandbox down: `Slow` yields around every call, `FaultyStore` loses and throttles, `Contended`
//! writes in between, `Audited` is the memory store with the books beside it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use touchline_delivery::{Random, yield_now};
use touchline_store::{Fault, FaultyStore, Item, ItemKey, ItemStore, ItemWrite, MemoryStore, PutOutcome, StoreError};

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
}

impl Audited {
    async fn put_one(&self, write: ItemWrite) -> Result<PutOutcome, StoreError> {
        let key = write.key.clone();
        let expected = write.expected;
        let is_pane = key.pk.starts_with("pane#");
        let value = write.value.clone().filter(|_| is_pane);
        let needed = if is_pane && open(&self.books).must_be_announced(&key) {
            let books = open(&self.books);
            let number = books.scenario.part_of(&key).map(|(number, _)| number);
            number.map(|number| &books.scenario.panes[number]).map(|plan| (plan.due.clone(), plan.directory.clone()))
        } else {
            None
        };
        let mark = mark_of(&write);
        let outcome = self.memory.put(vec![write]).await.pop().unwrap_or_else(|| no_outcome(&key));
        match &outcome {
            Ok(PutOutcome::Written(version)) => {
                if let Some(value) = &value {
                    let (is_due, is_listed) = match &needed {
                        Some((due, listed)) => {
                            (self.memory.get(due).await?.is_some(), self.memory.get(listed).await?.is_some())
                        }
                        None => (true, true),
                    };
                    let taken = Taken { key: &key, version: *version, value, is_due, is_listed };
                    open(&self.books).take(&taken);
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
            Ok(PutOutcome::Conflict(current)) if is_pane && expected.is_some() => {
                let mut books = open(&self.books);
                books.counts.note(17);
                let now = current.as_ref().map_or(0, |item| item.version);
                books.trace.note(&[12, now], || format!("      refused: expected {expected:?}, it is {now}"));
            }
            _ => {}
        }
        outcome
    }
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
        for write in writes.iter().filter(|write| write.key.pk.starts_with("pane#") && write.expected.is_some()) {
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
