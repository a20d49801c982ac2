//! Where every event went: ledger entries that are there once, panes of several parts, and the accounts summed from them.
//! QUA-1, QUA-3, LATE-3, RDV-1, ACC-1 (P12).
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use touchline_event::{EventDraft, EventId, Lane, MAX_EVENT_BYTES, Position, Sequence, ShardId, Trade};
use touchline_metric::Family;
use touchline_store::{
    ItemKey, LateLedger, Ledger, MAX_ITEM_BYTES, MemoryStore, QuarantineEntry, Redriven, SourceAccount, accounting,
    directory, late, panes, put_if_absent, quarantine, redriven,
};
use touchline_window::{Aggregate as _, Lifecycle, PaneKey, PaneState};

fn trade(source: &str, id: u64) -> touchline_event::Event {
    let payload = Trade { price_e8: 1, volume_e8: 1, conditions: vec![], is_vwap_eligible: true };
    let mut draft = EventDraft::new(source, 0, 0, payload);
    draft.symbol = Some("A".into());
    draft.with_id(EventId(id))
}

fn position(number: u64, sub: u32) -> Position {
    Position { sequence: Sequence::from_u64(number), sub }
}

fn refusal(stage: &str, raw: Vec<u8>, event_count: u64) -> QuarantineEntry {
    QuarantineEntry {
        stage: stage.to_owned(),
        source: "v".to_owned(),
        reason: "bad_frame".to_owned(),
        pointer: String::new(),
        message: "m".to_owned(),
        raw,
        object_key: None,
        event_count,
        at_ms: 5,
    }
}

#[tokio::test]
async fn a_ledger_has_an_entry_once_in_order_of_position() {
    let store = MemoryStore::default();
    let shard = ShardId("s".to_owned());
    for (number, sub) in [(10, 1), (9, 0), (10, 0), (9, 0)] {
        let (event, at) = (trade("v", number), position(number, sub));
        let item = late::entry(&shard, at, LateLedger::Late, format!("{number}.{sub}"), &event, "{}".to_owned());
        put_if_absent(&store, vec![item.unwrap()]).await.unwrap();
        let entry = quarantine::stream_entry(&shard, at, &refusal("stream", vec![sub as u8], number)).unwrap();
        put_if_absent(&store, vec![entry]).await.unwrap();
    }
    let reasons: Vec<String> =
        late::list(&store, "v").await.unwrap().into_iter().map(|(_, entry)| entry.reason).collect();
    assert_eq!(reasons, ["9.0", "10.0", "10.1"]);
    let refused = quarantine::list(&store, "v").await.unwrap();
    assert_eq!(refused.iter().map(|(_, entry)| entry.event_count).collect::<Vec<_>>(), [9, 10, 10]);
    assert_eq!(refused[0].0, quarantine::stream_name(&shard, position(9, 0)));
    assert_eq!(late::list(&store, "other").await.unwrap(), []);
}

#[tokio::test]
async fn a_refused_record_keeps_as_much_as_fits_an_item_and_says_so() {
    for (bytes, is_cut) in [(MAX_EVENT_BYTES, false), (MAX_EVENT_BYTES + 1, true), (2 * MAX_ITEM_BYTES, true)] {
        let entry = refusal("parse", vec![1; bytes], 1);
        let (key, value) = quarantine::parse_entry("raw/1.json", 3, &entry).unwrap();
        assert!(value.len() <= MAX_ITEM_BYTES, "{bytes}");
        let store = MemoryStore::default();
        put_if_absent(&store, vec![(key, value)]).await.unwrap();
        let kept = quarantine::list(&store, "v").await.unwrap().remove(0);
        assert_eq!(kept.0, "parse#raw/1.json#000003");
        assert_eq!(kept.1.raw, quarantine::kept(&entry.raw), "{bytes}");
        assert_eq!(kept.1.raw.len(), bytes.min(MAX_EVENT_BYTES));
        let message = if is_cut { format!("m; raw is the beginning of {bytes} bytes") } else { "m".to_owned() };
        assert_eq!(kept.1.message, message);
    }
}

