//! A store whose calls take their time, so that two invocations really meet between any two of their steps.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use touchline_store::{Item, ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError};

use super::random::Random;

pub struct SlowStore {
    inner: Arc<dyn ItemStore>,
    random: Mutex<Random>,
}

impl SlowStore {
    pub fn new(inner: Arc<dyn ItemStore>, random: Random) -> Self {
        Self { inner, random: Mutex::new(random) }
    }

    async fn wait(&self) {
        let turns = self.random.lock().unwrap().below(4);
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl ItemStore for SlowStore {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        self.wait().await;
        self.inner.get(key).await
    }

    async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>> {
        let mut outcomes = Vec::with_capacity(writes.len());
        for write in writes {
            self.wait().await;
            outcomes.extend(self.inner.put(vec![write]).await);
        }
        self.wait().await;
        outcomes
    }

    async fn query(
        &self,
        pk: &str,
        from: &str,
        to: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Item)>, StoreError> {
        self.wait().await;
        self.inner.query(pk, from, to, limit).await
    }
}
