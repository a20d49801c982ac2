//! Panes computed anew from the lake: after-seal events counted, lost and damaged items restored, nothing counted twice.
//! RBD-1, RBD-2, RBD-3, P12.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::sync::Arc;

use support::{LANES, Mishap, START_MS, World, shard, trade};
use touchline_archive::ArchiveContext;
use touchline_event::{Event, encode_frame};
use touchline_finalize::FinalizeContext;
use touchline_lake::tables::{TRADE_WINDOWS, TradeWindowRow};
use touchline_lake::{Lake, Tables as _};
use touchline_metric::{Family, FamilyState};
use touchline_rebuild::{Change, RebuildContext, RebuildError, RebuildRequest, RebuiltPane, handle};
use touchline_store::{Fault, ItemWrite, PaneLayout, outbox, panes, watermarks};
use touchline_stream::Batch;
use touchline_window::{PaneKey, PaneState, WindowPolicy};

const EPOCH: &str = "test";
const SEALING: WindowPolicy = WindowPolicy { retention_ms: Some(600_000), ..WindowPolicy::DEFAULT };

struct Room {
    world: World,
    lake: Lake,
    _folder: tempfile::TempDir,
}

impl Room {
    async fn new(layout: PaneLayout) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        Self { world: World::of(layout), lake, _folder: folder }
    }

    fn send(&self, events: &[Event]) {
        self.world.log.push(&events[0].lane(LANES).partition_key(), encode_frame(events).unwrap());
    }

    async fn archive(&self) {
        let store = self.world.view();
        let lake = Arc::new(self.lake.clone());
        let context = ArchiveContext { lake, store, lanes: LANES, epoch: EPOCH.into() };
        let batch = Batch { shard: shard(), records: self.world.log.records() };
        assert_eq!(touchline_archive::handle(&context, &batch).await.failed_from, None);
        self.lake.commit_chains(&*self.world.store, EPOCH).await.unwrap();
    }

    /// Every lane has reached this time, and finalisation has nothing left to do.
    async fn reach(&self, watermark_ms: i64) {
        let lanes: Vec<(u16, i64)> = (0..LANES).map(|lane| (lane, watermark_ms)).collect();
        watermarks::advance(&*self.world.store, "finnhub", &lanes).await.unwrap();
        self.finalise().await;
    }

    async fn finalise(&self) {
        let store = self.world.view();
        let context = FinalizeContext { store, policy: SEALING, sources: vec!["finnhub".into()] };
        for _ in 0..4 {
            touchline_finalize::handle(&context).await.unwrap();
        }
    }

    async fn rebuild(&self, mishap: &Mishap) -> Result<Vec<RebuiltPane>, RebuildError> {
        let context = RebuildContext {
            store: self.world.store(mishap),
            lake: Arc::new(self.lake.clone()),
            policy: SEALING,
            lanes: LANES,
        };
        let request = RebuildRequest {
            family: Family::Trades,
            entity: support::ENTITY.into(),
            from_ms: START_MS,
            to_ms: START_MS + 1,
            at_ms: START_MS,
        };
        handle(&context, &request).await
    }

    async fn rebuilt(&self) -> RebuiltPane {
        let mut panes = self.rebuild(&Mishap::none()).await.unwrap();
        assert_eq!(panes.len(), 1);
        panes.remove(0)
    }

    fn key(&self) -> PaneKey {
        let lane = trade(1, START_MS).lane(LANES);
        let entity = support::ENTITY.into();
        PaneKey { family: "trades", entity, pane_ms: SEALING.pane_ms, start_ms: START_MS, lane }
    }

    /// Replaces a part's bytes, or deletes the part.
    async fn damage(&self, value: Option<Vec<u8>>) {
        let (key, item) = panes::parts(&*self.world.view(), &self.key()).await.unwrap().remove(0);
        let write = ItemWrite { key, expected: Some(item.version), value, expires_at_ms: None };
        self.world.view().put(vec![write]).await.remove(0).unwrap();
    }

    /// Revision and trade count of every row that was ever queued for the lake.
    async fn rows(&self) -> Vec<(i32, i64)> {
        let rows = outbox::claim(&*self.world.store, TRADE_WINDOWS.name, 0, 1000).await.unwrap();
        let rows = rows.iter().map(|row| serde_json::from_slice::<TradeWindowRow>(row).unwrap());
        rows.map(|row| (row.revision, row.trade_count)).collect()
    }

    /// A sealed pane of two events, and a ledger with a third one and a duplicate of the first.
    async fn sealed(layout: PaneLayout) -> Self {
        let room = Self::new(layout).await;
        room.send(&[trade(1, START_MS), trade(2, START_MS + 1_000)]);
        room.world.deliver(SEALING).await;
        room.reach(SEALING.sealed_from_ms(START_MS + SEALING.pane_ms).unwrap()).await;
        assert!(room.world.panes().await[0].is_sealed);
        room.send(&[trade(3, START_MS + 2_000), trade(1, START_MS)]);
        room.world.deliver(SEALING).await;
        let account = room.world.assert_adds_up("sealed").await;
        assert_eq!((account.applied, account.after_seal), (2, 2));
        room
    }

    async fn assert_counted_once(&self, why: &str) {
        self.finalise().await;
        let account = self.world.assert_adds_up(why).await;
        assert_eq!((account.applied, account.duplicate, account.after_seal, account.redriven), (3, 1, 0, 2), "{why}");
        let pane = self.world.panes().await.remove(0);
        assert_eq!((pane.is_sealed, pane.is_final, pane.revision), (true, true, 2), "{why}");
        assert_eq!(self.rows().await, [(1, 2), (2, 3)], "{why}");
    }
}

