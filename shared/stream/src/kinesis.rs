//! The stream on Kinesis Data Streams: lanes are partition keys, sequence numbers are its own.
//! KIN-1: lanes keep their order through refusals and throttling (OUT-1, OUT-2).
//! KIN-2: a request without an answer is sent again: its records may be there twice, and their events keep their ids.
//! KIN-3: every shard that still has records is listed, parents beside their children; reading them together is safe,
//! because applied positions are kept per shard.
//! Creates and reshards no stream.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::timeout::TimeoutConfig;
use aws_sdk_kinesis::config::{Builder, Config};
use aws_sdk_kinesis::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::operation::get_records::GetRecordsOutput;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, PutRecordsResultEntry, ShardIteratorType};
use aws_types::SdkConfig;
use touchline_event::{Sequence, ShardId};
use uuid::Uuid;

use crate::outbound::{Outbound, Placed, RequestLimits, sent_bytes};
use crate::{Consume, OutRecord, Publish, Record, StreamError};

/// One limit for every transport; Kinesis itself takes ten times as much since 2025.
const RECORD_BYTES_MAX: usize = 1024 * 1024;
const REQUEST: RequestLimits = RequestLimits { records: 500, bytes: 5 * 1024 * 1024, tries: 6 };
/// Records that one read may ask for.
const READ_RECORDS_MAX: usize = 10_000;
/// Pages without records that one read steps over: shards have gaps where nothing was put.
const EMPTY_PAGES_MAX: u32 = 20;
/// The pause before request n of a failed record is a random part of this, doubled n times, up to the second figure.
const PAUSE_MS: u64 = 50;
const PAUSE_MS_MAX: u64 = 2_000;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const TRY_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TRIES: u32 = 5;
const THROTTLES: [&str; 4] = [
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "LimitExceededException",
    "KMSThrottlingException",
];

/// One stream. Producers and consumers share it.
#[derive(Debug)]
pub struct KinesisStream {
    reads: Client,
    /// Repeats nothing by itself: what is sent again, and when, is OUT-2's to say.
    writes: Client,
    stream: String,
    /// Where reading went on, so that a shard that is followed needs one call a page.
    iterators: Mutex<HashMap<ShardId, Bookmark>>,
}

/// The place behind `after` in a shard, as the service names it; `None`: the shard is closed and read to its end.
#[derive(Debug, Clone)]
struct Bookmark {
    after: Option<Sequence>,
    token: Option<String>,
}

impl KinesisStream {
    /// The stream of this name. `config` brings region, credentials and the HTTP client.
    pub fn new(config: &SdkConfig, stream: impl Into<String>) -> Self {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(TRY_TIMEOUT).build();
        let client = |retries: RetryConfig| -> Client {
            let config: Config = Builder::from(config).retry_config(retries).timeout_config(timeouts.clone()).build();
            Client::from_conf(config)
        };
        Self {
            reads: client(RetryConfig::standard().with_max_attempts(READ_TRIES)),
            writes: client(RetryConfig::disabled()),
            stream: stream.into(),
            iterators: Mutex::default(),
        }
    }

    /// One request; answer i belongs to record i.
    async fn send(&self, records: &[OutRecord], request: &[usize]) -> Vec<Placed> {
        let mut put = self.writes.put_records().stream_name(&self.stream);
        for record in request.iter().map(|index| &records[*index]) {
            let entry = PutRecordsRequestEntry::builder()
                .partition_key(record.lane.partition_key())
                .data(Blob::new(record.bytes.as_slice()))
                .build();
            match entry {
                Ok(entry) => put = put.records(entry),
                Err(error) => return vec![Err(StreamError::Unavailable(error.to_string())); request.len()],
            }
        }
        match put.send().await {
            Ok(answer) => answer.records().iter().map(placed).collect(),
            Err(error) => vec![Err(failed(&error)); request.len()],
        }
    }

    async fn iterator(&self, shard: &ShardId, after: Option<Sequence>) -> Result<Bookmark, StreamError> {
        let get = self.reads.get_shard_iterator().stream_name(&self.stream).shard_id(&shard.0);
        let get = match after {
            None => get.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Some(sequence) => get
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(sequence.to_string()),
        };
        let got = get.send().await.map_err(|error| unread(shard, &error))?;
        Ok(Bookmark { after, token: got.shard_iterator().map(str::to_owned) })
    }

    fn remembered(&self, shard: &ShardId, after: Option<Sequence>) -> Option<Bookmark> {
        let iterators = self.iterators.lock().unwrap_or_else(PoisonError::into_inner);
        iterators.get(shard).filter(|iterator| iterator.after == after).cloned()
    }

    fn remember(&self, shard: &ShardId, iterator: Bookmark) {
        self.iterators.lock().unwrap_or_else(PoisonError::into_inner).insert(shard.clone(), iterator);
    }

