//! The storage port: versioned items under (partition key, sort key), as DynamoDB has them.
//! ITEM-1: `put` is a compare-and-swap on the version; versions of a key grow strictly (P3), also across its deletion:
//! what was read before an item was deleted never matches the item that came after.
//! ITEM-2: writes of one call are independent; each has its own outcome.

use std::sync::Arc;

use async_trait::async_trait;

/// The largest item. DynamoDB ends at 400 KB including keys and attribute names.
pub const MAX_ITEM_BYTES: usize = 390 * 1024;

/// Address of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemKey {
    pub pk: String,
    pub sk: String,
}

impl ItemKey {
    /// A key from its two parts.
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }
}

/// A stored value and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub version: u64,
    pub value: Vec<u8>,
}

/// One compare-and-swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemWrite {
    pub key: ItemKey,
    /// The version that was read; `None`: the item must be absent.
    pub expected: Option<u64>,
    /// `None` deletes.
    pub value: Option<Vec<u8>>,
    /// The store may delete the item after this, UTC ms.
    pub expires_at_ms: Option<i64>,
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// Done; the item's new version (0 for a deletion).
    Written(u64),
    /// Somebody else was there first; the item as it is now.
    Conflict(Option<Item>),
}

/// Why the store did not answer. After `Unknown` and `Throttled` the write may or may not have happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("the store throttles {key}; retried later")]
    Throttled { key: String },
    #[error("no answer for {key}: {message}; the write may have happened")]
    Unknown { key: String, message: String },
    #[error("item {key} of {bytes} bytes is over the limit of {MAX_ITEM_BYTES}")]
    TooLarge { key: String, bytes: usize },
    #[error("the store cannot be used: {0}")]
    Unavailable(String),
    #[error("item {key} does not decode: {message}")]
    Broken { key: String, message: String },
}

/// Versioned items. Implementations: memory, embedded, DynamoDB.
#[async_trait]
pub trait ItemStore: Send + Sync {
    /// The item, read consistently.
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError>;

    /// Independent compare-and-swaps; result i belongs to write i.
    async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>>;

    /// Items of a partition with `from <= sk` and `sk < to`, ascending, at most `limit`.
    async fn query(
        &self,
        pk: &str,
        from: &str,
        to: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Item)>, StoreError>;
}

/// A store that several hold.
#[async_trait]
impl<S: ItemStore> ItemStore for Arc<S> {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        (**self).get(key).await
    }

    async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>> {
        (**self).put(writes).await
    }

    async fn query(
        &self,
        pk: &str,
        from: &str,
        to: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Item)>, StoreError> {
        (**self).query(pk, from, to, limit).await
    }
}

/// Puts values where nothing is yet; what is there already is left alone. Errors are the first one met.
pub async fn put_if_absent(store: &dyn ItemStore, items: Vec<(ItemKey, Vec<u8>)>) -> Result<(), StoreError> {
    let write = |(key, value)| ItemWrite { key, expected: None, value: Some(value), expires_at_ms: None };
    for outcome in store.put(items.into_iter().map(write).collect()).await {
        outcome?;
    }
    Ok(())
}
