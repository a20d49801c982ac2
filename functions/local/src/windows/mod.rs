//! The bounded job: a file of trades to one row per symbol and window, on all cores, in memory that does not grow with the file.
//! BND-1: the result depends on the file alone, not on cores or timing.
//! BND-2: every line is counted as applied, duplicate, late or malformed.
//! The same window maths and metric state as the streaming road; no store, no log.

mod blocks;
mod partition;
mod row;
mod symbols;
mod tick;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Barrier, Mutex, PoisonError};

use anyhow::bail;
use touchline_feed::{Document, Session, Source};
use touchline_window::WindowSpec;
use xxhash_rust::xxh3::xxh3_64;

use blocks::{Block, BlockReader};
use partition::{JobSpec, Partition, RoutedTick};
use row::{RowWriter, WindowRow};
use symbols::{LocalNames, SymbolTable};
use tick::{Conditions, Malformed, Parsed};

/// What is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TradeFormat {
    /// One Finnhub WebSocket message a line.
    Finnhub,
    /// One trade a line: `{"s":"AAPL","p":164.06,"v":5,"t":1680286537580,"c":["1"]}`.
    TradesNdjson,
}

/// One run.
#[derive(Debug, Clone)]
pub struct WindowsJob {
    pub input: PathBuf,
    pub format: TradeFormat,
    pub size_ms: i64,
    pub slide_ms: i64,
    pub lateness_ms: i64,
    pub is_dropping_duplicates: bool,
    pub output: PathBuf,
    pub threads: usize,
}

/// What became of every line or trade.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobReport {
    pub applied: u64,
    pub duplicate: u64,
    pub late: u64,
    pub malformed: u64,
    pub rows: u64,
    pub bytes: u64,
    pub malformed_by_reason: BTreeMap<String, u64>,
    /// The first few malformed lines: line number and why.
    pub examples: Vec<(u64, String)>,
}

/// Malformed lines shown as examples.
const MAX_EXAMPLES: usize = 5;

/// What one worker hands over in a round.
#[derive(Default)]
struct Handover {
    sequence: Option<u64>,
    block_max_ms: i64,
    ticks: Vec<Vec<RoutedTick>>,
}

struct Shared<'a> {
    job: &'a WindowsJob,
    spec: JobSpec,
    reader: Mutex<BlockReader>,
    handovers: Vec<Mutex<Handover>>,
    symbols: SymbolTable,
    rows: Mutex<Vec<WindowRow>>,
    writer: Mutex<RowWriter>,
    report: Mutex<JobReport>,
    error: Mutex<Option<anyhow::Error>>,
    barrier: Barrier,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the job; `on_progress` gets the bytes read so far.
