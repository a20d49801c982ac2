//! The lake of a finished demo, read by others: pyiceberg through the SQLite catalog, DuckDB from the Parquet files
//! of pyiceberg's scan plan. Both must see the rows and sums that `touchline sql` sees.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use touchline_tests::{oracle, output_of, touchline};

/// Tables that a demo must fill; the rest is compared as it comes.
const FILLED_TABLES: [&str; 5] =
    ["bronze.payloads", "silver.trades", "silver.odds_quotes", "silver.scores", "silver.trade_windows"];

#[test]
fn pyiceberg_and_duckdb_see_what_touchline_sees() {
    let state = tempfile::tempdir().expect("a folder for the test");
    output_of(touchline().args(["demo", "--exit", "--speed", "max", "--port", "0", "--state"]).arg(state.path()));
    let seen = output_of(oracle("lake_sums.py").arg(state.path()));
    let tables: BTreeMap<String, Table> = parse_tables(&seen.stdout);
    for name in FILLED_TABLES {
        let row_count = tables.get(name).map_or(0, |table| table.row_count);
        assert!(row_count > 0, "{name} is empty or absent; there are {:?}", tables.keys());
    }
    for (name, table) in &tables {
        assert_eq!(table.pyiceberg, table.duckdb, "{name}: pyiceberg and DuckDB differ");
        let ours = sums_of_touchline(state.path(), name, table);
        for (measure, theirs) in &table.pyiceberg {
            let ours = ours.get(measure).and_then(Value::as_f64);
            assert!(is_same(ours, theirs.as_f64()), "{name}.{measure}: touchline {ours:?}, pyiceberg {theirs}");
        }
        println!("{name}: {} rows, {} measures equal", table.row_count, table.pyiceberg.len());
    }
}

/// A table as others see it: measures by name, and the SQL that gives the same measures.
struct Table {
    row_count: u64,
    sql: String,
    pyiceberg: BTreeMap<String, Value>,
    duckdb: BTreeMap<String, Value>,
}

fn parse_tables(json: &[u8]) -> BTreeMap<String, Table> {
    let root: Value = serde_json::from_slice(json).expect("the script prints JSON");
    let measures = |value: &Value| -> BTreeMap<String, Value> {
        value.as_object().expect("measures by name").clone().into_iter().collect()
    };
    let tables = root.as_object().expect("tables by name").iter().map(|(name, table)| {
        let table = Table {
            row_count: table["pyiceberg"]["row_count"].as_u64().expect("a count"),
            sql: table["sql"].as_str().expect("a query").to_owned(),
            pyiceberg: measures(&table["pyiceberg"]),
            duckdb: measures(&table["duckdb"]),
        };
        (name.clone(), table)
    });
    tables.collect()
}

fn sums_of_touchline(state: &Path, name: &str, table: &Table) -> BTreeMap<String, Value> {
    let mut command = touchline();
    command.args(["sql", &table.sql, "--format", "json", "--state"]).arg(state);
    let output = output_of(&mut command);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{name}: {error}"));
    let row = answer.as_array().and_then(|rows| rows.first()).unwrap_or(&answer);
    row.as_object().unwrap_or_else(|| panic!("{name}: no row in {answer}")).clone().into_iter().collect()
}

/// Sums of integers are equal; sums of doubles depend on the order of adding in their last digits.
fn is_same(ours: Option<f64>, theirs: Option<f64>) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0),
        (ours, theirs) => ours == theirs,
    }
}
