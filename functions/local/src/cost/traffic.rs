//! What a load does to the stream, the functions and the tables: the quantities that the bill's lines multiply.

use touchline_store::PaneLayout;

use super::load::Load;
use super::prices::Assumptions;

/// Kinesis bills records in units of this.
const PUT_UNIT_BYTES: u64 = 25 * 1024;
/// What one shard takes in a second.
const SHARD_RECORDS: u64 = 1_000;
const SHARD_BYTES: u64 = 1 << 20;
/// DynamoDB bills items in units of this.
const WRITE_UNIT_BYTES: u64 = 1024;

/// Quantities over the whole load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    pub seconds: u64,
    pub events: u64,
    pub frames: u64,
    pub put_units: u64,
    pub shards: u64,
    pub aggregations: u64,
    /// Writes that count events: of panes, or of lanes' items.
    pub pane_writes: u64,
    pub units_per_pane_write: u64,
    /// What makes panes final, sealed and forgotten, in units.
    pub lifecycle_units: u64,
    pub pane_reads: u64,
    /// One small item per lane that an aggregation meets.
    pub proof_writes: u64,
    pub panes: u64,
}

impl Traffic {
    pub fn of(load: Load, assumed: &Assumptions) -> Self {
        let Load { events_per_second, hours, entities, .. } = load;
        let seconds = hours * 3600;
        let lanes = assumed.lanes.min(entities).max(1);
        // A lane with an event publishes one frame an interval; lanes without one publish none.
        let frames_per_second = events_per_second.min(lanes * assumed.publishes_per_lane_second).max(1);
        let frame_bytes = events_per_second.div_ceil(frames_per_second) * assumed.frame_bytes_per_event;
        let bytes_per_second = events_per_second * assumed.frame_bytes_per_event;
        let shards_for = |amount: u64, limit: u64| (amount * 100).div_ceil(limit * assumed.shard_use_percent);
        let shards = shards_for(frames_per_second, SHARD_RECORDS).max(shards_for(bytes_per_second, SHARD_BYTES)).max(1);
        let aggregations_per_second = (shards * assumed.aggregate_invocations_per_second).min(frames_per_second);
        let panes_per_aggregation = expected_distinct(
            entities as f64 / shards as f64,
            events_per_second as f64 / aggregations_per_second as f64,
        );
        let lanes_per_aggregation =
            expected_distinct(lanes as f64 / shards as f64, frames_per_second as f64 / aggregations_per_second as f64);
        let panes_per_minute = expected_distinct(entities as f64, events_per_second as f64 * 60.0);
        let aggregations = aggregations_per_second * seconds;
        let panes = (panes_per_minute * seconds as f64 / 60.0).ceil() as u64;
        let per_run = |distinct: f64| (distinct * aggregations as f64).ceil() as u64;
        let units = |bytes: u64| bytes.div_ceil(WRITE_UNIT_BYTES).max(1);
        let own_units = units(assumed.pane_bytes);
        let open_panes = (entities as f64 / lanes as f64 * assumed.open_panes_per_entity as f64).ceil() as u64;
        let lane_units = units(open_panes * assumed.pane_bytes * assumed.lane_item_percent / 100);
        let lifecycle_units = panes * assumed.lifecycle_writes_per_pane * own_units;
        let (pane_writes, units_per_pane_write, lifecycle_units, pane_reads) = match load.layout {
            PaneLayout::Pane => (per_run(panes_per_aggregation), own_units, lifecycle_units, panes),
            // Every minute a lane's panes become final together; each is looked for once before it begins.
            PaneLayout::Lane => {
                let finals = seconds / 60 * lanes * assumed.lane_writes_per_minute * lane_units;
                (per_run(lanes_per_aggregation), lane_units, lifecycle_units + finals, panes * 2)
            }
        };
        Self {
            seconds,
            events: events_per_second * seconds,
            frames: frames_per_second * seconds,
            put_units: frames_per_second * seconds * frame_bytes.div_ceil(PUT_UNIT_BYTES),
            shards,
            aggregations,
            pane_writes,
            units_per_pane_write,
            lifecycle_units,
            pane_reads,
            proof_writes: per_run(lanes_per_aggregation),
            panes,
        }
    }
}

/// How many of `entities` equally busy ones are met by `events`.
fn expected_distinct(entities: f64, events: f64) -> f64 {
    if entities <= 1.0 { events.min(1.0) } else { entities * (1.0 - (1.0 - 1.0 / entities).powf(events)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_entities_are_bounded_by_both() {
        assert!((expected_distinct(500.0, 1.0) - 1.0).abs() < 1e-9);
        assert!(expected_distinct(500.0, 1e6) <= 500.0);
        assert!((expected_distinct(2.0, 2.0) - 1.5).abs() < 1e-9);
    }
}
