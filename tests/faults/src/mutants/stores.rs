//! Stores that break a promise of the store or lose a part of what they are given.

use std::sync::Arc;

use async_trait::async_trait;
use touchline_metric::FamilyState;
use touchline_store::{Item, ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError};
use touchline_window::PaneState;

use super::Mutant;

/// A store whose pane items are written as a mutant would write them.
pub struct Mutilated {
    inner: Arc<dyn ItemStore>,
    mutant: Mutant,
}

impl Mutilated {
    /// `inner` as this mutant uses it.
    pub fn new(inner: Arc<dyn ItemStore>, mutant: Mutant) -> Self {
        Self { inner, mutant }
    }

    async fn mutilate(&self, mut write: ItemWrite) -> Result<ItemWrite, StoreError> {
        if !write.key.pk.starts_with("pane#") {
            return Ok(write);
        }
        match self.mutant {
            // Whoever knows nothing of the item still learns of it; whoever knew an older one does not.
            Mutant::NoCompareAndSwap if write.expected.is_some() => {
                write.expected = self.inner.get(&write.key).await?.map(|item| item.version);
            }
            Mutant::NoIds => write.value = write.value.map(without_ids),
            _ => {}
        }
        Ok(write)
    }
}

fn without_ids(value: Vec<u8>) -> Vec<u8> {
    let Ok(mut state) = PaneState::<FamilyState>::decode(&value) else { return value };
    state.ids = Vec::new();
    state.encode().unwrap_or(value)
}

#[async_trait]
impl ItemStore for Mutilated {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        self.inner.get(key).await
    }

    async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>> {
        let mut outcomes = Vec::with_capacity(writes.len());
        for write in writes {
            match self.mutilate(write).await {
                Ok(write) => outcomes.extend(self.inner.put(vec![write]).await),
                Err(error) => outcomes.push(Err(error)),
            }
        }
        outcomes
    }

    async fn query(
        &self,
        pk: &str,
        from: &str,
        to: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Item)>, StoreError> {
        self.inner.query(pk, from, to, limit).await
    }
}
