//! What no window counted, and what producers vouched for, as the API lists them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{Board, START_MS};
use touchline_event::{FrameStamp, Position, Sequence, ShardId};
use touchline_store::{
    ItemStore, LateLedger, Ledger, QuarantineEntry, Redriven, late, proofs, put_if_absent, quarantine, redriven,
};
use touchline_window::{Claim, LaneProof, Told};

async fn board() -> Board {
    let mut board = Board::new();
    board.trade("AAPL", START_MS, 10_000_000_000, 100_000_000).await;
    board
}

#[tokio::test]
async fn what_no_window_counted_is_listed_with_its_reason_until_it_is_taken_after_all() {
    let mut board = board().await;
    for (n, reason) in ["bad_field", "bad_field", "not_json"].into_iter().enumerate() {
        let entry = QuarantineEntry {
            stage: "parse".into(),
            source: "finnhub".into(),
            reason: reason.into(),
            pointer: "/data/0/p".into(),
            message: "p is no number".into(),
            raw: b"{\"p\":\"<b>\"}".to_vec(),
            object_key: Some("raw/x".into()),
            event_count: 1,
            at_ms: START_MS,
        };
        put_if_absent(&*board.store, vec![quarantine::parse_entry("raw/x", n, &entry).unwrap()]).await.unwrap();
    }
    let event = board.event("finnhub", "AAPL", START_MS, trade());
    let position = Position { sequence: Sequence::from_u64(1), sub: 0 };
    let text = serde_json::to_string(&event).unwrap();
    let shard = ShardId("0".into());
    let item = late::entry(&shard, position, LateLedger::AfterSeal, "sealed".into(), &event, text).unwrap();
    put_if_absent(&*board.store, vec![item]).await.unwrap();

    let page = board.json("/v1/quarantine?limit=2").await;
    let values = page["values"].as_array().unwrap();
    assert_eq!(
        (values.len(), &values[0]["reason"], &values[0]["pointer"]),
        (2, &"bad_field".into(), &"/data/0/p".into())
    );
    let rest = board.json(&format!("/v1/quarantine?limit=2&next={}", encoded(page["next"].as_str().unwrap()))).await;
    assert_eq!((rest["values"].as_array().unwrap().len(), &rest["next"]), (1, &serde_json::Value::Null));
    assert_eq!(board.json("/v1/quarantine?reason=not_json").await["values"].as_array().unwrap().len(), 1);
    assert!(board.json("/v1/quarantine?source=espn").await["values"].as_array().unwrap().is_empty());
    let late = board.json("/v1/late?ledger=after_seal").await["values"].clone();
    assert_eq!((&late[0]["entity"], &late[0]["settled_at"]), (&"finnhub:AAPL".into(), &serde_json::Value::Null));
    assert!(board.json("/v1/late?ledger=late").await["values"].as_array().unwrap().is_empty());

    let mark = Redriven { republished: 1, at_ms: START_MS };
    let name = values[0]["id"].as_str().unwrap().strip_prefix("finnhub#").unwrap().to_owned();
    redriven::mark(&*board.store, Ledger::Quarantine, "finnhub", &[(name, mark)]).await.unwrap();
    assert_eq!(board.json("/v1/quarantine").await["values"].as_array().unwrap().len(), 2);
    let done = board.json("/v1/quarantine?state=done").await["values"].clone();
    assert_eq!(done[0]["redriven_at"], "2023-10-29T17:00:00.000Z");
    assert_eq!(board.json("/v1/accounting").await["values"][0]["redriven"], 1);
    assert_eq!(board.problem("/v1/late?state=closed", 400).await["parameter"], "state");
}

fn trade() -> touchline_event::Trade {
    touchline_event::Trade { price_e8: 1, volume_e8: 1, conditions: vec![], is_vwap_eligible: true }
}

/// What a token needs to travel in a query.
fn encoded(text: &str) -> String {
    text.replace('#', "%23").replace('/', "%2F")
}

#[tokio::test]
async fn the_live_proof_names_lane_and_minute_of_what_is_missing() {
    let board = board().await;
    let claim = |event_count| Claim { frame_count: 1, event_count, id_sum: 7, watermark_ms: START_MS + 90_000 };
    let stamp = |producer| FrameStamp { producer, beat: 0, number: 0 };
    for (lane, claimed) in [(3, 2), (5, 3)] {
        let mut proof = LaneProof::default();
        let told = [
            Told::Frame { stamp: stamp(1), event_count: 2, id_sum: 7 },
            Told::Claim { producer: 1, beat: 0, claim: claim(claimed) },
            Told::Frame { stamp: stamp(2), event_count: 4, id_sum: 1 },
        ];
        let told: Vec<_> = (1..).map(Sequence::from_u64).zip(told).collect();
        proof.fold(&ShardId("0".into()), &told);
        assert!(board.store.put(vec![proofs::write("finnhub", lane, None, &proof).unwrap()]).await[0].is_ok());
    }
    let lanes = board.json("/v1/proof").await["values"].clone();
    assert_eq!((&lanes[0]["audit_ok"], &lanes[0]["proven_event_count"]), (&true.into(), &2.into()));
    assert_eq!((&lanes[0]["unvouched_event_count"], &lanes[0]["minutes"][0]["audit_ok"]), (&4.into(), &true.into()));
    assert_eq!((&lanes[1]["lane"], &lanes[1]["audit_ok"]), (&5.into(), &false.into()));
    assert_eq!(lanes[1]["minutes"][0]["start_at"], "2023-10-29T17:01:00.000Z");
    let finding = &lanes[1]["findings"][0];
    assert_eq!((&finding["claimed_events"], &finding["counted_events"]), (&3.into(), &2.into()));
}
