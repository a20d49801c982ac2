//! Small projects and small lakes.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use touchline_lake::{Lake, table_ident};
use touchline_warehouse::{
    Command, Engine, Format, Graph, Observer, Progress, Project, ProjectFile, RunOptions, RunSummary, Target,
    WarehouseError, format_rows, run,
};

pub const SETTINGS: &str = "name: small\nmodels:\n  small:\n    marts:\n      +materialized: table\n      +schema: gold\n    staging:\n      +schema: staging\n";

/// A project of these files and plain settings.
pub fn project(files: &[(&str, &str)]) -> Result<Project, WarehouseError> {
    let settings = [("dbt_project.yml", SETTINGS)];
    let has_own = files.iter().any(|(path, _)| *path == "dbt_project.yml");
    let all = files.iter().chain(settings.iter().filter(|_| !has_own));
    Project::from_files(all.map(|(path, text)| ProjectFile { path: (*path).into(), text: (*text).into() }).collect())
}

pub fn graph(files: &[(&str, &str)]) -> Result<Graph, WarehouseError> {
    Graph::build(project(files)?, Target::DataFusion)
}

/// The message with which the files are refused.
pub fn refusal(files: &[(&str, &str)]) -> String {
    match graph(files) {
        Ok(_) => panic!("the project was accepted"),
        Err(error) => error.to_string(),
    }
}

pub struct Warehouse {
    _folder: tempfile::TempDir,
    pub lake: Lake,
    pub engine: Engine,
}

impl Warehouse {
    pub async fn open() -> Warehouse {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        let engine = Engine::open(&lake).await.unwrap();
        Warehouse { _folder: folder, lake, engine }
    }

    /// Appends rows, given as JSON lines, to a table of the lake.
    pub async fn append(&self, table: &str, rows: &[serde_json::Value]) {
        let ident = table_ident(table).unwrap();
        let schema = self.lake.load(&ident).await.unwrap();
        let schema = iceberg::arrow::schema_to_arrow_schema(schema.metadata().current_schema()).unwrap();
        let mut decoder =
            arrow_json::ReaderBuilder::new(Arc::new(schema)).with_strict_mode(true).build_decoder().unwrap();
        decoder.serialize(rows).unwrap();
        let batch: RecordBatch = decoder.flush().unwrap().unwrap();
        self.lake.append_batches(&ident, vec![batch], HashMap::new()).await.unwrap();
    }

    /// Makes a table from a query.
    pub async fn replace(&self, table: &str, sql: &str) {
        let rows = self.engine.query(sql).await.unwrap();
        self.lake.replace_table(&table_ident(table).unwrap(), &rows.schema, rows.batches).await.unwrap();
    }

    pub async fn csv(&self, sql: &str) -> String {
        format_rows(&self.engine.query(sql).await.unwrap(), Format::Csv).unwrap()
    }

    pub async fn run(&self, graph: &Graph, command: Command, selectors: &[&str]) -> RunSummary {
        let selectors = selectors.iter().map(|selector| (*selector).to_owned()).collect();
        self.run_with(graph, &RunOptions { command, selectors, ..RunOptions::default() }).await
    }

    pub async fn run_with(&self, graph: &Graph, options: &RunOptions) -> RunSummary {
        let seen = std::sync::Mutex::new((0, 0));
        let progress = |progress: Progress<'_>| match progress {
            Progress::Started { node_count } => seen.lock().unwrap().0 = node_count,
            Progress::ModelStarted { .. } => {}
            Progress::NodeFinished { .. } => seen.lock().unwrap().1 += 1,
        };
        let observer = Observer { now_ms: &|| 1_767_600_000_000, progress: &progress };
        let summary = run(&self.engine, graph, options, &observer).await.unwrap();
        let (announced, finished) = *seen.lock().unwrap();
        assert_eq!((announced, finished), (summary.results.len(), summary.results.len()), "each node has one result");
        summary
    }
}

/// `name status message` of each result, in order of name.
pub fn outcome(summary: &RunSummary) -> String {
    let mut lines: Vec<String> = summary
        .results
        .iter()
        .map(|node| format!("{} {:?} {}", node.name, node.status, node.message.clone().unwrap_or_default()))
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.sort();
    lines.join("\n")
}
