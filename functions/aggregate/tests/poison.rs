//! Records that must not stop a shard: refused or noted once, whatever their size and however often they come.
//! AGG-3, P12, STATE-3.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::sync::Arc;

use touchline_aggregate::{AggregateContext, BatchOutcome, WarmCache, handle};
use touchline_event::{
    Event, EventDraft, EventId, Fixture, GameStatus, MAX_EVENT_BYTES, Sequence, ShardId, Team, encode_frame,
};
use touchline_metric::FamilyState;
use touchline_store::{
    ItemKey, ItemStore, ItemWrite, MAX_ITEM_BYTES, MemoryStore, PutOutcome, SourceAccount, accounting, late, quarantine,
};
use touchline_stream::{Batch, Record};
use touchline_window::{PaneState, WindowPolicy};

/// 2023-10-29T17:00:00Z.
const START_MS: i64 = 1_698_598_800_000;
const LANES: u16 = 4;

struct Desk {
    store: Arc<MemoryStore>,
    records: Vec<Record>,
}

fn fixture(id: u64, home: &str) -> Event {
    let team = |name: &str| Team { name: name.into(), ..Team::default() };
    let payload = Fixture {
        home: team(home),
        away: team("away"),
        starts_at_ms: None,
        status: GameStatus::Scheduled,
        status_detail: None,
        venue: None,
        is_neutral_site: None,
    };
    let mut draft = EventDraft::new("espn", START_MS, START_MS, payload);
    draft.game_id = Some("1".into());
    draft.with_id(EventId(id))
}

fn huge(id: u64) -> Event {
    fixture(id, &"x".repeat(MAX_EVENT_BYTES))
}

fn sandbox_on(store: &Arc<MemoryStore>) -> AggregateContext {
    AggregateContext {
        store: Arc::clone(store) as Arc<dyn ItemStore>,
        policy: WindowPolicy::DEFAULT,
        lanes: LANES,
        puts_in_flight: 16,
        max_item_bytes: MAX_ITEM_BYTES,
        cache: WarmCache::new(100),
    }
}

impl Desk {
    fn new() -> Self {
        Self { store: Arc::default(), records: Vec::new() }
    }

    fn send(&mut self, events: &[Event]) {
        let lane = events[0].lane(LANES);
        self.send_bytes(&lane.partition_key(), encode_frame(events).unwrap());
    }

    fn send_bytes(&mut self, partition_key: &str, bytes: Vec<u8>) {
        let sequence = Sequence::from_u64(self.records.len() as u64 + 1);
        self.records.push(Record { sequence, partition_key: partition_key.into(), bytes });
    }

    /// A sandbox that remembers nothing.
    fn sandbox(&self) -> AggregateContext {
        sandbox_on(&self.store)
    }

    /// Everything sent so far, to this sandbox.
    async fn deliver_to(&self, sandbox: &AggregateContext) -> BatchOutcome {
        let batch = Batch { shard: ShardId("shard-0".into()), records: self.records.clone() };
        handle(sandbox, &batch, || true).await
    }

    async fn deliver(&self) -> BatchOutcome {
        self.deliver_to(&self.sandbox()).await
    }

    /// Every item but the due list: a sandbox that remembers nothing may announce a pane once too often.
    fn items(&self) -> BTreeMap<ItemKey, touchline_store::Item> {
        let mut items = self.store.dump();
        items.retain(|key, _| !key.pk.starts_with("due#"));
        items
    }

    /// Delivers twice; the second time nothing may change.
    async fn account(&self, source: &str) -> SourceAccount {
        assert_eq!(self.deliver().await.failed_from, None, "nothing may stop the shard");
        let before = self.items();
        assert_eq!(self.deliver().await.failed_from, None);
        assert_eq!(self.items(), before, "a redelivery changes nothing");
        accounting::read(&*self.store, &[source]).await.unwrap().remove(source).unwrap_or_default()
    }

    async fn only_refusal(&self, source: &str) -> touchline_store::QuarantineEntry {
        let mut entries = quarantine::list(&*self.store, source).await.unwrap();
        assert_eq!(entries.len(), 1);
        entries.remove(0).1
    }

    /// Applies a change to every pane item, as finalisation would.
    async fn change_panes(&self, change: impl Fn(PaneState<FamilyState>) -> PaneState<FamilyState>) {
        for (key, item) in self.panes() {
            let value = Some(change(PaneState::decode(&item.value).unwrap()).encode().unwrap());
            let write = ItemWrite { key, expected: Some(item.version), value, expires_at_ms: None };
            assert!(matches!(self.store.put(vec![write]).await[0], Ok(PutOutcome::Written(_))));
        }
    }

    fn panes(&self) -> Vec<(ItemKey, touchline_store::Item)> {
        self.store.dump().into_iter().filter(|(key, _)| key.pk.starts_with("pane#")).collect()
    }
}

#[tokio::test]
async fn a_broken_record_larger_than_an_item_is_kept_as_far_as_it_fits() {
    let mut desk = Desk::new();
    desk.send_bytes("lane-00000", vec![1; MAX_ITEM_BYTES * 2]);
    desk.send(&[fixture(1, "home")]);
    // Its header names more events than any frame may hold, so it counts as one.
    assert_eq!(desk.account("unknown").await.quarantined, 1);
    let entry = desk.only_refusal("unknown").await;
    assert_eq!(entry.reason, "bad_frame");
    assert!(entry.message.ends_with(&format!("of {} bytes", MAX_ITEM_BYTES * 2)), "{}", entry.message);
    assert_eq!(desk.account("espn").await.applied, 1);
}

