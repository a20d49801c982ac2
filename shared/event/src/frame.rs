//! The bytes of one stream record: events of one lane, compressed, counted and checked.
//! FRM-1: a frame decodes whole or is refused whole; a single bad event inside a good frame is refused alone.
//! FRM-2: nothing is allocated on the word of a header beyond [`MAX_FRAME_BYTES`].
//! Layout: version (1 byte), codec (1 byte), event count (u32 LE), CRC-32 of the plain text (u32 LE), zstd(NDJSON).

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};

use crate::Event;

/// Plain bytes of one frame at most; a bomb that inflates further is refused.
pub const MAX_FRAME_BYTES: usize = 8 * 1024 * 1024;
/// Events of one frame at most.
pub const MAX_FRAME_EVENTS: usize = 65_536;

const VERSION: u8 = 1;
const CODEC_JSON: u8 = b'J';
const HEADER_BYTES: usize = 10;
/// Level 1: a third of the time of level 3 for a few per cent of size.
const ZSTD_LEVEL: i32 = 1;

/// Bytes of one event's line at most: whatever keeps an event, whole or in part, then fits an item of the store.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;

/// A decoded frame: one entry per event, in order; the index is the event's sub-position.
#[derive(Debug)]
pub struct Frame {
    pub events: Vec<Result<Event, FrameError>>,
}

/// Why bytes are no frame, or a line is no event.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("frame of {0} bytes is shorter than its header")]
    TooShort(usize),
    #[error("frame version {0} is not supported; this release reads version {VERSION}")]
    Version(u8),
    #[error("frame codec {0:#04x} is not supported; this release reads JSON ('J')")]
    Codec(u8),
    #[error("frame does not decompress within {MAX_FRAME_BYTES} bytes: {0}")]
    Compression(String),
    #[error("frame checksum is {actual:08x}, its header says {expected:08x}")]
    Checksum { expected: u32, actual: u32 },
    #[error("frame holds {actual} events, its header says {expected}")]
    Count { expected: u32, actual: usize },
    #[error("frame of {0} events or bytes is over the limit")]
    TooLarge(usize),
    #[error("event {sub} of the frame: {message}")]
    Event { sub: u32, message: String, line: Vec<u8> },
}

/// One frame of `events`, in their order.
pub fn encode_frame(events: &[Event]) -> Result<Vec<u8>, FrameError> {
    if events.len() > MAX_FRAME_EVENTS {
        return Err(FrameError::TooLarge(events.len()));
    }
    let mut plain = Vec::with_capacity(events.len() * 320);
    for event in events {
        serde_json::to_writer(&mut plain, event).map_err(|error| FrameError::Compression(error.to_string()))?;
        plain.push(b'\n');
    }
    if plain.len() > MAX_FRAME_BYTES {
        return Err(FrameError::TooLarge(plain.len()));
    }
    let mut bytes = Vec::with_capacity(HEADER_BYTES + plain.len() / 4);
    bytes.extend_from_slice(&[VERSION, CODEC_JSON]);
    bytes.extend_from_slice(&(events.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&plain).to_le_bytes());
    let body = deflate(&plain).map_err(|error| FrameError::Compression(error.to_string()))?;
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// The events of a frame. `Err` is about the frame, `Err` inside is about one event.
pub fn decode_frame(bytes: &[u8]) -> Result<Frame, FrameError> {
    let (header, body) = bytes.split_at_checked(HEADER_BYTES).ok_or(FrameError::TooShort(bytes.len()))?;
    if header[0] != VERSION {
        return Err(FrameError::Version(header[0]));
    }
    if header[1] != CODEC_JSON {
        return Err(FrameError::Codec(header[1]));
    }
    let expected_count = u32::from_le_bytes([header[2], header[3], header[4], header[5]]);
    let expected_crc = u32::from_le_bytes([header[6], header[7], header[8], header[9]]);
    if expected_count as usize > MAX_FRAME_EVENTS {
        return Err(FrameError::TooLarge(expected_count as usize));
    }
    let plain = inflate(body).map_err(|error| FrameError::Compression(error.to_string()))?;
    let actual = crc32fast::hash(&plain);
    if actual != expected_crc {
        return Err(FrameError::Checksum { expected: expected_crc, actual });
    }
    let mut events = Vec::with_capacity(expected_count as usize);
    for line in plain.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let sub = events.len() as u32;
        let refused = |message: String| FrameError::Event { sub, message, line: line.to_vec() };
        events.push(if line.len() > MAX_EVENT_BYTES {
            Err(refused(format!("{} bytes are over the limit of {MAX_EVENT_BYTES}", line.len())))
        } else {
            serde_json::from_slice(line).map_err(|error| refused(error.to_string()))
        });
    }
    if events.len() != expected_count as usize {
        return Err(FrameError::Count { expected: expected_count, actual: events.len() });
    }
    Ok(Frame { events })
}

