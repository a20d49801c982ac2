//! The door that turns silver into gold: runs the models and data tests of a project over a lake when a schedule asks.
//! TRF-1: a run that fails leaves every published table whole, so asking again is always safe.
//! Starts no clock and prints nothing; what a failed run means for the schedule is its caller's to say.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use touchline_lake::Lake;
use touchline_warehouse::{
    Command, DEFAULT_THREADS, Engine, Graph, NodeKind, Observer, Progress, Project, RunOptions, RunSummary, Status,
    Target, WarehouseError,
};

/// What a schedule sends. An unknown field is refused, because a misspelt `select` would run everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformRequest {
    /// Selectors such as `fct_trades`, `+fct_games`, `tag:marts`; all models if absent.
    #[serde(default)]
    pub select: Vec<String>,
    /// Every table is replaced whole at each run, so asking for it changes nothing.
    #[serde(default)]
    pub full_refresh: bool,
}

/// What the run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransformReport {
    pub invocation_id: String,
    pub is_success: bool,
    pub published_models: Vec<String>,
    pub row_count: u64,
    pub passed_test_count: usize,
    /// Tests that only warn, and everything that failed or was skipped, with the reason.
    pub findings: Vec<Finding>,
}

/// One node that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub name: String,
    pub status: Status,
    pub message: String,
}

/// Built once per start: the session and the rendered project.
pub struct Context {
    engine: Engine,
    graph: Graph,
    target_folder: Option<PathBuf>,
}

impl Context {
    /// The project that ships with Touchline over this lake. The artifacts go to `target_folder`, nowhere if absent.
    pub async fn open(lake: &Lake, target_folder: Option<PathBuf>) -> Result<Context, WarehouseError> {
        Context::with_project(lake, Project::embedded()?, target_folder).await
    }

    /// Another project over this lake.
    pub async fn with_project(
        lake: &Lake,
        project: Project,
        target_folder: Option<PathBuf>,
    ) -> Result<Context, WarehouseError> {
        let engine = Engine::open(lake).await?;
        let graph = Graph::build(project, Target::DataFusion)?;
        Ok(Context { engine, graph, target_folder })
    }
}

/// Runs models and data tests. `invocation_id` names the run in its artifacts; `now_ms` is the caller's clock.
pub async fn handle(
    context: &Context,
    request: &TransformRequest,
    invocation_id: &str,
    now_ms: &(dyn Fn() -> i64 + Send + Sync),
    progress: &(dyn Fn(Progress<'_>) + Send + Sync),
) -> Result<TransformReport, WarehouseError> {
    let options = RunOptions {
        command: Command::BuildWithoutUnitTests,
        selectors: request.select.clone(),
        threads: DEFAULT_THREADS,
        target_folder: context.target_folder.clone(),
        invocation_id: invocation_id.to_owned(),
    };
    let observer = Observer { now_ms, progress };
    let summary = touchline_warehouse::run(&context.engine, &context.graph, &options, &observer).await?;
    Ok(report(summary))
}

fn report(summary: RunSummary) -> TransformReport {
    let is_success = summary.is_success();
    let published = summary.results.iter().filter(|node| node.kind == NodeKind::Model && node.row_count.is_some());
    let published = published.filter(|node| node.status == Status::Success);
    let mut published_models: Vec<String> = published.clone().map(|node| node.name.clone()).collect();
    published_models.sort();
    let row_count = published.filter_map(|node| node.row_count).sum();
    let passed_test_count = summary.count(Status::Pass);
    let is_finding = |status: Status| !matches!(status, Status::Success | Status::Pass);
    let findings = summary.results.into_iter().filter(|node| is_finding(node.status)).map(|node| Finding {
        name: node.name,
        status: node.status,
        message: node.message.unwrap_or_default(),
    });
    TransformReport {
        invocation_id: summary.invocation_id,
        is_success,
        published_models,
        row_count,
        passed_test_count,
        findings: findings.collect(),
    }
}

#[cfg(test)]
mod tests {
    use touchline_warehouse::ProjectFile;

    use super::*;

    async fn asked(context: &Context, request: &str) -> TransformReport {
        let request: TransformRequest = serde_json::from_str(request).unwrap();
        handle(context, &request, "run-1", &|| 0, &|_| {}).await.unwrap()
    }

    #[tokio::test]
    async fn an_empty_request_builds_every_mart() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        let target = folder.path().join("target");
        let context = Context::open(&lake, Some(target.clone())).await.unwrap();
        let report = asked(&context, "{}").await;
        assert!(report.is_success, "{:?}", report.findings);
        assert!(report.published_models.contains(&"fct_trades".to_owned()), "{:?}", report.published_models);
        assert!(report.passed_test_count > 50);
        assert!(target.join("run_results.json").exists());
        let report = asked(&context, r#"{"select": ["fct_games"], "full_refresh": true}"#).await;
        assert_eq!(report.published_models, ["fct_games"]);
    }

    #[tokio::test]
    async fn a_failing_test_is_a_finding_and_not_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        let files = [
            ("dbt_project.yml", "name: small\nmodels: {small: {+materialized: table}}\n"),
            ("models/twice.sql", "select 1 as n union all select 1"),
            ("models/after.sql", "select n from {{ ref('twice') }}"),
            ("models/twice.yml", "models: [{name: twice, columns: [{name: n, data_tests: [unique]}]}]\n"),
        ];
        let files = files.map(|(path, text)| ProjectFile { path: path.to_owned(), text: text.to_owned() });
        let project = Project::from_files(files.to_vec()).unwrap();
        let context = Context::with_project(&lake, project, None).await.unwrap();
        let report = asked(&context, "{}").await;
        assert!(!report.is_success);
        assert_eq!(report.row_count, 0);
        let found: Vec<(&str, Status)> =
            report.findings.iter().map(|finding| (finding.name.as_str(), finding.status)).collect();
        assert_eq!(found, [("unique_twice_n", Status::Fail), ("twice", Status::Error), ("after", Status::Skipped)]);
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        let error = serde_json::from_str::<TransformRequest>(r#"{"selekt": ["fct_games"]}"#).unwrap_err();
        assert!(error.to_string().contains("selekt"), "{error}");
    }
}
