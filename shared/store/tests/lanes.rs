//! Panes that share a lane's item, against a model that has an item for each: several sandboxes with their own memory of the
//! lanes, parts that leave, lanes that overflow. PST-1 (ITEM-1, ITEM-2, P3), LPS-1, LPS-2.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use touchline_event::Lane;
use touchline_metric::Family;
use touchline_store::{
    Item, ItemKey, ItemStore, ItemWrite, LaneItem, LaneLimits, LanePanes, MemoryStore, PutOutcome, is_own_version,
    panes,
};
use touchline_window::{PaneKey, PaneState};

const LANES: u16 = 2;
/// Small enough that a few parts overflow a lane.
const LIMITS: LaneLimits = LaneLimits { item_bytes: 600, open_part_bytes: 200 };
const SANDBOXES: usize = 3;

/// Parts of panes of four entities on two lanes.
fn key(n: u8) -> ItemKey {
    let entity = format!("finnhub:{}", n % 4);
    let lane = Lane::of(&entity, LANES);
    let start_ms = i64::from(n / 8) * 60_000;
    panes::key(&PaneKey { family: "trades", entity, pane_ms: 60_000, start_ms, lane }, u32::from(n / 4 % 2))
}

/// What a write makes of a part.
#[derive(Debug, Clone, Copy)]
enum Value {
    Provisional,
    Final,
    Corrected,
    Frozen,
    Large,
    Deleted,
}

impl Value {
    fn bytes(self, salt: usize) -> Option<Vec<u8>> {
        let mut state = PaneState::new(Family::Trades.empty());
        state.applied_count = salt as u64;
        match self {
            Self::Provisional => {}
            Self::Final => state = state.finalised(),
            Self::Corrected => {
                state = state.finalised();
                state.lifecycle.is_dirty = true;
            }
            Self::Frozen => state.is_frozen = true,
            Self::Large => state.ids = (0..40).map(|n| touchline_event::stable_hash(&[n, salt as u8])).collect(),
            Self::Deleted => return None,
        }
        Some(state.encode().unwrap())
    }
}

#[derive(Debug, Clone)]
struct Call {
    sandbox: usize,
    /// Part, how far its expected version is from the stored one, what to write.
    writes: Vec<(u8, bool, Value)>,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let value = prop_oneof![
        6 => Just(Value::Provisional), 3 => Just(Value::Final), 2 => Just(Value::Corrected), 1 => Just(Value::Frozen),
        2 => Just(Value::Large), 1 => Just(Value::Deleted)
    ];
    let write = (0_u8..24, prop::bool::weighted(0.2), value);
    let call =
        (0..SANDBOXES, prop::collection::vec(write, 1..6)).prop_map(|(sandbox, writes)| Call { sandbox, writes });
    prop::collection::vec(call, 1..25)
}

#[derive(Default)]
struct Model {
    items: BTreeMap<ItemKey, Item>,
    /// Every version that a part ever had.
    seen: BTreeMap<ItemKey, Vec<u64>>,
}

impl Model {
    fn check(&mut self, write: &ItemWrite, outcome: &PutOutcome) -> Result<(), TestCaseError> {
        let current = self.items.get(&write.key).cloned();
        if write.expected != current.as_ref().map(|item| item.version) {
            let PutOutcome::Conflict(told) = outcome else { return Err(TestCaseError::fail("written over another")) };
            // A part that has left has another version, and the same content.
            prop_assert_eq!(told.as_ref().map(|item| &item.value), current.as_ref().map(|item| &item.value));
            return Ok(());
        }
        match (&write.value, outcome) {
            (_, PutOutcome::Conflict(_)) => Err(TestCaseError::fail("refused without a reason")),
            (None, PutOutcome::Written(version)) => {
                prop_assert_eq!(*version, 0);
                self.items.remove(&write.key);
                Ok(())
            }
            (Some(value), PutOutcome::Written(version)) => {
                let seen = self.seen.entry(write.key.clone()).or_default();
                let is_known = seen.contains(version);
                prop_assert!(!is_known, "P3: version {} of {} came back", version, write.key.sk);
                if let Some(current) = &current {
                    prop_assert!(*version > current.version, "P3: {} after {}", version, current.version);
                }
                seen.push(*version);
                self.items.insert(write.key.clone(), Item { version: *version, value: value.clone() });
                Ok(())
            }
        }
    }

    /// Contents as the model has them; versions as the store says, never lower.
    async fn look(&mut self, store: &LanePanes) -> Result<(), TestCaseError> {
        for n in 0..24 {
            let key = key(n);
            let found = store.get(&key).await.unwrap();
            let known = self.items.get(&key);
            prop_assert_eq!(found.as_ref().map(|item| &item.value), known.map(|item| &item.value), "{}", key.sk);
            if let (Some(found), Some(known)) = (found, known) {
                prop_assert!(found.version == known.version || is_own_version(found.version));
                self.seen.entry(key.clone()).or_default().push(found.version);
                self.items.insert(key, found);
            }
        }
        for entity in 0..4 {
            let pk = key(entity).pk;
            let found: Vec<_> = store.query(&pk, "", None, 100).await.unwrap();
            let known: Vec<_> = self.items.iter().filter(|(key, _)| key.pk == pk).collect();
            let known: Vec<_> = known.into_iter().map(|(key, item)| (key.sk.clone(), item.clone())).collect();
            let first = store.query(&pk, "", None, 1).await.unwrap();
            prop_assert_eq!(&first[..], &known[..known.len().min(1)]);
            prop_assert_eq!(found, known);
        }
        Ok(())
    }
}

