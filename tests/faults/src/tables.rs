//! The end of a schedule in the lake: every accepted position, every revision and every ledger entry once.
//! TBL-1 (P9): what must be archived is in the table of its kind exactly once, and nothing else is.
//! TBL-2 (FIN-2): a pane's rows have distinct revisions, each with what the pane said at that revision; the last is there.
//! TBL-3 (P10, liveness): a pane whose watermark has passed is final and published, and sealed where that is due.
//! TBL-4 (P12): bronze holds the ledgers, entry for entry.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use touchline_delivery::{Transport, block_on};
use touchline_lake::tables::{
    ANOMALIES, LATE_EVENTS, ODDS_WINDOWS, QUARANTINE, SCORE_WINDOWS, TRADE_WINDOWS, event_table,
};
use touchline_lake::{MemoryTables, table_ident};
use touchline_metric::FamilyState;
use touchline_store::{ItemStore, late, quarantine};

use crate::auditor::{Auditor, Standing};
use crate::books::{Books, Violation};
use crate::sandbox::{ARCHIVE, sequence_of, shard_id};
use crate::scenario::{Fate, SOURCES};
use crate::store::open;

/// Shard, sequence and index.
type Place = (String, String, i32);

/// Judges the tables of a schedule that came to its end.
pub fn judge(
    auditor: &Auditor,
    lake: &MemoryTables,
    store: &dyn ItemStore,
    transport: Transport,
) -> Result<(), Violation> {
    positions_are_once(auditor, lake, transport)?;
    let books = open(&auditor.books);
    revisions_are_once(&books, lake)?;
    anomalies_are_once(lake)?;
    panes_are_as_old_as_their_watermark(&books)?;
    drop(books);
    ledgers_are_in_bronze(lake, store)
}

fn rows(lake: &MemoryTables, table: &str) -> Vec<RecordBatch> {
    table_ident(table).map(|ident| lake.rows(&ident)).unwrap_or_default()
}

fn text<'b>(batch: &'b RecordBatch, name: &str, row: usize) -> &'b str {
    batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>()).map_or("", |column| column.value(row))
}

fn whole(batch: &RecordBatch, name: &str, row: usize) -> i64 {
    let Some(column) = batch.column_by_name(name) else { return i64::MIN };
    if let Some(column) = column.as_primitive_opt::<Int32Type>() {
        return i64::from(column.value(row));
    }
    if let Some(column) = column.as_primitive_opt::<TimestampMicrosecondType>() {
        return column.value(row) / 1000;
    }
    column.as_primitive_opt::<Int64Type>().map_or(i64::MIN, |column| column.value(row))
}

/// TBL-1.
fn positions_are_once(auditor: &Auditor, lake: &MemoryTables, transport: Transport) -> Result<(), Violation> {
    let wrong = |text: String| Err(Violation::new("P9", text));
    let mut expected: BTreeMap<&str, BTreeMap<Place, bool>> = BTreeMap::new();
    for one in auditor.published.iter().filter(|one| one.standings[ARCHIVE] != Standing::Lost) {
        for (sub, told) in one.record.payload.told.iter().enumerate() {
            let Some(table) = event_table(told.event.kind).filter(|_| is_archived(&told.fate)) else { continue };
            let record = &one.record;
            let sequence = sequence_of(transport, record.sequence).to_string();
            let place = (shard_id(transport, record.shard).0, sequence, sub as i32);
            let is_sure = one.standings[ARCHIVE] == Standing::Sure;
            expected.entry(table.name).or_default().insert(place, is_sure);
        }
    }
    for (table, places) in expected {
        let mut missing = places.clone();
        for batch in rows(lake, table) {
            for row in 0..batch.num_rows() {
                let place = (
                    text(&batch, "shard", row).to_owned(),
                    text(&batch, "sequence", row).to_owned(),
                    whole(&batch, "sub", row) as i32,
                );
                if missing.remove(&place).is_none() {
                    let why = if places.contains_key(&place) { "there twice" } else { "nobody's" };
                    return wrong(format!("{table}: {place:?} is {why}"));
                }
            }
        }
        if let Some((place, _)) = missing.iter().find(|(_, is_sure)| **is_sure) {
            return wrong(format!("{table}: {place:?} is missing"));
        }
    }
    Ok(())
}

/// Everything that can be read and travelled on its own lane, in time or not.
fn is_archived(fate: &Fate) -> bool {
    match fate {
        Fate::Pane(_) | Fate::Late => true,
        Fate::Quarantine { is_readable, .. } => *is_readable,
        Fate::Heartbeat { .. } => false,
    }
}

/// What one row of a window table is about: source, subject, start and revision.
type Window = (String, String, i64, u32);

