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
        let (is_pane, is_chain) = (write.key.pk.starts_with("pane#"), write.key.pk.starts_with("archive#"));
        match self.mutant {
            // Whoever knows nothing of the item still learns of it; whoever knew an older one does not.
            Mutant::NoCompareAndSwap | Mutant::NoChainSwap
                if write.expected.is_some()
                    && (is_pane || is_chain)
                    && is_chain == (self.mutant == Mutant::NoChainSwap) =>
            {
                write.expected = self.inner.get(&write.key).await?.map(|item| item.version);
            }
            Mutant::NoLaneSwap if write.expected.is_some() && write.key.pk.starts_with("lane#") => {
                write.expected = self.inner.get(&write.key).await?.map(|item| item.version);
            }
            Mutant::NoIds if is_pane => write.value = write.value.map(without_ids),
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
            // Whoever finds its entry in the list leaves it as it is.
            let is_touch = write.key.pk.starts_with("due#final#") && write.value.is_some();
            if is_touch && self.mutant == Mutant::NoDueTouch && write.expected.is_none() {
                match self.inner.get(&write.key).await {
                    Ok(Some(item)) => outcomes.push(Ok(PutOutcome::Written(item.version))),
                    _ => outcomes.extend(self.inner.put(vec![write]).await),
                }
                continue;
            }
            if self.mutant == Mutant::NoCopy && write.key.pk.starts_with("pane#") && write.expected.is_none() {
                outcomes.push(Ok(PutOutcome::Written(1)));
                continue;
            }
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
