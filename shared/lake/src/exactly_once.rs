//! P9 put to the test: batches re-cut, repeated and concurrent, processes ended at every write, committers racing.
//! Whatever happens, in the end every archived position is in its table exactly once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use proptest::prelude::*;
use touchline_store::{FaultyStore, MemoryStore};

use crate::chain;
use crate::files::FileEntry;
use crate::lake::{Lake, table_ident};
use crate::port::Tables;
use crate::tables::{self, ArchivedEvent, event_table};
use crate::testing::{Fuse, at, heartbeat, on_fuse, positions, quote, trade};

const EPOCH: &str = "e1";
const SHARDS: [&str; 2] = ["shard-a", "shard-b"];
const LANES: u16 = 3;
const RECORDS: u64 = 12;

type Store = Arc<FaultyStore<MemoryStore>>;

/// The events of one shard, one record after the other; records of different lanes are interleaved.
fn log_of(shard: &str) -> Vec<ArchivedEvent> {
    let record = |n: u64| {
        let lane = (n * 7 % u64::from(LANES)) as u16;
        let payload = move |sub: u32| match (n + u64::from(sub)) % 5 {
            0 => heartbeat(lane),
            1 | 2 => quote(1_900_000 + n as i64),
            _ => trade(100 + n as i64),
        };
        (0..=(n % 3) as u32).map(move |sub| (lane, n + 1, sub, payload(sub)))
    };
    (0..RECORDS).flat_map(record).map(|(lane, n, sub, payload)| at(shard, lane, n, sub, payload)).collect()
}

async fn assert_exactly_once(lake: &Lake) {
    let mut expected: BTreeMap<&str, BTreeMap<(String, String, i32), usize>> = BTreeMap::new();
    for event in SHARDS.iter().flat_map(|shard| log_of(shard)) {
        if let Some(table) = event_table(event.event.kind) {
            let key = (event.shard.to_string(), event.position.sequence.to_string(), event.position.sub as i32);
            expected.entry(table.name).or_default().insert(key, 1);
        }
    }
    assert_eq!(expected.len(), 2, "the log must fill two tables");
    for (name, positions_expected) in expected {
        assert_eq!(positions(lake, name).await, positions_expected, "{name}");
    }
}

/// After every crash somebody delivers again and commits again.
async fn finish(lake: &Lake, store: &Store, fuse: &Fuse) {
    fuse.put_out();
    for shard in SHARDS {
        lake.archive(&**store, EPOCH, &log_of(shard)).await.unwrap();
    }
    lake.commit_chains(&**store, EPOCH).await.unwrap();
    assert_eq!(lake.waiting_file_count(&**store, EPOCH).await.unwrap(), 0, "all committed files are trimmed");
    let again = lake.commit_chains(&**store, EPOCH).await.unwrap();
    assert!(again.tables.is_empty(), "nothing is left to commit: {again:?}");
}

async fn archive_then_commit(lake: &Lake, store: &Store) {
    for shard in SHARDS {
        // A failure is the crash under test; the next run starts from what is stored.
        let _ = lake.archive(&**store, EPOCH, &log_of(shard)).await;
    }
    let _ = lake.commit_chains(&**store, EPOCH).await;
}

#[tokio::test]
async fn a_process_ended_at_any_write_and_begun_again_archives_each_position_once() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, store, fuse) = on_fuse(folder.path()).await;
    archive_then_commit(&lake, &store).await;
    let writes = fuse.used();
    assert!(writes >= 6, "two chains, two tables, two trims at least, not {writes}");
    for last_lands in [false, true] {
        for write in 1..=writes {
            let folder = tempfile::tempdir().unwrap();
            let (lake, store, fuse) = on_fuse(folder.path()).await;
            fuse.light(write, last_lands);
            archive_then_commit(&lake, &store).await;
            finish(&lake, &store, &fuse).await;
            let reopened = Lake::open(folder.path()).await.unwrap();
            assert_exactly_once(&reopened).await;
        }
    }
}

