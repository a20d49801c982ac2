//! Eight writers at once on DynamoDB: re-cut batches, zombies, parent and child shards together, sandboxes that forget,
//! answers that get lost. P1, P3, P4, P5, P6, P8, P11, P12, P13.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use touchline_aggregate::{AggregateContext, BatchOutcome, handle};
use touchline_event::{Sequence, ShardId};
use touchline_store::{ItemKey, ItemStore, PaneLayout, pane_store};
use touchline_stream::{Batch, Record};
use touchline_tests::{Random, seed};

use super::lossy::{Fate, LossyRoad};
use super::services::Table;
use super::traffic::{LANES, Traffic, sandbox_of};

const WRITERS: usize = 8;
const PAYLOADS: usize = 220;
const BATCH_RECORDS: usize = 8;
/// A run that takes longer hangs.
const RUN_MAX: Duration = Duration::from_secs(300);

/// A shard as the writers see it: its records, and how far its own mapping is acknowledged.
struct Shard {
    id: ShardId,
    records: Vec<Record>,
    checkpoint: AtomicUsize,
}

impl Shard {
    fn batch(&self, from: usize, until: usize) -> Batch {
        Batch { shard: self.id.clone(), records: self.records[from..until].to_vec() }
    }

    fn cut(&self, random: &mut Random, from: usize, limit: usize) -> usize {
        (from + 1 + random.below(limit)).min(self.records.len()).max(from)
    }

    /// P6: the reported failure is in the batch.
    fn done(&self, from: usize, until: usize, outcome: &BatchOutcome) -> usize {
        let Some(failed) = outcome.failed_from else { return until };
        let is_it = |record: &Record| record.sequence == failed;
        from + self.records[from..until].iter().position(is_it).expect("P6: the failure is in the batch")
    }

    fn is_through(&self) -> bool {
        self.checkpoint.load(Ordering::SeqCst) == self.records.len()
    }
}

/// Half of the shards are parents, which the second half of the lanes' records does not go to any more.
fn shards(traffic: &mut Traffic, random: &mut Random) -> Vec<Shard> {
    let shard = |n| Shard { id: ShardId(format!("shardId-{n:012}")), records: Vec::new(), checkpoint: 0.into() };
    let mut shards: Vec<Shard> = (0..WRITERS).map(shard).collect();
    for payload in 0..PAYLOADS {
        let generation = if payload * 2 < PAYLOADS { 0 } else { WRITERS / 2 };
        for record in traffic.next(random) {
            let shard = &mut shards[generation + usize::from(record.lane.0) % (WRITERS / 2)];
            let sequence = Sequence::from_u64(shard.records.len() as u64 * 7 + 1);
            let partition_key = record.lane.partition_key();
            shard.records.push(Record { sequence, partition_key, bytes: record.bytes });
        }
    }
    assert!(shards.iter().all(|shard| !shard.records.is_empty()), "{LANES} lanes reach every shard");
    shards
}

