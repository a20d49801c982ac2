//! The live proof under everything that delivery does: exact when nothing is lost, red where something is, green again.
//! PRF-1, PRF-2, PRF-3, PRA-1, PRA-2.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use touchline_aggregate::{AggregateContext, WarmCache, handle};
use touchline_event::{
    BeatClaim, Event, EventDraft, EventId, FrameStamp, Heartbeat, Lane, Sequence, ShardId, Trade, encode_frame,
    stable_hash,
};
use touchline_store::{Fault, FaultyStore, MAX_ITEM_BYTES, MemoryStore, proofs};
use touchline_stream::{Batch, Record};
use touchline_window::{LaneProof, WindowPolicy};

/// 2023-10-29T17:00:00Z.
const START_MS: i64 = 1_698_598_800_000;
const LANES: u16 = 2;
const BEAT_MS: i64 = 60_000;

/// The entity of each lane.
fn symbol(lane: u16) -> String {
    (0..).map(|n| format!("S{n}")).find(|symbol| Lane::of(&format!("finnhub:{symbol}"), LANES).0 == lane).unwrap()
}

fn trade(lane: u16, id: u64, at_ms: i64) -> Event {
    let payload = Trade { price_e8: 1, volume_e8: 1, conditions: vec![], is_vwap_eligible: true };
    let mut draft = EventDraft::new("finnhub", at_ms, at_ms, payload);
    draft.symbol = Some(symbol(lane));
    draft.with_id(EventId(id.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

/// Events of each frame of a beat; beats of a lane; lanes of a producer.
type Plan = Vec<Vec<Vec<u64>>>;

/// A producer's records on one lane: frames, and after each beat its heartbeat unless the producer died before.
fn records_of(producer: u64, lane: u16, beats: &[Vec<u64>], dies: bool, next_id: &mut u64) -> Vec<(String, Vec<u8>)> {
    let key = Lane(lane).partition_key();
    let mut records = Vec::new();
    for (beat, frames) in (0..).zip(beats) {
        let (mut event_count, mut id_sum) = (0, 0_u64);
        let at_ms = START_MS + i64::from(beat) * BEAT_MS;
        for (number, count) in (0..).zip(frames) {
            let events: Vec<Event> = (0..*count).map(|n| trade(lane, *next_id + n, at_ms)).collect();
            *next_id += count;
            event_count += count;
            id_sum = events.iter().fold(id_sum, |sum, event| sum.wrapping_add(event.event_id.0));
            let mut bytes = encode_frame(&events).unwrap();
            FrameStamp { producer, beat, number }.put(&mut bytes);
            records.push((key.clone(), bytes));
        }
        if dies && beat as usize + 1 == beats.len() {
            break;
        }
        let frame_count = frames.len() as u32;
        let claim = Some(BeatClaim { producer, beat, frame_count, event_count, id_sum });
        let heartbeat = Heartbeat { lane, watermark_ms: at_ms, claim };
        let beat = EventDraft::new("finnhub", at_ms, at_ms, heartbeat).with_id(EventId(0));
        records.push((key.clone(), encode_frame(&[beat]).unwrap()));
    }
    records
}

/// Lane by lane in order, the lanes mixed.
fn mixed(mut lanes: Vec<Vec<(String, Vec<u8>)>>, picks: &[usize]) -> Vec<(String, Vec<u8>)> {
    let mut records = Vec::new();
    lanes.iter_mut().for_each(|lane| lane.reverse());
    for pick in picks.iter().cycle() {
        lanes.retain(|lane| !lane.is_empty());
        if lanes.is_empty() {
            break;
        }
        let lane = pick % lanes.len();
        records.extend(lanes[lane].pop());
    }
    records
}

fn shard_of(records: Vec<(String, Vec<u8>)>) -> Vec<Record> {
    let number = |(at, (partition_key, bytes)): (usize, (String, Vec<u8>))| Record {
        sequence: Sequence::from_u64(at as u64 + 1),
        partition_key,
        bytes,
    };
    records.into_iter().enumerate().map(number).collect()
}

/// Two sandboxes with memories of their own, over a store of which one write in `lossy` loses its answer.
struct Consumers {
    store: Arc<MemoryStore>,
    sandboxes: [AggregateContext; 2],
}

impl Consumers {
    fn new(lossy: u64) -> Self {
        let store: Arc<MemoryStore> = Arc::default();
        let writes = Arc::new(AtomicU64::new(1));
        let sandbox = || {
            let writes = Arc::clone(&writes);
            // Scattered, so that no rhythm of writes meets the same fault for ever.
            let next = move || {
                let number = stable_hash(&writes.fetch_add(1, Ordering::SeqCst).to_be_bytes());
                match number.checked_rem(2 * lossy) {
                    Some(0) => Fault::LostResponse,
                    Some(1) => Fault::LostRequest,
                    _ => Fault::None,
                }
            };
            AggregateContext {
                store: Arc::new(FaultyStore::new(Arc::clone(&store), next)),
                policy: WindowPolicy::DEFAULT,
                lanes: LANES,
                puts_in_flight: 16,
                max_item_bytes: MAX_ITEM_BYTES,
                cache: WarmCache::new(100),
            }
        };
        let sandboxes = [sandbox(), sandbox()];
        Self { store, sandboxes }
    }

    /// Delivers until everything is done: cut as told, at times again from an earlier record, at times to the other sandbox.
    async fn deliver(&self, records: &[Record], cuts: &[(usize, usize, bool)]) {
        let mut done = 0;
        let mut cuts = cuts.iter().cycle();
        for _ in 0..10_000 {
            if done == records.len() {
                return;
            }
            let (length, back, second) = *cuts.next().unwrap();
            let from = done.saturating_sub(back);
            let to = (done + 1 + length).min(records.len());
            let batch = Batch { shard: ShardId("0".into()), records: records[from..to].to_vec() };
            let outcome = handle(&self.sandboxes[usize::from(second)], &batch, || true).await;
            let failed = outcome.failed_from.and_then(Sequence::to_u64);
            // What came again from before the checkpoint was finished once.
            done = failed.map_or(to, |failed| failed as usize - 1).max(done);
        }
        panic!("delivery does not come to an end");
    }

    async fn proofs(&self) -> BTreeMap<u16, LaneProof> {
        proofs::read(&*self.store, "finnhub").await.unwrap()
    }
}

fn plans() -> impl Strategy<Value = Vec<(Plan, bool)>> {
    let beat = proptest::collection::vec(1_u64..4, 0..4);
    let lane = proptest::collection::vec(beat, 1..4);
    let producer = (proptest::collection::vec(lane, LANES as usize), any::<bool>());
    proptest::collection::vec(producer, 1..4)
}

fn deliveries() -> impl Strategy<Value = Vec<(usize, usize, bool)>> {
    proptest::collection::vec((0_usize..6, 0_usize..5, any::<bool>()), 1..20)
}

/// Every producer's records, the events vouched for and those that are not.
fn published(plans: &[(Plan, bool)], picks: &[usize]) -> (Vec<(String, Vec<u8>)>, u64, u64) {
    let (mut next_id, mut vouched, mut unvouched) = (1, 0, 0);
    let mut lanes = Vec::new();
    for (producer, (plan, dies)) in (1..).zip(plans) {
        for (lane, beats) in (0..).zip(plan) {
            let events = |beats: &[Vec<u64>]| beats.iter().flatten().sum::<u64>();
            let kept = if *dies { beats.len() - 1 } else { beats.len() };
            vouched += events(&beats[..kept]);
            unvouched += events(&beats[kept..]);
            lanes.push(records_of(producer, lane, beats, *dies, &mut next_id));
        }
    }
    (mixed(lanes, picks), vouched, unvouched)
}

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #[test]
    fn whatever_delivery_does_what_was_vouched_for_is_proven_and_nothing_is_red(
        plans in plans(),
        picks in proptest::collection::vec(0_usize..8, 1..20),
        twice in proptest::collection::vec(0_usize..60, 0..6),
        cuts in deliveries(),
        lossy in 0_u64..12,
    ) {
        let (mut records, vouched, unvouched) = published(&plans, &picks);
        // A record is published again, because its answer was lost.
        for at in twice.into_iter().filter(|at| *at < records.len()).collect::<std::collections::BTreeSet<_>>() {
            let record = records[at].clone();
            let place = (at + 1 + at % 3).min(records.len());
            records.insert(place, record);
        }
        let records = shard_of(records);
        run(async {
            let consumers = Consumers::new(if lossy < 4 { 0 } else { lossy });
            consumers.deliver(&records, &cuts).await;
            let proofs = consumers.proofs().await;
            for (lane, proof) in &proofs {
                prop_assert!(proof.is_ok(), "lane {lane}: {:?}", proof.findings());
            }
            prop_assert_eq!(proofs.values().map(LaneProof::proven_count).sum::<u64>(), vouched);
            prop_assert_eq!(proofs.values().map(LaneProof::unvouched).sum::<u64>(), unvouched);
            // The whole shard again changes nothing (P4).
            let before: Vec<_> = consumers.store.dump().into_iter().filter(|(key, _)| key.pk.starts_with("proof#")).collect();
            consumers.deliver(&records, &[(100, 0, true)]).await;
            let after: Vec<_> = consumers.store.dump().into_iter().filter(|(key, _)| key.pk.starts_with("proof#")).collect();
            prop_assert_eq!(before, after);
            Ok(())
        })?;
    }

    #[test]
    fn a_record_that_is_lost_turns_its_lane_and_minute_red_and_green_again_when_it_comes(
        beats in proptest::collection::vec(proptest::collection::vec(1_u64..4, 1..4), 1..4),
        lane in 0..LANES,
        pick in 0_usize..100,
        is_broken in any::<bool>(),
        cuts in deliveries(),
    ) {
        let mut next_id = 1;
        let other = records_of(2, 1 - lane, &beats, false, &mut next_id);
        let mut records = records_of(1, lane, &beats, false, &mut next_id);
        let frames: Vec<(usize, FrameStamp)> =
            records.iter().enumerate().filter_map(|(at, (_, bytes))| Some((at, FrameStamp::of(bytes)?))).collect();
        let (at, stamp) = frames[pick % frames.len()];
        let lost = records[at].clone();
        if is_broken {
            // It arrives, and nothing of it can be read.
            records[at].1[12] ^= 0x55;
        } else {
            records.remove(at);
        }
        let mut stream = mixed(vec![records, other], &[0, 1]);
        run(async {
            let consumers = Consumers::new(0);
            consumers.deliver(&shard_of(stream.clone()), &cuts).await;
            let proofs = consumers.proofs().await;
            prop_assert!(proofs[&(1 - lane)].is_ok());
            let findings = proofs[&lane].findings();
            prop_assert_eq!(findings.len(), 1, "{:?}", findings);
            prop_assert_eq!((findings[0].producer, findings[0].beat), (1, stamp.beat));
            prop_assert_eq!(findings[0].minute_ms, START_MS + i64::from(stamp.beat) * BEAT_MS);
            prop_assert!(findings[0].counted_events < findings[0].claimed_events);
            stream.push(lost);
            consumers.deliver(&shard_of(stream), &cuts).await;
            prop_assert!(consumers.proofs().await.values().all(LaneProof::is_ok));
            Ok(())
        })?;
    }
}
