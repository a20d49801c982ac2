//! A durable log in the embedded key-value file: shards with counters as sequence numbers, kept for ever.
//! LOG-1: one transaction per publish; when it returns, the records and the offered counts are on disk together.
//! LOG-2: `shard = lane % shards`, so a lane never moves.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use tokio::sync::watch;
use touchline_event::{Lane, Sequence, ShardId};

use crate::{Consume, OutRecord, Publish, Record, StreamError};

const LOG: TableDefinition<(u16, u64), (u16, &[u8])> = TableDefinition::new("log");
const HEADS: TableDefinition<u16, u64> = TableDefinition::new("log_heads");
const OFFERED: TableDefinition<&str, u64> = TableDefinition::new("log_offered");

/// Kinesis takes records up to 10 MiB since 2025; one limit for every transport.
const MAX_RECORD_BYTES: usize = 1024 * 1024;

/// The log. Clones share one file.
#[derive(Clone)]
pub struct EmbeddedLog {
    database: Arc<Database>,
    shard_count: u16,
    /// Raised with every publish, so that consumers need not poll.
    generation: Arc<watch::Sender<u64>>,
}

impl EmbeddedLog {
    /// The log inside an open state file. `shard_count` must stay what it was when the file was made.
    pub fn open(database: Arc<Database>, shard_count: u16) -> Result<Self, StreamError> {
        let log = Self { database, shard_count: shard_count.max(1), generation: Arc::new(watch::channel(0).0) };
        log.create_tables().map_err(unknown)?;
        Ok(log)
    }

    fn create_tables(&self) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        transaction.open_table(LOG)?;
        transaction.open_table(HEADS)?;
        transaction.open_table(OFFERED)?;
        Ok(transaction.commit()?)
    }

    /// Wakes when something was published.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Events ever published per source: the offered side of the accounts.
    pub fn offered(&self) -> Result<BTreeMap<String, u64>, StreamError> {
        let read = || -> Result<_, redb::Error> {
            let table = self.database.begin_read()?.open_table(OFFERED)?;
            let mut offered = BTreeMap::new();
            for entry in table.iter()? {
                let (source, count) = entry?;
                offered.insert(source.value().to_owned(), count.value());
            }
            Ok(offered)
        };
        read().map_err(unknown)
    }

    /// The last sequence number of every shard that has records.
    pub fn heads(&self) -> Result<BTreeMap<ShardId, Sequence>, StreamError> {
        let read = || -> Result<_, redb::Error> {
            let table = self.database.begin_read()?.open_table(HEADS)?;
            let mut heads = BTreeMap::new();
            for entry in table.iter()? {
                let (shard, head) = entry?;
                heads.insert(shard_id(shard.value()), Sequence::from_u64(head.value()));
            }
            Ok(heads)
        };
        read().map_err(unknown)
    }

    fn append(&self, records: &[OutRecord]) -> Result<Vec<(ShardId, Sequence)>, redb::Error> {
        let transaction = self.database.begin_write()?;
        let mut positions = Vec::with_capacity(records.len());
        {
            let mut log = transaction.open_table(LOG)?;
            let mut heads = transaction.open_table(HEADS)?;
            let mut offered = transaction.open_table(OFFERED)?;
            for record in records {
                let shard = record.lane.0 % self.shard_count;
                let sequence = heads.get(shard)?.map_or(0, |head| head.value()) + 1;
                log.insert((shard, sequence), (record.lane.0, record.bytes.as_slice()))?;
                heads.insert(shard, sequence)?;
                let count = offered.get(record.source.as_str())?.map_or(0, |count| count.value());
                offered.insert(record.source.as_str(), count + record.event_count)?;
                positions.push((shard_id(shard), Sequence::from_u64(sequence)));
            }
        }
        transaction.commit()?;
        Ok(positions)
    }

    fn read_from(&self, shard: u16, after: u64, limit: usize) -> Result<Vec<Record>, redb::Error> {
        let table = self.database.begin_read()?.open_table(LOG)?;
        let mut records = Vec::new();
        for entry in table.range((shard, after + 1)..=(shard, u64::MAX))?.take(limit) {
            let (key, value) = entry?;
            let (lane, bytes) = value.value();
            records.push(Record {
                sequence: Sequence::from_u64(key.value().1),
                partition_key: Lane(lane).partition_key(),
                bytes: bytes.to_vec(),
            });
        }
        Ok(records)
    }
}

