//! What goes into the stream and what comes out of it.

use touchline_event::{Lane, Sequence, ShardId};

/// A record on its way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutRecord {
    /// Becomes the partition key.
    pub lane: Lane,
    /// One frame.
    pub bytes: Vec<u8>,
    /// Vendor name of the frame's events, for the offered side of the accounts.
    pub source: String,
    /// Events inside, heartbeats not counted.
    pub event_count: u64,
}

/// A record as delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub sequence: Sequence,
    pub partition_key: String,
    pub bytes: Vec<u8>,
}

/// What one invocation of a stream consumer gets: records of one shard, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub shard: ShardId,
    pub records: Vec<Record>,
}

/// Why the stream did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    #[error("the stream throttles; retried later")]
    Throttled,
    #[error("no answer from the stream: {0}; the record may have been taken")]
    Unknown(String),
    #[error("the stream has no shard {0}")]
    NoSuchShard(String),
    #[error("record of {bytes} bytes is over the stream's limit of {limit}")]
    TooLarge { bytes: usize, limit: usize },
    #[error("the stream cannot be used: {0}")]
    Unavailable(String),
}
