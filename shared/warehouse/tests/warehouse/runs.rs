//! Whole runs: what is published, kept, skipped and written down.

use touchline_warehouse::{Command, RunOptions, Status, register_views};

use crate::support::{Warehouse, graph, outcome};

fn files(middle: &'static str) -> [(&'static str, &'static str); 5] {
    [
        ("models/staging/stg.sql", "select 1 as n union all select 2"),
        ("models/marts/first.sql", "select n from {{ ref('stg') }}"),
        ("models/marts/middle.sql", middle),
        ("models/marts/last.sql", "select n from {{ ref('middle') }}"),
        (
            "models/marts/middle.yml",
            "models:\n  - name: middle\n    columns:\n      - {name: n, data_tests: [unique]}\n",
        ),
    ]
}

const GOOD: &str = "select n from {{ ref('first') }}";

#[tokio::test]
async fn a_failing_model_keeps_the_table_and_skips_what_reads_it() {
    let warehouse = Warehouse::open().await;
    let good = graph(&files(GOOD)).unwrap();
    assert!(warehouse.run(&good, Command::Build, &[]).await.is_success());

    let broken = graph(&files("select n, nope from {{ ref('first') }}")).unwrap();
    let summary = warehouse.run(&broken, Command::Build, &[]).await;
    insta::assert_snapshot!(outcome(&summary));
    assert_eq!(warehouse.csv("select n from gold.middle order by n").await, "n\n1\n2\n");
}

#[tokio::test]
async fn an_error_in_the_middle_of_the_rows_publishes_none_of_them() {
    let warehouse = Warehouse::open().await;
    assert!(warehouse.run(&graph(&files(GOOD)).unwrap(), Command::Build, &[]).await.is_success());
    let broken =
        graph(&files("select cast(case when n = 2 then 'x' else '7' end as bigint) as n from {{ ref('first') }}"));
    let summary = warehouse.run(&broken.unwrap(), Command::Build, &[]).await;
    assert_eq!(summary.find("middle").unwrap().status, Status::Error);
    assert_eq!(summary.find("last").unwrap().status, Status::Skipped);
    assert_eq!(warehouse.csv("select n from gold.middle order by n").await, "n\n1\n2\n");
    let left = warehouse.lake.list_tables().await.unwrap();
    assert!(left.iter().all(|table| !table.name().contains("__new")), "{left:?}");
}

#[tokio::test]
async fn rows_that_fail_their_test_are_never_published() {
    let warehouse = Warehouse::open().await;
    assert!(warehouse.run(&graph(&files(GOOD)).unwrap(), Command::Build, &[]).await.is_success());
    let doubled = graph(&files("select 5 as n from {{ ref('first') }}")).unwrap();
    let summary = warehouse.run(&doubled, Command::Build, &[]).await;
    insta::assert_snapshot!(outcome(&summary));
    assert_eq!(warehouse.csv("select n from gold.middle order by n").await, "n\n1\n2\n");
    assert!(warehouse.run(&doubled, Command::Run, &[]).await.is_success(), "without tests they are");
    assert_eq!(warehouse.csv("select n from gold.last").await, "n\n5\n5\n");
    let tests = warehouse.run(&doubled, Command::Test, &[]).await;
    assert_eq!(tests.results.len(), 1);
    assert_eq!(tests.count(Status::Fail), 1);
}

#[tokio::test]
async fn running_again_gives_the_same_tables() {
    let warehouse = Warehouse::open().await;
    let graph = graph(&files(GOOD)).unwrap();
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        outcomes.push(outcome(&warehouse.run(&graph, Command::Build, &[]).await));
        assert_eq!(warehouse.csv("select n from gold.last order by n").await, "n\n1\n2\n");
    }
    assert!(outcomes.iter().all(|other| *other == outcomes[0]));
}

