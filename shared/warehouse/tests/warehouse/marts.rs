//! The project that ships: its unit tests, and its marts over silver rows as they are delivered.

use serde_json::{Value, json};
use touchline_warehouse::{Command, Graph, Project, Status, Target};

use crate::support::{Warehouse, outcome};

fn graph() -> Graph {
    Graph::build(Project::embedded().unwrap(), Target::DataFusion).unwrap()
}

/// An event's row: the envelope of one delivery and the columns of its table.
fn row(kind: &str, id: u64, source: &str, game: Option<&str>, at: &str, sequence: &str, columns: Value) -> Value {
    let mut row = json!({
        "event_id": format!("{id:016x}"), "kind": kind, "source": source, "game_id": game, "event_time": at,
        "entity": format!("{source}:{}", game.unwrap_or("AAPL")), "ingested_at": at, "first_arrival_at": at,
        "lane": 0, "shard": "shard-0", "sequence": sequence, "sub": 0,
    });
    for (name, value) in columns.as_object().unwrap() {
        row[name] = value.clone();
    }
    row
}

async fn match_day() -> Warehouse {
    let warehouse = Warehouse::open().await;
    let trade = |id, at: &str, sequence: &str, price: i64, volume: i64| {
        let columns = json!({"symbol": "AAPL", "price_e8": price, "volume_e8": volume, "is_vwap_eligible": true});
        row("trade", id, "finnhub", None, at, sequence, columns)
    };
    warehouse
        .append(
            "silver.trades",
            &[
                trade(1, "2026-01-05T14:30:01Z", "100", 10_000_000_000, 100_000_000),
                trade(2, "2026-01-05T14:30:02Z", "101", 10_200_000_000, 300_000_000),
                trade(3, "2026-01-05T14:31:02Z", "102", 10_100_000_000, 100_000_000),
            ],
        )
        .await;
    // The same trade delivered again, in a later commit.
    warehouse.append("silver.trades", &[trade(2, "2026-01-05T14:30:02Z", "99999", 10_200_000_000, 300_000_000)]).await;
    let fixture =
        json!({"home_name": "Hawks", "away_name": "Bulls", "starts_at": "2026-01-05T19:30:00Z", "status": "scheduled"});
    warehouse
        .append("silver.fixtures", &[row("fixture", 10, "espn", Some("g1"), "2026-01-05T09:00:00Z", "1", fixture)])
        .await;
    let score = |id, at: &str, sequence: &str, home: i64, away: i64, status: &str| {
        let columns = json!({"home_score": home, "away_score": away, "status": status, "periods": "[[50,48]]"});
        row("score_update", id, "espn", Some("g1"), at, sequence, columns)
    };
    let scores = [
        score(20, "2026-01-05T20:00:00Z", "2", 50, 48, "in_progress"),
        score(20, "2026-01-05T20:00:00Z", "3", 50, 48, "in_progress"),
        score(21, "2026-01-05T21:50:00Z", "4", 99, 101, "final"),
    ];
    warehouse.append("silver.scores", &scores).await;
    let quote = |id, at: &str, sequence: &str, outcome: &str, price: i64| {
        let columns =
            json!({"book": "draftkings", "market": "h2h", "outcome": outcome, "price_e6": price, "side": "back"});
        row("odds_quote", id, "espn", Some("g1"), at, sequence, columns)
    };
    let quotes = [
        quote(30, "2026-01-05T10:00:00Z", "5", "Hawks", 2_000_000),
        quote(31, "2026-01-05T10:00:00Z", "6", "Bulls", 1_600_000),
        quote(32, "2026-01-05T18:30:00Z", "7", "Hawks", 2_500_000),
    ];
    warehouse.append("silver.odds_quotes", &quotes).await;
    let anomaly = |revision: i32, severity: f64| {
        json!({"anomaly_id": "a1", "family": "trade", "source": "finnhub", "entity": "finnhub:AAPL", "kind": "volume_spike",
            "window_start": "2026-01-05T14:30:00Z", "window_ms": 60000, "detected_at": "2026-01-05T14:32:00Z",
            "value": 4.0, "expectation": 1.0, "severity": severity, "revision": revision})
    };
    warehouse.append("silver.anomalies", &[anomaly(0, 4.0), anomaly(1, 3.5)]).await;
    warehouse
}

#[tokio::test]
async fn the_project_builds_over_an_empty_lake_and_its_unit_tests_hold() {
    let warehouse = Warehouse::open().await;
    let graph = graph();
    let summary = warehouse.run(&graph, Command::Build, &[]).await;
    assert!(summary.is_success(), "{}", outcome(&summary));
    let unit_tested: std::collections::BTreeSet<&str> =
        graph.project.unit_tests.iter().map(|(test, _)| test.model.as_str()).collect();
    for mart in graph.models.values().filter(|model| model.schema == "gold") {
        assert!(unit_tested.contains(mart.name.as_str()), "{} has rows given and rows expected", mart.name);
    }
}

#[tokio::test]
async fn a_match_day_gives_these_marts_and_gives_them_again() {
    let warehouse = match_day().await;
    let graph = graph();
    let mut texts = Vec::new();
    for _ in 0..2 {
        let summary = warehouse.run(&graph, Command::Build, &[]).await;
        assert!(summary.is_success(), "{}", outcome(&summary));
        assert_eq!(summary.count(Status::Warn), 0, "{}", outcome(&summary));
        let mut text = String::new();
        for (mart, order) in [
            ("fct_trades", "bar_started_at"),
            ("fct_odds_moves", "event_id"),
            ("fct_games", "game_id"),
            ("anomalies", "anomaly_id"),
            ("fct_score_progression", "event_id"),
            ("fct_market_efficiency", "snapshot_at"),
        ] {
            let rows = warehouse.csv(&format!("select * from gold.{mart} order by {order}")).await;
            text.push_str(&format!("==== {mart}\n{rows}"));
        }
        texts.push(text);
    }
    insta::assert_snapshot!(texts[0]);
    assert_eq!(texts[0], texts[1]);
}

#[tokio::test]
async fn the_sample_questions_run_as_written() {
    let warehouse = match_day().await;
    assert!(warehouse.run(&graph(), Command::Build, &[]).await.is_success());
    let top = "select symbol, max(price_stddev / vwap) as volatility from gold.fct_trades \
        where bar_started_at >= date_trunc('day', timestamp '2026-01-05 20:00:00') group by symbol order by volatility desc limit 10";
    assert!(warehouse.csv(top).await.starts_with("symbol,volatility\nAAPL,0.0"));
    let anomalies =
        warehouse.csv("select entity_name, severity from gold.anomalies order by severity desc limit 10").await;
    assert_eq!(anomalies, "entity_name,severity\nAAPL,3.5\n");
}

#[test]
fn every_column_of_the_project_is_described() {
    let graph = graph();
    for model in graph.models.values() {
        assert!(model.description.starts_with("Grain: "), "{} states its grain first", model.name);
        assert!(!model.columns.is_empty(), "{} lists its columns", model.name);
        for column in &model.columns {
            assert!(!column.description.is_empty(), "{}.{} is described", model.name, column.name);
        }
    }
}

#[tokio::test]
async fn the_yml_names_exactly_the_columns_of_each_model() {
    let warehouse = Warehouse::open().await;
    let graph = graph();
    assert!(warehouse.run(&graph, Command::Run, &[]).await.is_success());
    for model in graph.models.values() {
        let rows = warehouse.engine.query(&format!("select * from {} limit 0", model.relation())).await.unwrap();
        let actual: Vec<&str> = rows.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let described: Vec<&str> = model.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(actual, described, "{}", model.name);
    }
}
