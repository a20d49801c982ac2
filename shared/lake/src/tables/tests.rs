//! Every declared table, written and read back; every kind of event in its table.

use std::collections::BTreeSet;

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use touchline_event::{
    Article, Card, Fixture, GameStatus, Goal, MarketStatus, OddsQuote, Other, Payload, PeriodChange, Play, ScoreUpdate,
    Side, Substitution, Team, TradedVolume, WeatherObservation,
};

use super::*;
use crate::lake::{Lake, table_ident};
use crate::port::Tables;
use crate::testing::{at, heartbeat, read, trade};

fn text(value: &str) -> String {
    value.to_owned()
}

/// One payload of every kind, optional fields set.
fn payloads() -> Vec<Payload> {
    let team = |name: &str| Team { id: text("7"), name: text(name), abbreviation: Some(text("T")) };
    vec![
        Fixture {
            home: team("Home"),
            away: team("Away"),
            starts_at_ms: Some(1_700_000_000_000),
            status: GameStatus::Scheduled,
            status_detail: Some(text("STATUS_SCHEDULED")),
            venue: Some(text("Arena")),
            is_neutral_site: Some(false),
        }
        .into(),
        ScoreUpdate { home_score: 21, away_score: 17, status: GameStatus::Halftime, periods: vec![[7, 10], [14, 7]] }
            .into(),
        PeriodChange { status: GameStatus::Halftime, status_detail: text("STATUS_HALFTIME") }.into(),
        Goal { scorer: Some(text("Kane")), is_own_goal: false, is_penalty: true, is_shootout: false }.into(),
        Card { color: text("yellow"), player: Some(text("Rice")) }.into(),
        Substitution { player_in: Some(text("In")), player_out: Some(text("Out")) }.into(),
        Play {
            play_type: text("Pass Reception"),
            text: Some(text("for 12 yards")),
            is_scoring: false,
            score_value: 0,
            home_score: 7,
            away_score: 3,
            drive_id: Some(text("4")),
            home_win_probability_e4: Some(6_120),
        }
        .into(),
        OddsQuote {
            book: text("draftkings"),
            market: text("spreads"),
            outcome: text("Home"),
            point_e2: Some(-350),
            price_e6: 1_909_091,
            side: Side::Lay,
            size_e2: Some(12_345),
        }
        .into(),
        MarketStatus {
            market: text("1.170"),
            status: text("open"),
            is_in_play: true,
            market_time_ms: Some(1_700_000_000_000),
            outcomes: vec![(text("55"), text("ACTIVE"))],
        }
        .into(),
        TradedVolume { market: text("1.170"), outcome: text("55"), price_e6: 2_000_000, size_e2: 500 }.into(),
        trade(16_406_010_000),
        WeatherObservation {
            temperature_c_e2: Some(-150),
            wind_mps_e2: Some(420),
            condition: Some(text("snow")),
            is_indoor: Some(false),
        }
        .into(),
        Article { title: text("t"), url: text("u"), publisher: None }.into(),
        heartbeat(0),
        Other { vendor_kind: text("var"), content: serde_json::json!({"x": 1}) }.into(),
    ]
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
    assert_eq!((archived.row_count, archived.unarchived_count), (14, 1));
    lake.commit_chains(&store, "e1").await.unwrap();

    let mut rows = Vec::new();
    for table in EVENT_TABLES {
        for batch in read(&lake.load(&table_ident(table.name).unwrap()).await.unwrap()).await {
            rows.extend((0..batch.num_rows()).map(|row| (table.name, cells(&batch, row))));
        }
    }
    assert_eq!(rows.len(), 14);
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
    for (kind, table, end) in [
        ("score_update", "silver.scores", "home_score=21 away_score=17 status=halftime periods=[[7,10],[14,7]]"),
        ("period_change", "silver.scores", "sub=2 status=halftime status_detail=STATUS_HALFTIME"),
        ("goal", "silver.match_events", "detail=penalty player=Kane"),
        ("card", "silver.match_events", "detail=yellow player=Rice"),
        ("substitution", "silver.match_events", "detail= player=In other_player=Out"),
        (
            "market_status",
            "silver.markets",
            "is_in_play=true market_time=2023-11-14T22:13:20Z outcomes=[[\"55\",\"ACTIVE\"]]",
        ),
        ("traded_volume", "silver.markets", "sub=2 market=1.170 outcome=55 price_e6=2000000 size_e2=500"),
        ("odds_quote", "silver.odds_quotes", "outcome=Home point_e2=-350 price_e6=1909091 side=lay size_e2=12345"),
        ("play", "silver.plays", "score_value=0 home_score=7 away_score=3 drive_id=4 home_win_probability_e4=6120"),
        (
            "fixture",
            "silver.fixtures",
            "status=scheduled status_detail=STATUS_SCHEDULED venue=Arena is_neutral_site=false",
        ),
        (
            "weather_observation",
            "silver.weather",
            "temperature_c_e2=-150 wind_mps_e2=420 condition=snow is_indoor=false",
        ),
        ("article", "silver.other", "vendor_kind=article content={\"title\":\"t\",\"url\":\"u\"}"),
        ("other", "silver.other", "vendor_kind=var content={\"x\":1}"),
    ] {
        let (name, cells) = find(kind);
        assert_eq!(name, table);
        assert!(cells.ends_with(end), "{kind}: {cells}");
    }
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