#[tokio::test]
async fn a_selection_makes_the_views_it_reads_and_no_tables() {
    let warehouse = Warehouse::open().await;
    let graph = graph(&files(GOOD)).unwrap();
    let summary = warehouse.run(&graph, Command::Build, &["first"]).await;
    assert_eq!(outcome(&summary), "first Success");
    assert!(warehouse.engine.query("select * from gold.middle").await.is_err());
    let summary = warehouse.run(&graph, Command::Build, &["last"]).await;
    let message = summary.find("last").unwrap().message.clone().unwrap();
    assert!(message.starts_with("models/marts/last.sql: plan gold.last: ") && message.contains("middle"), "{message}");
}

#[tokio::test]
async fn a_broken_view_skips_a_selection_that_reads_it() {
    let warehouse = Warehouse::open().await;
    let mut files = files(GOOD);
    files[0] = ("models/staging/stg.sql", "select n from silver.absent");
    let summary = warehouse.run(&graph(&files).unwrap(), Command::Build, &["first"]).await;
    assert_eq!(
        outcome(&summary),
        "first Skipped stg, which it reads, failed or was skipped; gold.first stays as it was"
    );
}

#[tokio::test]
async fn views_can_be_queried_without_a_run() {
    let warehouse = Warehouse::open().await;
    let graph = graph(&files(GOOD)).unwrap();
    register_views(&warehouse.engine, &graph).await.unwrap();
    assert_eq!(warehouse.csv("select sum(n) as total from staging.stg").await, "total\n3\n");
}

#[tokio::test]
async fn a_unit_test_that_fails_stops_its_model() {
    let warehouse = Warehouse::open().await;
    let unit = |rows: &str| {
        let yml = format!(
            "unit_tests:\n  - name: keeps_rows\n    model: first\n    given:\n      - input: ref('stg')\n        rows: [{{n: 7}}, {{n: 7}}, {{n: null}}]\n    expect:\n      rows: {rows}\n"
        );
        let files = files(GOOD);
        let mut all = files.to_vec();
        all.push(("models/marts/first.yml", &yml));
        graph(&all).unwrap()
    };
    let good = warehouse.run(&unit("[{n: 7}, {n: null}, {n: 7}]"), Command::Build, &["first"]).await;
    assert!(good.is_success(), "{}", outcome(&good));
    let bad = warehouse.run(&unit("[{n: 7}, {n: 8}]"), Command::Build, &["first"]).await;
    insta::assert_snapshot!(outcome(&bad));
    let unknown = warehouse.run(&unit("[{m: 7}]"), Command::Build, &["first"]).await;
    insta::assert_snapshot!(outcome(&unknown));
    let ragged = warehouse.run(&unit("[{n: 7}, {}]"), Command::Build, &["first"]).await;
    insta::assert_snapshot!(outcome(&ragged));
    let schedule = warehouse.run(&unit("[]"), Command::BuildWithoutUnitTests, &["first"]).await;
    assert!(schedule.is_success());
}

#[tokio::test]
async fn artifacts_have_the_shape_of_dbt() {
    let warehouse = Warehouse::open().await;
    let target = tempfile::tempdir().unwrap();
    let options = RunOptions {
        target_folder: Some(target.path().to_owned()),
        invocation_id: "run-1".to_owned(),
        threads: 1,
        ..RunOptions::default()
    };
    let broken = graph(&files("select 5 as n from {{ ref('first') }}")).unwrap();
    warehouse.run_with(&broken, &options).await;
    let read = |name: &str| std::fs::read_to_string(target.path().join(name)).unwrap();
    let results = read("run_results.json");
    insta::assert_snapshot!(results);
    let manifest: serde_json::Value = serde_json::from_str(&read("manifest.json")).unwrap();
    assert_eq!(manifest["parent_map"]["model.small.middle"], serde_json::json!(["model.small.first"]));
    assert_eq!(manifest["nodes"]["model.small.first"]["relation_name"], "gold.first");
    let results: serde_json::Value = serde_json::from_str(&results).unwrap();
    for result in results["results"].as_array().unwrap() {
        let id = result["unique_id"].as_str().unwrap();
        assert!(manifest["nodes"].get(id).is_some(), "{id} is in the manifest");
    }
    assert_eq!(read("compiled/small/models/marts/last.sql"), "select n from gold.middle\n");
}