pub fn run(job: &WindowsJob, on_progress: &(dyn Fn(u64) + Sync)) -> anyhow::Result<JobReport> {
    let pane_ms = gcd(job.size_ms, job.slide_ms);
    let window = WindowSpec::new(job.size_ms, job.slide_ms, pane_ms)
        .map_err(|message| anyhow::anyhow!("--window/--slide: {message}"))?;
    if same_file(&job.input, &job.output) {
        bail!("--output {} is the input file; choose another name", job.output.display());
    }
    let spec =
        JobSpec { window, pane_ms, lateness_ms: job.lateness_ms, is_dropping_duplicates: job.is_dropping_duplicates };
    // Finnhub sessions number identical prints over the whole file, so their messages are parsed by one worker.
    let threads = if job.format == TradeFormat::Finnhub { 1 } else { job.threads.max(1) };
    let shared = Shared {
        job,
        spec,
        reader: Mutex::new(BlockReader::open(&job.input)?),
        handovers: (0..threads).map(|_| Mutex::new(Handover::default())).collect(),
        symbols: SymbolTable::default(),
        rows: Mutex::new(Vec::new()),
        writer: Mutex::new(RowWriter::create(&job.output)?),
        report: Mutex::new(JobReport::default()),
        error: Mutex::new(None),
        barrier: Barrier::new(threads),
    };
    std::thread::scope(|scope| {
        for worker in 1..threads {
            let shared = &shared;
            scope.spawn(move || work(shared, worker, &|_| {}));
        }
        work(&shared, 0, on_progress);
    });
    if let Some(error) = shared.error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    shared.writer.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?;
    let mut report = shared.report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.examples.sort();
    report.examples.truncate(MAX_EXAMPLES);
    Ok(report)
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Rounds of: parse one block each, meet, take one's own symbols from every block in file order, meet.
fn work(shared: &Shared<'_>, worker: usize, on_progress: &dyn Fn(u64)) {
    let mut parser = BlockParser::new(shared);
    let mut partition = Partition::new(shared.spec);
    let mut max_ms = i64::MIN;
    let mut block = Block::default();
    loop {
        let has_block = match lock(&shared.reader).next(&mut block) {
            Ok(has_block) => has_block,
            Err(error) => {
                lock(&shared.error).get_or_insert(error);
                false
            }
        };
        {
            let mut handover = lock(&shared.handovers[worker]);
            handover.sequence = has_block.then_some(block.sequence);
            if has_block {
                parser.parse(&block, &mut handover);
            }
        }
        shared.barrier.wait();
        let order = round_order(shared);
        for index in &order {
            let mut handover = lock(&shared.handovers[*index]);
            let block_max_ms = handover.block_max_ms;
            for tick in handover.ticks[worker].drain(..) {
                partition.add(&tick, max_ms);
            }
            max_ms = max_ms.max(block_max_ms);
        }
        let watermark_ms = if order.is_empty() { i64::MAX } else { max_ms.saturating_sub(shared.spec.lateness_ms) };
        let mut rows = Vec::new();
        partition.close(watermark_ms, &mut rows);
        lock(&shared.rows).append(&mut rows);
        shared.barrier.wait();
        if worker == 0 {
            write_rows(shared);
            on_progress(lock(&shared.reader).bytes_read());
        }
        if order.is_empty() {
            break;
        }
    }
    parser.finish(&partition);
}

/// Workers that have a block this round, by the blocks' order in the file.
fn round_order(shared: &Shared<'_>) -> Vec<usize> {
    let sequence_of = |index: &usize| lock(&shared.handovers[*index]).sequence;
    let mut order: Vec<usize> = (0..shared.handovers.len()).filter(|index| sequence_of(index).is_some()).collect();
    order.sort_by_key(sequence_of);
    order
}

fn write_rows(shared: &Shared<'_>) {
    let mut rows = std::mem::take(&mut *lock(&shared.rows));
    if rows.is_empty() {
        return;
    }
    // Numbers depend on which worker met a symbol first; names do not.
    rows.sort_by_cached_key(|row| (row.window_start_ms, shared.symbols.name(row.symbol)));
    lock(&shared.report).rows += rows.len() as u64;
    if let Err(error) = lock(&shared.writer).write(&rows, &|symbol| shared.symbols.name(symbol)) {
        lock(&shared.error).get_or_insert(error.context(format!("writing {}", shared.job.output.display())));
    }
}

/// Turns blocks into ticks, keeping what one worker needs between blocks.
struct BlockParser<'a> {
    shared: &'a Shared<'a>,
    names: LocalNames<'a>,
    conditions: Conditions,
    session: Session,
    malformed: BTreeMap<Malformed, u64>,
    report: JobReport,
}

impl<'a> BlockParser<'a> {
    fn new(shared: &'a Shared<'a>) -> Self {
        Self {
            shared,
            names: LocalNames::new(&shared.symbols),
            conditions: Conditions::new(),
            session: Session::default(),
            malformed: BTreeMap::new(),
            report: JobReport::default(),
        }
    }

    fn parse(&mut self, block: &Block, handover: &mut Handover) {
        let partitions = self.shared.handovers.len();
        handover.ticks.resize_with(partitions, Vec::new);
        handover.block_max_ms = i64::MIN;
        self.report.bytes += block.bytes.len() as u64;
        match self.shared.job.format {
            TradeFormat::TradesNdjson => self.parse_lines(block, handover),
            TradeFormat::Finnhub => self.parse_messages(block, handover),
        }
    }