/// One thing that happens. `fuse` ends the process after so many writes of the step.
#[derive(Debug, Clone)]
enum Step {
    /// Records of some lanes of a shard, from `back` before the last one done, `length` long; `copies` at once.
    Deliver { shard: usize, lanes: u8, back: u64, length: u64, copies: u8, fuse: Option<(u32, bool)> },
    /// So many committers at once.
    Commit { copies: u8, fuse: Option<(u32, bool)> },
    /// A delivery and a committer at once.
    Both { shard: usize, length: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fuse = || prop::option::of((1..6_u32, any::<bool>()));
    let deliver = (0..2_usize, 1..8_u8, 0..4_u64, 1..8_u64, 1..3_u8, fuse()).prop_map(
        |(shard, lanes, back, length, copies, fuse)| Step::Deliver { shard, lanes, back, length, copies, fuse },
    );
    let commit = (1..4_u8, fuse()).prop_map(|(copies, fuse)| Step::Commit { copies, fuse });
    let both = (0..2_usize, 1..8_u64).prop_map(|(shard, length)| Step::Both { shard, length });
    prop::collection::vec(prop_oneof![4 => deliver, 2 => commit, 1 => both], 1..12)
}

/// The last record done of every shard and lane, as an event source mapping keeps it.
type Frontier = HashMap<(usize, u16), u64>;

/// What a mapping delivers: never a lane's later record before its earlier ones are done, but any of them again.
fn batch(frontier: &Frontier, shard: usize, lanes: u8, back: u64, length: u64) -> Vec<ArchivedEvent> {
    let is_chosen = |lane: u16| lanes & (1 << lane) != 0;
    let done = |lane: u16| frontier.get(&(shard, lane)).copied().unwrap_or(0);
    let from = (0..LANES).filter(|lane| is_chosen(*lane)).map(done).min().unwrap_or(0).saturating_sub(back);
    let in_range = |event: &ArchivedEvent| {
        let sequence = event.position.sequence.to_u64().unwrap();
        is_chosen(event.lane.0) && sequence > from && sequence <= from + length
    };
    log_of(SHARDS[shard]).into_iter().filter(in_range).collect()
}

fn advance(frontier: &mut Frontier, shard: usize, events: &[ArchivedEvent]) {
    for event in events {
        let done = frontier.entry((shard, event.lane.0)).or_insert(0);
        *done = (*done).max(event.position.sequence.to_u64().unwrap());
    }
}

async fn run(steps: Vec<Step>) {
    let folder = tempfile::tempdir().unwrap();
    let (lake, store, fuse) = on_fuse(folder.path()).await;
    let mut frontier = Frontier::new();
    for step in steps {
        let mut archiving = Vec::new();
        let mut committing = Vec::new();
        let archive = |events: Vec<ArchivedEvent>| {
            let (lake, store) = (lake.clone(), Arc::clone(&store));
            tokio::spawn(async move { lake.archive(&*store, EPOCH, &events).await.map(|_| events) })
        };
        let commit = || {
            let (lake, store) = (lake.clone(), Arc::clone(&store));
            tokio::spawn(async move { lake.commit_chains(&*store, EPOCH).await })
        };
        let shard_of_step = match step {
            Step::Deliver { shard, lanes, back, length, copies, fuse: lit } => {
                lit.inspect(|(writes, lands)| fuse.light(*writes, *lands));
                let events = batch(&frontier, shard, lanes, back, length);
                archiving.extend((0..copies).map(|_| archive(events.clone())));
                shard
            }
            Step::Commit { copies, fuse: lit } => {
                lit.inspect(|(writes, lands)| fuse.light(*writes, *lands));
                committing.extend((0..copies).map(|_| commit()));
                0
            }
            Step::Both { shard, length } => {
                archiving.push(archive(batch(&frontier, shard, 0b111, 0, length)));
                committing.push(commit());
                shard
            }
        };
        for task in archiving {
            if let Ok(events) = task.await.unwrap() {
                advance(&mut frontier, shard_of_step, &events);
            }
        }
        for task in committing {
            let _ = task.await.unwrap();
        }
        fuse.put_out();
    }
    finish(&lake, &store, &fuse).await;
    assert_exactly_once(&lake).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn p9_any_schedule_of_deliveries_crashes_and_committers_archives_each_position_once(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(run(steps));
    }
}

#[tokio::test]
async fn a_chain_begun_anew_is_not_taken_for_its_predecessor() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    for round in 0..2_u64 {
        // The store is lost between the rounds; the stream begins anew with other events.
        let store = MemoryStore::default();
        let events: Vec<ArchivedEvent> = (1..4).map(|n| at("shard-a", 0, round * 10 + n, 0, trade(1))).collect();
        lake.archive(&store, EPOCH, &events).await.unwrap();
        lake.commit_chains(&store, EPOCH).await.unwrap();
    }
    assert_eq!(positions(&lake, "silver.trades").await.len(), 6);
}