/// TBL-2.
fn revisions_are_once(books: &Books, lake: &MemoryTables) -> Result<(), Violation> {
    let wrong = |text: String| Err(Violation::new("FIN-2", text));
    let tables = [(TRADE_WINDOWS.name, "symbol"), (ODDS_WINDOWS.name, "game_id"), (SCORE_WINDOWS.name, "game_id")];
    for (table, subject) in tables {
        // Rows and events counted by each window's revision.
        let mut said: BTreeMap<Window, (usize, i64)> = BTreeMap::new();
        let mut lines: BTreeSet<String> = BTreeSet::new();
        for batch in rows(lake, table) {
            for row in 0..batch.num_rows() {
                let subject = [text(&batch, subject, row), text(&batch, "market", row)].join("|");
                let start_ms = whole(&batch, "window_start", row);
                let revision = whole(&batch, "revision", row) as u32;
                let window = (text(&batch, "source", row).to_owned(), subject, start_ms, revision);
                let point = batch.column_by_name("point").is_some_and(|column| column.is_valid(row));
                let names = ["book", "outcome", "side"].map(|name| text(&batch, name, row));
                if !lines.insert(format!("{window:?} {names:?} {point}")) {
                    return wrong(format!("{table}: {window:?} is there twice"));
                }
                let counts = ["trade_count", "quote_count", "update_count"].map(|name| whole(&batch, name, row));
                let sum = said.entry(window).or_default();
                (sum.0, sum.1) = (sum.0 + 1, sum.1 + counts.into_iter().max().unwrap_or(0));
            }
        }
        for (pane, plan) in books.scenario.panes.iter().enumerate() {
            let Some((_, subject)) = plan.key.entity.split_once(':') else { continue };
            let subject = if subject.contains('|') { subject.to_owned() } else { format!("{subject}|") };
            let last = books.revisions[pane].keys().max();
            for (revision, state) in &books.revisions[pane] {
                let (of_table, expected) = rows_of(state, plan.key.pane_ms);
                if of_table != table || expected.0 == 0 {
                    continue;
                }
                let window = (plan.source.clone(), subject.clone(), plan.key.start_ms, *revision);
                match said.remove(&window) {
                    Some(found) if found != expected => {
                        return wrong(format!("{table}: {window:?} says {found:?}, the pane said {expected:?}"));
                    }
                    None if Some(revision) == last => return wrong(format!("{table}: {window:?} is not published")),
                    _ => {}
                }
            }
        }
        if let Some(window) = said.keys().next() {
            return wrong(format!("{table}: {window:?} is no pane's"));
        }
    }
    Ok(())
}

/// Named by window, entity, kind and revision.
fn anomalies_are_once(lake: &MemoryTables) -> Result<(), Violation> {
    let mut anomalies = BTreeSet::new();
    for batch in rows(lake, ANOMALIES.name) {
        for row in 0..batch.num_rows() {
            let name = (text(&batch, "anomaly_id", row).to_owned(), whole(&batch, "revision", row));
            if !anomalies.insert(name.clone()) {
                return Err(Violation::new("FIN-2", format!("anomaly {name:?} is there twice")));
            }
        }
    }
    Ok(())
}

/// The table of a pane, and how many rows and counted events it has there.
fn rows_of(state: &FamilyState, pane_ms: i64) -> (&'static str, (usize, i64)) {
    match state {
        FamilyState::Trades(state) => (TRADE_WINDOWS.name, (1, state.metrics(pane_ms).trade_count as i64)),
        FamilyState::Odds(state) => {
            let counts: Vec<i64> =
                state.lines().filter_map(|(_, line)| line.metrics()).map(|line| line.quote_count as i64).collect();
            (ODDS_WINDOWS.name, (counts.len(), counts.iter().sum()))
        }
        FamilyState::Scores(state) => {
            let metrics = state.metrics();
            let row_count = usize::from(metrics.score.is_some());
            (SCORE_WINDOWS.name, (row_count, metrics.update_count as i64))
        }
        FamilyState::Tally(_) => ("", (0, 0)),
    }
}

/// TBL-3.
fn panes_are_as_old_as_their_watermark(books: &Books) -> Result<(), Violation> {
    let policy = books.scenario.policy;
    for (pane, parts) in books.parts.iter().enumerate().filter(|(_, parts)| !parts.is_empty()) {
        let end_ms = books.scenario.panes[pane].key.end_ms();
        let lives = || parts.iter().map(|part| &part.state.lifecycle);
        let wrong = |text: &str| Err(Violation::new("P10", format!("pane {pane} is {text}")));
        if books.has_reached(pane, Some(policy.final_from_ms(end_ms))) && !lives().all(|life| life.is_final) {
            return wrong("not final");
        }
        if lives().any(|life| life.is_dirty) {
            return wrong("corrected and not published");
        }
        if books.has_reached(pane, policy.sealed_from_ms(end_ms)) && !lives().all(|life| life.is_sealed) {
            return wrong("not sealed");
        }
    }
    Ok(())
}

/// TBL-4.
fn ledgers_are_in_bronze(lake: &MemoryTables, store: &dyn ItemStore) -> Result<(), Violation> {
    let broken = |text: String| Violation::new("P12", text);
    let (mut refused, mut late_count) = (0, 0);
    for source in SOURCES.into_iter().chain(["unknown"]) {
        refused += block_on(quarantine::list(store, source)).map_err(|error| broken(error.to_string()))?.len();
        late_count += block_on(late::list(store, source)).map_err(|error| broken(error.to_string()))?.len();
    }
    for (table, expected) in [(QUARANTINE.name, refused), (LATE_EVENTS.name, late_count)] {
        let found: usize = rows(lake, table).iter().map(RecordBatch::num_rows).sum();
        if found != expected {
            return Err(broken(format!("{table} has {found} rows for {expected} entries of the ledger")));
        }
    }
    Ok(())
}
