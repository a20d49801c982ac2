//! Tables under a schedule: in memory, slow, and with commits whose request or answer gets lost.
//! TAB-1: what is not here is Parquet and Iceberg's metadata; the chain, the marks and the decisions are the product's own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::RecordBatch;
use iceberg::TableIdent;
use touchline_delivery::{Random, yield_now};
use touchline_lake::tables::ArchivedEvent;
use touchline_lake::{Append, FileEntry, LakeError, MemoryTables, MemoryVersion, Refusal, Tables};

use crate::Options;
use crate::mutants::Mutant;
use crate::store::{SharedBooks, open};

/// The way to the tables.
pub struct FaultyTables {
    pub memory: MemoryTables,
    books: SharedBooks,
    random: Mutex<Random>,
    percent: usize,
    options: Options,
    has_faults: Arc<AtomicBool>,
}

impl FaultyTables {
    /// Empty tables.
    pub fn new(books: &SharedBooks, random: &mut Random, options: &Options, has_faults: &Arc<AtomicBool>) -> Self {
        Self {
            memory: MemoryTables::default(),
            books: Arc::clone(books),
            percent: *random.pick(&[0, 10, 30]),
            random: Mutex::new(random.fork()),
            options: *options,
            has_faults: Arc::clone(has_faults),
        }
    }

    async fn wait(&self) {
        let turns = self.random.lock().unwrap_or_else(PoisonError::into_inner).below(3);
        for _ in 0..turns {
            yield_now().await;
        }
    }

    /// Number in the catalogue of what befalls a commit.
    fn fault(&self) -> Option<usize> {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.has_faults.load(Ordering::Relaxed) || !random.chance(self.percent) {
            return None;
        }
        let number = *random.pick(&[3, 14]);
        if !self.options.allowed.has(number) {
            return None;
        }
        let mut books = open(&self.books);
        books.counts.note(number);
        let what = if number == 3 { "answer" } else { "request" };
        books.trace.note(&[19, number as u64], || format!("      the catalog: {what} lost"));
        Some(number)
    }
}

fn lost() -> Refusal {
    Refusal::Doubt(LakeError::Unconfirmed { table: "no answer from the catalog".to_owned() })
}

impl Tables for FaultyTables {
    type Version = MemoryVersion;
    type File = String;

    async fn version(&self, table: &TableIdent) -> Result<MemoryVersion, LakeError> {
        self.wait().await;
        self.memory.version(table).await
    }

    fn history(version: &MemoryVersion) -> Vec<&HashMap<String, String>> {
        MemoryTables::history(version)
    }

    fn snapshot_id(version: &MemoryVersion) -> Option<i64> {
        MemoryTables::snapshot_id(version)
    }

    fn file(version: &MemoryVersion, entry: &FileEntry) -> Result<String, LakeError> {
        MemoryTables::file(version, entry)
    }

    async fn write_events(&self, events: &[&ArchivedEvent]) -> Result<Vec<FileEntry>, LakeError> {
        self.wait().await;
        self.memory.write_events(events).await
    }

    async fn write_rows(&self, table: &TableIdent, batches: &[RecordBatch]) -> Result<Vec<String>, LakeError> {
        self.wait().await;
        self.memory.write_rows(table, batches).await
    }

    async fn commit(&self, version: &MemoryVersion, append: Append<String>, is_doubtful: bool) -> Result<(), Refusal> {
        self.wait().await;
        let fault = self.fault();
        if fault == Some(14) {
            return Err(lost());
        }
        let again = append.clone();
        let outcome = self.memory.commit(version, append, is_doubtful).await;
        if outcome.is_ok() {
            let (mut books, file_count) = (open(&self.books), again.files.len() as u64);
            books.trace.note(&[20, file_count], || format!("      committed to a table: {file_count} files"));
        }
        self.wait().await;
        if fault != Some(3) {
            return outcome;
        }
        if self.options.mutant == Some(Mutant::BlindRetry) {
            let now = self.memory.version(version.table()).await.map_err(Refusal::Doubt)?;
            return self.memory.commit(&now, again, true).await;
        }
        outcome.and(Err(lost()))
    }
}
