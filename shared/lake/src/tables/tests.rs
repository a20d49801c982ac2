//! Every declared table, written and read back; every kind of event in its table.

mod payloads;

use std::collections::BTreeSet;

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use touchline_event::Payload;
use touchline_metric::Family;

use super::*;
use crate::lake::{Lake, table_ident};
use crate::port::Tables;
use crate::testing::{at, read};
use payloads::{EXPECTED, payloads};

fn text(value: &str) -> String {
    value.to_owned()
}

/// `column=value` of every non-null cell.
fn cells(batch: &RecordBatch, row: usize) -> Vec<String> {
    let options = FormatOptions::default();
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).filter(|(_, column)| column.is_valid(row));
    columns
        .map(|(field, column)| {
            format!("{}={}", field.name(), ArrayFormatter::try_new(column, &options).unwrap().value(row))
        })
        .collect()
}

#[test]
fn every_kind_has_one_table_and_every_event_table_a_kind() {
    let with_table: BTreeSet<&str> = Kind::ALL.iter().filter_map(|kind| event_table(*kind)).map(|t| t.name).collect();
    let declared: BTreeSet<&str> = EVENT_TABLES.iter().map(|table| table.name).collect();
    assert_eq!(with_table, declared);
    let without: Vec<&Kind> = Kind::ALL.iter().filter(|kind| event_table(**kind).is_none()).collect();
    assert_eq!(without, [&Kind::Heartbeat]);
    assert_eq!(
        payloads().iter().map(Payload::kind).collect::<Vec<_>>(),
        Kind::ALL,
        "a payload of every kind is tested"
    );
}

#[tokio::test]
async fn events_of_every_kind_are_read_back_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let store = touchline_store::MemoryStore::default();
    let events: Vec<ArchivedEvent> =
        payloads().into_iter().enumerate().map(|(n, payload)| at("shard-0", 3, n as u64, 2, payload)).collect();
    let archived = lake.archive(&store, "e1", &events).await.unwrap();
    assert_eq!((archived.row_count, archived.unarchived_count), (27, 1));
    lake.commit_chains(&store, "e1").await.unwrap();

    let mut rows = Vec::new();
    for table in EVENT_TABLES {
        for batch in read(&lake.load(&table_ident(table.name).unwrap()).await.unwrap()).await {
            rows.extend((0..batch.num_rows()).map(|row| (table.name, cells(&batch, row))));
        }
    }
    assert_eq!(rows.len(), 27);
    let find = |kind: &str| {
        let kind = format!("kind={kind}");
        rows.iter().find(|(_, cells)| cells.contains(&kind)).map(|(name, cells)| (*name, cells.join(" "))).unwrap()
    };
    let (name, cells) = find("trade");
    assert_eq!(name, "silver.trades");
    let id = events[10].event.event_id;
    assert_eq!(
        cells,
        format!(
            "event_id={id} kind=trade source=finnhub symbol=S3 entity=finnhub:S3 event_time=2023-11-14T22:13:20Z \
             ingested_at=2023-11-14T22:13:20.050Z first_arrival_at=2023-11-14T22:13:20.050Z lane=3 shard=shard-0 \
             sequence=10 sub=2 price_e8=16406010000 volume_e8=1 is_vwap_eligible=true"
        )
    );
    for (kind, table, end) in EXPECTED {
        let (name, cells) = find(kind);
        assert_eq!(name, *table);
        assert!(cells.ends_with(end), "{kind}: {cells}");
    }
}

