//! Tiny bounds, nothing left to chance: every interleaving of two workers on three records, with one crash, lost request
//! or lost answer at every place there is. P1, P4, P5, P6 on the real handler.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use touchline_aggregate::{AggregateContext, BatchOutcome, WarmCache, handle};
use touchline_delivery::{Choices, block_on, yield_now};
use touchline_event::{Event, EventDraft, EventId, Sequence, ShardId, Trade, encode_frame};
use touchline_metric::{Family, FamilyState};
use touchline_store::{
    Item, ItemKey, ItemStore, ItemWrite, MAX_ITEM_BYTES, MemoryStore, PaneLayout, PutOutcome, StoreError, pane_store,
    panes,
};
use touchline_stream::{Batch, Record};
use touchline_window::{Aggregate as _, PaneKey, PaneState, WindowPolicy};

const LANES: u16 = 1;
const ENTITY: &str = "finnhub:S";
/// 2023-10-29T17:00:00Z.
const START_MS: i64 = 1_698_598_800_000;
/// A worker that starts so often without coming to an end hangs.
const MAX_ATTEMPTS: usize = 20;

fn trade(id: u64) -> Event {
    let payload = Trade { price_e8: id as i64, volume_e8: 10, conditions: vec![], is_vwap_eligible: true };
    let mut draft = EventDraft::new("finnhub", START_MS + id as i64, START_MS, payload);
    draft.symbol = Some("S".into());
    draft.with_id(EventId(id))
}

/// Event 1, event 2, and event 1 again at a new position.
fn records() -> Vec<Record> {
    let record = |(at, id): (usize, u64)| Record {
        sequence: Sequence::from_u64(at as u64 + 1),
        partition_key: trade(id).lane(LANES).partition_key(),
        bytes: encode_frame(&[trade(id)]).unwrap(),
    };
    [1, 2, 1].into_iter().enumerate().map(record).collect()
}

/// What goes wrong in a path, once.
struct Fates {
    choices: Choices,
    has_failed: bool,
}

/// A store with an await before every call, which may lose one answer or one request.
struct Staged {
    memory: Arc<MemoryStore>,
    fates: Arc<Mutex<Fates>>,
}

#[async_trait]
impl ItemStore for Staged {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        yield_now().await;
        self.memory.get(key).await
    }

    async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>> {
        yield_now().await;
        let fate = {
            let mut fates = self.fates.lock().unwrap();
            let fate = if fates.has_failed { 0 } else { fates.choices.pick(3) };
            fates.has_failed |= fate > 0;
            fate
        };
        let unknown =
            |write: &ItemWrite| Err(StoreError::Unknown { key: write.key.sk.clone(), message: "no answer".to_owned() });
        let lost: Vec<_> = writes.iter().map(unknown).collect();
        match fate {
            0 => self.memory.put(writes).await,
            1 => lost,
            _ => {
                self.memory.put(writes).await;
                lost
            }
        }
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

type Running = Pin<Box<dyn Future<Output = BatchOutcome>>>;

/// One mapping over the shard: where it is, and what runs for it.
struct Worker {
    batch_records: usize,
    done: usize,
    running: Option<(usize, Running)>,
    context: Arc<AggregateContext>,
    attempts: usize,
}

struct World {
    memory: Arc<MemoryStore>,
    fates: Arc<Mutex<Fates>>,
    records: Vec<Record>,
    layout: PaneLayout,
}

impl World {
    fn sandbox(&self) -> Arc<AggregateContext> {
        let staged = Arc::new(Staged { memory: Arc::clone(&self.memory), fates: Arc::clone(&self.fates) });
        Arc::new(AggregateContext {
            store: pane_store(staged, self.layout, LANES),
            policy: WindowPolicy::DEFAULT,
            lanes: LANES,
            puts_in_flight: 16,
            max_item_bytes: MAX_ITEM_BYTES,
            cache: WarmCache::new(100),
        })
    }

    fn worker(&self, batch_records: usize) -> Worker {
        Worker { batch_records, done: 0, running: None, context: self.sandbox(), attempts: 0 }
    }

    /// One poll of a worker; starts its next batch where none runs.
    fn poll(&self, worker: &mut Worker) {
        if worker.running.is_none() {
            worker.attempts += 1;
            assert!(worker.attempts < MAX_ATTEMPTS, "liveness");
            let until = (worker.done + worker.batch_records).min(self.records.len());
            let batch = Batch { shard: ShardId("shard-0".into()), records: self.records[worker.done..until].to_vec() };
            let context = Arc::clone(&worker.context);
            worker.running = Some((until, Box::pin(async move { handle(&context, &batch, || true).await })));
        }
        let Some((until, future)) = &mut worker.running else { return };
        if let Poll::Ready(outcome) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            worker.done = match outcome.failed_from {
                None => *until,
                Some(sequence) => self.records.iter().position(|record| record.sequence == sequence).unwrap(),
            };
            worker.running = None;
            for record in &self.records[..worker.done] {
                let id = if record.sequence == Sequence::from_u64(2) { 2 } else { 1 };
                assert!(self.pane().is_some_and(|pane| pane.has_counted(id)), "P6: event {id} is said to be done");
            }
        }
    }

    fn pane(&self) -> Option<PaneState<FamilyState>> {
        let store = pane_store(self.memory.clone(), self.layout, LANES);
        let found =
            block_on(store.query(&PaneKey::partition(panes::CONSUMER, panes::EPOCH, "trades", ENTITY), "", None, 1));
        found.unwrap().pop().map(|(_, item)| PaneState::decode(&item.value).unwrap())
    }
}

