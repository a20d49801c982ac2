//! Frames of one connection as bounded batches, one frame a line; frames that repeat an earlier one are kept aside.
//! BAT-1: every frame is in exactly one batch, byte for byte, in its order; those kept aside too.
//! BAT-2: a frame repeats another if it holds the same bytes and at least two prints that differ. Prints that are all alike are real:
//! the tape has them in one millisecond, and one that is sent twice by mistake cannot be told from two.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::value::RawValue;
use touchline_event::stable_hash;

/// Frames of a batch at most, and their bytes.
const FRAMES_MAX: usize = 500;
const BYTES_MAX: usize = 256 * 1024;
/// Frames back to which a repetition is looked for.
const REMEMBERED_FRAMES: usize = 256;

/// Frames about to land.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The connection they came by: a vendor session.
    pub session: String,
    /// Number inside the session.
    pub index: u64,
    /// When the first of them was received, UTC ms.
    pub received_at_ms: i64,
    /// One frame a line.
    pub bytes: Vec<u8>,
    /// Repetitions, one a line: to be kept, not to be read.
    pub repeats: Vec<u8>,
    pub frame_count: u64,
    pub repeat_count: u64,
}

/// Frames of a connection that wait for their batch.
pub struct Batcher {
    session: String,
    index: u64,
    open: Option<Batch>,
    remembered: VecDeque<u64>,
}

impl Batcher {
    /// For the frames of one connection.
    pub fn new(session: String) -> Self {
        Self { session, index: 0, open: None, remembered: VecDeque::new() }
    }

    /// Takes a frame; a batch that is full with it, or because of it, comes back.
    pub fn push(&mut self, frame: &[u8], received_at_ms: i64) -> Vec<Batch> {
        let mut full = Vec::new();
        // A frame of several lines would be read as several: it travels alone.
        let is_lined = frame.contains(&b'\n');
        if is_lined {
            full.extend(self.flush());
        }
        let is_repeat = self.is_repeat(frame);
        let (session, index) = (&self.session, self.index);
        let batch = self.open.get_or_insert_with(|| Batch {
            session: session.clone(),
            index,
            received_at_ms,
            bytes: Vec::new(),
            repeats: Vec::new(),
            frame_count: 0,
            repeat_count: 0,
        });
        let lines = if is_repeat { &mut batch.repeats } else { &mut batch.bytes };
        lines.extend_from_slice(frame);
        lines.push(b'\n');
        *(if is_repeat { &mut batch.repeat_count } else { &mut batch.frame_count }) += 1;
        let frames = batch.frame_count + batch.repeat_count;
        if is_lined || frames >= FRAMES_MAX as u64 || batch.bytes.len() + batch.repeats.len() >= BYTES_MAX {
            full.extend(self.flush());
        }
        full
    }

    /// What waits, as a batch.
    pub fn flush(&mut self) -> Option<Batch> {
        let batch = self.open.take()?;
        self.index += 1;
        Some(batch)
    }

    /// When the oldest frame that waits was received.
    pub fn waits_since_ms(&self) -> Option<i64> {
        self.open.as_ref().map(|batch| batch.received_at_ms)
    }

    fn is_repeat(&mut self, frame: &[u8]) -> bool {
        let hash = stable_hash(frame);
        if self.remembered.contains(&hash) && has_prints_that_differ(frame) {
            return true;
        }
        if self.remembered.len() == REMEMBERED_FRAMES {
            self.remembered.pop_front();
        }
        self.remembered.push_back(hash);
        false
    }
}

#[derive(Deserialize)]
struct Prints<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

fn has_prints_that_differ(frame: &[u8]) -> bool {
    let Ok(Prints { data }) = serde_json::from_slice(frame) else { return false };
    data.iter().any(|print| print.get() != data[0].get())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIXED: &[u8] = br#"{"data":[{"p":1},{"p":2}],"type":"trade"}"#;
    const ALIKE: &[u8] = br#"{"data":[{"p":1},{"p":1}],"type":"trade"}"#;

    #[test]
    fn a_frame_that_repeats_is_kept_aside_unless_its_prints_are_all_alike() {
        let mut batcher = Batcher::new("s".to_owned());
        for frame in [MIXED, ALIKE, MIXED, ALIKE, b"{\"type\":\"ping\"}", b"{\"type\":\"ping\"}"] {
            assert!(batcher.push(frame, 5).is_empty());
        }
        let batch = batcher.flush().unwrap();
        assert_eq!((batch.frame_count, batch.repeat_count), (5, 1));
        assert_eq!(batch.repeats, [MIXED, b"\n"].concat());
    }

    #[test]
    fn a_frame_of_several_lines_travels_alone() {
        let mut batcher = Batcher::new("s".to_owned());
        batcher.push(MIXED, 1);
        let batches = batcher.push(b"{\n}", 2);
        assert_eq!(
            batches.iter().map(|batch| (batch.index, batch.received_at_ms)).collect::<Vec<_>>(),
            [(0, 1), (1, 2)]
        );
        assert_eq!(batches[1].bytes, b"{\n}\n");
    }

    proptest! {
        #[test]
        fn every_frame_is_in_one_batch_and_no_batch_is_beyond_its_bounds(
            sizes in prop::collection::vec(0_usize..60_000, 1..40),
            small in 0_usize..1_200,
        ) {
            let mut batcher = Batcher::new("s".to_owned());
            let frames: Vec<Vec<u8>> = sizes.iter().map(|size| vec![b'x'; *size]).chain((0..small).map(|n| n.to_string().into_bytes())).collect();
            let mut batches: Vec<Batch> = frames.iter().flat_map(|frame| batcher.push(frame, 1)).collect();
            batches.extend(batcher.flush());
            let lines: Vec<u8> = frames.iter().flat_map(|frame| [frame.as_slice(), b"\n"].concat()).collect();
            let indexes: Vec<u64> = batches.iter().map(|batch| batch.index).collect();
            prop_assert_eq!(indexes, (0..batches.len() as u64).collect::<Vec<_>>());
            for batch in &batches {
                prop_assert!(batch.frame_count <= FRAMES_MAX as u64 && batch.bytes.len() < BYTES_MAX + 60_001);
            }
            prop_assert_eq!(batches.into_iter().flat_map(|batch| batch.bytes).collect::<Vec<u8>>(), lines);
        }
    }
}
