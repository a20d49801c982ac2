//! What a producer can vouch for on each lane it used: how far, which frames, how many events, which ids.
//! HB-1: counts and id sums cover exactly the events acknowledged since the last heartbeat of the lane.
//! HB-2: after a failure nobody knows what got through: the producer goes on as another one, and what it left is unvouched.

use std::collections::BTreeMap;

use touchline_event::{BeatClaim, Event, EventDraft, EventId, FrameStamp, Heartbeat, Kind, stable_hash};
use touchline_stream::OutRecord;

/// Lanes that a producer used, and what it published on them since their last heartbeat.
#[derive(Debug)]
pub struct LaneBook {
    producer: u64,
    lanes: BTreeMap<u16, Lane>,
}

#[derive(Debug, Default)]
struct Lane {
    beat: u32,
    frame_count: u32,
    event_count: u64,
    id_sum: u64,
}

impl LaneBook {
    /// The book of a producer that has just started; its number must be drawn by chance.
    pub(crate) fn new(producer: u64) -> Self {
        Self { producer, lanes: BTreeMap::new() }
    }

    /// Numbers frames that are about to be published.
    pub(crate) fn stamp(&mut self, records: &mut [OutRecord]) {
        for record in records {
            let lane = self.lanes.entry(record.lane.0).or_default();
            FrameStamp { producer: self.producer, beat: lane.beat, number: lane.frame_count }.put(&mut record.bytes);
            lane.frame_count += 1;
        }
    }

    /// Notes acknowledged events.
    pub(crate) fn note(&mut self, events: &[(u16, EventId)]) {
        for (lane, id) in events {
            let lane = self.lanes.entry(*lane).or_default();
            lane.event_count += 1;
            lane.id_sum = lane.id_sum.wrapping_add(id.0);
        }
    }

    /// Lanes that were used before this process.
    pub(crate) fn know(&mut self, events: &[(u16, EventId)]) {
        for (lane, _) in events {
            self.lanes.entry(*lane).or_default();
        }
    }

    /// Vouches for nothing that was published so far.
    pub(crate) fn start_over(&mut self) {
        self.producer = stable_hash(&self.producer.to_be_bytes());
        self.lanes.values_mut().for_each(|lane| *lane = Lane::default());
    }

    /// Heartbeats of all lanes used so far, up to `watermark_ms`; starts the next counting.
    pub(crate) fn heartbeats(&mut self, source: &str, watermark_ms: i64) -> Vec<Event> {
        let producer = self.producer;
        self.lanes
            .iter_mut()
            .map(|(number, lane)| {
                let next = Lane { beat: lane.beat + 1, ..Lane::default() };
                let Lane { beat, frame_count, event_count, id_sum } = std::mem::replace(lane, next);
                let claim = Some(BeatClaim { producer, beat, frame_count });
                let payload = Heartbeat { lane: *number, watermark_ms, event_count, id_sum, claim };
                let revision = format!("{watermark_ms}:{event_count}:{id_sum}");
                EventDraft::new(source, watermark_ms, watermark_ms, payload)
                    .with_vendor_id(&format!("heartbeat:{number}"), &revision)
            })
            .collect()
    }
}

/// Lane and id of every event that is a fact.
pub(crate) fn facts(events: &[Event], lanes: u16) -> Vec<(u16, EventId)> {
    events
        .iter()
        .filter(|event| event.kind != Kind::Heartbeat)
        .map(|event| (event.lane(lanes).0, event.event_id))
        .collect()
}
