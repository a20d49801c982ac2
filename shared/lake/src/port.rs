//! What archive and committer need of tables: files that nobody sees yet, and a commit against one known version.
//! PORT-1: a commit lands on exactly the version its caller has looked at, or not at all; its answer may be lost.
//! PORT-2: who reads a version sees the properties of every snapshot in it.
//! Everything that makes rows land once is above this port (`archive`, `commit`, `append`), and is the same for every
//! implementation: Iceberg ([`crate::Lake`]) and memory ([`crate::MemoryTables`]).

use std::collections::HashMap;

use arrow_array::RecordBatch;
use iceberg::TableIdent;
use touchline_store::ItemStore;

use crate::append::{self, CommitReport};
use crate::archive::{self, Archived};
use crate::commit::{self, CommitPass};
use crate::error::LakeError;
use crate::files::FileEntry;
use crate::tables::ArchivedEvent;

/// Files to append, with the properties that make the append recognisable.
#[derive(Debug, Clone)]
pub struct Append<F> {
    pub files: Vec<F>,
    pub properties: HashMap<String, String>,
}

/// Why a commit was not confirmed.
#[derive(Debug)]
pub enum Refusal {
    /// The table has moved on; nothing was added.
    Conflict,
    /// Nobody knows whether it landed.
    Doubt(LakeError),
}

/// Tables that are appended to.
pub trait Tables: Send + Sync + Sized {
    /// A table as it was at one moment.
    type Version: Send + Sync;
    /// A written file as a commit wants it.
    type File: Clone + Send + Sync;

    /// The table as it is now.
    fn version(&self, table: &TableIdent) -> impl Future<Output = Result<Self::Version, LakeError>> + Send;

    /// Properties of the version's snapshots, newest first.
    fn history(version: &Self::Version) -> Vec<&HashMap<String, String>>;

    /// The newest snapshot of the version.
    fn snapshot_id(version: &Self::Version) -> Option<i64>;

    /// A file of the chain.
    fn file(version: &Self::Version, entry: &FileEntry) -> Result<Self::File, LakeError>;

    /// Writes the events into new files of their tables, committed by nobody yet.
    fn write_events(&self, events: &[&ArchivedEvent])
    -> impl Future<Output = Result<Vec<FileEntry>, LakeError>> + Send;

    /// Writes rows into new files of one table, committed by nobody yet.
    fn write_rows(
        &self,
        table: &TableIdent,
        batches: &[RecordBatch],
    ) -> impl Future<Output = Result<Vec<Self::File>, LakeError>> + Send;

    /// Adds files to exactly this version. `is_doubtful`: an attempt before this one may have landed.
    fn commit(
        &self,
        version: &Self::Version,
        append: Append<Self::File>,
        is_doubtful: bool,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Puts the events of a batch on the chains of their shards. On error some shards may be done;
    /// giving the same or any overlapping batch again is harmless.
    fn archive(
        &self,
        store: &dyn ItemStore,
        epoch: &str,
        events: &[ArchivedEvent],
    ) -> impl Future<Output = Result<Archived, LakeError>> + Send {
        archive::archive(self, store, epoch, events)
    }

    /// Commits every file that waits on a chain of the epoch. A table that fails does not hold up the others:
    /// the first error is returned after all were tried, and the next pass takes up what is left.
    fn commit_chains(
        &self,
        store: &dyn ItemStore,
        epoch: &str,
    ) -> impl Future<Output = Result<CommitPass, LakeError>> + Send {
        commit::commit_chains(self, store, epoch)
    }

    /// Appends the rows unless the table already recorded `sequence` or a higher one under `key`. False where it had.
    /// Sequences of one key must grow from call to call; a repeated call after a crash is harmless.
    fn append_rows_once(
        &self,
        table: &TableIdent,
        batches: Vec<RecordBatch>,
        key: &str,
        sequence: u64,
    ) -> impl Future<Output = Result<bool, LakeError>> + Send {
        append::append_rows_once(self, table, batches, key, sequence)
    }

    /// The highest sequence that [`Tables::append_rows_once`] recorded under `key`.
    fn recorded_sequence(
        &self,
        table: &TableIdent,
        key: &str,
    ) -> impl Future<Output = Result<Option<u64>, LakeError>> + Send {
        append::recorded_sequence(self, table, key)
    }

    /// One table's append, decided on the version it lands on and believed when it is read back.
    fn append_decided(
        &self,
        table: &TableIdent,
        decide: impl FnMut(&Self::Version) -> Result<Option<Append<Self::File>>, LakeError> + Send,
    ) -> impl Future<Output = Result<CommitReport, LakeError>> + Send {
        append::append_decided(self, table, decide)
    }
}
