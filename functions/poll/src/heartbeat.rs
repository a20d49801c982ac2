//! What a session can vouch for on each lane it used: how far, how many, which ids.
//! HB-1: counts and id sums cover exactly the events acknowledged since the last heartbeat of the lane.

use std::collections::BTreeMap;

use touchline_event::{Event, EventDraft, EventId, Heartbeat, Kind};

/// Lanes that a producer used, and what it published on them since their last heartbeat.
#[derive(Debug, Default)]
pub struct LaneBook {
    lanes: BTreeMap<u16, (u64, u64)>,
}

impl LaneBook {
    /// Notes acknowledged events.
    pub(crate) fn note(&mut self, events: &[(u16, EventId)]) {
        for (lane, id) in events {
            let (count, id_sum) = self.lanes.entry(*lane).or_default();
            *count += 1;
            *id_sum = id_sum.wrapping_add(id.0);
        }
    }

    /// Lanes that were used before this process.
    pub(crate) fn know(&mut self, events: &[(u16, EventId)]) {
        self.know_lanes(events.iter().map(|(lane, _)| *lane));
    }

    /// Lanes that are known to have been used.
    pub(crate) fn know_lanes(&mut self, lanes: impl IntoIterator<Item = u16>) {
        for lane in lanes {
            self.lanes.entry(lane).or_default();
        }
    }

    /// Heartbeats of all lanes used so far, up to `watermark_ms`; starts the next counting.
    pub(crate) fn heartbeats(&mut self, source: &str, watermark_ms: i64) -> Vec<Event> {
        self.lanes
            .iter_mut()
            .map(|(lane, (count, id_sum))| {
                let payload = Heartbeat {
                    lane: *lane,
                    watermark_ms,
                    event_count: std::mem::take(count),
                    id_sum: std::mem::take(id_sum),
                    // The producer's to say, when it is published.
                    claim: None,
                };
                let revision = format!("{watermark_ms}:{}:{}", payload.event_count, payload.id_sum);
                EventDraft::new(source, watermark_ms, watermark_ms, payload)
                    .with_vendor_id(&format!("heartbeat:{lane}"), &revision)
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
