//! SQL for people: reading only, and rows as text.

use touchline_warehouse::{Engine, Format, format_rows};

use crate::support::Warehouse;

#[tokio::test]
async fn statements_that_are_no_queries_are_refused_and_change_nothing() {
    let warehouse = Warehouse::open().await;
    warehouse.replace("gold.t", "select 1 as n").await;
    let refused = [
        "insert into gold.t values (2)",
        "create table gold.u as select 1",
        "create external table x stored as csv location '/etc/passwd'",
        "drop table gold.t",
        "copy gold.t to '/tmp/x.csv'",
        "explain analyze insert into gold.t values (2)",
        "set datafusion.execution.time_zone = '+01:00'",
        "delete from gold.t",
        "select 1; drop table gold.t",
        "",
    ];
    let mut messages = Vec::new();
    for sql in refused {
        messages.push(warehouse.engine.query(sql).await.unwrap_err().to_string());
    }
    insta::assert_snapshot!(messages.join("\n"));
    assert_eq!(warehouse.csv("select n from gold.t").await, "n\n1\n");
}

#[tokio::test]
async fn queries_of_every_form_run() {
    let warehouse = Warehouse::open().await;
    warehouse.replace("gold.t", "select 1 as n").await;
    for sql in [
        "with x as (select n from gold.t) select * from x",
        "explain select * from t",
        "show tables",
        "describe gold.t",
        "values (1)",
    ] {
        assert!(warehouse.engine.query(sql).await.unwrap().row_count() > 0, "{sql}");
    }
    let tables = warehouse
        .csv("select table_schema || '.' || table_name as t from information_schema.tables where table_name = 't'")
        .await;
    assert_eq!(tables, "t\ngold.t\n");
}

#[tokio::test]
async fn a_file_is_no_table() {
    let warehouse = Warehouse::open().await;
    let error = warehouse.engine.query("select * from '/etc/passwd'").await.unwrap_err().to_string();
    assert!(error.contains("not found"), "{error}");
}

#[tokio::test]
async fn an_open_engine_sees_new_rows_tables_and_columns() {
    let warehouse = Warehouse::open().await;
    let engine = Engine::open(&warehouse.lake).await.unwrap();
    assert!(engine.query("select * from gold.t").await.is_err());
    warehouse.replace("gold.t", "select 1 as n").await;
    assert_eq!(engine.query("select n from gold.t").await.unwrap().row_count(), 1);
    warehouse.replace("gold.t", "select 1 as n, 'x' as word union all select 2, 'y'").await;
    assert_eq!(engine.query("select word from gold.t").await.unwrap().row_count(), 2);
    warehouse.append("gold.t", &[serde_json::json!({"n": 3, "word": "z"})]).await;
    assert_eq!(engine.query("select word from gold.t").await.unwrap().row_count(), 3);
}

#[tokio::test]
async fn rows_become_text_in_three_forms() {
    let warehouse = Warehouse::open().await;
    let sql = "select * from (values (0.1e0 + 0.2e0, 'a\"b', arrow_cast(0, 'Timestamp(Microsecond, Some(\"+00:00\"))'), cast(null as bigint)), (1e22, chr(27) || '[31m', null, 5)) as t (x, word, at, n)";
    let rows = warehouse.engine.query(sql).await.unwrap();
    let text = [Format::Table, Format::Json, Format::Csv].map(|format| format_rows(&rows, format).unwrap()).join("\n");
    insta::assert_snapshot!(text.replace('\u{1b}', "<ESC>"));
    let none = warehouse.engine.query("select 1 as n where false").await.unwrap();
    let text = [Format::Table, Format::Json, Format::Csv].map(|format| format_rows(&none, format).unwrap()).join("\n");
    insta::assert_snapshot!(text);
    assert_eq!("xml".parse::<Format>().unwrap_err(), "format \"xml\" is unknown; use table, json or csv");
}
