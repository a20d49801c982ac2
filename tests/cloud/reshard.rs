//! From producers to panes over Kinesis and DynamoDB: duplicates at new positions, a shard split in mid-run, parent and
//! children read together, batches delivered again. P1, P5, P8, P12, P16.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use touchline_aggregate::handle;
use touchline_event::{Sequence, ShardId};
use touchline_stream::{Batch, Consume, OutRecord, Publish};
use touchline_tests::{Random, seed};

use super::services::{Stream, Table};
use super::traffic::{Traffic, sandbox};

const PRODUCERS: usize = 2;
const CONSUMERS: usize = 4;
/// Payloads of each producer.
const PAYLOADS: usize = 60;
const BATCH_RECORDS: usize = 12;
/// A run that takes longer hangs.
const RUN_MAX: Duration = Duration::from_secs(300);

/// How far each shard is acknowledged, and how many of its records.
type Checkpoints = Mutex<BTreeMap<ShardId, (Option<Sequence>, usize)>>;

#[test]
fn a_reshard_in_mid_run_changes_no_total() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(8).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut random = Random::new(seed());
        let (table, stream) = (Arc::new(Table::create().await), Arc::new(Stream::create(2).await));
        let traffic = Arc::new(Mutex::new(Traffic::default()));
        let checkpoints: Arc<Checkpoints> = Arc::default();
        let is_published = Arc::new(AtomicBool::new(false));
        let mut consumers = tokio::task::JoinSet::new();
        for own in 0..CONSUMERS {
            let (table, stream, checkpoints) = (Arc::clone(&table), Arc::clone(&stream), Arc::clone(&checkpoints));
            consumers.spawn(consume(own, table, stream, checkpoints, Arc::clone(&is_published), random.fork()));
        }
        produce(&stream, &traffic, &mut random).await;
        // Most lanes are on this one; producers do not wait for the split.
        tokio::join!(stream.split("shardId-000000000001"), produce(&stream, &traffic, &mut random));
        is_published.store(true, Ordering::SeqCst);
        tokio::time::timeout(RUN_MAX, consumers.join_all()).await.expect("liveness: not all shards are through");
        let counts: Vec<usize> = checkpoints.lock().unwrap().values().map(|(_, count)| *count).collect();
        println!("{} facts, records by shard: {counts:?}", traffic.lock().unwrap().fact_count());
        assert_eq!(counts.len(), 4, "two shards and two children");
        assert!(counts.iter().all(|count| *count > 0), "a shard had nothing: {counts:?}");
        let traffic = Arc::into_inner(traffic).unwrap().into_inner().unwrap();
        traffic.is_what(&table.store()).await;
    });
}

/// Half of every producer's payloads, the producers at once. Now and then one publishes a payload a second time.
async fn produce(stream: &Arc<Stream>, traffic: &Arc<Mutex<Traffic>>, random: &mut Random) {
    let mut producers = tokio::task::JoinSet::new();
    for _ in 0..PRODUCERS {
        let (stream, traffic, mut random) = (Arc::clone(stream), Arc::clone(traffic), random.fork());
        producers.spawn(async move {
            let adapter = stream.adapter();
            let publish = async |records: Vec<OutRecord>| {
                let outcomes = adapter.publish(records).await;
                assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
            };
            for _ in 0..PAYLOADS / 2 {
                let records = traffic.lock().unwrap().next(&mut random);
                publish(records.clone()).await;
                if random.chance(25) {
                    traffic.lock().unwrap().expect_again(&records);
                    publish(records).await;
                }
            }
        });
    }
    producers.join_all().await;
}

/// A consumer of every `CONSUMERS`th shard, which now and then delivers what was acknowledged before, of any shard.
async fn consume(
    own: usize,
    table: Arc<Table>,
    stream: Arc<Stream>,
    checkpoints: Arc<Checkpoints>,
    is_published: Arc<AtomicBool>,
    mut random: Random,
) {
    let adapter = stream.adapter();
    let mut context = sandbox(table.store());
    loop {
        let is_last = is_published.load(Ordering::SeqCst);
        let shards = adapter.shards().await.unwrap();
        let mut has_worked = false;
        for shard in shards.iter().skip(own).step_by(CONSUMERS) {
            let (after, count) = checkpoints.lock().unwrap().get(shard).copied().unwrap_or_default();
            let records = adapter.read(shard, after, random.below(BATCH_RECORDS) + 1).await.unwrap();
            if records.is_empty() {
                continue;
            }
            has_worked = true;
            let batch = Batch { shard: shard.clone(), records };
            let failed_from = handle(&context, &batch, || true).await.failed_from;
            let done =
                batch.records.iter().take_while(|record| failed_from.is_none_or(|failed| record.sequence < failed));
            let (last, done) = done.fold((after, 0), |(_, done), record| (Some(record.sequence), done + 1));
            checkpoints.lock().unwrap().insert(shard.clone(), (last, count + done));
        }
        if random.chance(30) {
            // A zombie: from the beginning, up to and beyond what is acknowledged.
            let shard = &shards[random.below(shards.len())];
            let records = adapter.read(shard, None, random.below(200) + 1).await.unwrap();
            handle(&context, &Batch { shard: shard.clone(), records }, || true).await;
        }
        if random.chance(5) {
            context = sandbox(table.store());
        }
        if is_last && !has_worked {
            return;
        }
    }
}
