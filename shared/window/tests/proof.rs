//! The live proof of one lane against a naive account of what was delivered, and what is left when its bounds are reached.
//! PRF-1, PRF-2, PRF-3, PRF-4.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use touchline_event::{FrameStamp, Sequence, ShardId};
use touchline_window::{Claim, Finding, LaneProof, Told};

const MINUTE_MS: i64 = 60_000;

/// What one beat of a producer published, whether its heartbeat came, and what of it was lost on the way.
#[derive(Debug, Clone)]
struct Plan {
    /// Events and id sum of each frame, and whether it arrived.
    frames: Vec<(u64, u64, bool)>,
    watermark_ms: i64,
    is_claimed: bool,
}

fn plans() -> impl Strategy<Value = Vec<Vec<Plan>>> {
    let frame = (0..4_u64, any::<u64>(), prop::bool::weighted(0.9));
    let plan = (prop::collection::vec(frame, 0..5), -2 * MINUTE_MS..4 * MINUTE_MS, prop::bool::weighted(0.8))
        .prop_map(|(frames, watermark_ms, is_claimed)| Plan { frames, watermark_ms, is_claimed });
    prop::collection::vec(prop::collection::vec(plan, 1..6), 1..4)
}

fn claim_of(plan: &Plan) -> Claim {
    Claim {
        frame_count: plan.frames.len() as u32,
        event_count: plan.frames.iter().map(|(events, ..)| events).sum(),
        id_sum: plan.frames.iter().fold(0, |sum, (_, ids, _)| sum.wrapping_add(*ids)),
        watermark_ms: plan.watermark_ms,
    }
}

/// Everything that arrives, each with the shard it lies on.
fn told(producers: &[Vec<Plan>]) -> Vec<Told> {
    let mut all = Vec::new();
    for (producer, beats) in (0..).zip(producers) {
        for (beat, plan) in (0..).zip(beats) {
            for (number, (event_count, id_sum, has_arrived)) in (0..).zip(plan.frames.iter().copied()) {
                if has_arrived {
                    let stamp = FrameStamp { producer, beat, number };
                    all.push(Told::Frame { stamp, event_count, id_sum });
                }
            }
            if plan.is_claimed {
                all.push(Told::Claim { producer, beat, claim: claim_of(plan) });
            }
        }
    }
    all
}

/// The same facts in an order, on shards and with repeats that `picks` decide; each shard in batches that go back at times.
fn delivered(all: &[Told], picks: &[(usize, bool, bool)]) -> Vec<(ShardId, Vec<(Sequence, Told)>)> {
    let (mut waiting, mut log) = (all.to_vec(), [Vec::new(), Vec::new()]);
    let mut batches = Vec::new();
    for (pick, on_second, is_twice) in picks.iter().cycle() {
        if waiting.is_empty() {
            return batches;
        }
        let fact = waiting.remove(pick % waiting.len());
        let shard = usize::from(*on_second);
        for _ in 0..=usize::from(*is_twice) {
            let sequence = Sequence::from_u64(log[shard].len() as u64 + 1);
            log[shard].push((sequence, fact));
        }
        let from = log[shard].len().saturating_sub(1 + pick % 4);
        batches.push((ShardId(format!("s{shard}")), log[shard][from..].to_vec()));
    }
    batches
}

fn folded(batches: &[(ShardId, Vec<(Sequence, Told)>)]) -> LaneProof {
    let mut proof = LaneProof::default();
    batches.iter().for_each(|(shard, records)| proof.fold(shard, records));
    proof
}

/// A finding's figures, in an order.
type Row = (u64, u32, i64, u32, u32, u64, u64);

/// The account by hand: findings, events proven by minute, events nobody vouched for.
fn naive(producers: &[Vec<Plan>]) -> (BTreeSet<Row>, BTreeMap<i64, u64>, u64) {
    let (mut findings, mut proven, mut unvouched) = (BTreeSet::new(), BTreeMap::new(), 0);
    for (producer, beats) in (0..).zip(producers) {
        for (beat, plan) in (0..).zip(beats) {
            let arrived = plan.frames.iter().filter(|(_, _, has_arrived)| *has_arrived);
            let (frames, events) =
                arrived.clone().fold((0, 0), |(frames, sum), (events, ..)| (frames + 1, sum + events));
            let claim = claim_of(plan);
            let minute_ms = plan.watermark_ms.div_euclid(MINUTE_MS) * MINUTE_MS;
            match plan.is_claimed {
                false => unvouched += events,
                true if frames == claim.frame_count && events > 0 => *proven.entry(minute_ms).or_default() += events,
                true if frames == claim.frame_count => {}
                true => drop(findings.insert((
                    producer,
                    beat,
                    minute_ms,
                    claim.frame_count,
                    frames,
                    claim.event_count,
                    events,
                ))),
            }
        }
    }
    (findings, proven, unvouched)
}

