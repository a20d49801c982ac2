//! Who does what only one should do at a time, and until when: `lease` / name -> term, holder, expiry, hand-over.
//! LEASE-1: changed by compare-and-swap only; a term is taken by one holder, and terms grow.
//! LEASE-2: a lease that is not renewed ends by itself; its holder may still be at work, so what it does must bear being done twice.

use serde::{Deserialize, Serialize};

use super::{decode, encode};
use crate::{ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError};

/// A turn of one holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Grows by one from holder to holder.
    pub term: u64,
    /// Expires unless renewed by then, UTC ms.
    pub expires_at_ms: i64,
    /// When the holder means to end, UTC ms: from a while before that a successor may come.
    pub ends_at_ms: i64,
    /// Since when the holder does the work; until then the one before goes on.
    pub ready_at_ms: Option<i64>,
}

/// A lease as it was read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLease {
    pub version: u64,
    pub lease: Lease,
}

fn key(name: &str) -> ItemKey {
    ItemKey::new("lease", name)
}

/// The lease as it stands.
pub async fn read(store: &dyn ItemStore, name: &str) -> Result<Option<HeldLease>, StoreError> {
    let key = key(name);
    let Some(item) = store.get(&key).await? else { return Ok(None) };
    Ok(Some(HeldLease { version: item.version, lease: decode(&key.sk, &item.value)? }))
}

/// Puts a lease in the place of what was read; `Err` inside is the one that was there first.
pub async fn swap(
    store: &dyn ItemStore,
    name: &str,
    before: Option<&HeldLease>,
    lease: Lease,
) -> Result<Result<HeldLease, Option<HeldLease>>, StoreError> {
    let key = key(name);
    let value = Some(encode(&key.sk, &lease)?);
    let write = ItemWrite { key: key.clone(), expected: before.map(|held| held.version), value, expires_at_ms: None };
    let outcome = store.put(vec![write]).await.pop();
    match outcome.unwrap_or_else(|| Err(StoreError::Unavailable("a write without an outcome".to_owned())))? {
        PutOutcome::Written(version) => Ok(Ok(HeldLease { version, lease })),
        PutOutcome::Conflict(item) => {
            let held =
                item.map(|item| decode(&key.sk, &item.value).map(|lease| HeldLease { version: item.version, lease }));
            Ok(Err(held.transpose()?))
        }
    }
}