async fn follows(calls: &[Call]) -> Result<(), TestCaseError> {
    let items = Arc::new(MemoryStore::default());
    let sandboxes: Vec<LanePanes> = (0..SANDBOXES).map(|_| LanePanes::new(items.clone(), LANES, LIMITS)).collect();
    let mut model = Model::default();
    for (salt, call) in calls.iter().enumerate() {
        // Writes of one call must not depend on each other's keys for the model to know their versions.
        let wanted: BTreeMap<u8, _> = call.writes.iter().map(|write| (write.0, *write)).collect();
        let write = |(n, is_wrong, value): &(u8, bool, Value)| {
            let current = model.items.get(&key(*n)).map(|item| item.version);
            let stale = model.seen.get(&key(*n)).and_then(|seen| seen.first().copied()).filter(|_| *is_wrong);
            let expected = if *is_wrong { stale } else { current };
            ItemWrite { key: key(*n), expected, value: value.bytes(salt), expires_at_ms: None }
        };
        let writes: Vec<ItemWrite> = wanted.values().map(write).collect();
        let outcomes = sandboxes[call.sandbox].put(writes.clone()).await;
        prop_assert_eq!(outcomes.len(), writes.len());
        for (write, outcome) in writes.iter().zip(outcomes) {
            model.check(write, &outcome.unwrap())?;
        }
        model.look(&sandboxes[(call.sandbox + 1) % SANDBOXES]).await?;
    }
    Ok(())
}

proptest! {
    #[test]
    fn panes_on_lanes_follow_the_model_of_an_item_each(calls in calls()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(follows(&calls))?;
    }
}

fn write(n: u8, expected: Option<u64>, value: Value) -> ItemWrite {
    ItemWrite { key: key(n), expected, value: value.bytes(1), expires_at_ms: None }
}

/// Entries of every lane's item.
fn open_parts(items: &MemoryStore) -> Vec<ItemKey> {
    let lanes = items.dump().into_iter().filter(|(key, _)| key.pk.starts_with("lane#"));
    lanes.flat_map(|(key, item)| LaneItem::decode(&key, &item.value).unwrap().entries.into_keys()).collect()
}

#[tokio::test]
async fn a_batch_is_one_write_for_each_lane_and_a_published_pane_leaves() {
    let items = Arc::new(MemoryStore::default());
    let store = LanePanes::new(items.clone(), LANES, LaneLimits::DEFAULT);
    let parts: Vec<u8> = (0..4).collect();
    let outcomes = store.put(parts.iter().map(|n| write(*n, None, Value::Provisional)).collect()).await;
    let versions: Vec<u64> = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Ok(PutOutcome::Written(version)) => version,
            other => panic!("{other:?}"),
        })
        .collect();
    let dump = items.dump();
    assert!(dump.keys().all(|key| key.pk.starts_with("lane#")), "{:?}", dump.keys());
    assert!(dump.values().all(|item| item.version == 1), "one write for each lane");
    store.put(vec![write(0, Some(versions[0]), Value::Final)]).await.remove(0).unwrap();
    assert!(!open_parts(&items).contains(&key(0)) && items.get(&key(0)).await.unwrap().is_some());
    assert_eq!(open_parts(&items).len(), 3);
    // From here on it is written in its own item, and the lane's stays as it is.
    let current = store.get(&key(0)).await.unwrap().unwrap();
    assert!(is_own_version(current.version));
    let before = items.dump();
    store.put(vec![write(0, Some(current.version), Value::Corrected)]).await.remove(0).unwrap();
    let changed: Vec<ItemKey> =
        items.dump().into_iter().filter(|(key, item)| before[key] != *item).map(|(key, _)| key).collect();
    assert_eq!(changed, [key(0)]);
}

#[tokio::test]
async fn panes_written_one_by_one_before_are_found_and_not_begun_again() {
    let items = Arc::new(MemoryStore::default());
    items.put(vec![write(0, None, Value::Provisional)]).await.remove(0).unwrap();
    let store = LanePanes::new(items.clone(), LANES, LaneLimits::DEFAULT);
    let refused = store.put(vec![write(0, None, Value::Provisional)]).await.remove(0).unwrap();
    assert!(matches!(refused, PutOutcome::Conflict(Some(item)) if is_own_version(item.version)));
    assert_eq!(store.query(&key(0).pk, "", None, 10).await.unwrap().len(), 1);
}
