//! The stream on Kafka: lanes are keys, partitions are shards, offsets are sequence numbers.
//! KAF-1: lanes keep their order through refusals (OUT-1, OUT-2); the producer is idempotent, so that what it repeats by
//! itself is there once. What it gives up may be there all the same, and its events keep their ids.
//! KAF-2: a key's partition is the one that Java's producers choose.
//! Reads partitions by name and offset, in no consumer group: positions are kept with the panes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use touchline_event::{Sequence, ShardId};

use crate::outbound::{Outbound, Placed, RequestLimits, sent_bytes};
use crate::{Consume, OutRecord, Publish, Record, StreamError};

/// What a broker takes unless it is told otherwise, less what surrounds a record.
const RECORD_BYTES_MAX: usize = 1_000_000;
const REQUEST: RequestLimits = RequestLimits { records: 500, bytes: 16 * 1024 * 1024, tries: 3 };
/// How long the client repeats a record by itself.
const DELIVERY_MS: &str = "20000";
const METADATA_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a read waits for the first record of a page: the first fetch of a reader, and one that is at the end.
const FETCH_WAIT: Duration = Duration::from_secs(10);
const END_WAIT: Duration = Duration::from_millis(50);

/// One topic. Producers and consumers share it.
pub struct KafkaStream {
    config: ClientConfig,
    topic: String,
    producer: FutureProducer,
    /// Readers that stand where their shard was read to.
    readers: Mutex<HashMap<ShardId, Reader>>,
}

struct Reader {
    consumer: BaseConsumer,
    after: Option<Sequence>,
    is_at_end: bool,
}

impl KafkaStream {
    /// The topic of this name. `config` brings `bootstrap.servers`, and security where the brokers ask for it.
    pub fn new(config: &ClientConfig, topic: impl Into<String>) -> Result<Self, StreamError> {
        let mut producing = config.clone();
        producing.set("enable.idempotence", "true").set("acks", "all").set("partitioner", "murmur2_random");
        producing.set("message.timeout.ms", DELIVERY_MS).set("linger.ms", "2");
        let producer = producing.create().map_err(|error| failed(&error))?;
        Ok(Self { config: config.clone(), topic: topic.into(), producer, readers: Mutex::default() })
    }

    async fn send(&self, record: &OutRecord) -> Placed {
        let key = record.lane.partition_key();
        let sent = FutureRecord::to(&self.topic).key(&key).payload(&record.bytes);
        match self.producer.send(sent, Timeout::Never).await {
            Ok(place) => {
                let offset = u64::try_from(place.offset)
                    .map_err(|_| StreamError::Unknown(format!("offset {} is none", place.offset)))?;
                Ok((shard_id(&self.topic, place.partition), Sequence::from_u64(offset)))
            }
            Err((error, _)) => Err(failed(&error)),
        }
    }
}

#[async_trait]
impl Publish for KafkaStream {
    async fn publish(&self, records: Vec<OutRecord>) -> Vec<Result<(ShardId, Sequence), StreamError>> {
        if let Some(bytes) = records.iter().map(sent_bytes).find(|bytes| *bytes > RECORD_BYTES_MAX) {
            return vec![Err(StreamError::TooLarge { bytes, limit: RECORD_BYTES_MAX }); records.len()];
        }
        let mut outbound = Outbound::new(&records, REQUEST);
        loop {
            let request = outbound.next_request();
            if request.is_empty() {
                return outbound.into_outcomes();
            }
            let sent: Vec<_> = request.iter().map(|index| self.send(&records[*index])).collect();
            outbound.settle(&request, join_all(sent).await);
        }
    }
}

