//! A store that does something at chosen operations: fails, stands still, or lets somebody else go first.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use async_trait::async_trait;
use touchline_store::{Item, ItemKey, ItemStore, ItemWrite, MemoryStore, PutOutcome, StoreError};

use super::writer::Writer;

/// What happens at one operation. Reads and single writes are counted alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The operation fails before it happens.
    FailBefore,
    /// The operation happens; its answer is lost.
    FailAfter,
    /// The process stands still, or is killed, before the operation.
    StandBefore,
    /// The same after it.
    StandAfter,
}

/// One step of a writer that works beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriterStep {
    Plan,
    Announce,
    Write,
}

pub struct StopStore {
    inner: Arc<MemoryStore>,
    operations: AtomicUsize,
    stop: Option<(usize, Stop)>,
    is_released: AtomicBool,
    standing: Mutex<Vec<Waker>>,
    /// Steps of the writer, each before the operation of that number.
    script: BTreeMap<usize, Vec<WriterStep>>,
    writer: Mutex<Option<Writer>>,
}

impl StopStore {
    pub fn new(inner: &Arc<MemoryStore>) -> Self {
        Self {
            inner: Arc::clone(inner),
            operations: AtomicUsize::new(0),
            stop: None,
            is_released: AtomicBool::new(false),
            standing: Mutex::default(),
            script: BTreeMap::new(),
            writer: Mutex::new(None),
        }
    }

    pub fn stopping(inner: &Arc<MemoryStore>, at: usize, stop: Stop) -> Self {
        Self { stop: Some((at, stop)), ..Self::new(inner) }
    }

    pub fn beside(inner: &Arc<MemoryStore>, writer: Writer, steps: &[(usize, WriterStep)]) -> Self {
        let mut store = Self::new(inner);
        for (at, step) in steps {
            store.script.entry(*at).or_default().push(*step);
        }
        *store.writer.lock().unwrap() = Some(writer);
        store
    }

    /// Operations so far.
    pub fn operation_count(&self) -> usize {
        self.operations.load(Ordering::Relaxed)
    }

    /// Lets what stands still go on.
    pub fn release(&self) {
        self.is_released.store(true, Ordering::Relaxed);
        self.standing.lock().unwrap().drain(..).for_each(Waker::wake);
    }

    /// The writer, with whatever of its work is left.
    pub fn take_writer(&self) -> Writer {
        self.writer.lock().unwrap().take().unwrap()
    }

    fn begin(&self) -> (usize, Option<Stop>) {
        let number = self.operations.fetch_add(1, Ordering::Relaxed);
        if let (Some(steps), Some(writer)) = (self.script.get(&number), self.writer.lock().unwrap().as_mut()) {
            steps.iter().for_each(|step| writer.step(&self.inner, *step));
        }
        (number, self.stop.filter(|(at, _)| *at == number).map(|(_, stop)| stop))
    }

    async fn stand(&self) {
        std::future::poll_fn(|task| {
            if self.is_released.load(Ordering::Relaxed) {
                return Poll::Ready(());
            }
            self.standing.lock().unwrap().push(task.waker().clone());
            Poll::Pending
        })
        .await;
    }

    async fn operate<T>(&self, operation: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let (number, stop) = self.begin();
        let unknown = || StoreError::Unknown { key: format!("operation {number}"), message: "stopped".into() };
        match stop {
            None => operation.await,
            Some(Stop::FailBefore) => Err(unknown()),
            Some(Stop::FailAfter) => operation.await.and_then(|_| Err(unknown())),
            Some(Stop::StandBefore) => {
                self.stand().await;
                operation.await
            }
            Some(Stop::StandAfter) => {
                let outcome = operation.await;
                self.stand().await;
                outcome
            }
        }
    }
}

#[async_trait]
impl ItemStore for StopStore {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        self.operate(self.inner.get(key)).await
    }

    async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>> {
        let mut outcomes = Vec::with_capacity(writes.len());
        for write in writes {
            let single = async { self.inner.put(vec![write]).await.remove(0) };
            outcomes.push(self.operate(single).await);
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
        self.operate(self.inner.query(pk, from, to, limit)).await
    }
}
