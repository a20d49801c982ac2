//! A table as a list of columns, each with its type, its meaning and the function that reads it from a row.
//! COL-1: times are given in UTC milliseconds and stored in microseconds with zone, as Iceberg has them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};

use super::Declared;
use crate::error::{Context, LakeError};

/// The zone name that Iceberg gives its times.
const UTC: &str = "+00:00";

type TextOf<R> = for<'a> fn(&'a R) -> Option<Cow<'a, str>>;

/// How a value is read from a row, and so of what type it is.
enum Read<R> {
    Text(TextOf<R>),
    Long(fn(&R) -> Option<i64>),
    Int(fn(&R) -> Option<i32>),
    Double(fn(&R) -> Option<f64>),
    Flag(fn(&R) -> Option<bool>),
    /// UTC ms.
    Time(fn(&R) -> Option<i64>),
}

/// One column of rows of type `R`.
pub struct Column<R> {
    pub name: &'static str,
    /// Meaning and unit; becomes the column's comment in the table.
    pub doc: &'static str,
    pub is_required: bool,
    read: Read<R>,
}

/// A declared table of rows of type `R`.
pub struct Table<R: 'static> {
    /// `namespace.table`.
    pub name: &'static str,
    /// What one row is.
    pub grain: &'static str,
    /// The time column whose day partitions the table.
    pub day_column: Option<&'static str>,
    pub columns: fn() -> Vec<Column<R>>,
}

pub(super) fn text<R>(name: &'static str, doc: &'static str, read: TextOf<R>) -> Column<R> {
    Column { name, doc, is_required: false, read: Read::Text(read) }
}

pub(super) fn long<R>(name: &'static str, doc: &'static str, read: fn(&R) -> Option<i64>) -> Column<R> {
    Column { name, doc, is_required: false, read: Read::Long(read) }
}

pub(super) fn int<R>(name: &'static str, doc: &'static str, read: fn(&R) -> Option<i32>) -> Column<R> {
    Column { name, doc, is_required: false, read: Read::Int(read) }
}

pub(super) fn double<R>(name: &'static str, doc: &'static str, read: fn(&R) -> Option<f64>) -> Column<R> {
    Column { name, doc, is_required: false, read: Read::Double(read) }
}

pub(super) fn flag<R>(name: &'static str, doc: &'static str, read: fn(&R) -> Option<bool>) -> Column<R> {
    Column { name, doc, is_required: false, read: Read::Flag(read) }
}

pub(super) fn time<R>(name: &'static str, doc: &'static str, read: fn(&R) -> Option<i64>) -> Column<R> {
    Column { name, doc, is_required: false, read: Read::Time(read) }
}

/// The column in every row; a row without it is refused.
pub(super) fn required<R>(column: Column<R>) -> Column<R> {
    Column { is_required: true, ..column }
}

/// Borrowed text that is there.
pub(super) fn some(text: &str) -> Option<Cow<'_, str>> {
    Some(Cow::Borrowed(text))
}

/// Borrowed text that may be absent.
pub(super) fn maybe(text: Option<&String>) -> Option<Cow<'_, str>> {
    text.map(|text| Cow::Borrowed(text.as_str()))
}

impl<R> Column<R> {
    fn field(&self) -> Field {
        let data_type = match self.read {
            Read::Text(_) => DataType::Utf8,
            Read::Long(_) => DataType::Int64,
            Read::Int(_) => DataType::Int32,
            Read::Double(_) => DataType::Float64,
            Read::Flag(_) => DataType::Boolean,
            Read::Time(_) => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        };
        let doc = HashMap::from([("doc".to_owned(), self.doc.to_owned())]);
        Field::new(self.name, data_type, !self.is_required).with_metadata(doc)
    }

    fn array(&self, rows: &[&R]) -> ArrayRef {
        let rows = rows.iter().copied();
        match self.read {
            Read::Text(read) => Arc::new(rows.map(read).collect::<StringArray>()),
            Read::Long(read) => Arc::new(rows.map(read).collect::<Int64Array>()),
            Read::Int(read) => Arc::new(rows.map(read).collect::<Int32Array>()),
            Read::Double(read) => Arc::new(rows.map(read).collect::<Float64Array>()),
            Read::Flag(read) => Arc::new(rows.map(read).collect::<BooleanArray>()),
            Read::Time(read) => {
                // Beyond the years that microseconds can hold the nearest representable time is stored.
                let micros = rows.map(|row| read(row).map(|ms| ms.saturating_mul(1000)));
                Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone(UTC))
            }
        }
    }
}

impl<R> Table<R> {
    /// The table's columns as an Arrow schema.
    pub fn schema(&self) -> Schema {
        Schema::new((self.columns)().iter().map(Column::field).collect::<Vec<_>>())
    }

    /// The rows as columns.
    pub fn batch(&self, rows: &[&R]) -> Result<RecordBatch, LakeError> {
        let columns = (self.columns)();
        let schema = Schema::new(columns.iter().map(Column::field).collect::<Vec<_>>());
        let arrays = columns.iter().map(|column| column.array(rows)).collect();
        RecordBatch::try_new(Arc::new(schema), arrays).context("build rows of", self.name)
    }

    pub(super) fn declared(&self) -> Declared {
        Declared { name: self.name, grain: self.grain, schema: self.schema(), day_column: self.day_column }
    }
}