#[async_trait]
impl Consume for KafkaStream {
    async fn shards(&self) -> Result<Vec<ShardId>, StreamError> {
        let (producer, topic) = (self.producer.clone(), self.topic.clone());
        blocking(move || {
            let metadata = rdkafka::producer::Producer::client(&producer)
                .fetch_metadata(Some(&topic), METADATA_TIMEOUT)
                .map_err(|error| failed(&error))?;
            let known = metadata.topics().iter().find(|known| known.name() == topic);
            let mut partitions: Vec<i32> =
                known.into_iter().flat_map(|known| known.partitions()).map(|partition| partition.id()).collect();
            partitions.sort_unstable();
            if partitions.is_empty() {
                return Err(StreamError::Unavailable(format!("there is no topic {topic}")));
            }
            Ok(partitions.into_iter().map(|partition| shard_id(&topic, partition)).collect())
        })
        .await
    }

    async fn read(&self, shard: &ShardId, after: Option<Sequence>, limit: usize) -> Result<Vec<Record>, StreamError> {
        let partition = shard.0.strip_prefix(&self.topic).and_then(|rest| rest.strip_prefix('-')?.parse().ok());
        let partition: i32 = partition.ok_or_else(|| StreamError::NoSuchShard(shard.0.clone()))?;
        let known = self.readers.lock().unwrap_or_else(PoisonError::into_inner).remove(shard);
        let (config, topic) = (self.config.clone(), self.topic.clone());
        let (reader, records) = blocking(move || {
            let mut reader = match known.filter(|reader| reader.after == after) {
                Some(reader) => reader,
                None => Reader::open(config, &topic, partition, after)?,
            };
            let records = reader.read(limit)?;
            Ok((reader, records))
        })
        .await?;
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).insert(shard.clone(), reader);
        Ok(records)
    }
}

impl Reader {
    fn open(
        mut config: ClientConfig,
        topic: &str,
        partition: i32,
        after: Option<Sequence>,
    ) -> Result<Self, StreamError> {
        config.set("group.id", "touchline").set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        // What retention has taken is gone: reading goes on with the oldest record there is.
        config.set("auto.offset.reset", "earliest").set("isolation.level", "read_committed");
        let consumer: BaseConsumer = config.create().map_err(|error| failed(&error))?;
        let next = after.and_then(Sequence::to_u64).and_then(|offset| i64::try_from(offset + 1).ok());
        let mut assignment = TopicPartitionList::new();
        let assigned =
            assignment.add_partition_offset(topic, partition, next.map_or(Offset::Beginning, Offset::Offset));
        assigned.and_then(|()| consumer.assign(&assignment)).map_err(|error| failed(&error))?;
        Ok(Self { consumer, after, is_at_end: false })
    }

    fn read(&mut self, limit: usize) -> Result<Vec<Record>, StreamError> {
        let mut records = Vec::new();
        while records.len() < limit {
            let wait = match (records.is_empty(), self.is_at_end) {
                (true, false) => FETCH_WAIT,
                (true, true) => END_WAIT,
                (false, _) => Duration::ZERO,
            };
            match self.consumer.poll(wait) {
                None => break,
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    self.is_at_end = true;
                    break;
                }
                Some(Err(error)) => return Err(failed(&error)),
                Some(Ok(message)) => {
                    let sequence = Sequence::from_u64(u64::try_from(message.offset()).unwrap_or_default());
                    self.after = Some(sequence);
                    records.push(Record {
                        sequence,
                        partition_key: String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned(),
                        bytes: message.payload().unwrap_or_default().to_vec(),
                    });
                }
            }
        }
        Ok(records)
    }
}

fn shard_id(topic: &str, partition: i32) -> ShardId {
    ShardId(format!("{topic}-{partition}"))
}

/// The client's own calls wait on the calling thread.
async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, StreamError> + Send + 'static,
) -> Result<T, StreamError> {
    tokio::task::spawn_blocking(call).await.unwrap_or_else(|error| Err(StreamError::Unknown(error.to_string())))
}

fn failed(error: &KafkaError) -> StreamError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::QueueFull | RDKafkaErrorCode::ThrottlingQuotaExceeded) => StreamError::Throttled,
        Some(
            RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::SaslAuthenticationFailed
            | RDKafkaErrorCode::Fatal,
        ) => StreamError::Unavailable(error.to_string()),
        _ => StreamError::Unknown(error.to_string()),
    }
}
