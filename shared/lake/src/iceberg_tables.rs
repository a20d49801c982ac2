//! The port of tables on Iceberg: Parquet files, and commits bound to the metadata that was looked at (PORT-1).

use std::collections::HashMap;

use arrow_array::RecordBatch;
use iceberg::spec::{DataFile, SnapshotRef};
use iceberg::table::Table;
use iceberg::transaction::{ApplyTransactionAction, Transaction};
use iceberg::{ErrorKind, TableIdent};

use crate::catalog::Pinned;
use crate::error::LakeError;
use crate::files::FileEntry;
use crate::lake::{Lake, table_ident};
use crate::port::{Append, Refusal, Tables};
use crate::tables::{ArchivedEvent, event_batches};
use crate::write::DataWriter;

impl Tables for Lake {
    type Version = Table;
    type File = DataFile;

    async fn version(&self, table: &TableIdent) -> Result<Table, LakeError> {
        self.load(table).await
    }

    fn history(version: &Table) -> Vec<&HashMap<String, String>> {
        let metadata = version.metadata();
        let parent = |snapshot: &&SnapshotRef| snapshot.parent_snapshot_id().and_then(|id| metadata.snapshot_by_id(id));
        let ancestors = std::iter::successors(metadata.current_snapshot(), parent);
        ancestors.map(|snapshot| &snapshot.summary().additional_properties).collect()
    }

    fn snapshot_id(version: &Table) -> Option<i64> {
        version.metadata().current_snapshot_id()
    }

    fn file(version: &Table, entry: &FileEntry) -> Result<DataFile, LakeError> {
        entry.to_data_file(version)
    }

    async fn write_events(&self, events: &[&ArchivedEvent]) -> Result<Vec<FileEntry>, LakeError> {
        let mut entries = Vec::new();
        for (name, batch) in event_batches(events)? {
            let table = self.load_for_writing(&table_ident(name)?).await?;
            let mut writer = DataWriter::new(&table)?;
            writer.write(&batch).await?;
            for file in writer.close().await? {
                entries.push(FileEntry::of(&table, name, file)?);
            }
        }
        Ok(entries)
    }

    async fn write_rows(&self, table: &TableIdent, batches: &[RecordBatch]) -> Result<Vec<DataFile>, LakeError> {
        let mut writer = DataWriter::new(&self.load(table).await?)?;
        for batch in batches {
            writer.write(batch).await?;
        }
        writer.close().await
    }

    /// The search for doubles reads every manifest of the table, so it runs only after a commit that went wrong.
    async fn commit(&self, version: &Table, append: Append<DataFile>, is_doubtful: bool) -> Result<(), Refusal> {
        let committed = commit_pinned(self, version, append, is_doubtful).await;
        committed.map_err(|error| match error.kind() {
            ErrorKind::CatalogCommitConflicts => Refusal::Conflict,
            _ => Refusal::Doubt(LakeError::Iceberg {
                operation: "commit",
                subject: version.identifier().to_string(),
                source: Box::new(error),
            }),
        })
    }
}

async fn commit_pinned(
    lake: &Lake,
    version: &Table,
    append: Append<DataFile>,
    is_doubtful: bool,
) -> Result<(), iceberg::Error> {
    let metadata_location = version.metadata_location().map(ToOwned::to_owned);
    let pinned = Pinned { inner: lake.catalog(), metadata_location };
    let transaction = Transaction::new(version);
    let action = transaction
        .fast_append()
        .with_check_duplicate(is_doubtful)
        .add_data_files(append.files)
        .set_snapshot_properties(append.properties);
    action.apply(transaction)?.commit(&pinned).await.map(|_| ())
}
