//! What could not be taken, kept whole and replayable: `quarantine#source` / a name made from where it came from.
//! QUA-1: put if absent under a name that a second look gives again, so a redelivery is not a second entry.
//! QUA-2: `stage` says who refused: the parser (never in the stream) or a stream consumer (in the stream).
//! QUA-3: an entry always fits an item; of a larger record it keeps the beginning, and says so.

use serde::{Deserialize, Serialize};
use touchline_event::{MAX_EVENT_BYTES, Position, ShardId};

use super::{decode, encode, walk};
use crate::{ItemKey, ItemStore, StoreError};

/// Bytes of a refused record that its entry keeps: a larger one would fit no item, and who puts it would try for ever.
pub const MAX_RAW_BYTES: usize = MAX_EVENT_BYTES;

/// A refused record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineEntry {
    /// `parse` or `stream`.
    pub stage: String,
    pub source: String,
    pub reason: String,
    /// JSON pointer into the payload, empty for a whole record.
    pub pointer: String,
    pub message: String,
    pub raw: Vec<u8>,
    /// The landed payload it was found in, for the parse stage.
    pub object_key: Option<String>,
    /// How many events of the stream this entry stands for: a broken frame holds as many as its header says.
    pub event_count: u64,
    /// When it was received, UTC ms; from the payload, not from a clock.
    pub at_ms: i64,
}

/// The item of a parser's reject: named by the landed object and the reject's number in it.
pub fn parse_entry(object_key: &str, index: usize, entry: &QuarantineEntry) -> Result<(ItemKey, Vec<u8>), StoreError> {
    item(&entry.source, format!("parse#{object_key}#{index:06}"), entry)
}

/// The item of a record or event refused by a stream consumer: named by its position.
pub fn stream_entry(
    shard: &ShardId,
    position: Position,
    entry: &QuarantineEntry,
) -> Result<(ItemKey, Vec<u8>), StoreError> {
    item(&entry.source, stream_name(shard, position), entry)
}

/// The name of the entry of a refused record or event.
pub fn stream_name(shard: &ShardId, position: Position) -> String {
    format!("stream#{shard}#{}#{:06}", super::late::sortable(position), position.sub)
}

/// What an entry keeps of a refused record.
pub fn kept(raw: &[u8]) -> &[u8] {
    &raw[..raw.len().min(MAX_RAW_BYTES)]
}

fn item(source: &str, sk: String, entry: &QuarantineEntry) -> Result<(ItemKey, Vec<u8>), StoreError> {
    let value = if entry.raw.len() > MAX_RAW_BYTES {
        let message = format!("{}; raw is the beginning of {} bytes", entry.message, entry.raw.len());
        encode(&sk, &QuarantineEntry { message, raw: kept(&entry.raw).to_vec(), ..entry.clone() })?
    } else {
        encode(&sk, entry)?
    };
    Ok((ItemKey::new(format!("quarantine#{source}"), sk), value))
}

/// Every entry of a source.
pub async fn list(store: &dyn ItemStore, source: &str) -> Result<Vec<(String, QuarantineEntry)>, StoreError> {
    let found = walk(store, &format!("quarantine#{source}"), "", None).await?;
    found.into_iter().map(|(sk, item)| decode(&sk, &item.value).map(|entry| (sk, entry))).collect()
}
