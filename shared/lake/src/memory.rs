//! The port of tables in memory: rows as they were given, snapshots as lists of files. For tests, simulations and bounded jobs.
//! MEM-1: versions, conflicts and snapshot properties behave as Iceberg's; what is left out is Parquet and metadata files.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use iceberg::TableIdent;

use crate::append::{ADDED_FILES, ADDED_ROWS};
use crate::error::LakeError;
use crate::files::FileEntry;
use crate::port::{Append, Refusal, Tables};
use crate::tables::{ArchivedEvent, event_batches};

/// Tables in memory; a table is there once it is asked for.
#[derive(Debug, Default)]
pub struct MemoryTables {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Every file ever written, by path.
    files: BTreeMap<String, RecordBatch>,
    snapshots: HashMap<TableIdent, Vec<Snapshot>>,
}

#[derive(Debug, Clone)]
struct Snapshot {
    properties: Arc<HashMap<String, String>>,
    paths: Vec<String>,
}

/// A table's snapshots at one moment.
#[derive(Debug)]
pub struct MemoryVersion {
    table: TableIdent,
    /// Oldest first.
    histories: Vec<Arc<HashMap<String, String>>>,
}

impl MemoryTables {
    fn open(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every committed batch of a table, in order of commit; a file that was committed twice is there twice.
    pub fn rows(&self, table: &TableIdent) -> Vec<RecordBatch> {
        let state = self.open();
        let snapshots = state.snapshots.get(table).into_iter().flatten();
        snapshots.flat_map(|snapshot| &snapshot.paths).filter_map(|path| state.files.get(path).cloned()).collect()
    }

    /// Keeps rows under a path of their own.
    fn keep(&self, name: &str, batch: RecordBatch) -> String {
        let mut state = self.open();
        let path = format!("memory://{name}/{}", state.files.len());
        state.files.insert(path.clone(), batch);
        path
    }
}

impl MemoryVersion {
    /// Of which table.
    pub fn table(&self) -> &TableIdent {
        &self.table
    }
}

impl Tables for MemoryTables {
    type Version = MemoryVersion;
    type File = String;

    async fn version(&self, table: &TableIdent) -> Result<MemoryVersion, LakeError> {
        let state = self.open();
        let snapshots = state.snapshots.get(table).into_iter().flatten();
        let histories = snapshots.map(|snapshot| Arc::clone(&snapshot.properties)).collect();
        Ok(MemoryVersion { table: table.clone(), histories })
    }

    fn history(version: &MemoryVersion) -> Vec<&HashMap<String, String>> {
        version.histories.iter().rev().map(|properties| &**properties).collect()
    }

    fn snapshot_id(version: &MemoryVersion) -> Option<i64> {
        version.histories.len().checked_sub(1).map(|last| last as i64)
    }

    fn file(_: &MemoryVersion, entry: &FileEntry) -> Result<String, LakeError> {
        Ok(entry.path.clone())
    }

    async fn write_events(&self, events: &[&ArchivedEvent]) -> Result<Vec<FileEntry>, LakeError> {
        let mut entries = Vec::new();
        for (name, batch) in event_batches(events)? {
            let row_count = batch.num_rows() as u64;
            let path = self.keep(name, batch);
            entries.push(FileEntry { table: name.to_owned(), path, row_count, data_file: String::new() });
        }
        Ok(entries)
    }

    async fn write_rows(&self, table: &TableIdent, batches: &[RecordBatch]) -> Result<Vec<String>, LakeError> {
        let batches = batches.iter().filter(|batch| batch.num_rows() > 0);
        Ok(batches.map(|batch| self.keep(table.name(), batch.clone())).collect())
    }

    async fn commit(&self, version: &MemoryVersion, append: Append<String>, _: bool) -> Result<(), Refusal> {
        let mut state = self.open();
        let State { files, snapshots } = &mut *state;
        let known = snapshots.entry(version.table.clone()).or_default();
        if known.len() != version.histories.len() {
            return Err(Refusal::Conflict);
        }
        let rows = append.files.iter().filter_map(|path| files.get(path)).map(RecordBatch::num_rows).sum::<usize>();
        let mut properties = append.properties;
        properties.insert(ADDED_FILES.to_owned(), append.files.len().to_string());
        properties.insert(ADDED_ROWS.to_owned(), rows.to_string());
        known.push(Snapshot { properties: Arc::new(properties), paths: append.files });
        Ok(())
    }
}
