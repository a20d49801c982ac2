//! Lateness as of the moment of processing: what an event's first arrival would be to a consumer that asks its clock.

use touchline_event::{Event, decode_frame, encode_frame};
use touchline_stream::Batch;

use crate::scenario::BEGIN_MS;

/// What passes between two invocations, in ms: a schedule lasts about as long as its events and the horizon together.
const INVOCATION_MS: i64 = 10_000;

/// Makes every readable event of the batch arrive now.
pub fn stamp(batch: &mut Batch, invocation: u64) {
    let now_ms = BEGIN_MS + INVOCATION_MS * invocation as i64;
    for record in &mut batch.records {
        let Ok(frame) = decode_frame(&record.bytes) else { continue };
        let Ok(mut events) = frame.events.into_iter().collect::<Result<Vec<Event>, _>>() else { continue };
        events.iter_mut().for_each(|event| event.first_arrival_ms = now_ms);
        if let Ok(bytes) = encode_frame(&events) {
            record.bytes = bytes;
        }
    }
}