#[tokio::test]
async fn an_account_tells_where_every_event_went_and_the_total_leaves_out_what_is_counted_by_now() {
    let store = MemoryStore::default();
    let shard = ShardId("s".to_owned());
    let (entity, family) = ("v:A", Family::Trades);
    put_if_absent(&store, vec![directory::entry(family, entity), directory::entry(family, "w:B")]).await.unwrap();
    let pane =
        PaneKey { family: family.as_str(), entity: entity.to_owned(), pane_ms: 60_000, start_ms: 0, lane: Lane(0) };
    let state = PaneState { applied_count: 5, duplicate_count: 2, ..PaneState::new(family.empty()) };
    let parts = (0..2).map(|part| (panes::key(&pane, part), state.encode().unwrap())).collect();
    put_if_absent(&store, parts).await.unwrap();
    let refused = [("parse", 3), ("stream", 4), ("stream", 6)];
    for (number, (stage, count)) in (0..).zip(refused) {
        let entry = quarantine::stream_entry(&shard, position(number, 0), &refusal(stage, vec![], count)).unwrap();
        put_if_absent(&store, vec![entry]).await.unwrap();
    }
    for (number, ledger) in (0..).zip([LateLedger::Late, LateLedger::AfterSeal, LateLedger::AfterSeal]) {
        let item = late::entry(&shard, position(number, 0), ledger, String::new(), &trade("v", number), String::new());
        put_if_absent(&store, vec![item.unwrap()]).await.unwrap();
    }
    let marked = [(Ledger::Quarantine, quarantine::stream_name(&shard, position(2, 0)), 6)];
    let late_name = late::list(&store, "v").await.unwrap().remove(2).0;
    for (ledger, name, republished) in marked.into_iter().chain([(Ledger::Late, late_name, 1)]) {
        let mark = |republished| vec![(name.clone(), Redriven { republished, at_ms: 9 })];
        redriven::mark(&store, ledger, "v", &mark(republished)).await.unwrap();
        redriven::mark(&store, ledger, "v", &mark(100)).await.unwrap();
        assert_eq!(redriven::list(&store, ledger, "v").await.unwrap()[&name].republished, republished, "RDV-1");
    }
    let accounts = accounting::read(&store, &["v", "silent"]).await.unwrap();
    let expected = SourceAccount {
        applied: 10,
        duplicate: 4,
        rejected: 3,
        quarantined: 4,
        late: 1,
        after_seal: 1,
        redriven: 7,
        republished: 7,
    };
    assert_eq!(accounts.into_iter().collect::<Vec<_>>(), [("v".to_owned(), expected)]);
    assert_eq!(expected.total(), 10 + 4 + 3 + 4 + 1 + 1);
    redriven::mark(&store, Ledger::Late, "v", &[]).await.unwrap();
}

#[tokio::test]
async fn a_pane_reads_as_one_whatever_its_parts_and_only_whole_panes_are_final() {
    let store = MemoryStore::default();
    let family = Family::Trades;
    let part = |ids: &[u64], lifecycle: Lifecycle, as_of_ms: i64| {
        let mut state =
            PaneState { lifecycle, as_of_ms, applied_count: 2, duplicate_count: 1, ..PaneState::new(family.empty()) };
        ids.iter().for_each(|id| state.aggregate.apply(&trade("v", *id)));
        state
    };
    let life = |is_final, is_sealed, revision| Lifecycle { is_final, is_sealed, revision, is_dirty: false };
    let key = |start_ms| PaneKey {
        family: family.as_str(),
        entity: "v:A".to_owned(),
        pane_ms: 60_000,
        start_ms,
        lane: Lane(0),
    };
    let stored = [
        (panes::key(&key(0), 0), part(&[1], life(true, true, 3), 50)),
        (panes::key(&key(0), 1), part(&[2], life(false, false, 1), 40)),
        (panes::key(&key(60_000), 0), part(&[3], life(true, true, 1), 7)),
    ];
    let items = stored.iter().map(|(key, state)| (key.clone(), state.encode().unwrap())).collect();
    put_if_absent(&store, items).await.unwrap();
    let read = panes::read(&store, family, "v:A", 60_000, None, None).await.unwrap();
    let mut whole = family.empty();
    [1, 2].into_iter().for_each(|id| whole.apply(&trade("v", id)));
    assert_eq!(read[0].state, whole);
    let told: Vec<_> = (read.iter())
        .map(|pane| {
            (
                pane.start_ms,
                pane.is_final,
                pane.is_sealed,
                pane.revision,
                pane.as_of_ms,
                pane.applied_count,
                pane.duplicate_count,
            )
        })
        .collect();
    assert_eq!(told, [(0, false, false, 3, 50, 4, 2), (60_000, true, true, 1, 7, 2, 1)]);
    let starts = async |from_ms, to_ms| -> Vec<i64> {
        let read = panes::read(&store, family, "v:A", 60_000, from_ms, to_ms).await.unwrap();
        read.into_iter().map(|pane| pane.start_ms).collect()
    };
    assert_eq!(starts(Some(60_000), None).await, [60_000]);
    assert_eq!(starts(None, Some(60_000)).await, [0]);
    let parts: Vec<ItemKey> = panes::parts(&store, &key(0)).await.unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(parts, [stored[0].0.clone(), stored[1].0.clone()]);
    assert!(panes::row_prefix(60_000, 0, "v:A").ends_with("#v:A#"));
}
