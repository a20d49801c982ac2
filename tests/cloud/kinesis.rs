//! The stream on Kinesis: order of lanes, positions of 56 digits, paging, requests beyond one, lost answers. STR-1, STR-2, P16.

use std::collections::{BTreeMap, BTreeSet};

use touchline_event::{Lane, Sequence, ShardId};
use touchline_stream::{Consume, KinesisStream, OutRecord, Publish, Record, StreamError};
use touchline_tests::{Random, seed};

use super::lossy::{Fate, LossyRoad};
use super::services::Stream;

const LANES: u16 = 12;

fn record(n: u32) -> OutRecord {
    let lane = Lane((n * 7 % u32::from(LANES)) as u16);
    OutRecord { lane, bytes: n.to_be_bytes().to_vec(), source: "espn".to_owned(), event_count: 1 }
}

fn number(record: &Record) -> u32 {
    u32::from_be_bytes(record.bytes.as_slice().try_into().unwrap())
}

/// Every record of a shard, a few at a time.
async fn read_all(stream: &KinesisStream, shard: &ShardId, limit: usize) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    loop {
        let after = records.last().map(|record| record.sequence);
        let page = stream.read(shard, after, limit).await.unwrap();
        if page.is_empty() {
            return records;
        }
        assert!(page.len() <= limit);
        records.extend(page);
    }
}

#[tokio::test]
async fn records_come_back_where_they_were_put_in_the_order_of_their_lanes() {
    let stream = Stream::create(3).await;
    let adapter = stream.adapter();
    // More than one request takes, in records and in bytes.
    let mut records: Vec<OutRecord> = (0..1_300).map(record).collect();
    for n in [3, 500, 501, 502, 900, 901] {
        records[n].bytes.resize(1_000_000, 7);
    }
    let outcomes = adapter.publish(records.clone()).await;
    let positions: Vec<(ShardId, Sequence)> = outcomes.into_iter().map(Result::unwrap).collect();
    assert!(positions.iter().all(|(_, sequence)| sequence.to_string().len() == 56), "{:?}", positions[0]);
    let shards = adapter.shards().await.unwrap();
    assert_eq!(shards.len(), 3);
    let mut read: BTreeMap<(ShardId, Sequence), Record> = BTreeMap::new();
    for shard in &shards {
        let found = read_all(&stream.adapter(), shard, 97).await;
        assert!(found.is_sorted_by(|a, b| a.sequence < b.sequence));
        for lane in 0..LANES {
            let numbers = found.iter().filter(|record| record.partition_key == Lane(lane).partition_key());
            let firsts: Vec<&[u8]> = numbers.map(|record| &record.bytes[..4]).collect();
            assert!(firsts.is_sorted(), "lane {lane} of {shard}");
        }
        read.extend(found.into_iter().map(|record| ((shard.clone(), record.sequence), record)));
    }
    assert_eq!(read.len(), records.len());
    for (sent, position) in records.iter().zip(&positions) {
        let found = &read[position];
        assert_eq!((&found.bytes, &found.partition_key), (&sent.bytes, &sent.lane.partition_key()));
    }
}

#[tokio::test]
async fn reading_goes_on_after_any_position_and_sees_what_comes_later() {
    let stream = Stream::create(1).await;
    let adapter = stream.adapter();
    adapter.publish((0..20).map(record).collect()).await;
    let shard = adapter.shards().await.unwrap().remove(0);
    let all = read_all(&adapter, &shard, 6).await;
    assert_eq!(all.iter().map(number).collect::<BTreeSet<_>>(), (0..20).collect());
    for at in [0, 7, 19] {
        // Both ways: with the place remembered from reading on, and asked for anew.
        for reader in [&adapter, &stream.adapter()] {
            assert_eq!(reader.read(&shard, Some(all[at].sequence), 1_000).await.unwrap(), all[at + 1..]);
        }
    }
    let end = Some(all[19].sequence);
    assert_eq!(adapter.read(&shard, end, 5).await.unwrap(), []);
    adapter.publish(vec![record(77)]).await;
    assert_eq!(adapter.read(&shard, end, 5).await.unwrap().iter().map(number).collect::<Vec<_>>(), [77]);
    assert_eq!(adapter.read(&shard, None, 0).await.unwrap(), []);
}

