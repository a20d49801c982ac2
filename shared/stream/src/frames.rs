//! From events to records: grouped by lane in their order, cut into frames of bounded size.
//! FRAMES-1: every event is in exactly one record, on the lane of its entity, in its order of arrival.

use std::collections::BTreeMap;

use touchline_event::{Event, FrameError, Kind, Lane, encode_frame};

use crate::OutRecord;

/// How large a frame may grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimits {
    pub max_events: usize,
}

impl FrameLimits {
    /// About 25 KB compressed, the unit that Kinesis bills.
    pub const DEFAULT: FrameLimits = FrameLimits { max_events: 512 };
}

/// The records that carry `events`, all of one source, lane by lane.
pub fn frames_of(
    source: &str,
    events: Vec<Event>,
    lanes: u16,
    limits: FrameLimits,
) -> Result<Vec<OutRecord>, FrameError> {
    let mut by_lane: BTreeMap<Lane, Vec<Event>> = BTreeMap::new();
    for event in events {
        by_lane.entry(event.lane(lanes)).or_default().push(event);
    }
    let mut records = Vec::with_capacity(by_lane.len());
    for (lane, events) in by_lane {
        for chunk in events.chunks(limits.max_events.max(1)) {
            push_frames(source, lane, chunk, &mut records)?;
        }
    }
    Ok(records)
}

/// Halves a chunk until its frame fits: a few huge payloads must not fail the rest.
fn push_frames(source: &str, lane: Lane, events: &[Event], records: &mut Vec<OutRecord>) -> Result<(), FrameError> {
    match encode_frame(events) {
        Ok(bytes) => {
            let event_count = events.iter().filter(|event| event.kind != Kind::Heartbeat).count() as u64;
            records.push(OutRecord { lane, bytes, source: source.to_owned(), event_count });
            Ok(())
        }
        Err(FrameError::TooLarge(_)) if events.len() > 1 => {
            let (left, right) = events.split_at(events.len() / 2);
            push_frames(source, lane, left, records)?;
            push_frames(source, lane, right, records)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use touchline_event::{EventDraft, EventId, Trade, decode_frame};

    #[test]
    fn every_event_travels_once_on_its_lane_in_order() {
        let event = |n: u64| {
            let payload = Trade { price_e8: 1, volume_e8: 1, conditions: vec![], is_vwap_eligible: true };
            let mut draft = EventDraft::new("finnhub", n as i64, 0, payload);
            draft.symbol = Some(format!("S{}", n % 7));
            draft.with_id(EventId(n))
        };
        let records = frames_of("finnhub", (0..1000).map(event).collect(), 8, FrameLimits { max_events: 50 }).unwrap();
        let mut ids = Vec::new();
        for record in &records {
            assert!(record.event_count <= 50);
            let events: Vec<_> = decode_frame(&record.bytes).unwrap().events.into_iter().map(Result::unwrap).collect();
            assert!(events.iter().all(|event| event.lane(8) == record.lane));
            assert!(events.is_sorted_by_key(|event| event.timestamp_ms));
            ids.extend(events.iter().map(|event| event.event_id.0));
        }
        ids.sort_unstable();
        assert_eq!(ids, (0..1000).collect::<Vec<_>>());
    }
}
