//! The store on DynamoDB: the port's law, the model, names beyond the table's limits, pages, races, lost answers.
//! ITEM-1, ITEM-2, STORE-1, KEY-1, KEY-2, TRY-1, DDB-1 to DDB-3.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use touchline_runtime::{Stopwatch, now_ms};
use touchline_store::{DynamoStore, ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError, outbox};
use touchline_tests::{Random, seed};

use super::law::obeys_the_law;
use super::lossy::{Fate, LossyRoad};
use super::model::{follows_the_model, operations};
use super::services::Table;

/// Cases of the model: every operation is a handful of requests.
const CASES: u32 = 40;

fn write(pk: &str, sk: &str, expected: Option<u64>, value: &[u8]) -> ItemWrite {
    ItemWrite { key: ItemKey::new(pk, sk), expected, value: Some(value.to_vec()), expires_at_ms: None }
}

#[tokio::test]
async fn dynamodb_obeys_the_law() {
    let table = Table::create().await;
    obeys_the_law(&table.store()).await;
}

#[test]
fn dynamodb_follows_the_model() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let table = runtime.block_on(Table::create());
    let store = table.store();
    let case = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig { cases: CASES, failure_persistence: None, ..Default::default() });
    let outcome = runner.run(&operations(), |operations| {
        case.set(case.get() + 1);
        runtime.block_on(follows_the_model(&store, &format!("case-{}", case.get()), &operations))
    });
    outcome.unwrap();
}

#[tokio::test]
async fn an_item_that_another_process_deleted_comes_back_above_its_old_versions() {
    let table = Table::create().await;
    let (one, other) = (table.store(), table.store());
    let mut seen = 0;
    for _ in 0..30 {
        for (maker, remover) in [(&one, &other), (&other, &one)] {
            let Ok(PutOutcome::Written(version)) = maker.put(vec![write("p", "a", None, b"1")]).await[0] else {
                panic!("not written")
            };
            assert!(version > seen, "{version} after {seen}");
            seen = version;
            let removal = ItemWrite { value: None, ..write("p", "a", Some(version), b"") };
            assert_eq!(remover.put(vec![removal]).await, [Ok(PutOutcome::Written(0))]);
        }
    }
}

