//! The store in one DynamoDB table: `pk` and `sk` strings, `ver` number, `st` binary, `by` binary, `ttl` number.
//! DDB-1 (ITEM-1): every write carries its condition; the item that won comes back with the refusal, without a read.
//! DDB-2: nothing below this file repeats a write: the client library would hide that a try before its last is in doubt.
//! Writes are repeated here, a bounded number of times, and know themselves again (TRY-1).
//! DDB-3: reads are consistent. Items past their `ttl` are still items until the table removes them.
//! Creates no table: that is the template's, and the tests', to do.

mod attempt;
mod keys;
mod versions;

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Builder, Config};
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use aws_types::SdkConfig;
use futures::StreamExt as _;

use crate::{Item, ItemKey, ItemStore, ItemWrite, MAX_ITEM_BYTES, PutOutcome, StoreError};
use attempt::{Answer, Attempt, Stored};
use versions::{Versions, random};

/// Writes of one call under way at once.
const PUTS_IN_FLIGHT: usize = 16;
/// Tries of one write, the first included, and of one read.
const TRIES_MAX: u32 = 5;
/// The pause before try n is a random part of this, doubled n times.
const PAUSE_MS: u64 = 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const TRY_TIMEOUT: Duration = Duration::from_secs(3);
/// What a try is answered with that was turned away before anything was written.
const THROTTLES: [&str; 6] = [
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "TransactionConflictException",
    "ReplicatedWriteConflictException",
];

type Attributes = HashMap<String, AttributeValue>;

/// Items in a DynamoDB table. Clones are not needed: share it.
#[derive(Debug)]
pub struct DynamoStore {
    reads: Client,
    writes: Client,
    table: String,
    versions: Versions,
}

impl DynamoStore {
    /// The store in `table`. `config` brings region, credentials and the HTTP client; `now_ms` is the wall clock, from
    /// which new items take their first version.
    pub fn new(config: &SdkConfig, table: impl Into<String>, now_ms: fn() -> i64) -> Self {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(TRY_TIMEOUT).build();
        let client = |retries: RetryConfig| -> Client {
            let config: Config = Builder::from(config).retry_config(retries).timeout_config(timeouts.clone()).build();
            Client::from_conf(config)
        };
        Self {
            reads: client(RetryConfig::standard().with_max_attempts(TRIES_MAX)),
            writes: client(RetryConfig::disabled()),
            table: table.into(),
            versions: Versions::new(now_ms),
        }
    }

    async fn write(&self, write: &ItemWrite) -> Result<PutOutcome, StoreError> {
        if let Some(value) = &write.value
            && value.len() > MAX_ITEM_BYTES
        {
            return Err(StoreError::TooLarge { key: write.key.sk.clone(), bytes: value.len() });
        }
        let mut attempt = Attempt::new(write, &self.versions);
        for tried in 0..TRIES_MAX {
            if tried > 0 {
                let pause_ms = random() % (PAUSE_MS << tried);
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            let answer = match &write.value {
                Some(value) => self.try_put(&attempt, value).await,
                None => self.try_delete(&attempt).await,
            };
            if let Some(outcome) = attempt.settle(answer?) {
                if let (Ok(PutOutcome::Written(0)), Some(expected)) = (&outcome, write.expected) {
                    self.versions.deleted(expected);
                }
                return outcome;
            }
        }
        Err(attempt.given_up())
    }

    async fn try_put(&self, attempt: &Attempt<'_>, value: &[u8]) -> Result<Answer, StoreError> {
        let key = &attempt.write.key;
        let mut put = (self.writes.put_item().table_name(&self.table))
            .item("pk", text(&keys::partition(&key.pk)))
            .item("sk", text(&keys::sort(&key.sk)))
            .item("ver", number(attempt.version))
            .item("st", AttributeValue::B(Blob::new(value)))
            .item("by", AttributeValue::B(Blob::new(attempt.token)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(at_ms) = attempt.write.expires_at_ms {
            // Whole seconds, never early.
            put = put.item("ttl", AttributeValue::N((at_ms.div_euclid(1000) + 1).to_string()));
        }
        let put = match attempt.write.expected {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(version) => {
                put.condition_expression("ver = :seen").expression_attribute_values(":seen", number(version))
            }
        };
        let Err(error) = put.send().await else { return Ok(Answer::Done) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refusal)) => refused(&key.sk, refusal.item()),
            _ => Ok(failed(&error)),
        }
    }

    async fn try_delete(&self, attempt: &Attempt<'_>) -> Result<Answer, StoreError> {
        let key = &attempt.write.key;
        let delete = (self.writes.delete_item().table_name(&self.table))
            .key("pk", text(&keys::partition(&key.pk)))
            .key("sk", text(&keys::sort(&key.sk)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let delete = match attempt.write.expected {
            None => delete.condition_expression("attribute_not_exists(pk)"),
            Some(version) => {
                delete.condition_expression("ver = :seen").expression_attribute_values(":seen", number(version))
            }
        };
        let Err(error) = delete.send().await else { return Ok(Answer::Done) };
        match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(refusal)) => refused(&key.sk, refusal.item()),
            _ => Ok(failed(&error)),
        }
    }

    /// The query of a range of sort keys, both ends included; `None` where the range is empty.
    fn range(&self, pk: &str, from: &str, to: Option<&str>) -> Option<QueryFluentBuilder> {
        let query = (self.reads.query().table_name(&self.table))
            .consistent_read(true)
            .expression_attribute_values(":pk", text(&keys::partition(pk)));
        let (from, to) = (keys::bound(from), to.map(keys::bound));
        // The table refuses an empty bound, and a range that ends before it begins.
        let (condition, from, to) = match (&*from, to.as_deref()) {
            (_, Some("")) => return None,
            (from, Some(to)) if from >= to => return None,
            ("", None) => ("pk = :pk", None, None),
            ("", Some(to)) => ("pk = :pk and sk < :to", None, Some(to)),
            (from, None) => ("pk = :pk and sk >= :from", Some(from), None),
            (from, Some(to)) => ("pk = :pk and sk between :from and :to", Some(from), Some(to)),
        };
        let mut query = query.key_condition_expression(condition);
        for (name, bound) in [(":from", from), (":to", to)] {
            if let Some(bound) = bound {
                query = query.expression_attribute_values(name, text(bound));
            }
        }
        Some(query)
    }
}

#[async_trait]
impl ItemStore for DynamoStore {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        let get = (self.reads.get_item().table_name(&self.table))
            .key("pk", text(&keys::partition(&key.pk)))
            .key("sk", text(&keys::sort(&key.sk)))
            .consistent_read(true);
        let found = get.send().await.map_err(|error| unread(&key.sk, &error))?;
        found.item().map(|attributes| Ok(stored(&key.sk, attributes)?.item)).transpose()
    }