#[tokio::test]
async fn events_after_the_seal_are_counted_as_the_next_revision_and_published_once() {
    for layout in PaneLayout::ALL {
        let room = Room::sealed(layout).await;
        room.archive().await;
        let pane = room.rebuilt().await;
        assert_eq!(pane.change, Change::Revised { revision: 2, applied_before: 2, applied: 3 });
        assert_eq!(pane.settled_count, 2);
        room.finalise().await;
        assert_eq!(room.rebuilt().await.change, Change::Unchanged, "RBD-2");
        room.assert_counted_once("in peace").await;
    }
}

#[tokio::test]
async fn a_rebuild_that_is_cut_short_anywhere_is_finished_by_the_next() {
    let faults = [Fault::LostRequest, Fault::LostResponse];
    for (layout, fault) in PaneLayout::ALL.into_iter().flat_map(|layout| faults.map(|fault| (layout, fault))) {
        for operation in 0.. {
            let room = Room::sealed(layout).await;
            room.archive().await;
            let mishap = Mishap::at(operation, fault);
            let cut = room.rebuild(&mishap).await;
            if !mishap.struck() {
                assert!(operation >= 4, "{operation}");
                break;
            }
            assert!(cut.is_err(), "{fault:?} at {operation}");
            room.finalise().await;
            room.rebuilt().await;
            room.assert_counted_once(&format!("{fault:?} at {operation}")).await;
        }
    }
}

#[tokio::test]
async fn a_lake_that_is_behind_changes_nothing() {
    let room = Room::sealed(PaneLayout::Pane).await;
    let before = room.world.store.dump();
    assert!(matches!(room.rebuilt().await.change, Change::Lacking { applied_before: 2, applied: 0 }), "RBD-3");
    assert_eq!(room.world.store.dump(), before);
}

#[tokio::test]
async fn a_lost_or_damaged_pane_comes_back_behind_its_last_published_revision() {
    let damages = [None, Some(vec![9, 9, 9]), Some(Vec::new())];
    for (layout, damage) in
        PaneLayout::ALL.into_iter().flat_map(|layout| damages.clone().map(|damage| (layout, damage)))
    {
        let room = Room::new(layout).await;
        room.send(&[trade(1, START_MS), trade(2, START_MS + 1_000), trade(1, START_MS)]);
        room.world.deliver(SEALING).await;
        room.reach(SEALING.final_from_ms(START_MS + SEALING.pane_ms)).await;
        room.archive().await;
        let before = room.world.panes().await;
        room.damage(damage.clone()).await;
        assert_eq!(room.rebuilt().await.change, Change::Restored { revision: 2, applied: 2 }, "{damage:?}");
        room.finalise().await;
        let after = room.world.panes().await;
        assert_eq!((&after[0].state, after[0].applied_count), (&before[0].state, 2));
        // The ids are back too: the same again is a duplicate, something new a correction.
        room.send(&[trade(2, START_MS + 1_000), trade(3, START_MS + 2_000)]);
        room.world.deliver(SEALING).await;
        room.finalise().await;
        assert_eq!(room.world.assert_adds_up("restored").await.applied, 3);
        assert_eq!(room.rows().await, [(1, 2), (2, 2), (3, 3)], "{damage:?}");
    }
}

#[tokio::test]
async fn a_pane_of_several_parts_is_whole_again_and_still_knows_every_id() {
    for layout in PaneLayout::ALL {
        several_parts(layout).await;
    }
}

async fn several_parts(layout: PaneLayout) {
    let room = Room::new(layout).await;
    room.send(&[trade(1, START_MS), trade(2, START_MS + 1_000)]);
    room.world.deliver(SEALING).await;
    // The first part is full; the second counts one more.
    let (key, item) = panes::parts(&*room.world.view(), &room.key()).await.unwrap().remove(0);
    let mut full = PaneState::<FamilyState>::decode(&item.value).unwrap();
    full.is_frozen = true;
    let write =
        ItemWrite { key, expected: Some(item.version), value: Some(full.encode().unwrap()), expires_at_ms: None };
    room.world.view().put(vec![write]).await.remove(0).unwrap();
    room.send(&[trade(3, START_MS + 2_000)]);
    room.world.deliver(SEALING).await;
    room.archive().await;
    let whole = room.world.panes().await;
    assert_eq!(room.rebuilt().await.change, Change::Unchanged);
    // Somebody spoilt the figures of the first part.
    full.aggregate = Family::Trades.empty();
    full.applied_count = 0;
    room.damage(Some(full.encode().unwrap())).await;
    assert!(matches!(room.rebuilt().await.change, Change::Revised { applied: 3, .. }));
    assert_eq!(room.world.panes().await[0].state, whole[0].state);
    room.send(&[trade(1, START_MS), trade(2, START_MS + 1_000), trade(3, START_MS + 2_000)]);
    room.world.deliver(SEALING).await;
    let account = room.world.assert_adds_up("parts").await;
    assert_eq!((account.applied, account.duplicate), (3, 3));
}
