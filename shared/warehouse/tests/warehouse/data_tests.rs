//! Each kind of test, holding and broken, over tables of a lake.

use touchline_warehouse::{Command, Status};

use crate::support::{Warehouse, graph, outcome};

const MODELS: [(&str, &str); 3] = [
    ("models/sources.yml", "sources:\n  - name: silver\n    tables:\n      - name: teams_in\n      - name: games_in\n"),
    ("models/marts/teams.sql", "select * from {{ source('silver', 'teams_in') }}"),
    (
        "models/marts/games.sql",
        "select * from {{ source('silver', 'games_in') }} where exists (select 1 from {{ ref('teams') }})",
    ),
];

/// Runs the two models with one test on `games` and answers its status and message.
async fn tested(yml: &str, games: &str) -> (Status, String) {
    let warehouse = Warehouse::open().await;
    warehouse.replace("silver.teams_in", "select 1 as id union all select 2").await;
    warehouse.replace("silver.games_in", games).await;
    let yml = format!("models:\n  - name: games\n{yml}");
    let mut files = MODELS.to_vec();
    files.push(("models/marts/games.yml", &yml));
    let graph = graph(&files).unwrap();
    let summary = warehouse.run(&graph, Command::Build, &[]).await;
    let test = summary.results.iter().find(|node| node.unique_id.starts_with("test.")).unwrap();
    let is_published = warehouse.engine.query("select * from gold.games").await.is_ok();
    assert_eq!(is_published, test.status.is_good(), "{}", outcome(&summary));
    (test.status, test.message.clone().unwrap_or_default())
}

const GOOD: &str = "select 1 as id, 2 as team_id, 'final' as status union all select 2, 1, 'scheduled'";
const BAD: &str = "select 1 as id, 3 as team_id, 'over' as status union all select 1 as id, null as team_id, null as status union all select null as id, null as team_id, null as status";

fn on_column(column: &str, test: &str) -> String {
    format!("    columns:\n      - name: {column}\n        data_tests:\n          - {test}\n")
}

#[tokio::test]
async fn each_test_holds_on_good_rows_and_breaks_on_bad_ones() {
    let cases = [
        ("not_null", on_column("id", "not_null")),
        ("unique", on_column("id", "unique")),
        ("accepted_values", on_column("status", "accepted_values: {arguments: {values: [final, scheduled]}}")),
        ("relationships", on_column("team_id", "relationships: {arguments: {to: ref('teams'), field: id}}")),
        (
            "expression",
            "    data_tests:\n      - unique: {arguments: {column_name: \"cast(id as varchar) || '-x'\"}}\n".to_owned(),
        ),
        ("numbers", on_column("id", "accepted_values: {values: [1, 2], quote: false}")),
    ];
    let mut messages = Vec::new();
    for (name, yml) in &cases {
        let (status, message) = tested(yml, GOOD).await;
        assert_eq!((status, message.as_str()), (Status::Pass, ""), "{name}");
        // Every id of the bad rows is 1, so this case needs its own.
        let bad = if *name == "numbers" { "select 7 as id, 1 as team_id, 'final' as status" } else { BAD };
        let (status, message) = tested(yml, bad).await;
        assert_eq!(status, Status::Fail, "{name}: {message}");
        messages.push(message);
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[tokio::test]
async fn a_condition_narrows_a_test_and_a_warning_publishes() {
    let narrowed = on_column("id", "not_null: {config: {where: status is not null}}");
    assert_eq!(tested(&narrowed, BAD).await.0, Status::Pass);
    let warned = on_column("id", "not_null: {config: {severity: warn}}");
    let (status, message) = tested(&warned, BAD).await;
    assert_eq!(status, Status::Warn);
    assert!(message.contains("1 row breaks not_null_games_id"), "{message}");
}

#[tokio::test]
async fn a_test_that_cannot_run_is_an_error_that_names_its_file() {
    let (status, message) = tested(&on_column("id", "relationships: {to: ref('teams'), field: nope}"), GOOD).await;
    assert_eq!(status, Status::Error);
    assert!(message.starts_with("models/marts/games.yml: test relationships_games_id__nope__refteams: "), "{message}");
    assert!(message.contains("nope"), "{message}");
}

#[tokio::test]
async fn singular_and_source_tests_run_after_the_models() {
    let warehouse = Warehouse::open().await;
    warehouse.replace("silver.teams_in", "select 1 as id").await;
    warehouse.replace("silver.games_in", GOOD).await;
    let mut files = MODELS.to_vec();
    files[0] = (
        "models/sources.yml",
        "sources:\n  - name: silver\n    tables:\n      - name: teams_in\n        columns:\n          - {name: id, data_tests: [unique]}\n      - name: games_in\n",
    );
    files.push(("tests/games_are_few.sql", "select * from {{ ref('games') }} where id > 1"));
    let graph = graph(&files).unwrap();
    let summary = warehouse.run(&graph, Command::Build, &[]).await;
    insta::assert_snapshot!(outcome(&summary));
    assert!(!summary.is_success());
    let summary = warehouse.run(&graph, Command::Test, &["teams"]).await;
    assert_eq!(outcome(&summary), "", "neither test concerns teams alone");
}

#[tokio::test]
async fn a_relationship_to_a_later_model_waits_for_it() {
    let warehouse = Warehouse::open().await;
    let files = [
        ("models/marts/a.sql", "select 1 as id"),
        ("models/marts/b.sql", "select id + 1 as id from {{ ref('a') }}"),
        (
            "models/marts/a.yml",
            "models:\n  - name: a\n    columns:\n      - name: id\n        data_tests:\n          - relationships: {to: ref('b'), field: id}\n",
        ),
    ];
    let summary = warehouse.run(&graph(&files).unwrap(), Command::Build, &[]).await;
    let last = summary.results.last().unwrap();
    assert_eq!((last.name.as_str(), last.status), ("relationships_a_id__id__refb", Status::Fail));
}