thread_local! {
    /// One of each for each thread, because making one takes longer than packing a small frame.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

fn deflate(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|slot| match slot {
        Some(known) => known.compress(plain),
        None => slot.insert(Compressor::new(ZSTD_LEVEL)?).compress(plain),
    })
}

fn inflate(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let capacity = Decompressor::upper_bound(body).unwrap_or(MAX_FRAME_BYTES).min(MAX_FRAME_BYTES);
    DECOMPRESSOR.with_borrow_mut(|slot| match slot {
        Some(known) => known.decompress(body, capacity),
        None => slot.insert(Decompressor::new()?).decompress(body, capacity),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventDraft, EventId, Trade};
    use proptest::prelude::*;

    fn trade(price: i64, volume: i64, at: i64) -> Event {
        let payload = Trade { price_e8: price, volume_e8: volume, conditions: vec![], is_vwap_eligible: true };
        let mut draft = EventDraft::new("finnhub", at, at, payload);
        draft.symbol = Some("AAPL".into());
        draft.with_id(EventId(price as u64 ^ volume as u64))
    }

    proptest! {
        #[test]
        fn p15_a_frame_is_read_back_as_written(trades in proptest::collection::vec((any::<i64>(), any::<i64>(), any::<i64>()), 0..50)) {
            let events: Vec<_> = trades.into_iter().map(|(p, v, t)| trade(p, v, t)).collect();
            let frame = decode_frame(&encode_frame(&events).unwrap()).unwrap();
            prop_assert_eq!(frame.events.into_iter().map(Result::unwrap).collect::<Vec<_>>(), events);
        }

        #[test]
        fn any_flipped_byte_is_noticed(at in 0_usize..200, flip in 1_u8..=255) {
            let events: Vec<_> = (0..20).map(|n| trade(n, n, n)).collect();
            let mut bytes = encode_frame(&events).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            match decode_frame(&bytes) {
                Err(_) => {}
                // zstd's frame header has bits that do not change the content; then the content must be unharmed.
                Ok(frame) => prop_assert_eq!(frame.events.into_iter().map(Result::unwrap).collect::<Vec<_>>(), events),
            }
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode_frame(&bytes);
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = zstd::bulk::compress(&vec![b'\n'; MAX_FRAME_BYTES * 4], 19).unwrap();
        let mut bytes = vec![VERSION, CODEC_JSON, 1, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend_from_slice(&bomb);
        assert!(matches!(decode_frame(&bytes), Err(FrameError::Compression(_))));
    }

    #[test]
    fn an_event_over_the_limit_is_refused_alone() {
        let mut large = trade(1, 1, 1);
        large.player_id = Some("x".repeat(MAX_EVENT_BYTES));
        let events = decode_frame(&encode_frame(&[large, trade(2, 2, 2)]).unwrap()).unwrap().events;
        assert!(
            matches!(&events[0], Err(FrameError::Event { sub: 0, message, .. }) if message.contains("over the limit"))
        );
        assert!(events[1].is_ok());
    }

    #[test]
    fn one_bad_event_is_refused_alone() {
        let good = serde_json::to_string(&trade(1, 1, 1)).unwrap();
        let plain = format!("{good}\n{{\"kind\":\"no_such_kind\"}}\n{good}\n");
        let mut bytes = vec![VERSION, CODEC_JSON, 3, 0, 0, 0];
        bytes.extend_from_slice(&crc32fast::hash(plain.as_bytes()).to_le_bytes());
        bytes.extend_from_slice(&zstd::bulk::compress(plain.as_bytes(), 1).unwrap());
        let events = decode_frame(&bytes).unwrap().events;
        assert_eq!(events.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    }
}