fn shard_id(shard: u16) -> ShardId {
    ShardId(format!("shard-{shard:03}"))
}

fn unknown(error: redb::Error) -> StreamError {
    StreamError::Unknown(error.to_string())
}

#[async_trait]
impl Publish for EmbeddedLog {
    async fn publish(&self, records: Vec<OutRecord>) -> Vec<Result<(ShardId, Sequence), StreamError>> {
        let count = records.len();
        if let Some(large) = records.iter().map(|record| record.bytes.len()).find(|bytes| *bytes > MAX_RECORD_BYTES) {
            return vec![Err(StreamError::TooLarge { bytes: large, limit: MAX_RECORD_BYTES }); count];
        }
        let log = self.clone();
        let outcome = tokio::task::spawn_blocking(move || log.append(&records)).await;
        match outcome {
            Ok(Ok(positions)) => {
                self.generation.send_modify(|generation| *generation += 1);
                positions.into_iter().map(Ok).collect()
            }
            Ok(Err(error)) => vec![Err(unknown(error)); count],
            Err(error) => vec![Err(StreamError::Unknown(error.to_string())); count],
        }
    }
}

#[async_trait]
impl Consume for EmbeddedLog {
    async fn shards(&self) -> Result<Vec<ShardId>, StreamError> {
        Ok((0..self.shard_count).map(shard_id).collect())
    }

    async fn read(&self, shard: &ShardId, after: Option<Sequence>, limit: usize) -> Result<Vec<Record>, StreamError> {
        let number = shard.0.strip_prefix("shard-").and_then(|digits| digits.parse().ok());
        let number: u16 = number.ok_or_else(|| StreamError::NoSuchShard(shard.0.clone()))?;
        self.read_from(number, after.and_then(Sequence::to_u64).unwrap_or(0), limit).map_err(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(lane: u16, text: &str) -> OutRecord {
        OutRecord { lane: Lane(lane), bytes: text.as_bytes().to_vec(), source: "espn".into(), event_count: 2 }
    }

    #[tokio::test]
    async fn records_are_replayed_in_order_from_any_position_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.redb");
        let log = EmbeddedLog::open(Arc::new(Database::create(&path).unwrap()), 4).unwrap();
        for text in ["a", "b", "c"] {
            assert!(log.publish(vec![record(1, text), record(2, "other shard")]).await.iter().all(Result::is_ok));
        }
        drop(log);
        let log = EmbeddedLog::open(Arc::new(Database::create(&path).unwrap()), 4).unwrap();
        let shard = ShardId("shard-001".into());
        let texts =
            |records: Vec<Record>| records.into_iter().map(|r| String::from_utf8(r.bytes).unwrap()).collect::<Vec<_>>();
        assert_eq!(texts(log.read(&shard, None, 10).await.unwrap()), ["a", "b", "c"]);
        assert_eq!(texts(log.read(&shard, Some(Sequence::from_u64(1)), 1).await.unwrap()), ["b"]);
        assert_eq!(log.offered().unwrap()["espn"], 12);
        assert!(log.read(&ShardId("x".into()), None, 1).await.is_err());
    }

    #[tokio::test]
    async fn a_record_over_the_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(Arc::new(Database::create(folder.path().join("l")).unwrap()), 1).unwrap();
        let large = OutRecord { bytes: vec![0; MAX_RECORD_BYTES + 1], ..record(1, "") };
        assert!(matches!(log.publish(vec![large]).await[0], Err(StreamError::TooLarge { .. })));
    }
}
