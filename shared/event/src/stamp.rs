//! A producer's stamp behind a frame: who published it, in which beat, as which frame of its lane.
//! STP-1: a stamp is a skippable zstd frame behind the body, so that every reader of frames passes over it, older releases too.
//! STP-2: a stamp that does not check is no stamp: the frame is then vouched for by nobody.

/// First bytes of a skippable frame (RFC 8878, 3.1.2), and the length of what follows.
const HEAD: [u8; 8] = [0x53, 0x2A, 0x4D, 0x18, 20, 0, 0, 0];
const STAMP_BYTES: usize = 16;
const TRAILER_BYTES: usize = HEAD.len() + STAMP_BYTES + 4;

/// Which frame this is, in its producer's own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameStamp {
    /// Drawn by chance with every start of a producer.
    pub producer: u64,
    /// Heartbeats that the producer had sent on this lane before.
    pub beat: u32,
    /// Frames of the lane and beat before this one.
    pub number: u32,
}

impl FrameStamp {
    /// Puts the stamp behind an encoded frame.
    pub fn put(self, frame: &mut Vec<u8>) {
        let mut stamp = [0; STAMP_BYTES];
        stamp[..8].copy_from_slice(&self.producer.to_le_bytes());
        stamp[8..12].copy_from_slice(&self.beat.to_le_bytes());
        stamp[12..].copy_from_slice(&self.number.to_le_bytes());
        frame.extend_from_slice(&HEAD);
        frame.extend_from_slice(&stamp);
        frame.extend_from_slice(&crc32fast::hash(&stamp).to_le_bytes());
    }

    /// The stamp of a record, if it has one.
    pub fn of(record: &[u8]) -> Option<Self> {
        let trailer = record.get(record.len().checked_sub(TRAILER_BYTES)?..)?;
        let (stamp, check) = trailer.strip_prefix(&HEAD)?.split_first_chunk::<STAMP_BYTES>()?;
        if crc32fast::hash(stamp).to_le_bytes() != *check {
            return None;
        }
        let (producer, rest) = stamp.split_first_chunk::<8>()?;
        let (beat, number) = rest.split_first_chunk::<4>()?;
        Some(Self {
            producer: u64::from_le_bytes(*producer),
            beat: u32::from_le_bytes(*beat),
            number: u32::from_le_bytes(*number.first_chunk()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventDraft, EventId, Trade, decode_frame, encode_frame};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_stamped_frame_is_read_as_before_and_so_is_its_stamp(
            (producer, beat, number, count) in (any::<u64>(), any::<u32>(), any::<u32>(), 0_u64..40),
        ) {
            let trade = |n| Trade { price_e8: n as i64, volume_e8: 1, conditions: vec![], is_vwap_eligible: true };
            let events: Vec<_> = (0..count)
                .map(|n| EventDraft::new("finnhub", n as i64, 0, trade(n)).with_id(EventId(n)))
                .collect();
            let mut bytes = encode_frame(&events).unwrap();
            prop_assert_eq!(FrameStamp::of(&bytes), None);
            let stamp = FrameStamp { producer, beat, number };
            stamp.put(&mut bytes);
            prop_assert_eq!(FrameStamp::of(&bytes), Some(stamp));
            let read: Vec<_> = decode_frame(&bytes).unwrap().events.into_iter().map(Result::unwrap).collect();
            prop_assert_eq!(read, events);
        }

        #[test]
        fn a_stamp_with_a_flipped_byte_is_none(at in 0_usize..TRAILER_BYTES, flip in 1_u8..=255) {
            let mut bytes = encode_frame(&[]).unwrap();
            FrameStamp { producer: 7, beat: 1, number: 2 }.put(&mut bytes);
            let at = bytes.len() - 1 - at;
            bytes[at] ^= flip;
            prop_assert_eq!(FrameStamp::of(&bytes), None);
        }
    }
}
