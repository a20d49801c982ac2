//! What holds for any bytes whatever: nothing panics, nothing runs away, and what is taken can be told on.
//! FEED-1, FEED-3, FRM-1, FRM-2, P15. Panics on purpose: that is how a fuzzer is told.

use touchline_event::{Event, FrameError, FrameStamp, MAX_FRAME_EVENTS, decode_frame, encode_frame};
use touchline_feed::{Document, Parsed, SessionReader, Source};
use touchline_metric::FamilyState;
use touchline_window::PaneState;

/// 2024-01-01T00:00:00Z.
const RECEIVED_AT_MS: i64 = 1_704_067_200_000;
/// Events of one frame here: cut as a producer cuts them.
const FRAME_EVENTS: usize = 500;

/// A vendor's payload, received and as a file without a receive time.
pub fn payload(source: Source, bytes: &[u8]) {
    for received_at_ms in [Some(RECEIVED_AT_MS), None] {
        let document = Document { bytes, received_at_ms, origin: "" };
        let mut reader = SessionReader::default();
        let parsed = reader.read(source, document, 0);
        assert_eq!(SessionReader::default().read(source, document, 0), parsed, "FEED-3: read anew");
        explained(&parsed, bytes);
        travels(&parsed.events);
        explained(&reader.read(source, document, 0), bytes);
    }
}

fn explained(parsed: &Parsed, bytes: &[u8]) {
    for reject in &parsed.rejects {
        assert!(!reject.message.is_empty(), "FEED-1: a reject says why");
        assert!(reject.pointer.is_empty() || reject.pointer.starts_with('/'), "RFC 6901: {}", reject.pointer);
        assert!(reject.raw.len() <= bytes.len(), "a reject is a part of the payload");
    }
}

fn travels(events: &[Event]) {
    for events in events.chunks(FRAME_EVENTS) {
        let bytes = match encode_frame(events) {
            Ok(bytes) => bytes,
            Err(FrameError::TooLarge(_)) => continue,
            Err(error) => panic!("{error}"),
        };
        let frame = decode_frame(&bytes).expect("FRM-1: what was encoded decodes");
        for (read, event) in frame.events.iter().zip(events) {
            match read {
                Ok(read) => assert_eq!(read, event, "an event is read as it was written"),
                Err(FrameError::Event { message, .. }) => assert!(message.contains("over the limit"), "{message}"),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// A record of the stream; a frame with any of its parts broken, because its bytes are covered by a checksum.
pub fn frame(bytes: &[u8]) {
    let _ = FrameStamp::of(bytes);
    if let Ok(frame) = decode_frame(bytes) {
        assert!(frame.events.len() <= MAX_FRAME_EVENTS);
        let events: Vec<Event> = frame.events.into_iter().filter_map(Result::ok).collect();
        travels(&events);
    }
    // The checksum keeps a fuzzer out: an event's own line is tried without it.
    if let Ok(event) = serde_json::from_slice::<Event>(bytes) {
        travels(&[event]);
    }
}

/// A stored pane.
pub fn pane(bytes: &[u8]) {
    if let Ok(state) = PaneState::<FamilyState>::decode(bytes) {
        let encoded = state.encode().expect("P15: what was decoded encodes");
        let again = PaneState::<FamilyState>::decode(&encoded).expect("P15: and decodes");
        assert_eq!(again.encode().expect("P15"), encoded, "P15");
    }
}