#[tokio::test]
async fn files_of_a_crash_before_the_swap_are_orphans_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, store, fuse) = on_fuse(folder.path()).await;
    let log = log_of(SHARDS[0]);
    fuse.light(1, false);
    lake.archive(&*store, EPOCH, &log).await.unwrap_err();
    let lost = lake.orphans(&*store, &[EPOCH]).await.unwrap();
    assert_eq!(lost.len(), 4, "two tables, two days: {lost:?}");

    fuse.put_out();
    lake.archive(&*store, EPOCH, &log).await.unwrap();
    assert_eq!(lake.orphans(&*store, &[EPOCH]).await.unwrap(), lost, "files on the chain are no orphans");
    lake.commit_chains(&*store, EPOCH).await.unwrap();
    assert_eq!(lake.orphans(&*store, &[EPOCH]).await.unwrap(), lost, "committed files are no orphans");
}

#[tokio::test]
async fn a_lost_answer_of_the_catalog_does_not_append_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, _store, fuse) = on_fuse(folder.path()).await;
    let table = table_ident("bronze.payloads").unwrap();
    let row = tables::PayloadRow { source: "espn".into(), ..Default::default() };
    let rows = || vec![tables::PAYLOADS.batch(&[&row]).unwrap()];

    fuse.light(1, true);
    let report = lake.append_batches(&table, rows(), HashMap::new()).await.unwrap();
    assert_eq!((report.file_count, report.row_count), (1, 1));
    fuse.light(1, true);
    assert!(lake.append_rows_once(&table, rows(), "payloads", 5).await.unwrap());
    fuse.put_out();
    for sequence in [5, 4, 0] {
        assert!(!lake.append_rows_once(&table, rows(), "payloads", sequence).await.unwrap());
    }
    assert!(lake.append_rows_once(&table, rows(), "other", 1).await.unwrap());
    assert_eq!(lake.recorded_sequence(&table, "payloads").await.unwrap(), Some(5));
    let loaded = lake.load(&table).await.unwrap();
    assert_eq!(crate::testing::long_column(&loaded, "byte_count").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_racing_appends_of_one_sequence_one_lands() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let table = table_ident("bronze.payloads").unwrap();
    let racers = (0..6).map(|_| {
        let (lake, table) = (lake.clone(), table.clone());
        tokio::spawn(async move {
            let row = tables::PayloadRow::default();
            let rows = vec![tables::PAYLOADS.batch(&[&row]).unwrap()];
            lake.append_rows_once(&table, rows, "payloads", 1).await.unwrap()
        })
    });
    let landed: Vec<bool> = futures::future::join_all(racers).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(landed.iter().filter(|landed| **landed).count(), 1, "{landed:?}");
    let loaded = lake.load(&table).await.unwrap();
    assert_eq!(crate::testing::long_column(&loaded, "byte_count").await.len(), 1);
}

#[tokio::test]
async fn a_full_chain_refuses_files_until_it_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let store = MemoryStore::default();
    lake.archive(&store, EPOCH, &[at("shard-a", 0, 1, 0, trade(1))]).await.unwrap();
    // Files that look like the first, under names of their own, until no more fit.
    let first = chain::read(&store, EPOCH, "shard-a").await.unwrap().chain.files[0].entry.clone();
    let mut file_count = 1;
    loop {
        let stored = chain::read(&store, EPOCH, "shard-a").await.unwrap();
        if stored.check_room().is_err() {
            break;
        }
        let entries: Vec<FileEntry> = (0..500)
            .map(|_| {
                let name = uuid::Uuid::new_v4().to_string();
                let (path, old) = (first.path.replace(".parquet", &name), first.path.as_str());
                FileEntry { data_file: first.data_file.replace(old, &path), path, ..first.clone() }
            })
            .collect();
        let next = stored.chain.extended(&[], &entries);
        assert_eq!(chain::swap(&store, EPOCH, &stored, &next).await.unwrap(), None);
        file_count += entries.len();
    }
    println!("a chain holds {file_count} files");
    assert!(file_count > 1_000, "a minute of one file per table and second must fit, not {file_count}");
    assert!(store.dump().values().all(|item| item.value.len() < touchline_store::MAX_ITEM_BYTES));

    let second = [at("shard-a", 0, 2, 0, trade(2))];
    let error = lake.archive(&store, EPOCH, &second).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("run the committer"), "{error}");
    lake.commit_chains(&store, EPOCH).await.unwrap();
    assert_eq!(lake.archive(&store, EPOCH, &second).await.unwrap().row_count, 1);
}
