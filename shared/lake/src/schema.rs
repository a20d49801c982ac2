//! Arrow schemas and rows brought to what an Iceberg (version 2) table can hold.
//! SCH-1: a value is never changed silently: a cast that would lose it is an error.
//! Field ids are assigned here, in column order from 1.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use iceberg::arrow::arrow_schema_to_schema_auto_assign_ids;

use crate::error::{Context, LakeError};

/// The Iceberg schema for rows that look like `schema`.
pub(crate) fn iceberg_schema(subject: &str, schema: &Schema) -> Result<iceberg::spec::Schema, LakeError> {
    let fields: Vec<Field> = schema.fields().iter().map(|field| storable_field(field)).collect();
    arrow_schema_to_schema_auto_assign_ids(&Schema::new(fields)).context("describe", subject)
}

fn storable_field(field: &Field) -> Field {
    // Ids of another table must not leak into this one: only the column's description is kept.
    let doc = field.metadata().get("doc").map(|doc| ("doc".to_owned(), doc.clone()));
    Field::new(field.name(), storable_type(field.data_type()), field.is_nullable())
        .with_metadata(doc.into_iter().collect())
}

/// The nearest type that a version 2 table has.
fn storable_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Null | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Date64 => DataType::Date32,
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        DataType::Dictionary(_, value) => storable_type(value),
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) | DataType::LargeListView(item) => {
            DataType::List(Arc::new(storable_field(item)))
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| storable_field(field)).collect()),
        other => other.clone(),
    }
}

/// The rows as `target` wants them: its columns, in its order, of its types, under its field ids.
/// A column that is absent and optional becomes null; a column that `target` has not is refused.
pub(crate) fn conform(table: &str, batch: &RecordBatch, target: &Arc<Schema>) -> Result<RecordBatch, LakeError> {
    if batch.schema_ref() == target {
        return Ok(batch.clone());
    }
    let given = batch.schema();
    if let Some(field) = given.fields().iter().find(|field| target.index_of(field.name()).is_err()) {
        return Err(LakeError::UnknownColumn { table: table.to_owned(), column: field.name().clone() });
    }
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(target.fields().len());
    for field in target.fields() {
        columns.push(match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Arc::clone(column),
            Some(column) => {
                let strict = CastOptions { safe: false, ..CastOptions::default() };
                cast_with_options(column, field.data_type(), &strict)
                    .context("cast column", format!("{}.{}", table, field.name()))?
            }
            None if field.is_nullable() => new_null_array(field.data_type(), batch.num_rows()),
            None => {
                return Err(LakeError::MissingColumn { table: table.to_owned(), column: field.name().clone() });
            }
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(target), columns, &options).context("write", table)
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int64Array, StringArray, StringViewArray, UInt64Array};

    use super::*;

    fn target() -> Arc<Schema> {
        Arc::new(Schema::new(vec![
            Field::new("count", DataType::Int64, false),
            Field::new("name", DataType::Utf8, true),
        ]))
    }

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn columns_are_found_by_name_cast_and_filled() {
        let names: ArrayRef = Arc::new(StringViewArray::from(vec!["a"]));
        let counts: ArrayRef = Arc::new(UInt64Array::from(vec![7]));
        let out = conform("t", &batch(vec![("name", names), ("count", Arc::clone(&counts))]), &target()).unwrap();
        assert_eq!(out.column(0).as_ref(), &Int64Array::from(vec![7]));
        assert_eq!(out.column(1).as_ref(), &StringArray::from(vec!["a"]));
        let out = conform("t", &batch(vec![("count", counts)]), &target()).unwrap();
        assert_eq!(out.column(1).null_count(), 1);
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let too_large: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
        let error = conform("t", &batch(vec![("count", too_large)]), &target()).unwrap_err().to_string();
        assert!(error.contains("t.count"), "{error}");
        let names: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
        let error = conform("t", &batch(vec![("name", Arc::clone(&names))]), &target()).unwrap_err().to_string();
        assert!(error.contains("count is missing"), "{error}");
        let error = conform("t", &batch(vec![("other", names)]), &target()).unwrap_err().to_string();
        assert!(error.contains("other is not in the table"), "{error}");
    }

    #[test]
    fn a_schema_of_an_sql_engine_becomes_storable() {
        let schema = Schema::new(vec![
            Field::new("at", DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), true),
            Field::new("n", DataType::UInt64, false),
            Field::new("t", DataType::Utf8View, true),
            Field::new("nothing", DataType::Null, true),
        ]);
        let schema = iceberg_schema("t", &schema).unwrap();
        let text: Vec<String> =
            schema.as_struct().fields().iter().map(|field| format!("{} {}", field.id, field.field_type)).collect();
        assert_eq!(text, ["1 timestamptz", "2 long", "3 string", "4 string"]);
    }
}