fn row(finding: Finding) -> Row {
    let Finding { producer, beat, minute_ms, claimed_frames, counted_frames, claimed_events, counted_events } = finding;
    (producer, beat, minute_ms, claimed_frames, counted_frames, claimed_events, counted_events)
}

proptest! {
    #[test]
    fn the_proof_says_what_an_account_by_hand_says_whatever_order_shards_and_repeats(
        producers in plans(),
        picks in prop::collection::vec((any::<usize>(), any::<bool>(), prop::bool::weighted(0.3)), 1..40),
    ) {
        let proof = folded(&delivered(&told(&producers), &picks));
        let (findings, proven, unvouched) = naive(&producers);
        prop_assert_eq!(proof.is_ok(), findings.is_empty());
        prop_assert_eq!(proof.findings().into_iter().map(row).collect::<BTreeSet<_>>(), findings);
        prop_assert_eq!(proof.proven_count(), proven.values().sum::<u64>());
        prop_assert_eq!(proof.proven(), &proven);
        prop_assert_eq!(proof.unvouched(), unvouched);
        prop_assert_eq!(proof.dropped_findings(), 0);
    }

    #[test]
    fn frames_right_in_number_and_events_but_not_in_ids_are_a_finding(ids in any::<u64>(), off in 1..u64::MAX) {
        let mut proof = beat_of(0, 0, 3, ids, true);
        prop_assert!(proof.is_ok());
        proof.fold(&shard(), &[
            (Sequence::from_u64(8), frame(0, 1, 3, ids)),
            (Sequence::from_u64(9), claim(0, 1, 3, ids.wrapping_add(off), 0)),
        ]);
        prop_assert!(!proof.is_ok());
    }
}

fn shard() -> ShardId {
    ShardId("s".to_owned())
}

fn frame(producer: u64, beat: u32, event_count: u64, id_sum: u64) -> Told {
    Told::Frame { stamp: FrameStamp { producer, beat, number: 0 }, event_count, id_sum }
}

fn claim(producer: u64, beat: u32, event_count: u64, id_sum: u64, watermark_ms: i64) -> Told {
    Told::Claim { producer, beat, claim: Claim { frame_count: 1, event_count, id_sum, watermark_ms } }
}

fn beat_of(producer: u64, beat: u32, event_count: u64, id_sum: u64, is_claimed: bool) -> LaneProof {
    let mut proof = LaneProof::default();
    add_beat(&mut proof, producer, beat, event_count, id_sum, is_claimed);
    proof
}

/// Facts of a beat at sequences of their own.
fn add_beat(proof: &mut LaneProof, producer: u64, beat: u32, event_count: u64, id_sum: u64, is_claimed: bool) {
    let at = (producer * 1_000 + u64::from(beat)) * 2 + 1;
    proof.fold(&shard(), &[(Sequence::from_u64(at), frame(producer, beat, event_count, id_sum))]);
    if is_claimed {
        let minute_ms = i64::from(beat) * MINUTE_MS;
        proof.fold(&shard(), &[(Sequence::from_u64(at + 1), claim(producer, beat, event_count, id_sum, minute_ms))]);
    }
}

#[test]
fn a_record_below_the_last_one_folded_changes_nothing_and_the_last_one_is_known_by_its_number() {
    let mut proof = LaneProof::default();
    let first = (Sequence::from_u64(1), frame(7, 0, 2, 5));
    let other = (Sequence::from_u64(2), frame(7, 1, 4, 6));
    proof.fold(&shard(), &[first, other]);
    let before = proof.clone();
    proof.fold(&shard(), &[first, other, other]);
    assert_eq!(proof, before);
    proof.fold(&shard(), &[(Sequence::from_u64(1), frame(9, 0, 100, 1))]);
    assert_eq!(proof.unvouched(), 6, "folded before, whatever it says now");
    proof.fold(&shard(), &[(Sequence::from_u64(2), frame(9, 0, 100, 1))]);
    assert_eq!(proof.unvouched(), 106, "another fact of the last record");
    proof.fold(&ShardId("other".to_owned()), &[(Sequence::from_u64(1), frame(9, 1, 1_000, 1))]);
    assert_eq!(proof.unvouched(), 1_106, "shards are not compared");
}

