//! Quarantine, late ledgers and what was redriven of them as rows for bronze, named by the ledger's own keys: queued again they are the same rows.

use std::collections::BTreeMap;

use serde::Serialize;
use touchline_event::Event;
use touchline_lake::tables::{LATE_EVENTS, LateEventRow, QUARANTINE, QuarantineRow, REDRIVES, RedriveRow};
use touchline_store::{LateEntry, LateLedger, Ledger, QuarantineEntry, late, outbox, quarantine, redriven};

use crate::{CommitContext, CommitError};

/// Records of the stream whose vendor could not be read.
const UNKNOWN_SOURCE: &str = "unknown";

/// Queues every ledger entry that is not queued yet.
pub(crate) async fn queue<L>(context: &CommitContext<L>) -> Result<(), CommitError> {
    let sources = context.sources.iter().map(String::as_str).chain([UNKNOWN_SOURCE]);
    for source in sources {
        let mut rows = Vec::new();
        for (name, entry) in quarantine::list(&*context.store, source).await? {
            rows.push((format!("{source}#{name}"), encode(QUARANTINE.name, &quarantine_row(source, &name, entry))?));
        }
        outbox::put(&*context.store, QUARANTINE.name, rows).await?;
        let (mut rows, mut late_ids) = (Vec::new(), BTreeMap::new());
        for (name, entry) in late::list(&*context.store, source).await? {
            let row = late_row(source, entry);
            rows.push((format!("{source}#{name}"), encode(LATE_EVENTS.name, &row)?));
            late_ids.insert(name, row.event_id);
        }
        outbox::put(&*context.store, LATE_EVENTS.name, rows).await?;
        queue_redrives(context, source, &late_ids).await?;
    }
    Ok(())
}

async fn queue_redrives<L>(
    context: &CommitContext<L>,
    source: &str,
    late_ids: &BTreeMap<String, String>,
) -> Result<(), CommitError> {
    for ledger in [Ledger::Quarantine, Ledger::Late] {
        let mut rows = Vec::new();
        for (name, mark) in redriven::list(&*context.store, ledger, source).await? {
            let row = RedriveRow {
                entry_id: format!("{source}#{name}"),
                ledger: ledger.as_str().to_owned(),
                source: source.to_owned(),
                event_id: late_ids.get(&name).filter(|_| ledger == Ledger::Late).cloned(),
                republished: mark.republished as i64,
                redriven_at_ms: mark.at_ms,
            };
            rows.push((format!("{}#{source}#{name}", ledger.as_str()), encode(REDRIVES.name, &row)?));
        }
        outbox::put(&*context.store, REDRIVES.name, rows).await?;
    }
    Ok(())
}

fn encode<R: Serialize>(table: &'static str, row: &R) -> Result<Vec<u8>, CommitError> {
    serde_json::to_vec(row).map_err(|error| CommitError::Row { table, message: error.to_string() })
}

fn quarantine_row(source: &str, name: &str, entry: QuarantineEntry) -> QuarantineRow {
    // Stream entries are named `stream#shard#sequence#sub`; parse entries by their object.
    let mut parts = name.strip_prefix("stream#").into_iter().flat_map(|rest| rest.split('#'));
    let shard = parts.next().map(str::to_owned);
    let sequence = parts.next().map(|digits| digits.trim_start_matches('0').to_owned());
    let sub = parts.next().and_then(|digits| digits.parse().ok());
    QuarantineRow {
        quarantine_id: format!("{source}#{name}"),
        source: entry.source,
        reason: entry.reason,
        pointer: entry.pointer,
        message: entry.message,
        raw: String::from_utf8_lossy(&entry.raw).into_owned(),
        object_key: entry.object_key,
        shard,
        sequence,
        sub,
        quarantined_at_ms: entry.at_ms,
    }
}

fn late_row(source: &str, entry: LateEntry) -> LateEventRow {
    let event: Option<Event> = serde_json::from_str(&entry.event_json).ok();
    LateEventRow {
        event_id: event.as_ref().map(|event| event.event_id.to_string()).unwrap_or_default(),
        source: source.to_owned(),
        entity: event.as_ref().map(Event::entity).unwrap_or_default(),
        kind: event.as_ref().map(|event| event.kind.as_str().to_owned()).unwrap_or_default(),
        ledger: if entry.ledger == LateLedger::Late { "late" } else { "after_seal" }.to_owned(),
        reason: entry.reason,
        event_time_ms: event.as_ref().map_or(0, |event| event.timestamp_ms),
        first_arrival_at_ms: event.as_ref().map_or(0, |event| event.first_arrival_ms),
        event: entry.event_json,
    }
}