    fn parse_lines(&mut self, block: &Block, handover: &mut Handover) {
        let mut line_number = 0_u64;
        for line in lines(&block.bytes) {
            line_number += 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            let order = block_order(block.sequence, line_number);
            let line_hash = if self.shared.spec.is_dropping_duplicates { xxh3_64(line) } else { 0 };
            let tick = match tick::parse(line, &self.conditions) {
                Ok(Parsed::Borrowed(t)) => {
                    (self.names.number(t.symbol), t.price_e8, t.volume_e8, t.timestamp_ms, t.is_vwap_eligible)
                }
                Ok(Parsed::Owned { symbol, price_e8, volume_e8, timestamp_ms, is_vwap_eligible }) => {
                    (self.names.number(symbol.as_bytes()), price_e8, volume_e8, timestamp_ms, is_vwap_eligible)
                }
                Err(reason) => {
                    self.refuse(block.first_line + line_number - 1, reason);
                    continue;
                }
            };
            let (symbol, price_e8, volume_e8, timestamp_ms, is_vwap_eligible) = tick;
            route(
                handover,
                RoutedTick {
                    symbol,
                    price_e8,
                    volume_e8,
                    timestamp_ms,
                    block_max_ms: 0,
                    order,
                    line_hash,
                    is_vwap_eligible,
                },
            );
        }
    }

    fn refuse(&mut self, line: u64, reason: Malformed) {
        self.report.malformed += 1;
        *self.malformed.entry(reason).or_insert(0) += 1;
        if self.report.examples.len() < MAX_EXAMPLES {
            self.report.examples.push((line, reason.to_string()));
        }
    }

    fn parse_messages(&mut self, block: &Block, handover: &mut Handover) {
        let document = Document { bytes: &block.bytes, received_at_ms: None, origin: "windows" };
        let parsed = touchline_feed::parse(Source::Finnhub, document, &mut self.session);
        for reject in parsed.rejects {
            self.report.malformed += 1;
            *self.report.malformed_by_reason.entry(reject.reason.as_str().to_owned()).or_insert(0) += 1;
            if self.report.examples.len() < MAX_EXAMPLES {
                let line = reject.pointer.split('/').nth(1).and_then(|line| line.parse().ok()).unwrap_or(0);
                self.report.examples.push((block.first_line + line, reject.message));
            }
        }
        for (index, event) in parsed.events.into_iter().enumerate() {
            let (Some(symbol), touchline_event::Payload::Trade(trade)) = (&event.symbol, &event.payload) else {
                continue;
            };
            let tick = RoutedTick {
                symbol: self.names.number(symbol.as_bytes()),
                price_e8: trade.price_e8,
                volume_e8: trade.volume_e8,
                timestamp_ms: event.timestamp_ms,
                block_max_ms: 0,
                order: block_order(block.sequence, index as u64 + 1),
                line_hash: content_hash(symbol, event.timestamp_ms, trade),
                is_vwap_eligible: trade.is_vwap_eligible,
            };
            route(handover, tick);
        }
    }

    fn finish(mut self, partition: &Partition) {
        for (reason, count) in std::mem::take(&mut self.malformed) {
            *self.report.malformed_by_reason.entry(reason.to_string()).or_insert(0) += count;
        }
        let mut report = lock(&self.shared.report);
        report.applied += partition.applied_count;
        report.duplicate += partition.duplicate_count;
        report.late += partition.late_count;
        report.malformed += self.report.malformed;
        report.bytes += self.report.bytes;
        report.examples.append(&mut self.report.examples);
        for (reason, count) in self.report.malformed_by_reason {
            *report.malformed_by_reason.entry(reason).or_insert(0) += count;
        }
    }
}

/// Identical prints of a message stream have one content, whatever their ids.
fn content_hash(symbol: &str, timestamp_ms: i64, trade: &touchline_event::Trade) -> u64 {
    let mut content = format!("{symbol}|{timestamp_ms}|{}|{}", trade.price_e8, trade.volume_e8);
    for code in &trade.conditions {
        content.push('|');
        content.push_str(code);
    }
    xxh3_64(content.as_bytes())
}

fn route(handover: &mut Handover, mut tick: RoutedTick) {
    tick.block_max_ms = handover.block_max_ms;
    handover.block_max_ms = handover.block_max_ms.max(tick.timestamp_ms);
    let partition = tick.symbol as usize % handover.ticks.len();
    handover.ticks[partition].push(tick);
}

/// A block has fewer than 2^32 lines, so block and line order the whole file.
fn block_order(sequence: u64, line: u64) -> i64 {
    ((sequence << 32) | line) as i64
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or(&[]);
        Some(line)
    })
}