#[tokio::test]
async fn names_longer_than_the_table_takes_are_kept_apart_and_found_again() {
    let table = Table::create().await;
    let store = table.store();
    // They differ only far behind the limit of a sort key.
    let name = |n: u32| format!("{}{n:04}", "a pane's long name ".repeat(80));
    let rows: Vec<_> = (0..30).map(|n| (name(n), vec![n as u8])).collect();
    outbox::put(&store, "t", rows.clone()).await.unwrap();
    outbox::put(&store, "t", rows).await.unwrap();
    let mut claimed = outbox::claim(&store, "t", 0, 1_000).await.unwrap();
    claimed.sort();
    assert_eq!(claimed, (0..30).map(|n| vec![n]).collect::<Vec<Vec<u8>>>());
    assert_eq!(outbox::claim(&store, "t", 1, 1_000).await.unwrap(), Vec::<Vec<u8>>::new());
    // Walked one by one, from the smallest name after the last.
    let mut from = String::new();
    let mut count = 0;
    while let Some((sk, _)) = store.query("outbox#t", &from, None, 1).await.unwrap().pop() {
        assert!(sk > from);
        from = format!("{sk}\0");
        count += 1;
    }
    assert_eq!(count, 30);
    let (pk, sk) = ("é".repeat(3_000), "#".repeat(5_000));
    assert!(store.put(vec![write(&pk, &sk, None, b"x")]).await[0].is_ok());
    assert_eq!(store.get(&ItemKey::new(&pk, &sk)).await.unwrap().unwrap().value, b"x");
    assert_eq!(store.get(&ItemKey::new(format!("{pk}é"), &sk)).await, Ok(None));
    assert_eq!(store.query(&pk, "", None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_query_goes_on_over_the_tables_pages() {
    let table = Table::create().await;
    let store = table.store();
    // A page of the table ends at 1 MB.
    let writes = (0..12).map(|n| write("p", &format!("{n:02}"), None, &vec![n; 300_000])).collect();
    assert!(store.put(writes).await.iter().all(Result::is_ok));
    let found = async |from: &str, to: Option<&str>, limit| {
        let items = store.query("p", from, to, limit).await.unwrap();
        assert!(items.iter().all(|(sk, item)| sk.parse() == Ok(item.value[0])));
        items.into_iter().map(|(sk, _)| sk).collect::<Vec<_>>()
    };
    let all: Vec<String> = (0..12).map(|n| format!("{n:02}")).collect();
    assert_eq!(found("", None, 1_000).await, all);
    assert_eq!(found("", None, 7).await, all[..7]);
    assert_eq!(found("03", Some("09"), 1_000).await, all[3..9]);
    assert_eq!(found("03", Some("09"), 5).await, all[3..8]);
}

#[tokio::test]
async fn an_item_is_six_attributes_and_expires_in_whole_seconds() {
    let table = Table::create().await;
    let store = table.store();
    let expiring = ItemWrite { expires_at_ms: Some(1_700_000_000_500), ..write("p", "a", None, b"x") };
    store.put(vec![expiring, write("p", "b", None, b"x")]).await;
    let client = table.client();
    let raw = async |sk: &str| {
        let key = |text: &str| AttributeValue::S(text.to_owned());
        let got = client.get_item().table_name(&table.name).key("pk", key("p")).key("sk", key(sk)).send().await;
        got.unwrap().item().unwrap().clone()
    };
    let mut names: Vec<String> = raw("a").await.into_keys().collect();
    names.sort();
    assert_eq!(names, ["by", "pk", "sk", "st", "ttl", "ver"]);
    assert_eq!(raw("a").await["ttl"], AttributeValue::N("1700000001".to_owned()));
    assert!(!raw("b").await.contains_key("ttl"));
}

/// What became of adding one to a number, some times over.
#[derive(Debug, Default)]
struct Increments {
    written: u64,
    lost: u64,
    unknown: u64,
}

/// Adds one to the number at `p`/`n` until `count` times are written or unknown.
async fn increment(store: &DynamoStore, count: u64) -> Increments {
    let mut met = Increments::default();
    let (mut expected, mut number) = (None, 0_u64);
    while met.written + met.unknown < count {
        let next = (number + 1).to_be_bytes();
        match store.put(vec![write("p", "n", expected, &next)]).await.pop().unwrap() {
            Ok(PutOutcome::Written(version)) => {
                met.written += 1;
                (expected, number) = (Some(version), number + 1);
            }
            Ok(PutOutcome::Conflict(current)) => {
                met.lost += 1;
                let read = |value: Vec<u8>| u64::from_be_bytes(value.try_into().unwrap());
                (expected, number) = current.map_or((None, 0), |item| (Some(item.version), read(item.value)));
            }
            Err(StoreError::Unknown { .. }) => {
                met.unknown += 1;
                expected = None;
            }
            Err(StoreError::Throttled { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    met
}

async fn number(store: &DynamoStore) -> u64 {
    let item = store.get(&ItemKey::new("p", "n")).await.unwrap().unwrap();
    u64::from_be_bytes(item.value.try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn every_race_has_one_winner() {
    const EACH: u64 = 100;
    let table = Table::create().await;
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = table.store();
        writers.spawn(async move { increment(&store, EACH).await });
    }
    let met = writers.join_all().await;
    assert!(met.iter().all(|met| met.written == EACH && met.unknown == 0));
    assert!(met.iter().map(|met| met.lost).sum::<u64>() > 0, "the writers never met");
    assert_eq!(number(&table.store()).await, 8 * EACH);
}

/// Every way a request can go wrong, but that one of four arrives.
fn fates(mut random: Random) -> impl FnMut() -> Fate + Send + 'static {
    let mut failed_in_a_row = 0;
    move || {
        let fate = match random.below(10) {
            _ if failed_in_a_row == 3 => Fate::Passed,
            0 => Fate::AnswerLost,
            1 => Fate::RequestLost,
            2 => Fate::AnswerBroken,
            3 => Fate::Throttled,
            _ => Fate::Passed,
        };
        failed_in_a_row = if fate == Fate::Passed { 0 } else { failed_in_a_row + 1 };
        fate
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_writer_loses_no_answer_for_good() {
    let table = Table::create().await;
    let road = LossyRoad::to(&table.endpoint(), fates(Random::new(seed()))).await;
    let store = table.store_behind(&road.endpoint);
    let met = increment(&store, 200).await;
    // One try of a write arrives, and nobody else writes: there is nothing to lose to, and nothing stays unknown.
    assert_eq!((met.written, met.lost, met.unknown), (200, 0, 0), "its own write was taken for another's");
    assert_eq!(number(&table.store()).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_lost_answers_nothing_is_called_written_or_lost_that_was_not() {
    let mut random = Random::new(seed());
    let table = Table::create().await;
    let mut writers = tokio::task::JoinSet::new();
    let mut roads = Vec::new();
    for _ in 0..4 {
        let road = LossyRoad::to(&table.endpoint(), fates(random.fork())).await;
        let store = table.store_behind(&road.endpoint);
        roads.push(road);
        writers.spawn(async move { increment(&store, 100).await });
    }
    let met = writers.join_all().await;
    let written: u64 = met.iter().map(|met| met.written).sum();
    let unknown: u64 = met.iter().map(|met| met.unknown).sum();
    let number = number(&table.store()).await;
    println!("{written} written, {unknown} unknown, the number is {number}");
    assert!((written..=written + unknown).contains(&number), "{written} <= {number} <= {written} + {unknown}");
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_given_up_in_time_and_one_that_is_not_there_at_once() {
    let table = Table::create().await;
    let road = LossyRoad::to(&table.endpoint(), || Fate::RequestLost).await;
    let started = Stopwatch::start();
    let outcome = table.store_behind(&road.endpoint).put(vec![write("p", "a", None, b"x")]).await;
    assert!(matches!(outcome[0], Err(StoreError::Unknown { .. })), "{outcome:?}");
    let road = LossyRoad::to(&table.endpoint(), || Fate::Throttled).await;
    let store = table.store_behind(&road.endpoint);
    assert!(matches!(store.put(vec![write("p", "a", None, b"x")]).await[0], Err(StoreError::Throttled { .. })));
    assert!(matches!(store.get(&ItemKey::new("p", "a")).await, Err(StoreError::Throttled { .. })));
    assert!(started.elapsed() < Duration::from_secs(20));
    let config = touchline_runtime::AwsSettings::of_counterpart(&table.endpoint()).into_config();
    let missing = DynamoStore::new(&config, "no-such-table", now_ms);
    assert!(matches!(missing.put(vec![write("p", "a", None, b"x")]).await[0], Err(StoreError::Unavailable(_))));
    assert_eq!(table.store().get(&ItemKey::new("p", "a")).await, Ok(None));
}

/// How fast compare-and-swaps on many items are; prints, and asserts only that all were done.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn conditional_writes_are_counted_by_the_second() {
    const WRITERS: u64 = 8;
    const ROUNDS: u64 = 40;
    const ITEMS: u64 = 16;
    let table = Arc::new(Table::create().await);
    let started = Stopwatch::start();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let store = table.store();
        writers.spawn(async move {
            let mut versions: Vec<Option<u64>> = vec![None; ITEMS as usize];
            for _ in 0..ROUNDS {
                let pk = format!("writer-{writer}");
                let writes = versions.iter().enumerate().map(|(n, seen)| write(&pk, &n.to_string(), *seen, &[0; 700]));
                let outcomes = store.put(writes.collect()).await;
                for (version, outcome) in versions.iter_mut().zip(outcomes) {
                    let Ok(PutOutcome::Written(written)) = outcome else { panic!("{outcome:?}") };
                    *version = Some(written);
                }
            }
        });
    }
    writers.join_all().await;
    let rate = (WRITERS * ROUNDS * ITEMS) as f64 / started.elapsed().as_secs_f64();
    println!("{rate:.0} conditional writes/s of 700 bytes, {WRITERS} writers of {ITEMS} at once");
}
