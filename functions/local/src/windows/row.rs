//! One output row: a symbol, a window, its figures; written as NDJSON or Parquet.
//! ROW-1: floats are written shortest round-trip, so equal runs give equal bytes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array};
use parquet::arrow::ArrowWriter;
use serde::Serialize;
use touchline_metric::TradeMetrics;

/// A finished window; the symbol is a number until it is written.
#[derive(Debug, Clone, Copy)]
pub struct WindowRow {
    pub symbol: u32,
    pub window_start_ms: i64,
    pub window_end_ms: i64,
    pub metrics: TradeMetrics,
    pub volume_spike_severity: Option<f64>,
    pub price_jump_sigmas: Option<f64>,
}

#[derive(Serialize)]
struct JsonRow<'a> {
    symbol: &'a str,
    window_start_ms: i64,
    window_end_ms: i64,
    #[serde(flatten)]
    metrics: &'a TradeMetrics,
    is_volume_spike: bool,
    volume_spike_severity: Option<f64>,
    is_price_jump: bool,
    price_jump_sigmas: Option<f64>,
}

/// Rows held back before a Parquet row group is written.
const PARQUET_GROUP_ROWS: usize = 65_536;

/// Where rows go.
pub enum RowWriter {
    Ndjson(BufWriter<File>),
    Parquet { writer: Box<Option<ArrowWriter<File>>>, file: Option<File>, rows: Vec<WindowRow>, symbols: Vec<String> },
}

impl RowWriter {
    /// By the file's ending.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let create = || {
            File::create(path)
                .with_context(|| format!("{} cannot be created; is the folder there and writable?", path.display()))
        };
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("ndjson" | "jsonl" | "json") => Ok(Self::Ndjson(BufWriter::new(create()?))),
            Some("parquet") => Ok(Self::Parquet {
                writer: Box::new(None),
                file: Some(create()?),
                rows: Vec::new(),
                symbols: Vec::new(),
            }),
            _ => bail!("--output {} must end in .ndjson or .parquet", path.display()),
        }
    }

    /// Writes rows in the order given.
    pub fn write(&mut self, rows: &[WindowRow], name_of: &dyn Fn(u32) -> String) -> anyhow::Result<()> {
        match self {
            Self::Ndjson(file) => {
                for row in rows {
                    let json = JsonRow {
                        symbol: &name_of(row.symbol),
                        window_start_ms: row.window_start_ms,
                        window_end_ms: row.window_end_ms,
                        metrics: &row.metrics,
                        is_volume_spike: row.volume_spike_severity.is_some(),
                        volume_spike_severity: row.volume_spike_severity,
                        is_price_jump: row.price_jump_sigmas.is_some(),
                        price_jump_sigmas: row.price_jump_sigmas,
                    };
                    serde_json::to_writer(&mut *file, &json)?;
                    file.write_all(b"\n")?;
                }
                Ok(())
            }
            Self::Parquet { rows: held, symbols, .. } => {
                held.extend_from_slice(rows);
                symbols.extend(rows.iter().map(|row| name_of(row.symbol)));
                if held.len() >= PARQUET_GROUP_ROWS { self.flush_group() } else { Ok(()) }
            }
        }
    }

    /// Ends the file; a Parquet file without it cannot be read.
    pub fn finish(mut self) -> anyhow::Result<()> {
        self.flush_group()?;
        match self {
            Self::Ndjson(mut file) => file.flush()?,
            Self::Parquet { writer, .. } => {
                if let Some(writer) = *writer {
                    writer.close()?;
                }
            }
        }
        Ok(())
    }

    fn flush_group(&mut self) -> anyhow::Result<()> {
        let Self::Parquet { writer, file, rows, symbols } = self else { return Ok(()) };
        let batch = record_batch(rows, std::mem::take(symbols))?;
        rows.clear();
        if let Some(file) = file.take() {
            **writer = Some(ArrowWriter::try_new(file, batch.schema(), None)?);
        }
        if let Some(writer) = writer.as_mut() {
            writer.write(&batch)?;
            writer.flush()?;
        }
        Ok(())
    }
}

fn record_batch(rows: &[WindowRow], symbols: Vec<String>) -> anyhow::Result<RecordBatch> {
    let int = |of: fn(&WindowRow) -> i64| Arc::new(Int64Array::from_iter_values(rows.iter().map(of))) as ArrayRef;
    let count = |of: fn(&WindowRow) -> u64| Arc::new(UInt64Array::from_iter_values(rows.iter().map(of))) as ArrayRef;
    let float = |of: fn(&WindowRow) -> Option<f64>| Arc::new(Float64Array::from_iter(rows.iter().map(of))) as ArrayRef;
    let flag = |of: fn(&WindowRow) -> bool| {
        Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(of(row))))) as ArrayRef
    };
    Ok(RecordBatch::try_from_iter_with_nullable([
        ("symbol", Arc::new(StringArray::from(symbols)) as ArrayRef, false),
        ("window_start_ms", int(|row| row.window_start_ms), false),
        ("window_end_ms", int(|row| row.window_end_ms), false),
        ("trade_count", count(|row| row.metrics.trade_count), false),
        ("excluded_count", count(|row| row.metrics.excluded_count), false),
        ("volume", float(|row| Some(row.metrics.volume)), false),
        ("turnover", float(|row| Some(row.metrics.turnover)), false),
        ("vwap", float(|row| row.metrics.vwap), true),
        ("open", float(|row| row.metrics.open), true),
        ("high", float(|row| row.metrics.high), true),
        ("low", float(|row| row.metrics.low), true),
        ("close", float(|row| row.metrics.close), true),
        ("mean_price", float(|row| row.metrics.mean_price), true),
        ("price_stddev", float(|row| row.metrics.price_stddev), true),
        ("realised_volatility", float(|row| row.metrics.realised_volatility), true),
        ("realised_volatility_annualised", float(|row| row.metrics.realised_volatility_annualised), true),
        ("is_volume_spike", flag(|row| row.volume_spike_severity.is_some()), false),
        ("volume_spike_severity", float(|row| row.volume_spike_severity), true),
        ("is_price_jump", flag(|row| row.price_jump_sigmas.is_some()), false),
        ("price_jump_sigmas", float(|row| row.price_jump_sigmas), true),
    ])?)
}
