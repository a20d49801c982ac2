//! Rows to Parquet data files of one table: zstd, uniquely named, split by partition, not yet committed.
//! WRT-1: a file name is never used twice; files that nothing commits are orphans for the sweep.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use iceberg::arrow::{RecordBatchPartitionSplitter, schema_to_arrow_schema};
use iceberg::spec::{DataFile, DataFileFormat, PartitionKey, Struct};
use iceberg::table::Table;
use iceberg::writer::base_writer::data_file_writer::{DataFileWriter, DataFileWriterBuilder};
use iceberg::writer::file_writer::ParquetWriterBuilder;
use iceberg::writer::file_writer::location_generator::{DefaultFileNameGenerator, DefaultLocationGenerator};
use iceberg::writer::file_writer::rolling_writer::RollingFileWriterBuilder;
use iceberg::writer::{IcebergWriter, IcebergWriterBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use uuid::Uuid;

use crate::error::{Context, LakeError};
use crate::schema::conform;

/// A data file is closed beyond this and the next one begun.
const TARGET_FILE_BYTES: usize = 256 * 1024 * 1024;
/// Level 1 writes twice as fast as level 3 for a few per cent of size.
const ZSTD_LEVEL: i32 = 1;

type FileBuilder = DataFileWriterBuilder<ParquetWriterBuilder, DefaultLocationGenerator, DefaultFileNameGenerator>;
type FileWriter = DataFileWriter<ParquetWriterBuilder, DefaultLocationGenerator, DefaultFileNameGenerator>;

/// Writes data files of one table. Nothing is visible to readers until the files are committed.
pub struct DataWriter {
    table_name: String,
    schema: Arc<Schema>,
    splitter: Option<RecordBatchPartitionSplitter>,
    builder: FileBuilder,
    writers: HashMap<Option<Struct>, FileWriter>,
}

impl DataWriter {
    /// A writer for the table's current schema and partitioning.
    pub fn new(table: &Table) -> Result<Self, LakeError> {
        let table_name = table.identifier().to_string();
        let metadata = table.metadata();
        let iceberg_schema = metadata.current_schema().clone();
        let schema = Arc::new(schema_to_arrow_schema(&iceberg_schema).context("describe", &table_name)?);
        let spec = metadata.default_partition_spec().clone();
        let splitter = if spec.is_unpartitioned() {
            None
        } else {
            let splitter = RecordBatchPartitionSplitter::try_new_with_computed_values(iceberg_schema.clone(), spec);
            Some(splitter.context("partition", &table_name)?)
        };
        let level = ZstdLevel::try_new(ZSTD_LEVEL)
            .map_err(|error| arrow_schema::ArrowError::ParquetError(error.to_string()))
            .context("write", &table_name)?;
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
        let names = DefaultFileNameGenerator::new(Uuid::new_v4().to_string(), None, DataFileFormat::Parquet);
        let locations = DefaultLocationGenerator::new(metadata).context("locate", &table_name)?;
        let rolling = RollingFileWriterBuilder::new(
            ParquetWriterBuilder::new(properties, iceberg_schema),
            TARGET_FILE_BYTES,
            table.file_io().clone(),
            locations,
            names,
        );
        let builder = DataFileWriterBuilder::new(rolling);
        Ok(Self { table_name, schema, splitter, builder, writers: HashMap::new() })
    }

    /// Adds rows; columns are matched by name. Zero rows write nothing.
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let batch = conform(&self.table_name, batch, &self.schema)?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let Some(splitter) = &self.splitter else {
            return self.write_to(None, batch).await;
        };
        let parts = splitter.split(&batch).context("partition", &self.table_name)?;
        for (key, part) in parts {
            self.write_to(Some(key), part).await?;
        }
        Ok(())
    }

    async fn write_to(&mut self, key: Option<PartitionKey>, batch: RecordBatch) -> Result<(), LakeError> {
        let id = key.as_ref().map(|key| key.data().clone());
        if !self.writers.contains_key(&id) {
            let writer = self.builder.build(key).await.context("write", &self.table_name)?;
            self.writers.insert(id.clone(), writer);
        }
        match self.writers.get_mut(&id) {
            Some(writer) => writer.write(batch).await.context("write", &self.table_name),
            None => Ok(()),
        }
    }

    /// Closes and syncs the files. Their order is that of their paths, so that one input gives one order.
    pub async fn close(self) -> Result<Vec<DataFile>, LakeError> {
        let mut files = Vec::new();
        for (_, mut writer) in self.writers {
            files.extend(writer.close().await.context("write", &self.table_name)?);
        }
        files.sort_by(|a, b| a.file_path().cmp(b.file_path()));
        Ok(files)
    }
}
