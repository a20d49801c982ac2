//! The stream on Kafka, and a consumer group over it that is rebalanced in mid-run. P1, P5, P6, P12, STR-1, STR-2.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use touchline_aggregate::{AggregateContext, handle};
use touchline_event::{Lane, Sequence, ShardId};
use touchline_stream::{Batch, Consume, OutRecord, Publish, Record, StreamError};
use touchline_tests::{Random, seed};

use super::services::{Table, Topic};
use super::traffic::{Traffic, sandbox};

const PARTITIONS: i32 = 4;
const MEMBERS: usize = 4;
const PRODUCERS: usize = 2;
/// Payloads of each producer.
const PAYLOADS: usize = 60;
const BATCH_RECORDS: usize = 12;
/// Records after which the next member joins.
const JOIN_EVERY: i64 = 80;
/// A run that takes longer hangs.
const RUN_MAX: Duration = Duration::from_secs(240);
/// A member takes what it has when nothing more came for so long.
const GATHER: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn records_come_back_where_they_were_put_and_after_any_position() {
    let topic = Topic::create(3).await;
    let adapter = topic.adapter();
    let record = |n: u32| {
        let lane = Lane((n * 7 % 12) as u16);
        OutRecord { lane, bytes: n.to_be_bytes().to_vec(), source: "espn".to_owned(), event_count: 1 }
    };
    let sent: Vec<OutRecord> = (0..600).map(record).collect();
    let outcomes = adapter.publish(sent.clone()).await;
    let places: Vec<(ShardId, Sequence)> = outcomes.into_iter().map(Result::unwrap).collect();
    let shards = adapter.shards().await.unwrap();
    assert_eq!(shards.len(), 3);
    let mut count = 0;
    for shard in &shards {
        let mut all: Vec<Record> = Vec::new();
        loop {
            let page = adapter.read(shard, all.last().map(|record| record.sequence), 71).await.unwrap();
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        let wanted: BTreeMap<Sequence, &OutRecord> = places
            .iter()
            .zip(&sent)
            .filter(|(place, _)| place.0 == *shard)
            .map(|(place, sent)| (place.1, sent))
            .collect();
        let found: Vec<_> =
            all.iter().map(|record| (record.sequence, &record.bytes, record.partition_key.clone())).collect();
        let wanted: Vec<_> =
            wanted.into_iter().map(|(at, sent)| (at, &sent.bytes, sent.lane.partition_key())).collect();
        assert_eq!(found, wanted);
        for lane in (0..12).map(|lane| Lane(lane).partition_key()) {
            let own: Vec<&Vec<u8>> =
                all.iter().filter(|record| record.partition_key == lane).map(|record| &record.bytes).collect();
            assert!(own.is_sorted(), "{lane} of {shard}");
        }
        let middle = all.len() / 2;
        let rest = topic.adapter().read(shard, Some(all[middle].sequence), 1_000).await.unwrap();
        assert_eq!(rest[0], all[middle + 1]);
        count += all.len();
    }
    assert_eq!(count, 600);
    let nowhere = ShardId("elsewhere-0".to_owned());
    assert_eq!(adapter.read(&nowhere, None, 1).await, Err(StreamError::NoSuchShard(nowhere.0.clone())));
    let large = OutRecord { bytes: vec![0; 1_000_000], ..record(1) };
    assert!(matches!(adapter.publish(vec![large]).await[0], Err(StreamError::TooLarge { .. })));
}

/// What all members know: the offset after the last done record of each partition, where producers ended, and who was given what.
#[derive(Default)]
struct Progress {
    done: BTreeMap<i32, i64>,
    ends: Option<BTreeMap<i32, i64>>,
    owners: BTreeMap<i32, BTreeSet<usize>>,
}

impl Progress {
    /// What was to be shown: partitions went from one member to another.
    fn has_moved(&self, fact_count: usize) {
        println!("{fact_count} facts; ends {:?}; owners {:?}", self.ends, self.owners);
        assert!(self.owners.values().any(|owners| owners.len() > 1), "no partition ever moved");
    }

    fn done_count(&self) -> i64 {
        self.done.values().sum()
    }

    fn is_through(&self) -> bool {
        self.ends.as_ref().is_some_and(|ends| ends.iter().all(|(partition, end)| self.done.get(partition) == Some(end)))
    }
}

type Shared = Arc<Mutex<Progress>>;

#[test]
fn a_rebalance_in_mid_run_changes_no_total() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(8).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut random = Random::new(seed());
        let (table, topic) = (Arc::new(Table::create().await), Arc::new(Topic::create(PARTITIONS).await));
        let traffic = Arc::new(Mutex::new(Traffic::default()));
        let progress = Shared::default();
        let mut members = tokio::task::JoinSet::new();
        for own in 0..MEMBERS {
            members.spawn(member(own, Arc::clone(&table), Arc::clone(&topic), Arc::clone(&progress)));
        }
        let mut producers = tokio::task::JoinSet::new();
        for _ in 0..PRODUCERS {
            producers.spawn(produce(Arc::clone(&topic), Arc::clone(&traffic), random.fork()));
        }
        let mut ends = BTreeMap::new();
        for (partition, end) in producers.join_all().await.into_iter().flatten() {
            let known = ends.entry(partition).or_insert(end);
            *known = end.max(*known);
        }
        progress.lock().unwrap().ends = Some(ends);
        tokio::time::timeout(RUN_MAX, members.join_all()).await.expect("liveness: not all partitions are through");
        let traffic = std::mem::take(&mut *traffic.lock().unwrap());
        progress.lock().unwrap().has_moved(traffic.fact_count());
        traffic.is_what(&table.store()).await;
    });
}

