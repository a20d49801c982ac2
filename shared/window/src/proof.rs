//! What producers vouched for on one lane against what was counted: beats of numbered frames, folded once each.
//! PRF-1: a frame counts once, by its record's position and by its number: redelivery, re-cuts and double publishing change nothing.
//! PRF-2: a beat is proven when its claim is known, every frame of it was counted, and number and id sum of the events agree.
//! PRF-3: a beat with a claim that is not proven is a finding; one without a claim is unvouched and never a finding.
//! PRF-4: the state is bounded: what is dropped leaves its count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use touchline_event::{FrameStamp, Sequence, ShardId};

/// Producers remembered; a lane of a match day meets few.
const PRODUCERS_MAX: usize = 16;
/// Beats of one producer that may be open at once.
const OPEN_BEATS_MAX: usize = 16;
/// Gaps among the frames of one beat; beyond, a frame that adds another one is not counted.
const RANGES_MAX: usize = 64;
/// Proven minutes that are told.
const MINUTES_MAX: usize = 60;
const MINUTE_MS: i64 = 60_000;

/// A producer's word about one of its beats on a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub frame_count: u32,
    pub event_count: u64,
    /// Wrapping sum of the events' ids.
    pub id_sum: u64,
    /// Event time that the heartbeat vouched up to, UTC ms.
    pub watermark_ms: i64,
}

/// One record of a lane, as the proof sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// A frame and what was readable in it.
    Frame { stamp: FrameStamp, event_count: u64, id_sum: u64 },
    /// A heartbeat's claim.
    Claim { producer: u64, beat: u32, claim: Claim },
}

/// The proof of one lane of one source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LaneProof {
    /// Records folded, per shard.
    positions: BTreeMap<ShardId, Sequence>,
    /// The one heard of last stands last.
    producers: Vec<Producer>,
    /// Events proven, by the start of the minute that their claim vouched up to.
    proven: BTreeMap<i64, u64>,
    /// Events proven in all.
    proven_count: u64,
    /// Findings and unvouched events of what is no longer remembered.
    dropped_findings: u64,
    dropped_unvouched: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Producer {
    id: u64,
    settled: Numbers,
    open: BTreeMap<u32, Beat>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Beat {
    frames: Numbers,
    event_count: u64,
    id_sum: u64,
    claim: Option<Claim>,
}

/// A beat that is not what its producer said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    pub producer: u64,
    pub beat: u32,
    /// Start of the minute that the claim vouched up to, UTC ms.
    pub minute_ms: i64,
    pub claimed_frames: u32,
    pub counted_frames: u32,
    pub claimed_events: u64,
    pub counted_events: u64,
}

impl LaneProof {
    /// Folds records of one shard, ascending. Those folded before change nothing.
    pub fn fold(&mut self, shard: &ShardId, told: &[(Sequence, Told)]) {
        for (sequence, told) in told {
            if self.positions.get(shard).is_some_and(|passed| sequence < passed) {
                continue;
            }
            // Several facts of one record share its sequence; the numbers tell a repeat of the last record.
            self.positions.insert(shard.clone(), *sequence);
            match *told {
                Told::Frame { stamp, event_count, id_sum } => {
                    self.change(stamp.producer, stamp.beat, |beat| beat.count(stamp.number, event_count, id_sum));
                }
                Told::Claim { producer, beat, claim } => self.change(producer, beat, |open| open.claim = Some(claim)),
            }
        }
    }

    /// What is vouched for and was not counted so.
    pub fn findings(&self) -> Vec<Finding> {
        let beats = self
            .producers
            .iter()
            .flat_map(|producer| producer.open.iter().filter_map(|(number, beat)| beat.finding(producer.id, *number)));
        beats.collect()
    }

    /// Whether nothing is known to be wrong.
    pub fn is_ok(&self) -> bool {
        self.dropped_findings == 0 && self.findings().is_empty()
    }

    /// Findings that are no longer remembered one by one.
    pub fn dropped_findings(&self) -> u64 {
        self.dropped_findings
    }

    /// Events counted that no producer has vouched for: the heartbeat is still to come, or the producer died before it.
    pub fn unvouched(&self) -> u64 {
        let open = self.producers.iter().flat_map(|producer| producer.open.values());
        self.dropped_unvouched + open.filter(|beat| beat.claim.is_none()).map(|beat| beat.event_count).sum::<u64>()
    }

