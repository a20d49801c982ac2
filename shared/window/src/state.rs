//! The pane item: what one compare-and-swap replaces. Holds the aggregate, the ids it counted, and how far each shard was applied.
//! STATE-1 (P3): `positions` and `revision` never fall. STATE-2 (P15): decode(encode(x)) = x; the previous format still reads.
//! STATE-3: a sealed or frozen pane never changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use touchline_event::{Position, Sequence, ShardId};

use crate::Aggregate;

/// Stored in front of the encoding; a reader refuses what is newer.
const FORMAT: u8 = 1;

/// Where a pane stands between its first event and the day it may no longer change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lifecycle {
    /// The watermark passed the pane's end and grace: readers may rely on it until a correction.
    pub is_final: bool,
    /// Nothing is applied any more; ids are dropped.
    pub is_sealed: bool,
    /// 0 while provisional, 1 when first final, one more with every correction.
    pub revision: u32,
    /// A corrected revision is not yet published to the lake.
    pub is_dirty: bool,
}

/// State of one pane (or one part of it).
#[derive(Debug, Clone, PartialEq)]
pub struct PaneState<A> {
    /// How far each shard was applied here. Normally one entry.
    pub positions: BTreeMap<ShardId, Position>,
    /// Ids counted here, sorted. Dropped when sealed.
    pub ids: Vec<u64>,
    /// Events counted: survives the ids.
    pub applied_count: u64,
    /// Further deliveries of ids counted before, at new positions.
    pub duplicate_count: u64,
    /// Latest first arrival among the counted events, UTC ms: what this state is as of.
    pub as_of_ms: i64,
    pub lifecycle: Lifecycle,
    /// This part is full; later events of the pane are in the next part.
    pub is_frozen: bool,
    pub aggregate: A,
}

/// Why stored bytes are no pane.
#[derive(Debug, thiserror::Error)]
pub enum PaneDecodeError {
    #[error("pane item is empty")]
    Empty,
    #[error("pane item has format {0}; this release reads format {FORMAT}: deploy the newer release again")]
    Format(u8),
    #[error("pane item does not decode: {0}")]
    Broken(#[from] postcard::Error),
}

/// The stored form: borrowed where it can be, ids as raw big-endian bytes because random 64-bit numbers do not compress.
#[derive(Serialize, Deserialize)]
struct Wire<A> {
    positions: Vec<(String, [u8; Sequence::BYTES], u32)>,
    ids: Vec<u8>,
    applied_count: u64,
    duplicate_count: u64,
    as_of_ms: i64,
    lifecycle: Lifecycle,
    is_frozen: bool,
    aggregate: A,
}

/// The stored form up to the aggregate.
#[derive(Deserialize)]
struct WireHead<'w> {
    #[serde(borrow)]
    _positions: Vec<(&'w str, [u8; Sequence::BYTES], u32)>,
    _ids: &'w [u8],
    _applied_count: u64,
    _duplicate_count: u64,
    _as_of_ms: i64,
    lifecycle: Lifecycle,
    is_frozen: bool,
}

impl<A: Aggregate> PaneState<A> {
    /// A pane that has seen nothing.
    pub fn new(aggregate: A) -> Self {
        Self {
            positions: BTreeMap::new(),
            ids: Vec::new(),
            applied_count: 0,
            duplicate_count: 0,
            as_of_ms: i64::MIN,
            lifecycle: Lifecycle::default(),
            is_frozen: false,
            aggregate,
        }
    }

    /// The stored bytes. Equal states have equal bytes (P4).
    pub fn encode(&self) -> Result<Vec<u8>, PaneDecodeError> {
        let mut ids = Vec::with_capacity(self.ids.len() * 8);
        for id in &self.ids {
            ids.extend_from_slice(&id.to_be_bytes());
        }
        let wire = Wire {
            positions: self
                .positions
                .iter()
                .map(|(shard, at)| (shard.0.clone(), *at.sequence.as_bytes(), at.sub))
                .collect(),
            ids,
            applied_count: self.applied_count,
            duplicate_count: self.duplicate_count,
            as_of_ms: self.as_of_ms,
            lifecycle: self.lifecycle.clone(),
            is_frozen: self.is_frozen,
            aggregate: self.aggregate.clone(),
        };
        Ok(postcard::to_extend(&wire, vec![FORMAT])?)
    }

    /// From stored bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, PaneDecodeError> {
        let (format, body) = bytes.split_first().ok_or(PaneDecodeError::Empty)?;
        if *format != FORMAT {
            return Err(PaneDecodeError::Format(*format));
        }
        let wire: Wire<A> = postcard::from_bytes(body)?;
        let ids = wire.ids.as_chunks::<8>().0.iter().map(|chunk| u64::from_be_bytes(*chunk)).collect();
        let position = |sequence, sub| Position { sequence: Sequence::from_bytes(sequence), sub };
        Ok(Self {
            positions: wire
                .positions
                .into_iter()
                .map(|(shard, sequence, sub)| (ShardId(shard), position(sequence, sub)))
                .collect(),
            ids,
            applied_count: wire.applied_count,
            duplicate_count: wire.duplicate_count,
            as_of_ms: wire.as_of_ms,
            lifecycle: wire.lifecycle,
            is_frozen: wire.is_frozen,
            aggregate: wire.aggregate,
        })
    }

    /// Where stored bytes stand in life, and whether the part is frozen: read without the figures behind.
    pub fn life_of(bytes: &[u8]) -> Result<(Lifecycle, bool), PaneDecodeError> {
        let (format, body) = bytes.split_first().ok_or(PaneDecodeError::Empty)?;
        if *format != FORMAT {
            return Err(PaneDecodeError::Format(*format));
        }
        let (head, _): (WireHead<'_>, _) = postcard::take_from_bytes(body)?;
        Ok((head.lifecycle, head.is_frozen))
    }

    /// Whether this state already covers the position.
    pub fn has_passed(&self, shard: &ShardId, position: Position) -> bool {
        self.positions.get(shard).is_some_and(|passed| position <= *passed)
    }

    /// Whether the id was counted here.
    pub fn has_counted(&self, id: u64) -> bool {
        self.ids.binary_search(&id).is_ok()
    }

    /// The next life: final, with revision 1, or the correction published.
    pub fn finalised(mut self) -> Self {
        self.lifecycle.is_final = true;
        self.lifecycle.revision = self.lifecycle.revision.max(1);
        self.lifecycle.is_dirty = false;
        self
    }

    /// The last life: nothing is applied any more and the ids are no longer needed.
    pub fn sealed(mut self) -> Self {
        self.lifecycle.is_sealed = true;
        self.ids = Vec::new();
        self
    }
}