/// Publishes through the adapter, a payload twice now and then; gives the offsets after its last records.
async fn produce(topic: Arc<Topic>, traffic: Arc<Mutex<Traffic>>, mut random: Random) -> BTreeMap<i32, i64> {
    let adapter = topic.adapter();
    let mut ends = BTreeMap::new();
    for _ in 0..PAYLOADS {
        let records = traffic.lock().unwrap().next(&mut random);
        let times = if random.chance(25) { 2 } else { 1 };
        if times == 2 {
            traffic.lock().unwrap().expect_again(&records);
        }
        for _ in 0..times {
            for outcome in adapter.publish(records.clone()).await {
                let (shard, sequence) = outcome.unwrap();
                let partition = shard.0.rsplit('-').next().unwrap().parse().unwrap();
                let end = sequence.to_u64().unwrap() as i64 + 1;
                let known = ends.entry(partition).or_insert(end);
                *known = end.max(*known);
            }
        }
        // Long enough for the group to change in between.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    ends
}

/// A member of the group. The first one gets stuck once with a batch in hand, leaves, and handles it when others have the partition.
async fn member(own: usize, table: Arc<Table>, topic: Arc<Topic>, progress: Shared) {
    // They come one after the other, and the group is rebalanced each time.
    while progress.lock().unwrap().done_count() < own as i64 * JOIN_EVERY {
        tokio::time::sleep(GATHER).await;
    }
    let context = sandbox(table.store());
    let consumer = join(&topic);
    let mut batch_count = 0;
    while !progress.lock().unwrap().is_through() {
        for (partition, records) in gather(&consumer).await {
            progress.lock().unwrap().owners.entry(partition).or_default().insert(own);
            batch_count += 1;
            if own == 0 && batch_count == 10 {
                consumer.unsubscribe();
                tokio::time::sleep(Duration::from_secs(2)).await;
                apply(&context, &topic, &progress, partition, records).await;
                consumer.subscribe(&[&topic.name]).unwrap();
                // What else was gathered is no longer this member's.
                break;
            }
            let (done, has_failed) = apply(&context, &topic, &progress, partition, records).await;
            if has_failed {
                // Not this member's any more: then its new owner begins at what was committed.
                let _ = consumer.seek(&topic.name, partition, Offset::Offset(done), Duration::from_secs(5));
            }
            let mut offsets = TopicPartitionList::new();
            offsets.add_partition_offset(&topic.name, partition, Offset::Offset(done)).unwrap();
            // A commit that a rebalance refuses means that the records are delivered again.
            let _ = consumer.commit(&offsets, CommitMode::Sync);
        }
    }
}

fn join(topic: &Topic) -> StreamConsumer {
    let mut config = topic.config();
    config.set("group.id", &topic.name).set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
    config.set("session.timeout.ms", "6000").set("heartbeat.interval.ms", "300");
    let consumer: StreamConsumer = config.create().unwrap();
    consumer.subscribe(&[&topic.name]).unwrap();
    consumer
}

/// Some records, by partition, each partition's without a gap.
async fn gather(consumer: &StreamConsumer) -> Vec<(i32, Vec<(i64, Record)>)> {
    let mut runs: Vec<(i32, Vec<(i64, Record)>)> = Vec::new();
    for _ in 0..BATCH_RECORDS {
        let Ok(message) = tokio::time::timeout(GATHER, consumer.recv()).await else { break };
        let message = message.unwrap();
        let (partition, offset) = (message.partition(), message.offset());
        let record = Record {
            sequence: Sequence::from_u64(offset as u64),
            partition_key: String::from_utf8(message.key().unwrap().to_vec()).unwrap(),
            bytes: message.payload().unwrap().to_vec(),
        };
        // A partition that came back begins where it was committed, perhaps before what is in hand.
        let last = runs.iter_mut().rev().find(|(known, _)| *known == partition);
        match last.filter(|(_, run)| run.last().is_some_and(|(before, _)| before + 1 == offset)) {
            Some((_, run)) => run.push((offset, record)),
            None => runs.push((partition, vec![(offset, record)])),
        }
    }
    runs
}

/// Handles a run; the offset after what is done, and whether anything is left of it.
async fn apply(
    context: &AggregateContext,
    topic: &Topic,
    progress: &Shared,
    partition: i32,
    run: Vec<(i64, Record)>,
) -> (i64, bool) {
    let (first, end) = (run[0].0, run[run.len() - 1].0 + 1);
    let known = progress.lock().unwrap().done.get(&partition).copied().unwrap_or(0);
    assert!(first <= known, "partition {partition}: {first} delivered while {known} is not done");
    let shard = ShardId(format!("{}-{partition}", topic.name));
    let batch = Batch { shard, records: run.into_iter().map(|(_, record)| record).collect() };
    let failed_from = handle(context, &batch, || true).await.failed_from;
    let done = failed_from.and_then(Sequence::to_u64).map_or(end, |failed| failed as i64);
    let mut progress = progress.lock().unwrap();
    let known = progress.done.entry(partition).or_default();
    *known = done.max(*known);
    (done, done < end)
}
