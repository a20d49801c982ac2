//! A store that fails as told: lost responses, throttles, failures before the write. For tests of everything above it.
//! FAULT-1: the schedule decides, call by call; the same schedule gives the same run.

use std::sync::Mutex;
use std::sync::PoisonError;

use async_trait::async_trait;

use crate::{Item, ItemKey, ItemStore, ItemWrite, PutOutcome, StoreError};

/// What happens to one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Refused before anything happened.
    Throttle,
    /// The write happened; its answer is lost (F3).
    LostResponse,
    /// The write did not happen and nobody knows.
    LostRequest,
}

/// Wraps a store; asks `next` for the fate of every write.
pub struct FaultyStore<S> {
    inner: S,
    next: Mutex<Box<dyn FnMut() -> Fault + Send>>,
}

impl<S: ItemStore> FaultyStore<S> {
    /// A store whose writes meet the faults that `next` gives.
    pub fn new(inner: S, next: impl FnMut() -> Fault + Send + 'static) -> Self {
        Self { inner, next: Mutex::new(Box::new(next)) }
    }

    /// The store underneath.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

#[async_trait]
impl<S: ItemStore> ItemStore for FaultyStore<S> {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        self.inner.get(key).await
    }

    async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>> {
        let mut outcomes = Vec::with_capacity(writes.len());
        for write in writes {
            let fault = (self.next.lock().unwrap_or_else(PoisonError::into_inner))();
            let key = write.key.sk.clone();
            let unknown = |message: &str| Err(StoreError::Unknown { key: key.clone(), message: message.to_owned() });
            outcomes.push(match fault {
                Fault::Throttle => Err(StoreError::Throttled { key: key.clone() }),
                Fault::LostRequest => unknown("request lost"),
                Fault::LostResponse => {
                    self.inner.put(vec![write]).await;
                    unknown("response lost")
                }
                Fault::None => self.inner.put(vec![write]).await.pop().unwrap_or_else(|| unknown("no outcome")),
            });
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