    /// The page at `iterator`. Where the iterator is older than the five minutes it lives, a new one takes its place.
    async fn page(
        &self,
        shard: &ShardId,
        iterator: &mut Bookmark,
        limit: usize,
    ) -> Result<Option<GetRecordsOutput>, StreamError> {
        for _ in 0..2 {
            let Some(token) = iterator.token.clone() else { return Ok(None) };
            let limit = i32::try_from(limit.min(READ_RECORDS_MAX)).unwrap_or(i32::MAX);
            let got = self.reads.get_records().shard_iterator(token).limit(limit).send().await;
            match got {
                Ok(page) => return Ok(Some(page)),
                Err(error) if error.code() == Some("ExpiredIteratorException") => {
                    *iterator = self.iterator(shard, iterator.after).await?;
                }
                Err(error) => return Err(unread(shard, &error)),
            }
        }
        Err(StreamError::Unknown(format!("the iterator of {shard} expires at once")))
    }
}

#[async_trait]
impl Publish for KinesisStream {
    async fn publish(&self, records: Vec<OutRecord>) -> Vec<Result<(ShardId, Sequence), StreamError>> {
        if let Some(bytes) = records.iter().map(sent_bytes).find(|bytes| *bytes > RECORD_BYTES_MAX) {
            return vec![Err(StreamError::TooLarge { bytes, limit: RECORD_BYTES_MAX }); records.len()];
        }
        let mut outbound = Outbound::new(&records, REQUEST);
        let mut failed_in_a_row = 0_u32;
        loop {
            let request = outbound.next_request();
            if request.is_empty() {
                return outbound.into_outcomes();
            }
            let answers = self.send(&records, &request).await;
            if outbound.settle(&request, answers) {
                failed_in_a_row += 1;
                tokio::time::sleep(pause(failed_in_a_row)).await;
            } else {
                failed_in_a_row = 0;
            }
        }
    }
}

#[async_trait]
impl Consume for KinesisStream {
    async fn shards(&self) -> Result<Vec<ShardId>, StreamError> {
        let mut shards = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let list = self.reads.list_shards();
            // A token stands for the stream it was given for; naming both is refused.
            let list = match next {
                None => list.stream_name(&self.stream),
                Some(token) => list.next_token(token),
            };
            let page = list.send().await.map_err(|error| failed(&error))?;
            shards.extend(page.shards().iter().map(|shard| ShardId(shard.shard_id().to_owned())));
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(shards);
            }
        }
    }

    async fn read(&self, shard: &ShardId, after: Option<Sequence>, limit: usize) -> Result<Vec<Record>, StreamError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut iterator = match self.remembered(shard, after) {
            Some(iterator) => iterator,
            None => self.iterator(shard, after).await?,
        };
        let mut records = Vec::new();
        for _ in 0..EMPTY_PAGES_MAX {
            let Some(page) = self.page(shard, &mut iterator, limit).await? else { break };
            for record in page.records() {
                let sequence = sequence(record.sequence_number())?;
                records.push(Record {
                    sequence,
                    partition_key: record.partition_key().to_owned(),
                    bytes: record.data().as_ref().to_vec(),
                });
                iterator.after = Some(sequence);
            }
            iterator.token = page.next_shard_iterator().map(str::to_owned);
            if !records.is_empty() || page.millis_behind_latest() == Some(0) {
                break;
            }
        }
        self.remember(shard, iterator);
        Ok(records)
    }
}

/// Where a record of a request went.
fn placed(entry: &PutRecordsResultEntry) -> Placed {
    match (entry.error_code(), entry.shard_id(), entry.sequence_number()) {
        (None, Some(shard), Some(digits)) => Ok((ShardId(shard.to_owned()), sequence(digits)?)),
        (Some(code), ..) if THROTTLES.contains(&code) => Err(StreamError::Throttled),
        (code, ..) => {
            let (code, message) = (code.unwrap_or("no position"), entry.error_message().unwrap_or_default());
            Err(StreamError::Unknown(format!("{code}: {message}")))
        }
    }
}

fn sequence(digits: &str) -> Result<Sequence, StreamError> {
    Sequence::parse(digits).ok_or_else(|| StreamError::Unavailable(format!("{digits} is no sequence number")))
}

/// A random part of the pause, so that producers throttled together do not come back together.
fn pause(tried: u32) -> Duration {
    let longest_ms = (PAUSE_MS << tried.min(16)).min(PAUSE_MS_MAX);
    Duration::from_millis(Uuid::new_v4().as_u64_pair().1 % longest_ms)
}

fn failed<E: ProvideErrorMetadata + std::error::Error + 'static>(error: &SdkError<E>) -> StreamError {
    let message = || DisplayErrorContext(error).to_string();
    match error {
        SdkError::ConstructionFailure(_) => StreamError::Unavailable(message()),
        SdkError::ServiceError(service) if service.err().code().is_some_and(|code| THROTTLES.contains(&code)) => {
            StreamError::Throttled
        }
        SdkError::ServiceError(service) if service.raw().status().is_client_error() => {
            StreamError::Unavailable(message())
        }
        _ => StreamError::Unknown(message()),
    }
}

/// As `failed`, for calls about one shard.
fn unread<E: ProvideErrorMetadata + std::error::Error + 'static>(shard: &ShardId, error: &SdkError<E>) -> StreamError {
    match error {
        SdkError::ServiceError(service) if service.err().code() == Some("ResourceNotFoundException") => {
            StreamError::NoSuchShard(shard.0.clone())
        }
        _ => failed(error),
    }
}
