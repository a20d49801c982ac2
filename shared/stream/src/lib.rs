//! Publishing and consuming records: one order per lane, lanes spread over shards, positions that only grow.
//! STR-1: an acknowledged record is read again by every consumer until retention ends.
//! STR-2: records of one partition key keep their order inside their shard.
//! Knows frames only as bytes.

mod embedded;
mod frames;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "aws")]
mod kinesis;
#[cfg(any(feature = "aws", feature = "kafka"))]
mod outbound;
mod publish;
mod record;

pub use embedded::EmbeddedLog;
pub use frames::{FrameLimits, frames_of};
#[cfg(feature = "kafka")]
pub use kafka::KafkaStream;
#[cfg(feature = "aws")]
pub use kinesis::KinesisStream;
pub use publish::publish_all;
pub use record::{Batch, OutRecord, Record, StreamError};

use async_trait::async_trait;
use touchline_event::{Sequence, ShardId};

/// Where producers put records.
#[async_trait]
pub trait Publish: Send + Sync {
    /// Appends records; result i belongs to record i. A failed record may be sent again: its events keep their ids.
    async fn publish(&self, records: Vec<OutRecord>) -> Vec<Result<(ShardId, Sequence), StreamError>>;
}

/// Where consumers find them.
#[async_trait]
pub trait Consume: Send + Sync {
    /// The shards to read.
    async fn shards(&self) -> Result<Vec<ShardId>, StreamError>;

    /// Records of a shard after a position, ascending, at most `limit`. Empty when there is nothing new.
    async fn read(&self, shard: &ShardId, after: Option<Sequence>, limit: usize) -> Result<Vec<Record>, StreamError>;
}
