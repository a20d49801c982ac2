//! The entry that a chain keeps of a data file: one file per table and day of a batch.
//! FIL-1: an entry alone is enough to commit its file, in another process and a later release.

use iceberg::spec::{DataFile, deserialize_data_file_from_json, serialize_data_file_to_json};
use iceberg::table::Table;
use serde::{Deserialize, Serialize};

use crate::error::{Context, LakeError};

/// A data file that waits for its commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// `namespace.table`.
    pub table: String,
    pub path: String,
    pub row_count: u64,
    /// The file's manifest entry, as the Iceberg library writes it.
    pub data_file: String,
}

impl FileEntry {
    pub(crate) fn of(table: &Table, name: &str, file: DataFile) -> Result<Self, LakeError> {
        let (path, row_count) = (file.file_path().to_owned(), file.record_count());
        let metadata = table.metadata();
        let data_file = serialize_data_file_to_json(file, metadata.default_partition_type(), metadata.format_version())
            .context("describe file", &path)?;
        Ok(Self { table: name.to_owned(), path, row_count, data_file })
    }

    /// The file as a commit wants it.
    pub(crate) fn to_data_file(&self, table: &Table) -> Result<DataFile, LakeError> {
        let metadata = table.metadata();
        deserialize_data_file_from_json(
            &self.data_file,
            metadata.default_partition_spec_id(),
            metadata.default_partition_type(),
            metadata.current_schema(),
        )
        .context("read description of file", &self.path)
    }
}
