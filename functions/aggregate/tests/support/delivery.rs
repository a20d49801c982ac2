//! Delivery as event source mappings really do it: re-cut retries, bisects, zombies, two sandboxes, lost answers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use touchline_aggregate::{AggregateContext, BatchOutcome, WarmCache, handle};
use touchline_event::Sequence;
use touchline_metric::Family;
use touchline_store::{Fault, FaultyStore, ItemStore, MemoryStore, directory, due, watermarks};
use touchline_stream::Batch;

use super::events::SOURCES;
use super::model::{Expected, Fate, PaneName, counted, fate, stored_panes};
use super::random::Random;
use super::store::SlowStore;
use super::stream::{Sent, Shard, stream};
use super::{LANES, PANE_MS, POLICY};

const BATCH_RECORDS: usize = 8;
/// After so many rounds nothing fails any more; a shard that is not through by twice as many hangs.
const ROUNDS_WITH_FAULTS: usize = 300;

/// One run: the stream, the store, two sandboxes, and how far every shard is acknowledged.
pub struct Run {
    pub shards: Vec<Shard>,
    pub expected: Expected,
    pub store: Arc<Shared>,
    pub max_item_bytes: usize,
    sandboxes: Vec<AggregateContext>,
    checkpoints: Vec<usize>,
    /// Longest batch that the retry of a shard may have; bisecting halves it.
    limits: Vec<usize>,
    has_faults: Arc<AtomicBool>,
    random: Random,
}

/// The memory store behind the faults.
pub struct Shared(pub FaultyStore<MemoryStore>);

impl Run {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let event_count = 20 + random.below(80);
        let shards = stream(&mut random, event_count);
        let expected = Expected::of(&shards);
        let max_item_bytes = *random.pick(&[150, 260, 500, 2_000, 390 * 1024]);
        let has_faults = Arc::new(AtomicBool::new(true));
        let memory = FaultyStore::new(MemoryStore::default(), faults(&mut random, Arc::clone(&has_faults)));
        let store = Arc::new(Shared(memory));
        let mut run = Self {
            checkpoints: vec![0; shards.len()],
            limits: vec![BATCH_RECORDS; shards.len()],
            sandboxes: Vec::new(),
            shards,
            expected,
            store,
            max_item_bytes,
            has_faults,
            random,
        };
        run.sandboxes = (0..2).map(|_| run.sandbox()).collect();
        run
    }

    /// A cold sandbox over the same store.
    pub fn sandbox(&mut self) -> AggregateContext {
        let store: Arc<dyn ItemStore> = Arc::clone(&self.store) as Arc<dyn ItemStore>;
        AggregateContext {
            store: Arc::new(SlowStore::new(store, self.random.fork())),
            policy: POLICY,
            lanes: LANES,
            puts_in_flight: self.random.below(5) + 1,
            max_item_bytes: self.max_item_bytes,
            cache: WarmCache::new(*self.random.pick(&[2, 1000])),
        }
    }

    /// Delivers until every shard is acknowledged to its end.
    pub async fn deliver_all(&mut self) {
        for round in 0.. {
            let open: Vec<usize> =
                (0..self.shards.len()).filter(|n| self.checkpoints[*n] < self.shards[*n].sent.len()).collect();
            if open.is_empty() {
                break;
            }
            if round == ROUNDS_WITH_FAULTS {
                self.has_faults.store(false, Ordering::Relaxed);
            }
            assert!(round < 2 * ROUNDS_WITH_FAULTS, "liveness: {open:?} not through");
            let shard = *self.random.pick(&open);
            self.round(shard).await;
            if self.random.chance(5) {
                let at = self.random.below(2);
                self.sandboxes[at] = self.sandbox();
            }
        }
        self.has_faults.store(false, Ordering::Relaxed);
    }

    /// The shard's own delivery, and now and then an old invocation or a second mapping beside it.
    async fn round(&mut self, shard: usize) {
        let from = self.checkpoints[shard];
        let until = self.cut(shard, from, self.limits[shard]);
        let zombie_from = self.random.below(from + 1);
        let zombie_until = self.cut(shard, zombie_from, BATCH_RECORDS * 2);
        let (batch, zombie) = (self.batch(shard, from, until), self.batch(shard, zombie_from, zombie_until));
        let (time, zombie_time) = (self.clock(), self.clock());
        let own = self.random.below(2);
        let other = if self.random.chance(70) { 1 - own } else { own };
        let main = handle(&self.sandboxes[own], &batch, time);
        let (outcome, zombie_outcome) = if self.random.chance(40) {
            let beside = handle(&self.sandboxes[other], &zombie, zombie_time);
            let (outcome, beside) = tokio::join!(main, beside);
            (outcome, Some(beside))
        } else {
            (main.await, None)
        };
        let done = self.acknowledged(shard, from, until, &outcome);
        if let Some(outcome) = zombie_outcome {
            // Nobody acknowledges for a zombie, but what it reports must be true all the same.
            self.acknowledged(shard, zombie_from, zombie_until, &outcome);
        }
        self.checkpoints[shard] = done;
        self.limits[shard] = if done == until { BATCH_RECORDS } else { (until - from).div_ceil(2) };
        if self.random.chance(20) {
            self.check_watermarks().await;
            self.check_announced().await;
        }
    }

    fn cut(&mut self, shard: usize, from: usize, limit: usize) -> usize {
        let end = self.shards[shard].sent.len();
        (from + 1 + self.random.below(limit)).min(end).max(from)
    }

    pub fn batch(&self, shard: usize, from: usize, until: usize) -> Batch {
        let Shard { id, sent } = &self.shards[shard];
        Batch { shard: id.clone(), records: sent[from..until].iter().map(|sent| sent.record.clone()).collect() }
    }

    /// A clock that may run out at any question.
    fn clock(&mut self) -> impl Fn() -> bool + Sync + use<> {
        let runs_out = self.random.chance(15) && self.has_faults.load(Ordering::Relaxed);
        let random = Mutex::new(self.random.fork());
        move || !(runs_out && random.lock().unwrap().chance(30))
    }

    /// P6: the reported failure is in the batch, and everything before it is in the store.
    fn acknowledged(&self, shard: usize, from: usize, until: usize, outcome: &BatchOutcome) -> usize {
        let records = &self.shards[shard].sent[from..until];
        let done = match outcome.failed_from {
            None => until,
            Some(sequence) => from + index_of(records, sequence).expect("P6: the failure is in the batch"),
        };
        assert_eq!(missing(&self.shards[shard].sent[..done], &self.store), None, "P6: acknowledged but not counted");
        done
    }

    /// DUE-1, DIR-1: at every moment, whatever just failed, finalisation and readers can find every pane there is.
    pub async fn check_announced(&self) {
        let store = &*self.store;
        for family in Family::ALL {
            let listed = directory::list(store, family).await.unwrap();
            let due = due::list(store, due::Stage::Final, family, PANE_MS, "", i64::MAX / 4, 1_000).await.unwrap();
            let due: Vec<PaneName> =
                due.into_iter().map(|(_, _, entry)| (family.as_str(), entry.entity, entry.start_ms)).collect();
            for name in stored_panes(&self.store.0.inner().dump()).into_keys().filter(|name| name.0 == family.as_str())
            {
                assert!(listed.contains(&name.1), "DIR-1: {name:?}");
                assert!(due.contains(&name), "DUE-1: {name:?}");
            }
        }
    }

    /// A watermark says what some heartbeat said, and only when all events before that heartbeat are counted.
    async fn check_watermarks(&self) {
        for source in SOURCES {
            let marks = watermarks::read(&*self.store, source).await.unwrap();
            for lane in 0..LANES {
                let Some(mark) = marks.of_lane(lane) else { continue };
                let is_earned = self.shards.iter().any(|shard| {
                    let vouches = |sent: &Sent| heartbeats(sent, source, lane).any(|said| said >= mark);
                    let at = shard.sent.iter().position(vouches);
                    at.is_some_and(|at| missing(&shard.sent[..=at], &self.store).is_none())
                });
                assert!(is_earned, "watermark {mark} of {source} lane {lane} runs ahead of its events");
            }
        }
    }
}

