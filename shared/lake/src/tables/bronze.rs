//! `bronze.*`: payloads that landed, records that were refused, events that came too late.

use super::column::{Column, Table, int, long, maybe, required, some, text, time};

/// A row of `bronze.payloads`.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct PayloadRow {
    pub source: String,
    /// Where the raw bytes lie in the object store.
    pub object_key: String,
    /// Where they came from: a URL without its secrets, a file, a recording.
    pub origin: String,
    pub session: String,
    pub received_at_ms: i64,
    /// Before compression.
    pub byte_count: i64,
    pub content_hash: String,
    pub event_count: i32,
    pub reject_count: i32,
}

/// A row of `bronze.quarantine`.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct QuarantineRow {
    pub quarantine_id: String,
    pub source: String,
    pub reason: String,
    /// Where in the payload: a JSON pointer or a line.
    pub pointer: String,
    pub message: String,
    pub raw: String,
    pub object_key: Option<String>,
    pub shard: Option<String>,
    pub sequence: Option<String>,
    pub sub: Option<i32>,
    pub quarantined_at_ms: i64,
}

/// A row of `bronze.late_events`.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct LateEventRow {
    pub event_id: String,
    pub source: String,
    pub entity: String,
    pub kind: String,
    /// `late` or `after_seal`.
    pub ledger: String,
    pub reason: String,
    pub event_time_ms: i64,
    pub first_arrival_at_ms: i64,
    /// The event, JSON.
    pub event: String,
}

/// A row of `bronze.redrives`.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct RedriveRow {
    pub entry_id: String,
    /// `quarantine` or `late`.
    pub ledger: String,
    pub source: String,
    pub event_id: Option<String>,
    pub republished: i64,
    pub redriven_at_ms: i64,
}

/// Payloads that landed.
pub static PAYLOADS: Table<PayloadRow> = Table {
    name: "bronze.payloads",
    grain: "one payload as a vendor sent it",
    day_column: Some("received_at"),
    columns: payloads,
};

/// Records that were refused.
pub static QUARANTINE: Table<QuarantineRow> = Table {
    name: "bronze.quarantine",
    grain: "one refused record",
    day_column: Some("quarantined_at"),
    columns: quarantine,
};

/// Events that came too late for their window.
pub static LATE_EVENTS: Table<LateEventRow> = Table {
    name: "bronze.late_events",
    grain: "one event that came beyond the lateness horizon or after its pane was sealed",
    day_column: Some("event_time"),
    columns: late_events,
};

/// Entries of the ledgers that were redriven.
pub static REDRIVES: Table<RedriveRow> = Table {
    name: "bronze.redrives",
    grain: "one entry of quarantine or a late ledger whose events found their way after all",
    day_column: Some("redriven_at"),
    columns: redrives,
};

fn payloads() -> Vec<Column<PayloadRow>> {
    vec![
        required(text("source", "The vendor.", |row| some(&row.source))),
        required(text("object_key", "Where the raw bytes lie in the object store.", |row| some(&row.object_key))),
        required(text("origin", "Where they came from: a URL without secrets, a file.", |row| some(&row.origin))),
        required(text("session", "The poll, connection or file they belong to.", |row| some(&row.session))),
        required(time("received_at", "When our side read them.", |row| Some(row.received_at_ms))),
        required(long("byte_count", "Bytes before compression.", |row| Some(row.byte_count))),
        required(text("content_hash", "XXH3 of the bytes, 16 hex digits.", |row| some(&row.content_hash))),
        required(int("event_count", "Events parsed from it.", |row| Some(row.event_count))),
        required(int("reject_count", "Records of it that were refused.", |row| Some(row.reject_count))),
    ]
}

fn quarantine() -> Vec<Column<QuarantineRow>> {
    vec![
        required(text("quarantine_id", "Identity of the refused record; the same in every retry.", |row| {
            some(&row.quarantine_id)
        })),
        required(text("source", "The vendor.", |row| some(&row.source))),
        required(text("reason", "Why, as a word.", |row| some(&row.reason))),
        required(text("pointer", "Where in the payload.", |row| some(&row.pointer))),
        required(text("message", "Why, as a sentence.", |row| some(&row.message))),
        required(text("raw", "The record as it came.", |row| some(&row.raw))),
        text("object_key", "Raw object it lies in.", |row| maybe(row.object_key.as_ref())),
        text("shard", "Shard it was delivered from.", |row| maybe(row.shard.as_ref())),
        text("sequence", "Sequence number of its stream record.", |row| maybe(row.sequence.as_ref())),
        int("sub", "Index inside the stream record.", |row| row.sub),
        required(time("quarantined_at", "When it was refused.", |row| Some(row.quarantined_at_ms))),
    ]
}

fn late_events() -> Vec<Column<LateEventRow>> {
    vec![
        required(text("event_id", "Identity of the vendor's fact, 16 hex digits.", |row| some(&row.event_id))),
        required(text("source", "The vendor.", |row| some(&row.source))),
        required(text("entity", "Whom it is about, vendor in front.", |row| some(&row.entity))),
        required(text("kind", "What happened.", |row| some(&row.kind))),
        required(text("ledger", "late (beyond the horizon) or after_seal.", |row| some(&row.ledger))),
        required(text("reason", "Why it was not counted.", |row| some(&row.reason))),
        required(time("event_time", "When it happened, by the vendor's clock.", |row| Some(row.event_time_ms))),
        required(time("first_arrival_at", "When it first reached us.", |row| Some(row.first_arrival_at_ms))),
        required(text("event", "The event, JSON.", |row| some(&row.event))),
    ]
}

fn redrives() -> Vec<Column<RedriveRow>> {
    vec![
        required(text("entry_id", "Identity of the entry; the `quarantine_id` of a refused record.", |row| {
            some(&row.entry_id)
        })),
        required(text("ledger", "quarantine or late (beyond the horizon or after the seal).", |row| some(&row.ledger))),
        required(text("source", "The vendor.", |row| some(&row.source))),
        text("event_id", "Identity of the late event.", |row| maybe(row.event_id.as_ref())),
        required(long("republished", "Deliveries that the stream holds a second time for it.", |row| {
            Some(row.republished)
        })),
        required(time("redriven_at", "When.", |row| Some(row.redriven_at_ms))),
    ]
}
