//! The store in a map: for tests, simulations and bounded jobs. Keeps nothing beyond the process.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::{Item, ItemKey, ItemStore, ItemWrite, MAX_ITEM_BYTES, PutOutcome, StoreError};

/// Items in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    items: BTreeMap<ItemKey, Item>,
    /// The highest version ever deleted: new items start above it.
    deleted_version_max: u64,
}

impl MemoryStore {
    /// Every item, for comparison in tests.
    pub fn dump(&self) -> BTreeMap<ItemKey, Item> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).items.clone()
    }
}

/// The compare-and-swap itself, on whatever was found under the key. `deleted_version_max`: see ITEM-1.
pub(crate) fn swap(
    current: Option<Item>,
    write: &ItemWrite,
    deleted_version_max: u64,
) -> Result<Result<Option<Item>, Option<Item>>, StoreError> {
    if let Some(value) = &write.value
        && value.len() > MAX_ITEM_BYTES
    {
        return Err(StoreError::TooLarge { key: write.key.sk.clone(), bytes: value.len() });
    }
    if current.as_ref().map(|item| item.version) != write.expected {
        return Ok(Err(current));
    }
    let version = write.expected.unwrap_or(deleted_version_max) + 1;
    Ok(Ok(write.value.clone().map(|value| Item { version, value })))
}

#[async_trait]
impl ItemStore for MemoryStore {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        Ok(self.table.lock().unwrap_or_else(PoisonError::into_inner).items.get(key).cloned())
    }

    async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let Table { items, deleted_version_max } = &mut *table;
        writes
            .into_iter()
            .map(|write| {
                Ok(match swap(items.get(&write.key).cloned(), &write, *deleted_version_max)? {
                    Err(current) => PutOutcome::Conflict(current),
                    Ok(Some(item)) => {
                        let version = item.version;
                        items.insert(write.key, item);
                        PutOutcome::Written(version)
                    }
                    Ok(None) => {
                        items.remove(&write.key);
                        *deleted_version_max = write.expected.unwrap_or(0).max(*deleted_version_max);
                        PutOutcome::Written(0)
                    }
                })
            })
            .collect()
    }

    async fn query(
        &self,
        pk: &str,
        from: &str,
        to: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Item)>, StoreError> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((table.items)
            .range(ItemKey::new(pk, from)..)
            .take_while(|(key, _)| key.pk == pk && to.is_none_or(|to| key.sk.as_str() < to))
            .take(limit)
            .map(|(key, item)| (key.sk.clone(), item.clone()))
            .collect())
    }
}
