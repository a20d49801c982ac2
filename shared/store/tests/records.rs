//! What each record kind promises, on a store where a rival always writes first: marks that never fall, entries that are there
//! once, rows that go to one commit. LEASE-1, PROG-1, WM-1, DUE-1, DUE-2, ANO-1, OUT-1, OUT-2, REC-1.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use proptest::prelude::*;
use touchline_event::Lane;
use touchline_metric::Family;
use touchline_store::{
    AnomalyEntry, DueEntry, Item, ItemKey, ItemStore, ItemWrite, MemoryStore, PutOutcome, StoreError, anomalies,
    directory, due, leases, outbox, progress, put_if_absent, watermarks,
};

/// Before the first put of a key, the rival moves it; afterwards it rests.
#[derive(Default)]
struct Contended {
    memory: MemoryStore,
    met: Mutex<BTreeSet<ItemKey>>,
}

#[async_trait]
impl ItemStore for Contended {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        self.memory.get(key).await
    }

    async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>> {
        for write in &writes {
            let is_first = self.met.lock().unwrap().insert(write.key.clone());
            if is_first && let Some(item) = self.memory.get(&write.key).await.unwrap() {
                let touched = ItemWrite { expected: Some(item.version), value: Some(item.value), ..write.clone() };
                self.memory.put(vec![touched]).await;
            }
        }
        self.memory.put(writes).await
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

impl Contended {
    /// Every key is new to the rival again.
    fn rearm(&self) {
        self.met.lock().unwrap().clear();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #[test]
    fn a_mark_of_progress_is_the_greatest_ever_raised(raises in prop::collection::vec((0..3_u8, 0..100_u64), 1..20)) {
        block_on(async {
            let store = Contended::default();
            let mut greatest = [None::<u64>; 3];
            for (name, value) in raises {
                progress::raise(&store, "s", &name.to_string(), value).await.unwrap();
                store.rearm();
                let mark = &mut greatest[usize::from(name)];
                *mark = (*mark).max(Some(value));
                prop_assert_eq!(progress::read(&store, "s", &name.to_string()).await, Ok(mark.unwrap()));
            }
            let listed: Vec<(String, u64)> =
                greatest.iter().enumerate().filter_map(|(n, mark)| Some((n.to_string(), (*mark)?))).collect();
            prop_assert_eq!(progress::list(&store, "s").await.unwrap(), listed);
            prop_assert_eq!(progress::read(&store, "other", "0").await, Ok(0));
            Ok(())
        })?;
    }

    #[test]
    fn a_lease_is_read_as_it_was_written_and_of_two_who_saw_the_same_one_gets_it(
        turns in prop::collection::vec((any::<i64>(), any::<i64>(), any::<Option<i64>>()), 1..10),
    ) {
        block_on(async {
            let store = MemoryStore::default();
            let mut before = None;
            for (term, (expires_at_ms, ends_at_ms, ready_at_ms)) in (0..).zip(turns) {
                let lease = leases::Lease { term, expires_at_ms, ends_at_ms, ready_at_ms };
                let rival = leases::Lease { ready_at_ms: None, ..lease.clone() };
                let held = leases::swap(&store, "a", before.as_ref(), lease.clone()).await.unwrap().unwrap();
                let lost = leases::swap(&store, "a", before.as_ref(), rival).await.unwrap();
                prop_assert_eq!(lost, Err(Some(held.clone())));
                prop_assert_eq!(&held.lease, &lease);
                prop_assert_eq!(leases::read(&store, "a").await.unwrap(), Some(held.clone()));
                before = Some(held);
            }
            prop_assert_eq!(leases::read(&store, "b").await.unwrap(), None);
            Ok(())
        })?;
    }

    #[test]
    fn a_lane_ends_at_its_greatest_watermark(heartbeats in prop::collection::vec((0..3_u16, -50..50_i64), 1..20)) {
        block_on(async {
            let store = Contended::default();
            for (lane, at_ms) in &heartbeats {
                watermarks::advance(&store, "v", &[(*lane, *at_ms)]).await.unwrap();
                store.rearm();
            }
            let marks = watermarks::read(&store, "v").await.unwrap();
            for lane in 0..4 {
                let greatest = heartbeats.iter().filter(|(at, _)| *at == lane).map(|(_, at_ms)| *at_ms).max();
                prop_assert_eq!(marks.of_lane(lane), greatest);
            }
            prop_assert_eq!(watermarks::read(&store, "other").await.unwrap().furthest(), None);
            Ok(())
        })?;
    }

    #[test]
    fn every_row_goes_to_one_commit_in_order_of_name(
        steps in prop::collection::vec((prop::collection::vec(0..40_u8, 0..6), any::<bool>(), 1..5_usize), 1..12),
    ) {
        block_on(async {
            let store = MemoryStore::default();
            let name = |row: u8| format!("{row:03}");
            let (mut recorded, mut committed) = (0, Vec::new());
            let mut queued = BTreeSet::new();
            for (rows, is_recorded, limit) in steps {
                queued.extend(rows.iter().copied());
                outbox::put(&store, "t", rows.iter().map(|row| (name(*row), vec![*row])).collect()).await.unwrap();
                let claimed = outbox::claim(&store, "t", recorded, limit).await.unwrap();
                prop_assert!(claimed.is_sorted(), "{:?}", claimed);
                prop_assert_eq!(outbox::claim(&store, "t", recorded, 0).await.unwrap(), claimed.clone(), "made again");
                if is_recorded {
                    recorded += 1;
                    committed.extend(claimed);
                }
            }
            while let claimed = outbox::claim(&store, "t", recorded, 7).await.unwrap() && !claimed.is_empty() {
                recorded += 1;
                committed.extend(claimed);
            }
            committed.sort();
            prop_assert_eq!(committed, queued.iter().map(|row| vec![*row]).collect::<Vec<_>>());
            let names: Vec<String> = queued.into_iter().map(name).collect();
            prop_assert_eq!(outbox::names(&store, "t", "").await.unwrap(), names.clone());
            let of_tens: Vec<String> = names.into_iter().filter(|name| name.starts_with("01")).collect();
            prop_assert_eq!(outbox::names(&store, "t", "01").await.unwrap(), of_tens);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_claim_takes_no_more_than_it_is_asked_for_and_drops_what_is_recorded() {
    let store = MemoryStore::default();
    let rows = |names: [&str; 3]| names.map(|name| (name.to_owned(), vec![7; 1000])).to_vec();
    outbox::put(&store, "t", rows(["a", "b", "c"])).await.unwrap();
    assert_eq!(outbox::claim(&store, "t", 0, 2).await.unwrap().len(), 2);
    assert_eq!(outbox::claim(&store, "t", 1, 2).await.unwrap().len(), 1);
    let bytes =
        |dump: &std::collections::BTreeMap<ItemKey, Item>, sk: &str| dump[&ItemKey::new("outbox#t", sk)].value.len();
    let dump = store.dump();
    assert!(bytes(&dump, "a") < 10 && bytes(&dump, "b") < 10, "the content of recorded rows is dropped");
    assert!(bytes(&dump, "c") > 1000, "that of a row whose commit is not recorded is kept");
}

#[tokio::test]
async fn a_row_that_a_rival_claimed_in_between_is_the_rivals() {
    let store = Contended::default();
    outbox::put(&store, "t", vec![("a".to_owned(), vec![1])]).await.unwrap();
    store.rearm();
    assert_eq!(outbox::claim(&store, "t", 0, 10).await.unwrap(), Vec::<Vec<u8>>::new());
}

fn due_entry(start_ms: i64, entity: &str, stage: due::Stage) -> DueEntry {
    DueEntry {
        stage,
        family: Family::Trades,
        entity: entity.to_owned(),
        source: "v".to_owned(),
        pane_ms: 60_000,
        start_ms,
        lane: 3,
    }
}

async fn due_starts(store: &dyn ItemStore, stage: due::Stage, end_ms: i64, limit: usize) -> Vec<i64> {
    let found = due::list(store, stage, Family::Trades, 60_000, "", end_ms, limit).await.unwrap();
    found.into_iter().map(|(_, _, entry)| entry.start_ms).collect()
}

#[tokio::test]
async fn panes_are_due_by_their_end_and_an_entry_touched_after_it_was_read_stays() {
    let store = Contended::default();
    let entries = [120_000, -60_000, 0].map(|start_ms| due_entry(start_ms, "v:A", due::Stage::Final));
    due::touch(&store, &entries).await.unwrap();
    due::touch(&store, &[due_entry(0, "v:A", due::Stage::Seal)]).await.unwrap();
    assert_eq!(due_starts(&store, due::Stage::Final, 60_000, 10).await, [-60_000, 0]);
    assert_eq!(due_starts(&store, due::Stage::Final, 59_999, 10).await, [-60_000]);
    assert_eq!(due_starts(&store, due::Stage::Final, i64::MAX, 2).await, [-60_000, 0]);
    assert_eq!(due_starts(&store, due::Stage::Seal, i64::MAX, 10).await, [0]);
    let (_, read, entry) =
        due::list(&store, due::Stage::Final, Family::Trades, 60_000, "", 60_000, 10).await.unwrap().remove(1);
    store.rearm();
    due::touch(&store, std::slice::from_ref(&entry)).await.unwrap();
    assert!(matches!(store.put(vec![due::removal(&entry, read.version)]).await[0], Ok(PutOutcome::Conflict(_))));
    let now = store.get(&entry.key()).await.unwrap().unwrap();
    store.put(vec![due::removal(&entry, now.version)]).await.remove(0).unwrap();
    assert_eq!(due_starts(&store, due::Stage::Final, 60_000, 10).await, [-60_000]);
    let key = entry.pane_key();
    assert_eq!((key.end_ms(), key.lane, key.family), (60_000, Lane(3), "trades"));
}

#[tokio::test]
async fn an_anomaly_judged_again_replaces_itself() {
    let store = Contended::default();
    let entry = |window_start_ms: i64, kind: &str, value: f64| AnomalyEntry {
        family: "trades".to_owned(),
        source: "v".to_owned(),
        entity: "v:A".to_owned(),
        kind: kind.to_owned(),
        window_start_ms,
        window_ms: 60_000,
        detected_at_ms: 1,
        value,
        expectation: 1.0,
        severity: 1.0,
        robust_z: None,
        revision: 1,
    };
    for (start_ms, kind, value) in
        [(0, "volume_spike", 1.0), (0, "volume_spike", 2.0), (0, "price_jump", 3.0), (60_000, "price_jump", 4.0)]
    {
        anomalies::put(&store, &entry(start_ms, kind, value)).await.unwrap();
        store.rearm();
    }
    let values = async |from_ms, to_ms, limit| -> Vec<f64> {
        let found = anomalies::list(&store, "trades", 60_000, from_ms, to_ms, limit).await.unwrap();
        found.into_iter().map(|entry| entry.value).collect()
    };
    assert_eq!(values(0, 120_000, 10).await, [3.0, 2.0, 4.0]);
    assert_eq!(values(0, 60_000, 10).await, [3.0, 2.0]);
    assert_eq!(values(1, 120_000, 10).await, [4.0]);
    assert_eq!(values(0, 120_000, 1).await, [3.0]);
}

#[tokio::test]
async fn a_partition_of_several_pages_is_walked_to_its_end() {
    let store = MemoryStore::default();
    let entities: Vec<String> = (0..2_000).map(|n| format!("v:{n:05}")).collect();
    let items = entities.iter().map(|entity| directory::entry(Family::Odds, entity)).collect();
    put_if_absent(&store, items).await.unwrap();
    assert_eq!(directory::list(&store, Family::Odds).await.unwrap(), entities);
    assert_eq!(directory::list(&store, Family::Scores).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_record_of_a_newer_format_is_refused_by_name() {
    let store = MemoryStore::default();
    let put = |sk: &str, value: Vec<u8>| vec![(ItemKey::new("progress#s", sk), value)];
    put_if_absent(&store, put("newer", vec![9, 1])).await.unwrap();
    put_if_absent(&store, put("empty", vec![])).await.unwrap();
    put_if_absent(&store, put("broken", vec![1])).await.unwrap();
    for (name, part) in [("newer", "format 9 is newer"), ("empty", "record is empty"), ("broken", "item broken")] {
        let error = progress::read(&store, "s", name).await.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