    async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>> {
        let writes: Vec<_> = writes.iter().map(|write| self.write(write)).collect();
        futures::stream::iter(writes).buffered(PUTS_IN_FLIGHT).collect().await
    }

    async fn query(
        &self,
        pk: &str,
        from: &str,
        to: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Item)>, StoreError> {
        let mut items: Vec<(String, Item)> = Vec::new();
        let Some(query) = self.range(pk, from, to) else { return Ok(items) };
        let end = to.map(keys::bound);
        let mut start = None;
        while items.len() < limit {
            let room = i32::try_from(limit - items.len()).unwrap_or(i32::MAX);
            let page = query.clone().limit(room).set_exclusive_start_key(start).send().await;
            let page = page.map_err(|error| unread(pk, &error))?;
            for attributes in page.items() {
                let Some(Ok(sk)) = attributes.get("sk").map(AttributeValue::as_s) else {
                    return Err(broken(pk, "has no sort key"));
                };
                // `between` includes its end, the port does not.
                if end.as_deref() != Some(sk) {
                    items.push((sk.clone(), stored(sk, attributes)?.item));
                }
            }
            start = page.last_evaluated_key().cloned();
            if start.is_none() {
                break;
            }
        }
        Ok(items)
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn broken(key: &str, message: &str) -> StoreError {
    StoreError::Broken { key: key.to_owned(), message: message.to_owned() }
}

/// An item of ours from its attributes.
fn stored(key: &str, attributes: &Attributes) -> Result<Stored, StoreError> {
    let number = attributes.get("ver").and_then(|value| value.as_n().ok());
    let version = number.and_then(|digits| digits.parse().ok()).ok_or_else(|| broken(key, "has no version"))?;
    let binary = |name: &str| attributes.get(name).and_then(|value| value.as_b().ok());
    let value = binary("st").ok_or_else(|| broken(key, "has no value"))?.as_ref().to_vec();
    let token = binary("by").and_then(|token| token.as_ref().try_into().ok());
    Ok(Stored { item: Item { version, value }, token })
}

fn refused(key: &str, current: Option<&Attributes>) -> Result<Answer, StoreError> {
    Ok(Answer::Refused(current.map(|attributes| stored(key, attributes)).transpose()?))
}

/// What a failed try means. Whatever is not a clear no may have been written.
fn failed<E: ProvideErrorMetadata + std::error::Error + 'static>(error: &SdkError<E>) -> Answer {
    let message = || DisplayErrorContext(error).to_string();
    match error {
        SdkError::ConstructionFailure(_) => Answer::Unusable(message()),
        SdkError::ServiceError(service) if is_throttle(service.err()) => Answer::Throttled,
        SdkError::ServiceError(service) if service.raw().status().is_client_error() => Answer::Unusable(message()),
        _ => Answer::Unclear(message()),
    }
}

fn unread<E: ProvideErrorMetadata + std::error::Error + 'static>(key: &str, error: &SdkError<E>) -> StoreError {
    match error {
        SdkError::ServiceError(service) if is_throttle(service.err()) => StoreError::Throttled { key: key.to_owned() },
        _ => StoreError::Unavailable(DisplayErrorContext(error).to_string()),
    }
}

fn is_throttle(error: &impl ProvideErrorMetadata) -> bool {
    error.code().is_some_and(|code| THROTTLES.contains(&code))
}