#[tokio::test]
async fn a_split_shard_is_listed_with_its_children_and_all_are_read_to_their_ends() {
    let stream = Stream::create(1).await;
    let adapter = stream.adapter();
    adapter.publish((0..60).map(record).collect()).await;
    let parent = adapter.shards().await.unwrap().remove(0);
    stream.split(&parent.0).await;
    adapter.publish((60..120).map(record).collect()).await;
    let shards = adapter.shards().await.unwrap();
    assert_eq!(shards.len(), 3);
    let mut numbers: Vec<Vec<u32>> = Vec::new();
    for shard in &shards {
        numbers.push(read_all(&adapter, shard, 7).await.iter().map(number).collect());
        // A closed shard that was read to its end stays at its end.
        let last = read_all(&adapter, shard, 1_000).await.last().map(|record| record.sequence);
        assert_eq!(adapter.read(shard, last, 10).await.unwrap(), []);
    }
    assert_eq!(numbers[0].len(), 60);
    assert!(!numbers[1].is_empty() && !numbers[2].is_empty());
    assert_eq!(numbers.concat().into_iter().collect::<BTreeSet<_>>(), (0..120).collect());
}

#[tokio::test]
async fn a_record_over_the_limit_and_a_stream_or_shard_that_is_not_there_are_told_apart() {
    let stream = Stream::create(1).await;
    let adapter = stream.adapter();
    let large = OutRecord { bytes: vec![0; 1024 * 1024], ..record(1) };
    let outcomes = adapter.publish(vec![record(0), large]).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(StreamError::TooLarge { .. }))), "{outcomes:?}");
    let nowhere = ShardId("shardId-000000000099".to_owned());
    assert_eq!(adapter.read(&nowhere, None, 1).await, Err(StreamError::NoSuchShard(nowhere.0.clone())));
    let config = touchline_runtime::AwsSettings::of_counterpart(&stream.endpoint()).into_config();
    let missing = KinesisStream::new(&config, "no-such-stream");
    assert!(matches!(missing.publish(vec![record(0)]).await[0], Err(StreamError::Unavailable(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_repeat_records_and_never_turn_two_of_a_lane_round() {
    let stream = Stream::create(2).await;
    let mut random = Random::new(seed());
    let road = LossyRoad::to(&stream.endpoint(), move || match random.below(8) {
        0 => Fate::AnswerLost,
        1 => Fate::RequestLost,
        2 => Fate::AnswerBroken,
        3 => Fate::Throttled,
        _ => Fate::Passed,
    })
    .await;
    let behind = stream.adapter_behind(&road.endpoint);
    let mut pending: Vec<OutRecord> = (0..240).map(record).collect();
    while !pending.is_empty() {
        // As producers do: what failed is sent again, in its order.
        let outcomes = behind.publish(pending.clone()).await;
        pending =
            pending.into_iter().zip(outcomes).filter(|(_, outcome)| outcome.is_err()).map(|(sent, _)| sent).collect();
    }
    let adapter = stream.adapter();
    let mut met = BTreeSet::new();
    let mut total = 0;
    for shard in adapter.shards().await.unwrap() {
        let found = read_all(&adapter, &shard, 1_000).await;
        total += found.len();
        for lane in 0..LANES {
            let own = found.iter().filter(|record| record.partition_key == Lane(lane).partition_key());
            let numbers: Vec<u32> = own.map(number).collect();
            assert!(numbers.is_sorted(), "lane {lane}: {numbers:?}");
        }
        met.extend(found.iter().map(number));
    }
    assert_eq!(met, (0..240).collect());
    assert!(total > 240, "no answer was lost after its record was taken");
}
