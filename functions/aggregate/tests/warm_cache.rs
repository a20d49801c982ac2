//! One sandbox's memory under invocations that run at once, as they do where shards are consumed side by side in one process:
//! threads that hand over at every lock and every call of the store, in orders that a seed decides. CACHE-1 (F17), P1, P4, P5.
//! Needs the feature `shuttle`; `cargo xtask test --only races` runs it.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner, future, thread};
use touchline_aggregate::{AggregateContext, WarmCache, handle};
use touchline_event::{
    BeatClaim, Event, EventDraft, EventId, FrameStamp, Heartbeat, Lane, Sequence, ShardId, Trade, encode_frame,
    stable_hash,
};
use touchline_metric::Family;
use touchline_store::{
    Fault, FaultyStore, Item, ItemKey, ItemStore, ItemWrite, MemoryStore, PutOutcome, StoreError, panes, proofs,
};
use touchline_stream::{Batch, Record};
use touchline_window::{Aggregate as _, WindowPolicy};

/// Orders tried by each scheduler.
const ORDERS: usize = 400;
/// Invocations of one worker before it counts as hanging.
const MAX_ATTEMPTS: usize = 60;
/// Compression needs more than the few pages that a thread of a test is given.
const STACK_BYTES: usize = 1 << 20;
/// 2023-10-29T17:00:00Z.
const START_MS: i64 = 1_698_598_800_000;
const PANE_MS: i64 = WindowPolicy::DEFAULT.pane_ms;
const ENTITY: &str = "finnhub:S";

/// A store at which every call is a turn.
struct Turns<S>(S);

#[async_trait]
impl<S: ItemStore> ItemStore for Turns<S> {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        thread::yield_now();
        self.0.get(key).await
    }

    async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>> {
        thread::yield_now();
        let outcomes = self.0.put(writes).await;
        thread::yield_now();
        outcomes
    }

    async fn query(
        &self,
        pk: &str,
        from: &str,
        to: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Item)>, StoreError> {
        thread::yield_now();
        self.0.query(pk, from, to, limit).await
    }
}

/// Event `id`, in one of three panes.
fn trade(id: u64) -> Event {
    let payload = Trade { price_e8: id as i64, volume_e8: 10, conditions: vec![], is_vwap_eligible: true };
    let at_ms = START_MS + (id % 3) as i64 * PANE_MS;
    let mut draft = EventDraft::new("finnhub", at_ms, at_ms, payload);
    draft.symbol = Some("S".into());
    draft.with_id(EventId(id))
}

/// A producer's records: a stamped frame for each group of ids, then the heartbeat that claims them.
fn records(producer: u64, frames: &[&[u64]]) -> Vec<Record> {
    let mut all = Vec::new();
    for (number, ids) in (0..).zip(frames) {
        let mut bytes = encode_frame(&ids.iter().map(|id| trade(*id)).collect::<Vec<_>>()).unwrap();
        FrameStamp { producer, beat: 0, number }.put(&mut bytes);
        all.push(bytes);
    }
    let ids = || frames.iter().copied().flatten();
    let claim = BeatClaim {
        producer,
        beat: 0,
        frame_count: frames.len() as u32,
        event_count: ids().count() as u64,
        id_sum: ids().sum(),
    };
    let heartbeat = Heartbeat { lane: 0, watermark_ms: START_MS, claim: Some(claim) };
    all.push(encode_frame(&[EventDraft::new("finnhub", START_MS, START_MS, heartbeat).with_id(EventId(0))]).unwrap());
    let record = |(at, bytes): (usize, Vec<u8>)| Record {
        sequence: Sequence::from_u64(at as u64 + 1),
        partition_key: Lane(0).partition_key(),
        bytes,
    };
    all.into_iter().enumerate().map(record).collect()
}

/// One mapping over one shard: what failed comes again, until nothing does.
fn deliver(context: &AggregateContext, shard: &str, records: &[Record], batch_records: usize) {
    let (mut done, mut attempts) = (0, 0);
    while done < records.len() {
        attempts += 1;
        assert!(attempts < MAX_ATTEMPTS, "shard {shard} hangs at record {done}");
        let until = (done + batch_records).min(records.len());
        let batch = Batch { shard: ShardId(shard.to_owned()), records: records[done..until].to_vec() };
        let outcome = future::block_on(handle(context, &batch, || true));
        done = match outcome.failed_from {
            None => until,
            Some(sequence) => records.iter().position(|record| record.sequence == sequence).unwrap(),
        };
    }
}

/// Parent and child shard and a second mapping on the parent, all in one sandbox whose memory holds two panes.
fn scenario(seed: u64) {
    let memory: Arc<MemoryStore> = Arc::default();
    let calls = AtomicU64::new(seed);
    let fates = move || match stable_hash(&calls.fetch_add(1, Ordering::Relaxed).to_le_bytes()) % 12 {
        0 => Fault::LostResponse,
        1 => Fault::LostRequest,
        _ => Fault::None,
    };
    let context = Arc::new(AggregateContext {
        store: Arc::new(Turns(FaultyStore::new(Arc::clone(&memory), fates))),
        policy: WindowPolicy::DEFAULT,
        lanes: 1,
        puts_in_flight: 2,
        max_item_bytes: 400,
        cache: WarmCache::new(2),
    });
    let parent = records(1, &[&[1, 2], &[3, 4, 5], &[6]]);
    let child = records(2, &[&[4, 7], &[8, 9]]);
    let workers = [("parent", parent.clone(), 2), ("child", child, 3), ("parent", parent.clone(), 3)];
    let threads = workers.map(|(shard, records, batch_records)| {
        let context = Arc::clone(&context);
        thread::spawn(move || deliver(&context, shard, &records, batch_records))
    });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let counted = || future::block_on(panes::read(&*memory, Family::Trades, ENTITY, PANE_MS, None, None)).unwrap();
    let before = counted();
    for pane in &before {
        let mut fold = Family::Trades.empty();
        (1..=9).map(trade).filter(|event| event.timestamp_ms == pane.start_ms).for_each(|event| fold.apply(&event));
        assert_eq!(pane.state, fold, "P1");
    }
    let total = |count: fn(&touchline_store::Pane) -> u64| before.iter().map(count).sum::<u64>();
    assert_eq!((total(|pane| pane.applied_count), total(|pane| pane.duplicate_count)), (9, 1), "P12");
    let proof = future::block_on(proofs::read(&*memory, "finnhub")).unwrap().remove(&0).unwrap();
    assert!(proof.is_ok() && proof.unvouched() == 0, "{:?}", proof.findings());
    deliver(&context, "parent", &parent, 1);
    assert_eq!(counted(), before, "P4: the same sandbox, warm, counts nothing again");
}

fn explore(scheduler: impl Scheduler + 'static) {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    let seeds = AtomicU64::new(0);
    let runs = Runner::new(scheduler, config).run(move || scenario(seeds.fetch_add(1000, Ordering::Relaxed)));
    assert_eq!(runs, ORDERS);
}

#[test]
fn invocations_of_one_sandbox_end_as_one_in_orders_drawn_at_random() {
    explore(RandomScheduler::new(ORDERS));
}

#[test]
fn invocations_of_one_sandbox_end_as_one_in_orders_with_few_hand_overs() {
    explore(PctScheduler::new(3, ORDERS));
}
