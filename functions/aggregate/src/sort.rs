//! What every event of a batch is: for a pane, for a ledger, for quarantine, or a heartbeat. Decided from bytes alone (P7).

use std::collections::BTreeMap;

use touchline_event::{Event, FrameError, MAX_FRAME_EVENTS, Payload, Position, Sequence, ShardId, decode_frame};
use touchline_metric::{Admission, Refusal, admit};
use touchline_store::{ItemKey, LateLedger, QuarantineEntry, StoreError, late, quarantine};
use touchline_stream::{Batch, Record};
use touchline_window::{PaneKey, Positioned};

use crate::AggregateContext;
use crate::groups::Group;
use crate::proof::Tales;

pub(crate) type LedgerItem = Result<(ItemKey, Vec<u8>), StoreError>;

/// A producer's word about a lane.
pub(crate) struct LaneHeartbeat {
    pub source: String,
    pub lane: u16,
    pub watermark_ms: i64,
    pub sequence: Sequence,
}

/// A batch, sorted.
#[derive(Default)]
pub(crate) struct Sorted {
    pub groups: Vec<Group>,
    pub ledger: Vec<LedgerItem>,
    pub heartbeats: Vec<LaneHeartbeat>,
    /// What the live proof is to learn.
    pub tales: Tales,
    pub late_count: u64,
    pub quarantined_count: u64,
}

pub(crate) fn sort(context: &AggregateContext, batch: &Batch) -> Sorted {
    let mut sorted = Sorted::default();
    let mut groups: BTreeMap<PaneKey, Group> = BTreeMap::new();
    for record in &batch.records {
        match decode_frame(&record.bytes) {
            Err(error) => sorted.quarantine_record(&batch.shard, record, &error),
            Ok(frame) => {
                sorted.tales.note_frame(record, &frame.events);
                for (sub, event) in frame.events.into_iter().enumerate() {
                    let position = Position { sequence: record.sequence, sub: sub as u32 };
                    match event {
                        Err(error) => sorted.quarantine_event(
                            &batch.shard,
                            position,
                            "unknown",
                            "undecodable",
                            &error.to_string(),
                            line_of(error),
                        ),
                        Ok(event) => sort_event(context, batch, record, position, event, &mut sorted, &mut groups),
                    }
                }
            }
        }
    }
    sorted.groups = groups.into_values().collect();
    sorted
}

fn sort_event(
    context: &AggregateContext,
    batch: &Batch,
    record: &Record,
    position: Position,
    event: Event,
    sorted: &mut Sorted,
    groups: &mut BTreeMap<PaneKey, Group>,
) {
    match admit(&event, &record.partition_key, context.lanes, &context.policy) {
        Admission::Refused(Refusal { source, reason, message }) => {
            sorted.quarantine_event(&batch.shard, position, &source, reason, &message, json(&event));
        }
        Admission::Heartbeat => {
            if let Payload::Heartbeat(heartbeat) = &event.payload {
                sorted.heartbeats.push(LaneHeartbeat {
                    source: event.source.clone(),
                    lane: heartbeat.lane,
                    watermark_ms: heartbeat.watermark_ms,
                    sequence: position.sequence,
                });
                sorted.tales.note_claim(&event.source, position.sequence, heartbeat);
            }
        }
        Admission::Late { message } => {
            sorted.late_count += 1;
            let text = String::from_utf8_lossy(&json(&event)).into_owned();
            sorted.ledger.push(late::entry(&batch.shard, position, LateLedger::Late, message, &event, text));
        }
        Admission::Pane(family, key) => {
            let group =
                groups.entry(key).or_insert_with_key(|key| Group::new(key.clone(), family, event.source.clone()));
            group.events.push(Positioned { position, event });
        }
    }
}

impl Sorted {
    /// A whole frame that cannot be read stands for as many events as its header says.
    fn quarantine_record(&mut self, shard: &ShardId, record: &Record, error: &FrameError) {
        let header_count = record
            .bytes
            .get(2..6)
            .map_or(1, |count| u64::from(u32::from_le_bytes([count[0], count[1], count[2], count[3]])));
        // A header that says more than any frame may hold says nothing.
        let event_count = if header_count > MAX_FRAME_EVENTS as u64 { 1 } else { header_count.max(1) };
        let position = Position { sequence: record.sequence, sub: 0 };
        let entry = refusal("unknown", "bad_frame", error.to_string(), record.bytes.clone(), event_count);
        self.push(shard, position, &entry);
    }

    fn quarantine_event(
        &mut self,
        shard: &ShardId,
        position: Position,
        source: &str,
        reason: &str,
        message: &str,
        raw: Vec<u8>,
    ) {
        self.push(shard, position, &refusal(source, reason, message.to_owned(), raw, 1));
    }

    fn push(&mut self, shard: &ShardId, position: Position, entry: &QuarantineEntry) {
        self.quarantined_count += entry.event_count;
        self.ledger.push(quarantine::stream_entry(shard, position, entry));
    }
}

/// The entry of what a stream consumer refuses.
fn refusal(source: &str, reason: &str, message: String, raw: Vec<u8>, event_count: u64) -> QuarantineEntry {
    QuarantineEntry {
        stage: "stream".to_owned(),
        source: source.to_owned(),
        reason: reason.to_owned(),
        pointer: String::new(),
        message,
        raw,
        object_key: None,
        event_count,
        at_ms: 0,
    }
}

fn line_of(error: FrameError) -> Vec<u8> {
    match error {
        FrameError::Event { line, .. } => line,
        _ => Vec::new(),
    }
}

fn json(event: &Event) -> Vec<u8> {
    serde_json::to_vec(event).unwrap_or_default()
}