#[test]
fn what_is_no_longer_remembered_leaves_its_count() {
    let mut proof = LaneProof::default();
    (0..16).for_each(|beat| add_beat(&mut proof, 0, beat, 10, 1, false));
    let bytes = postcard::to_stdvec(&proof).unwrap().len();
    for beat in 16..300 {
        add_beat(&mut proof, 0, beat, 10, 1, false);
        assert_eq!(proof.unvouched(), 10 * (u64::from(beat) + 1), "sixteen of them one by one");
    }
    assert!(postcard::to_stdvec(&proof).unwrap().len() < bytes + 32, "as large as with sixteen");
    assert!(proof.is_ok(), "what nobody vouched for is no finding");
    // A heartbeat for a beat that is forgotten: its frames are unknown by now.
    proof.fold(&shard(), &[(Sequence::from_u64(10_000), claim(0, 3, 10, 1, 0))]);
    assert!(!proof.is_ok());
}

#[test]
fn findings_and_producers_beyond_the_bounds_stay_red() {
    let mut proof = LaneProof::default();
    for producer in 0..17_u64 {
        assert_eq!(proof.dropped_findings(), 0, "producer {producer}");
        let at = Sequence::from_u64(producer + 1);
        proof.fold(&shard(), &[(at, claim(producer, 0, 1, 1, 0))]);
    }
    assert_eq!((proof.dropped_findings(), proof.findings().len()), (1, 16));
    for producer in 1..17_u64 {
        let at = Sequence::from_u64(100 + producer);
        proof.fold(&shard(), &[(at, frame(producer, 0, 1, 1))]);
    }
    assert_eq!(proof.findings(), []);
    assert!(!proof.is_ok(), "the one forgotten was red");
}

#[test]
fn a_producer_heard_of_again_is_not_the_one_to_be_forgotten() {
    let mut proof = LaneProof::default();
    (0..16_u64).for_each(|producer| add_beat(&mut proof, producer, 0, 1, 1, false));
    proof.fold(&shard(), &[(Sequence::from_u64(90_000), frame(0, 1, 1, 1))]);
    proof.fold(&shard(), &[(Sequence::from_u64(90_001), frame(99, 0, 1, 1))]);
    // Producer 0's first beat is known still: its claim is met. Producer 1's is not.
    proof.fold(&shard(), &[(Sequence::from_u64(90_002), claim(0, 0, 1, 1, 0))]);
    assert_eq!((proof.is_ok(), proof.proven_count()), (true, 1));
    proof.fold(&shard(), &[(Sequence::from_u64(90_003), claim(1, 0, 1, 1, 0))]);
    assert!(!proof.is_ok());
}

#[test]
fn proven_minutes_are_told_for_the_last_hour() {
    let mut proof = LaneProof::default();
    for beat in 0..70 {
        add_beat(&mut proof, 0, beat, 2, 1, true);
        assert_eq!(proof.proven().len(), (beat as usize + 1).min(60));
    }
    assert_eq!(proof.proven().first_key_value(), Some((&(10 * MINUTE_MS), &2)));
    assert_eq!(proof.proven_count(), 140);
    let before = proof.clone();
    let repeat = [(Sequence::from_u64(5_000), frame(0, 5, 2, 1)), (Sequence::from_u64(5_001), claim(0, 5, 2, 1, 0))];
    proof.fold(&shard(), &repeat);
    assert_eq!((proof.proven_count(), proof.is_ok()), (before.proven_count(), true), "published twice");
}

#[test]
fn a_beat_of_too_many_gaps_is_never_proven_by_what_was_not_counted() {
    let mut proof = LaneProof::default();
    // Every second frame: a range each, and no room for the sixty-fifth.
    for number in 0..65_u32 {
        let stamp = FrameStamp { producer: 0, beat: 0, number: number * 2 };
        let at = Sequence::from_u64(u64::from(number) + 1);
        proof.fold(&shard(), &[(at, Told::Frame { stamp, event_count: 1, id_sum: 0 })]);
    }
    assert_eq!(proof.unvouched(), 64);
}

#[test]
fn sixteen_beats_of_a_producer_may_be_open_at_once() {
    for (open, is_known) in [(16, true), (17, false)] {
        let mut proof = LaneProof::default();
        (0..open).for_each(|beat| add_beat(&mut proof, 0, beat, 10, 1, false));
        proof.fold(&shard(), &[(Sequence::from_u64(10_000), claim(0, 0, 10, 1, 0))]);
        assert_eq!((proof.is_ok(), proof.proven_count() == 10), (is_known, is_known), "{open} open");
    }
}
