//! The writes of the state file, on one thread of their own.
//! EMB-3: puts that wait at the same time share one transaction and one wait for the disk; each is still decided alone, in turn.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use redb::ReadableTable as _;
use tokio::sync::oneshot;

use super::{Database, ITEMS, META};
use crate::memory::swap;
use crate::{Item, ItemWrite, PutOutcome, StoreError};

/// Writes of several calls in one transaction: enough to hide the disk, few enough to hold back no answer for long.
const MAX_WRITES_TOGETHER: usize = 4096;
/// Key in the meta table: the highest version ever deleted; new items start above it (ITEM-1).
const DELETED_VERSION_MAX: &str = "deleted_version_max";

/// The one thread that writes: whatever gathered while it waited for the disk goes into its next transaction.
pub(super) struct Writer {
    calls: Option<mpsc::Sender<Waiting>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(database: Arc<Database>) -> std::io::Result<Self> {
        let (calls, waiting) = mpsc::channel();
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        let thread = thread.spawn(move || write_until_closed(&database, &waiting))?;
        Ok(Self { calls: Some(calls), thread: Some(thread) })
    }

    /// Decides the writes one by one, in their order; returns when what was written is on disk.
    pub(super) async fn put(&self, writes: Vec<ItemWrite>) -> Vec<Result<PutOutcome, StoreError>> {
        let keys: Vec<String> = writes.iter().map(|write| write.key.sk.clone()).collect();
        let (answer, outcomes) = oneshot::channel();
        let is_taken = self.calls.as_ref().is_some_and(|calls| calls.send(Waiting { writes, answer }).is_ok());
        match outcomes.await {
            Ok(outcomes) if is_taken => outcomes,
            _ => unknown(keys.into_iter(), "the writer of the state file has ended"),
        }
    }
}

impl Drop for Writer {
    /// Returns when the file is let go of, so that it can be opened again.
    fn drop(&mut self) {
        drop(self.calls.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Writes of one call, and who waits for their outcomes.
struct Waiting {
    writes: Vec<ItemWrite>,
    answer: oneshot::Sender<Vec<Result<PutOutcome, StoreError>>>,
}

fn write_until_closed(database: &Database, calls: &mpsc::Receiver<Waiting>) {
    while let Ok(first) = calls.recv() {
        let mut waiting = vec![first];
        let mut write_count = waiting[0].writes.len();
        while write_count < MAX_WRITES_TOGETHER
            && let Ok(next) = calls.try_recv()
        {
            write_count += next.writes.len();
            waiting.push(next);
        }
        let written =
            put_all(database, waiting.iter().flat_map(|call| &call.writes)).map_err(|error| error.to_string());
        let mut outcomes = written.map(Vec::into_iter);
        for Waiting { writes, answer } in waiting {
            // Whoever no longer waits for the answer meets the outcome when it reads.
            let _ = answer.send(match &mut outcomes {
                Ok(outcomes) => outcomes.by_ref().take(writes.len()).collect(),
                Err(message) => unknown(writes.into_iter().map(|write| write.key.sk), message),
            });
        }
    }
}

fn unknown(keys: impl Iterator<Item = String>, message: &str) -> Vec<Result<PutOutcome, StoreError>> {
    keys.map(|key| Err(StoreError::Unknown { key, message: message.to_owned() })).collect()
}

/// Compare-and-swaps in one transaction, in their order.
fn put_all<'a>(
    database: &Database,
    writes: impl Iterator<Item = &'a ItemWrite>,
) -> Result<Vec<Result<PutOutcome, StoreError>>, redb::Error> {
    let transaction = database.begin_write()?;
    let mut outcomes = Vec::new();
    {
        let mut table = transaction.open_table(ITEMS)?;
        let mut meta = transaction.open_table(META)?;
        let known = meta.get(DELETED_VERSION_MAX)?.map_or(0, |version| version.value());
        let mut deleted_version_max = known;
        for write in writes {
            let key = (write.key.pk.as_str(), write.key.sk.as_str());
            let current = table.get(key)?.map(|found| {
                let (version, value) = found.value();
                Item { version, value: value.to_vec() }
            });
            outcomes.push(match swap(current, write, deleted_version_max) {
                Err(error) => Err(error),
                Ok(Err(current)) => Ok(PutOutcome::Conflict(current)),
                Ok(Ok(Some(item))) => {
                    table.insert(key, (item.version, item.value.as_slice()))?;
                    Ok(PutOutcome::Written(item.version))
                }
                Ok(Ok(None)) => {
                    table.remove(key)?;
                    deleted_version_max = write.expected.unwrap_or(0).max(deleted_version_max);
                    Ok(PutOutcome::Written(0))
                }
            });
        }
        if deleted_version_max > known {
            meta.insert(DELETED_VERSION_MAX, deleted_version_max)?;
        }
    }
    transaction.commit()?;
    Ok(outcomes)
}