/// One mapping's writer: delivers its shard, and between its batches old batches of any shard, until all are through.
async fn write(own: usize, shards: Arc<Vec<Shard>>, mut random: Random, open: impl Fn() -> AggregateContext) -> usize {
    let mut context = open();
    let mut limit = BATCH_RECORDS;
    let mut invocation_count = 0;
    while !shards.iter().all(Shard::is_through) {
        let shard = &shards[own];
        let from = shard.checkpoint.load(Ordering::SeqCst);
        let until = shard.cut(&mut random, from, limit);
        if until > from {
            let outcome = handle(&context, &shard.batch(from, until), out_of_time(&mut random)).await;
            let done = shard.done(from, until, &outcome);
            limit = if done == until { BATCH_RECORDS } else { (until - from).div_ceil(2) };
            shard.checkpoint.store(done, Ordering::SeqCst);
            invocation_count += 1;
        } else {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if until == from || random.chance(60) {
            // A zombie begins at or before what is acknowledged, and may run ahead of it.
            let shard = &shards[random.below(shards.len())];
            let from = random.below(shard.checkpoint.load(Ordering::SeqCst) + 1);
            let until = shard.cut(&mut random, from, 2 * BATCH_RECORDS);
            let outcome = handle(&context, &shard.batch(from, until), out_of_time(&mut random)).await;
            shard.done(from, until, &outcome);
            invocation_count += 1;
        }
        if random.chance(5) {
            context = open();
        }
    }
    invocation_count
}

/// A clock that runs out in some invocations.
fn out_of_time(random: &mut Random) -> impl Fn() -> bool + Sync + use<> {
    let questions = if random.chance(10) { random.below(4) } else { usize::MAX };
    let asked = AtomicUsize::new(0);
    move || asked.fetch_add(1, Ordering::Relaxed) < questions
}

/// Something goes wrong with every twelfth request.
fn fates(mut random: Random) -> impl FnMut() -> Fate + Send + 'static {
    move || match random.below(48) {
        0 => Fate::AnswerLost,
        1 => Fate::RequestLost,
        2 => Fate::AnswerBroken,
        3 => Fate::Throttled,
        _ => Fate::Passed,
    }
}

#[test]
fn eight_writers_leave_every_pane_exact() {
    eight_writers(PaneLayout::Pane);
}

#[test]
fn eight_writers_leave_every_pane_exact_where_a_lanes_panes_share_an_item() {
    eight_writers(PaneLayout::Lane);
}

fn eight_writers(layout: PaneLayout) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WRITERS).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut random = Random::new(seed());
        let table = Arc::new(Table::create().await);
        let road = LossyRoad::to(&table.endpoint(), fates(random.fork())).await;
        let mut traffic = Traffic::default();
        let shards = Arc::new(shards(&mut traffic, &mut random));
        let mut writers = tokio::task::JoinSet::new();
        for own in 0..WRITERS {
            // Every other writer's road to the table is a bad one.
            let endpoint = if own % 2 == 0 { table.endpoint() } else { road.endpoint.clone() };
            let table = Arc::clone(&table);
            let open = move || sandbox_of(layout, table.store_behind(&endpoint));
            writers.spawn(write(own, Arc::clone(&shards), random.fork(), open));
        }
        let counts =
            tokio::time::timeout(RUN_MAX, writers.join_all()).await.expect("liveness: not all shards are through");
        let invocation_count: usize = counts.into_iter().sum();
        println!("{} facts in {invocation_count} invocations of {WRITERS} writers", traffic.fact_count());
        let store = pane_store(Arc::new(table.store()), layout, LANES);
        traffic.is_what(&*store).await;
        replays_change_nothing(&shards, &table, layout).await;
    });
}

/// P4: everything once more, to a sandbox that remembers nothing: not even a version moves.
async fn replays_change_nothing(shards: &[Shard], table: &Table, layout: PaneLayout) {
    let before = every_item(table).await;
    let context = sandbox_of(layout, table.store());
    for shard in shards {
        for from in [0, shard.records.len() / 2] {
            let outcome = handle(&context, &shard.batch(from, shard.records.len()), || true).await;
            assert_eq!(outcome.failed_from, None, "a cold sandbox finishes what is already done");
        }
    }
    assert!(every_item(table).await == before, "P4");
}

/// Panes of the table, byte for byte, with their versions.
async fn every_item(table: &Table) -> Vec<(ItemKey, touchline_store::Item)> {
    let mut keys = Vec::new();
    let mut pages = table.client().scan().table_name(&table.name).into_paginator().items().send();
    while let Some(item) = pages.next().await {
        let item = item.unwrap();
        let text = |name: &str| item[name].as_s().unwrap().clone();
        if text("pk").starts_with("pane#") || text("pk").starts_with("lane#") {
            keys.push(ItemKey::new(text("pk"), text("sk")));
        }
    }
    keys.sort();
    let store = table.store();
    let mut items = Vec::new();
    for key in keys {
        let item = store.get(&key).await.unwrap().unwrap();
        items.push((key, item));
    }
    items
}
