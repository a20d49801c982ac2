//! Rows as text: a table for people, JSON and CSV for programs. Floats are written shortest that read back the same.
//! FMT-1: control characters from vendors never reach a terminal as such.

use std::fmt::Write as _;
use std::str::FromStr;

use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_cast::pretty::pretty_format_batches_with_schema;
use datafusion::arrow::error::ArrowError;

use crate::engine::QueryResult;
use crate::error::WarehouseError;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Table,
    /// One array of objects; null is written out.
    Json,
    Csv,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "table" => Ok(Self::Table),
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            other => Err(format!("format {other:?} is unknown; use table, json or csv")),
        }
    }
}

/// The rows as text, ending with a line end.
pub fn format_rows(rows: &QueryResult, format: Format) -> Result<String, WarehouseError> {
    match format {
        Format::Table => {
            let table = pretty_format_batches_with_schema(rows.schema.clone(), &rows.batches)?.to_string();
            Ok(visible(&table) + "\n")
        }
        Format::Json => json(rows),
        Format::Csv => csv(rows),
    }
}

fn json(rows: &QueryResult) -> Result<String, WarehouseError> {
    let mut bytes = Vec::new();
    let builder = arrow_json::WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, arrow_json::writer::JsonArray>(&mut bytes);
    for batch in &rows.batches {
        writer.write(batch)?;
    }
    writer.finish()?;
    drop(writer);
    let mut text = text(bytes)?;
    if text.is_empty() {
        text.push_str("[]");
    }
    Ok(text + "\n")
}

fn csv(rows: &QueryResult) -> Result<String, WarehouseError> {
    let mut bytes = Vec::new();
    let mut writer = arrow_csv::WriterBuilder::new().with_header(true).build(&mut bytes);
    if rows.batches.is_empty() {
        writer.write(&datafusion::arrow::record_batch::RecordBatch::new_empty(rows.schema.clone()))?;
    }
    for batch in &rows.batches {
        writer.write(batch)?;
    }
    drop(writer);
    text(bytes)
}

fn text(bytes: Vec<u8>) -> Result<String, WarehouseError> {
    String::from_utf8(bytes).map_err(|error| ArrowError::ParseError(error.to_string()).into())
}

/// Control characters other than line ends as escapes.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() && letter != '\n' {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(letter));
        } else {
            out.push(letter);
        }
    }
    out
}

/// Each row as `column=value, ...` over the named columns, sorted, for comparison as a bag.
pub(crate) fn row_lines(rows: &QueryResult, columns: &[String]) -> Result<Vec<String>, WarehouseError> {
    let options = FormatOptions::new().with_null("null");
    let mut lines = Vec::new();
    for batch in &rows.batches {
        let mut formatters = Vec::new();
        for column in columns {
            let array = batch.column_by_name(column).ok_or_else(|| {
                ArrowError::SchemaError(format!("column {column} is not answered; remove it or select it"))
            })?;
            formatters.push((column, ArrayFormatter::try_new(array.as_ref(), &options)?));
        }
        for row in 0..batch.num_rows() {
            let cells: Vec<String> =
                formatters.iter().map(|(column, cell)| format!("{column}={}", cell.value(row))).collect();
            lines.push(cells.join(", "));
        }
    }
    lines.sort();
    Ok(lines)
}