/// What the paths of one walk have in common.
#[derive(Clone, Copy)]
struct Bounds {
    /// Records of each worker's batches; 0: it does nothing.
    batch_records: [usize; 2],
    layout: PaneLayout,
    may_fail: bool,
}

/// One path: two workers, each with its own cut, and at most one failure.
fn walk(choices: Choices, bounds: Bounds) -> Choices {
    let Bounds { batch_records, layout, may_fail } = bounds;
    let fates = Arc::new(Mutex::new(Fates { choices, has_failed: !may_fail }));
    let world = World { memory: Arc::default(), fates: Arc::clone(&fates), records: records(), layout };
    let mut workers = batch_records.map(|records| world.worker(records));
    workers.iter_mut().filter(|worker| worker.batch_records == 0).for_each(|idle| idle.done = world.records.len());
    loop {
        let open: Vec<usize> = (0..2).filter(|n| workers[*n].done < world.records.len()).collect();
        if open.is_empty() {
            break;
        }
        let has_failed = fates.lock().unwrap().has_failed;
        let crashable: Vec<usize> =
            open.iter().copied().filter(|n| !has_failed && workers[*n].running.is_some()).collect();
        let choice = fates.lock().unwrap().choices.pick(open.len() + crashable.len());
        match open.get(choice) {
            Some(n) => world.poll(&mut workers[*n]),
            None => {
                fates.lock().unwrap().has_failed = true;
                let worker = &mut workers[crashable[choice - open.len()]];
                (worker.running, worker.context) = (None, world.sandbox());
            }
        }
    }
    let pane = world.pane().unwrap();
    let mut fold = Family::Trades.empty();
    [1, 2].into_iter().for_each(|id| fold.apply(&trade(id)));
    let path = || format!("path {:?} of {batch_records:?}", fates.lock().unwrap().choices.taken());
    assert_eq!(pane.aggregate, fold, "P1: {}", path());
    assert_eq!((pane.applied_count, pane.duplicate_count), (2, 1), "P12: {}", path());
    replay_changes_nothing(&world);
    drop(workers);
    drop(world);
    let fates = Arc::into_inner(fates).unwrap().into_inner().unwrap();
    fates.choices
}

fn replay_changes_nothing(world: &World) {
    world.fates.lock().unwrap().has_failed = true;
    let panes = || {
        let mut dump = world.memory.dump();
        dump.retain(|key, _| key.pk.starts_with("pane#") || key.pk.starts_with("lane#"));
        dump
    };
    let before = panes();
    let batch = Batch { shard: ShardId("shard-0".into()), records: world.records.clone() };
    assert_eq!(block_on(handle(&world.sandbox(), &batch, || true)).failed_from, None);
    assert_eq!(panes(), before, "P4");
}

fn walk_all(bounds: Bounds) -> u64 {
    let mut choices = Choices::new();
    let mut count = 0;
    loop {
        count += 1;
        choices = walk(choices, bounds);
        if !choices.advance() {
            return count;
        }
    }
}

#[test]
fn two_workers_on_one_batch_end_as_one_at_every_interleaving_crash_and_lost_call() {
    let count = walk_all(Bounds { batch_records: [3, 3], layout: PaneLayout::Pane, may_fail: true });
    println!("{count} paths");
    assert!(count > 1_000, "{count}");
}

// Both at once are 592,022 paths, 200 s: each alone finds what the other is not about.
#[test]
fn two_workers_on_a_lanes_item_end_as_one_at_every_interleaving_and_one_at_every_failure() {
    let layout = PaneLayout::Lane;
    let meetings = walk_all(Bounds { batch_records: [3, 3], layout, may_fail: false });
    let failures = walk_all(Bounds { batch_records: [1, 0], layout, may_fail: true });
    println!("{meetings} paths of two workers, {failures} of one that fails");
    assert!(meetings > 1_000 && failures > 15, "{meetings} {failures}");
}
