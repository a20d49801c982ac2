//! Small marks of progress by name: `progress#scope` / name -> a number. Consumers' checkpoints, replayed documents.
//! PROG-1: a mark never falls.

use super::{decode, encode, walk};
use crate::{ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError};

fn key(scope: &str, name: &str) -> ItemKey {
    ItemKey::new(format!("progress#{scope}"), name)
}

/// The mark, 0 where none was set.
pub async fn read(store: &dyn ItemStore, scope: &str, name: &str) -> Result<u64, StoreError> {
    let key = key(scope, name);
    Ok(store.get(&key).await?.map(|item| decode(&key.sk, &item.value)).transpose()?.unwrap_or(0))
}

/// All marks of a scope.
pub async fn list(store: &dyn ItemStore, scope: &str) -> Result<Vec<(String, u64)>, StoreError> {
    let found = walk(store, &format!("progress#{scope}"), "", None).await?;
    found.into_iter().map(|(sk, item)| decode(&sk, &item.value).map(|value| (sk, value))).collect()
}

/// Raises the mark to at least `value`.
pub async fn raise(store: &dyn ItemStore, scope: &str, name: &str, value: u64) -> Result<(), StoreError> {
    raise_all(store, scope, &[(name, value)]).await
}

/// Raises marks of a scope together. On error any of them may have been raised.
pub async fn raise_all(store: &dyn ItemStore, scope: &str, marks: &[(&str, u64)]) -> Result<(), StoreError> {
    let mut pending = Vec::with_capacity(marks.len());
    for (name, value) in marks {
        let key = key(scope, name);
        let current = store.get(&key).await?;
        pending.push((key, *value, current));
    }
    while !pending.is_empty() {
        let mut writes = Vec::with_capacity(pending.len());
        let mut written = Vec::with_capacity(pending.len());
        for (key, value, current) in pending {
            let mark: u64 = current.as_ref().map(|item| decode(&key.sk, &item.value)).transpose()?.unwrap_or(0);
            if mark >= value && current.is_some() {
                continue;
            }
            writes.push(ItemWrite {
                key: key.clone(),
                expected: current.map(|item| item.version),
                value: Some(encode(&key.sk, &value)?),
                expires_at_ms: None,
            });
            written.push((key, value));
        }
        pending = Vec::new();
        for ((key, value), outcome) in written.into_iter().zip(store.put(writes).await) {
            if let PutOutcome::Conflict(item) = outcome? {
                pending.push((key, value, item));
            }
        }
    }
    Ok(())
}