    /// Events proven so far.
    pub fn proven_count(&self) -> u64 {
        self.proven_count
    }

    /// Events proven by minute, the latest minutes only.
    pub fn proven(&self) -> &BTreeMap<i64, u64> {
        &self.proven
    }

    fn change(&mut self, producer: u64, number: u32, change: impl FnOnce(&mut Beat)) {
        let known = self.producers.iter().position(|known| known.id == producer);
        let mut heard = match known {
            Some(at) => self.producers.remove(at),
            None => Producer { id: producer, settled: Numbers::default(), open: BTreeMap::new() },
        };
        // A beat that was proven is known: what comes again of it was published twice.
        if !heard.settled.holds(number) {
            let mut beat = heard.open.remove(&number).unwrap_or_default();
            change(&mut beat);
            match beat.claim.filter(|claim| beat.keeps(claim)) {
                Some(claim) => {
                    heard.settled.insert(number);
                    if claim.event_count > 0 {
                        self.proven_count += claim.event_count;
                        let minute_ms = claim.watermark_ms.div_euclid(MINUTE_MS) * MINUTE_MS;
                        *self.proven.entry(minute_ms).or_default() += claim.event_count;
                    }
                }
                None => drop(heard.open.insert(number, beat)),
            }
        }
        if heard.open.len() > OPEN_BEATS_MAX
            && let Some((_, beat)) = heard.open.pop_first()
        {
            self.forget(&beat);
        }
        self.producers.push(heard);
        if self.producers.len() > PRODUCERS_MAX {
            let oldest = self.producers.remove(0);
            oldest.open.values().for_each(|beat| self.forget(beat));
        }
        while self.proven.len() > MINUTES_MAX {
            self.proven.pop_first();
        }
    }

    fn forget(&mut self, beat: &Beat) {
        match beat.claim {
            Some(_) => self.dropped_findings += 1,
            None => self.dropped_unvouched += beat.event_count,
        }
    }
}

impl Beat {
    fn count(&mut self, number: u32, event_count: u64, id_sum: u64) {
        if self.frames.insert(number) {
            self.event_count += event_count;
            self.id_sum = self.id_sum.wrapping_add(id_sum);
        }
    }

    fn keeps(&self, claim: &Claim) -> bool {
        self.frames.count() == claim.frame_count && self.event_count == claim.event_count && self.id_sum == claim.id_sum
    }

    fn finding(&self, producer: u64, beat: u32) -> Option<Finding> {
        let claim = self.claim?;
        Some(Finding {
            producer,
            beat,
            minute_ms: claim.watermark_ms.div_euclid(MINUTE_MS) * MINUTE_MS,
            claimed_frames: claim.frame_count,
            counted_frames: self.frames.count(),
            claimed_events: claim.event_count,
            counted_events: self.event_count,
        })
    }
}

/// A set of numbers as ranges, both ends inside; producers count upwards, so there are few.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Numbers(Vec<(u32, u32)>);

impl Numbers {
    fn holds(&self, number: u32) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&number))
    }

    /// Whether the number is new.
    fn insert(&mut self, number: u32) -> bool {
        if self.holds(number) {
            return false;
        }
        let at = self.0.partition_point(|(_, last)| *last < number);
        let has_before = at > 0 && self.0[at - 1].1.checked_add(1) == Some(number);
        let has_after = self.0.get(at).is_some_and(|(first, _)| number.checked_add(1) == Some(*first));
        match (has_before, has_after) {
            (true, true) => self.0[at - 1].1 = self.0.remove(at).1,
            (true, false) => self.0[at - 1].1 = number,
            (false, true) => self.0[at].0 = number,
            (false, false) if self.0.len() < RANGES_MAX => self.0.insert(at, (number, number)),
            (false, false) => return false,
        }
        true
    }

    fn count(&self) -> u32 {
        self.0.iter().fold(0, |count: u32, (first, last)| count.saturating_add((last - first).saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn ranges_are_a_set(numbers in proptest::collection::vec(0_u32..60, 0..80)) {
            let (mut ranges, mut set) = (Numbers::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(ranges.insert(number), set.insert(number));
                prop_assert_eq!(ranges.count() as usize, set.len());
            }
            prop_assert!((0..60).all(|number| ranges.holds(number) == set.contains(&number)));
            prop_assert!(ranges.0.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "neighbours are one range");
        }
    }
}
