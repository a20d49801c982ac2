//! How far event time has certainly advanced, per source and lane, from the producers' in-band heartbeats.
//! WIN-3: a watermark never moves backwards.
//! WIN-4: the overall watermark of a source is the minimum over its lanes; a silent lane is reported, never skipped.
//! Reads no clock: an idle lane is advanced by its producer's heartbeats.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one lane of one source has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LaneWatermark {
    pub watermark_ms: i64,
    /// Heartbeats seen; 0 means that the lane never spoke.
    pub heartbeat_count: u64,
}

impl LaneWatermark {
    /// Takes a heartbeat's word; an older one changes nothing but the count.
    pub fn advance(&mut self, watermark_ms: i64) {
        self.watermark_ms = if self.heartbeat_count == 0 { watermark_ms } else { self.watermark_ms.max(watermark_ms) };
        self.heartbeat_count += 1;
    }
}

/// Watermarks of all lanes of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watermarks {
    lanes: BTreeMap<u16, LaneWatermark>,
}

impl Watermarks {
    /// Records what a lane has reached.
    pub fn set(&mut self, lane: u16, watermark: LaneWatermark) {
        self.lanes.insert(lane, watermark);
    }

    /// What one lane has reached; `None` when it never spoke.
    pub fn of_lane(&self, lane: u16) -> Option<i64> {
        self.lanes.get(&lane).filter(|lane| lane.heartbeat_count > 0).map(|lane| lane.watermark_ms)
    }

    /// The minimum over the lanes that spoke; `None` before the first heartbeat.
    pub fn overall(&self) -> Option<i64> {
        self.lanes.values().filter(|lane| lane.heartbeat_count > 0).map(|lane| lane.watermark_ms).min()
    }

    /// The maximum over the lanes that spoke.
    pub fn furthest(&self) -> Option<i64> {
        self.lanes.values().filter(|lane| lane.heartbeat_count > 0).map(|lane| lane.watermark_ms).max()
    }

    /// Lanes that are behind the furthest one by more than `tolerance_ms`.
    pub fn stuck_lanes(&self, tolerance_ms: i64) -> Vec<u16> {
        let furthest = self.lanes.values().map(|lane| lane.watermark_ms).max().unwrap_or(i64::MIN);
        self.lanes
            .iter()
            .filter(|(_, lane)| furthest.saturating_sub(lane.watermark_ms) > tolerance_ms)
            .map(|(lane, _)| *lane)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watermark_never_moves_backwards() {
        let mut lane = LaneWatermark::default();
        for heartbeat in [-5, 10, 7] {
            lane.advance(heartbeat);
        }
        assert_eq!(lane, LaneWatermark { watermark_ms: 10, heartbeat_count: 3 });
    }

    #[test]
    fn the_overall_watermark_waits_for_the_slowest_lane_and_names_it() {
        let mut marks = Watermarks::default();
        assert_eq!(marks.overall(), None);
        marks.set(1, LaneWatermark { watermark_ms: 100_000, heartbeat_count: 1 });
        marks.set(2, LaneWatermark { watermark_ms: 10, heartbeat_count: 1 });
        assert_eq!(marks.overall(), Some(10));
        assert_eq!(marks.stuck_lanes(60_000), [2]);
        assert_eq!(marks.of_lane(3), None);
    }
}