#[tokio::test]
async fn an_event_larger_than_an_item_is_refused_alone_however_its_record_is_cut() {
    let mut together = Desk::new();
    together.send(&[fixture(1, "a"), huge(2), fixture(3, "b"), huge(4)]);
    let mut apart = Desk::new();
    [huge(4), fixture(3, "b"), huge(2), fixture(1, "a")].into_iter().for_each(|event| apart.send(&[event]));
    for desk in [together, apart] {
        assert_eq!(desk.account("espn").await.applied, 2);
        assert_eq!(desk.account("unknown").await.quarantined, 2);
    }
}

#[tokio::test]
async fn impossible_times_are_refused() {
    let mut desk = Desk::new();
    let times = [i64::MIN, i64::MAX, 1 << 60, -(1 << 60)];
    for (n, time_ms) in times.into_iter().enumerate() {
        let mut event = fixture(n as u64, "home");
        (event.timestamp_ms, event.first_arrival_ms) = (time_ms, time_ms);
        desk.send(&[event.clone()]);
        event.first_arrival_ms = START_MS;
        desk.send(&[event]);
    }
    let account = desk.account("espn").await;
    // Long ago and told today is late; the rest is of no possible year.
    assert_eq!(account.quarantined + account.late, 2 * times.len() as u64);
    assert_eq!(desk.panes(), []);
}

#[tokio::test]
async fn an_entity_whose_name_fits_no_key_is_refused() {
    let mut desk = Desk::new();
    let mut event = fixture(1, "home");
    event.game_id = Some("g".repeat(3_000));
    desk.send(&[event]);
    assert_eq!(desk.account("unknown").await.quarantined, 1);
    assert_eq!(desk.only_refusal("unknown").await.reason, "long_entity");
}

#[tokio::test]
async fn after_the_seal_new_events_are_noted_once_and_old_ones_are_not() {
    let mut desk = Desk::new();
    desk.send(&[fixture(1, "a")]);
    desk.deliver().await;
    desk.change_panes(|pane| pane.finalised().sealed()).await;
    let sealed = desk.panes();
    // A new event, as large as events may be, and a duplicate of a counted one whose id is gone.
    desk.send(&[fixture(2, &"x".repeat(MAX_EVENT_BYTES - 1_000)), fixture(1, "a")]);
    let account = desk.account("espn").await;
    assert_eq!((account.applied, account.after_seal), (1, 2));
    assert_eq!(desk.panes(), sealed, "STATE-3");
    assert_eq!(late::list(&*desk.store, "espn").await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_correction_is_announced_even_by_a_sandbox_that_does_not_know_that_the_pane_is_final() {
    let mut desk = Desk::new();
    let sandbox = desk.sandbox();
    desk.send(&[fixture(1, "a")]);
    desk.deliver_to(&sandbox).await;
    desk.change_panes(PaneState::finalised).await;
    let due_partition = "due#final#scores";
    for (sk, item) in desk.store.query(due_partition, "", None, 10).await.unwrap() {
        let key = ItemKey::new(due_partition, sk);
        let removal = ItemWrite { key, expected: Some(item.version), value: None, expires_at_ms: None };
        assert!(desk.store.put(vec![removal]).await[0].is_ok());
    }
    desk.deliver_to(&sandbox).await;
    assert_eq!(desk.store.query(due_partition, "", None, 10).await.unwrap(), [], "nothing new, nothing due");
    desk.send(&[fixture(2, "b")]);
    desk.deliver_to(&sandbox).await;
    assert_eq!(desk.store.query(due_partition, "", None, 10).await.unwrap().len(), 1, "DUE-1");
    let state = PaneState::<FamilyState>::decode(&desk.panes()[0].1.value).unwrap();
    assert_eq!((state.lifecycle.revision, state.lifecycle.is_dirty), (2, true));
}

/// Seals every part that is stored, as finalisation does.
async fn seal(store: &MemoryStore) {
    for (key, item) in store.dump().into_iter().filter(|(key, _)| key.pk.starts_with("pane#")) {
        let state = PaneState::<FamilyState>::decode(&item.value).unwrap().finalised().sealed();
        let value = Some(state.encode().unwrap());
        let write = ItemWrite { key, expected: Some(item.version), value, expires_at_ms: None };
        assert!(matches!(store.put(vec![write]).await[0], Ok(PutOutcome::Written(_))));
    }
}

#[tokio::test]
async fn what_a_later_part_of_a_sealed_pane_has_counted_is_not_noted_as_too_late() {
    let mut desk = Desk::new();
    let store = Arc::clone(&desk.store);
    let narrow = || AggregateContext { max_item_bytes: 64, ..sandbox_on(&store) };
    let sandbox = narrow();
    for id in 1..=4 {
        desk.send(&[fixture(id, "home")]);
        assert_eq!(desk.deliver_to(&sandbox).await.failed_from, None);
    }
    let parts = desk.store.dump().into_keys().filter(|key| key.pk.starts_with("pane#")).count();
    assert!(parts > 1, "the pane has to be split");
    seal(&desk.store).await;
    // A sandbox that remembers nothing meets the first part first.
    let outcome = desk.deliver_to(&narrow()).await;
    assert_eq!((outcome.failed_from, outcome.late), (None, 0));
    assert_eq!(late::list(&*desk.store, "espn").await.unwrap().len(), 0, "P12");
}
