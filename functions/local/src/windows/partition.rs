//! One share of the symbols: open panes, closing by watermark, rows of finished windows.
//! PART-1: an event is late exactly if its pane's end plus the lateness was at or below the greatest event time before it in the file.
//! PART-2: memory holds open panes and, for sliding windows, one window's length of closed ones; not the file.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use touchline_metric::{AnomalyKind, ClosedWindow, HISTORY_WINDOWS, TradeState, detect};
use touchline_window::{WindowSpec, pane_start_ms};

use super::row::WindowRow;

/// A parsed trade on its way to its partition.
#[derive(Debug, Clone, Copy)]
pub struct RoutedTick {
    pub symbol: u32,
    pub price_e8: i64,
    pub volume_e8: i64,
    pub timestamp_ms: i64,
    /// Greatest event time before this one inside its block.
    pub block_max_ms: i64,
    /// Place in the file: orders equal times.
    pub order: i64,
    pub line_hash: u64,
    pub is_vwap_eligible: bool,
}

/// Hashes are hashed already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

type SeenLines = HashSet<u64, BuildHasherDefault<Identity>>;

/// What the job was asked for.
#[derive(Debug, Clone, Copy)]
pub struct JobSpec {
    pub window: WindowSpec,
    pub pane_ms: i64,
    pub lateness_ms: i64,
    pub is_dropping_duplicates: bool,
}

#[derive(Default)]
struct SymbolState {
    panes: VecDeque<(i64, TradeState)>,
    history: VecDeque<ClosedWindow>,
}

/// State of one worker's symbols.
pub struct Partition {
    spec: JobSpec,
    /// By symbol number; numbers of other partitions stay empty.
    symbols: Vec<SymbolState>,
    /// Lines seen per open pane: a retransmission has its original's time, so it meets it in the same pane.
    seen: BTreeMap<i64, SeenLines>,
    /// Panes that end at or before this are closed.
    closed_ms: i64,
    pub late_count: u64,
    pub duplicate_count: u64,
    pub applied_count: u64,
}

impl Partition {
    pub fn new(spec: JobSpec) -> Self {
        Self {
            spec,
            symbols: Vec::new(),
            seen: BTreeMap::new(),
            closed_ms: i64::MIN,
            late_count: 0,
            duplicate_count: 0,
            applied_count: 0,
        }
    }

    /// Counts one trade. `max_before_ms`: greatest event time of all blocks before its own.
    pub fn add(&mut self, tick: &RoutedTick, max_before_ms: i64) {
        let start_ms = pane_start_ms(tick.timestamp_ms, self.spec.pane_ms);
        let max_seen_ms = max_before_ms.max(tick.block_max_ms);
        if start_ms + self.spec.pane_ms <= max_seen_ms.saturating_sub(self.spec.lateness_ms) {
            self.late_count += 1;
            return;
        }
        if self.spec.is_dropping_duplicates && !self.seen.entry(start_ms).or_default().insert(tick.line_hash) {
            self.duplicate_count += 1;
            return;
        }
        self.applied_count += 1;
        let symbol = tick.symbol as usize;
        if symbol >= self.symbols.len() {
            self.symbols.resize_with(symbol + 1, SymbolState::default);
        }
        let pane = self.symbols[symbol].pane(start_ms);
        if tick.is_vwap_eligible {
            pane.add(tick.timestamp_ms, Some(tick.order), 0, tick.price_e8, tick.volume_e8);
        } else {
            pane.exclude();
        }
    }

    /// Closes every pane that ends at or before `watermark_ms` and appends the rows of windows that are complete by then.
    pub fn close(&mut self, watermark_ms: i64, rows: &mut Vec<WindowRow>) {
        let upto_ms = pane_start_ms(watermark_ms, self.spec.pane_ms);
        if upto_ms <= self.closed_ms {
            return;
        }
        let spec = self.spec;
        for (symbol, state) in self.symbols.iter_mut().enumerate().filter(|(_, state)| !state.panes.is_empty()) {
            state.close(symbol as u32, spec, self.closed_ms, upto_ms, rows);
        }
        self.seen = self.seen.split_off(&upto_ms);
        self.closed_ms = upto_ms;
    }
}

impl SymbolState {
    fn pane(&mut self, start_ms: i64) -> &mut TradeState {
        let at = match self.panes.back() {
            Some((last, _)) if *last == start_ms => self.panes.len() - 1,
            _ => self.panes.partition_point(|(start, _)| *start < start_ms),
        };
        if self.panes.get(at).is_none_or(|(start, _)| *start != start_ms) {
            self.panes.insert(at, (start_ms, TradeState::default()));
        }
        &mut self.panes[at].1
    }

    fn close(&mut self, symbol: u32, spec: JobSpec, closed_ms: i64, upto_ms: i64, rows: &mut Vec<WindowRow>) {
        let mut windows: BTreeMap<i64, TradeState> = BTreeMap::new();
        for (pane_ms, pane) in &self.panes {
            for start_ms in spec.window.starts_containing(*pane_ms) {
                let end_ms = start_ms + spec.window.size_ms;
                if end_ms > closed_ms && end_ms <= upto_ms {
                    windows.entry(start_ms).and_modify(|window| window.merge(pane)).or_insert_with(|| pane.clone());
                }
            }
        }
        for (start_ms, window) in windows {
            rows.push(self.row(symbol, start_ms, spec.window.size_ms, &window));
        }
        // A pane is needed until the last window that contains it is out: that one starts inside the pane.
        self.panes.retain(|(pane_ms, _)| {
            spec.window.starts_containing(*pane_ms).any(|start_ms| start_ms + spec.window.size_ms > upto_ms)
        });
    }

    fn row(&mut self, symbol: u32, start_ms: i64, size_ms: i64, state: &TradeState) -> WindowRow {
        let metrics = state.metrics(size_ms);
        let mut row = WindowRow {
            symbol,
            window_start_ms: start_ms,
            window_end_ms: start_ms + size_ms,
            metrics,
            volume_spike_severity: None,
            price_jump_sigmas: None,
        };
        if let Some(close) = metrics.close {
            let current = ClosedWindow { start_ms, volume: metrics.volume, close };
            for anomaly in detect(self.history.make_contiguous(), current) {
                match anomaly.kind {
                    AnomalyKind::VolumeSpike => row.volume_spike_severity = Some(anomaly.severity),
                    AnomalyKind::PriceJump => row.price_jump_sigmas = Some(anomaly.severity),
                }
            }
            if self.history.len() == HISTORY_WINDOWS {
                self.history.pop_front();
            }
            self.history.push_back(current);
        }
        row
    }
}
