//! How far a session has come on each lane it used.
//! HB-1: a lane that was used once hears every heartbeat of the session from then on.
//! Counts nothing: how much was published is the producer's claim.

use std::collections::BTreeSet;

use touchline_event::{Event, EventDraft, Heartbeat};

/// Lanes that a session used.
#[derive(Debug, Default)]
pub struct LaneBook {
    lanes: BTreeSet<u16>,
}

impl LaneBook {
    /// Notes lanes with acknowledged events.
    pub(crate) fn note(&mut self, lanes: impl IntoIterator<Item = u16>) {
        self.lanes.extend(lanes);
    }

    /// Heartbeats of all lanes used so far, up to `watermark_ms`.
    pub(crate) fn heartbeats(&self, source: &str, watermark_ms: i64) -> Vec<Event> {
        let heartbeat = |lane: &u16| {
            // What the producer claims is its to say, when it publishes.
            let payload = Heartbeat { lane: *lane, watermark_ms, claim: None };
            EventDraft::new(source, watermark_ms, watermark_ms, payload)
                .with_vendor_id(&format!("heartbeat:{lane}"), &watermark_ms.to_string())
        };
        self.lanes.iter().map(heartbeat).collect()
    }
}