#[tokio::test]
async fn events_of_every_kind_are_the_same_events_when_they_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let store = touchline_store::MemoryStore::default();
    let mut events: Vec<ArchivedEvent> =
        payloads().into_iter().enumerate().map(|(n, payload)| at("shard-0", 3, n as u64, 2, payload)).collect();
    for archived in &mut events {
        let event = &mut archived.event;
        (event.league, event.period, event.vendor_seq) = (Some(text("nfl")), Some(2), Some(-7));
        event.symbol = Some(text("S"));
        event.game_clock = Some(text("4:12"));
    }
    lake.archive(&store, "e1", &events).await.unwrap();
    lake.commit_chains(&store, "e1").await.unwrap();
    events.retain(|archived| archived.event.kind != Kind::Heartbeat);
    let (from_ms, to_ms) = (events[0].event.timestamp_ms, events[0].event.timestamp_ms + 2 * 86_400_000);
    let mut whole_count = 0;
    for event in &events {
        let entity = event.event.entity();
        let kinds = [event.event.kind];
        let mut read = lake.events(&entity, &kinds, from_ms, to_ms).await.unwrap();
        if Family::of(&event.event) == Some(Family::Tally) {
            read[0].event.payload = event.event.payload.clone();
        } else {
            whole_count += 1;
        }
        assert_eq!(read, std::slice::from_ref(event), "{}", event.event.kind);
        assert!(lake.events("other:S", &kinds, from_ms, to_ms).await.unwrap().is_empty());
        assert!(lake.events(&entity, &kinds, to_ms, to_ms + 1).await.unwrap().is_empty());
    }
    assert_eq!(whole_count, 9);
    assert_eq!(lake.events(&events[0].event.entity(), Kind::ALL, from_ms, to_ms).await.unwrap().len(), events.len());
}

#[tokio::test]
async fn rows_of_windows_anomalies_and_bronze_are_read_back() {
    async fn write_one<R>(lake: &Lake, table: &Table<R>, row: &R) -> String {
        let name = table_ident(table.name).unwrap();
        lake.append_rows_once(&name, vec![table.batch(&[row]).unwrap()], "test", 1).await.unwrap();
        cells(&read(&lake.load(&name).await.unwrap()).await[0], 0).join(" ")
    }
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let window_start_ms = 1_700_000_040_000;
    let row = TradeWindowRow {
        symbol: text("AAPL"),
        window_start_ms,
        window_ms: 60_000,
        vwap: Some(1.5),
        ..Default::default()
    };
    let cells = write_one(&lake, &TRADE_WINDOWS, &row).await;
    assert!(cells.contains("symbol=AAPL window_start=2023-11-14T22:14:00Z window_ms=60000 revision=0"), "{cells}");
    assert!(cells.contains("turnover=0.0 vwap=1.5 as_of="), "{cells}");
    let row = OddsWindowRow { book: text("b"), point: Some(-3.5), close: 1.9, revision: 2, ..Default::default() };
    let cells = write_one(&lake, &ODDS_WINDOWS, &row).await;
    assert!(cells.contains("point=-3.5") && cells.contains("revision=2") && cells.contains("close=1.9"), "{cells}");
    let row = ScoreWindowRow { lead: -4, is_final: true, ..Default::default() };
    let cells = write_one(&lake, &SCORE_WINDOWS, &row).await;
    assert!(cells.contains("is_final=true") && cells.contains("lead=-4"), "{cells}");
    let row = AnomalyRow { anomaly_id: text("a1"), robust_z: Some(9.0), ..Default::default() };
    assert!(write_one(&lake, &ANOMALIES, &row).await.starts_with("anomaly_id=a1"));
    let row = PayloadRow { object_key: text("raw/x"), reject_count: 3, ..Default::default() };
    assert!(write_one(&lake, &PAYLOADS, &row).await.ends_with("event_count=0 reject_count=3"));
    let row = QuarantineRow { quarantine_id: text("q"), sub: Some(4), ..Default::default() };
    assert!(write_one(&lake, &QUARANTINE, &row).await.contains("sub=4 quarantined_at="));
    let row = LateEventRow { ledger: text("after_seal"), event: text("{}"), ..Default::default() };
    assert!(write_one(&lake, &LATE_EVENTS, &row).await.ends_with("event={}"));
}

#[test]
fn docs_data_model_has_every_table_with_its_grain_and_columns() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/data-model.md");
    let text = std::fs::read_to_string(path).unwrap();
    for table in declared() {
        assert!(text.contains(&format!("### {}\n", table.name)), "{} has no section", table.name);
        assert!(text.contains(table.grain), "{}: the grain reads {:?}", table.name, table.grain);
        for field in table.schema.fields() {
            let doc = &field.metadata()["doc"];
            let row = format!("| `{}` |", field.name());
            assert!(
                text.lines().any(|line| line.starts_with(&row) && line.contains(doc.as_str())),
                "{}.{} lacks its line with {doc:?}",
                table.name,
                field.name()
            );
        }
    }
}