/// What heartbeats of a record say about a lane.
fn heartbeats<'a>(sent: &'a Sent, source: &'a str, lane: u16) -> impl Iterator<Item = i64> + 'a {
    sent.events.iter().filter_map(move |event| match fate(sent, event) {
        Fate::Heartbeat { source: own, lane: own_lane, watermark_ms } if own == source && own_lane == lane => {
            Some(watermark_ms)
        }
        _ => None,
    })
}

/// The first accepted event of these records that no pane counts.
fn missing(records: &[Sent], store: &Shared) -> Option<u64> {
    let counted = counted(&store.0.inner().dump());
    records.iter().flat_map(|sent| sent.events.iter().map(move |event| (sent, event))).find_map(|(sent, event)| {
        let Fate::Pane(name) = fate(sent, event) else { return None };
        let is_counted = counted.get(&name).is_some_and(|ids| ids.contains(&event.event_id.0));
        (!is_counted).then_some(event.event_id.0)
    })
}

fn index_of(records: &[Sent], sequence: Sequence) -> Option<usize> {
    records.iter().position(|sent| sent.record.sequence == sequence)
}

fn faults(random: &mut Random, is_on: Arc<AtomicBool>) -> impl FnMut() -> Fault + Send + use<> {
    let percent = *random.pick(&[0, 5, 20]);
    let mut random = random.fork();
    move || {
        if !is_on.load(Ordering::Relaxed) || !random.chance(percent) {
            return Fault::None;
        }
        *random.pick(&[Fault::Throttle, Fault::LostResponse, Fault::LostRequest])
    }
}

#[async_trait::async_trait]
impl ItemStore for Shared {
    async fn get(
        &self,
        key: &touchline_store::ItemKey,
    ) -> Result<Option<touchline_store::Item>, touchline_store::StoreError> {
        self.0.get(key).await
    }

    async fn put(
        &self,
        writes: Vec<touchline_store::ItemWrite>,
    ) -> Vec<Result<touchline_store::PutOutcome, touchline_store::StoreError>> {
        self.0.put(writes).await
    }

    async fn query(
        &self,
        pk: &str,
        from: &str,
        to: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, touchline_store::Item)>, touchline_store::StoreError> {
        self.0.query(pk, from, to, limit).await
    }
}

/// Items of panes only, with their versions: what a replay must leave alone.
pub fn pane_items(store: &Shared) -> BTreeMap<touchline_store::ItemKey, touchline_store::Item> {
    let mut dump = store.0.inner().dump();
    dump.retain(|key, _| key.pk.starts_with("pane#"));
    dump
}
