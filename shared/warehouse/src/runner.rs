//! Runs the models of a graph in order, side by side where they may, with their tests.
//! RUN-1: a table's new rows are tested before they take its name; rows that fail an error test are never published.
//! RUN-2: what reads a failed or skipped model is skipped, and every node has exactly one result.
//! Reads no clock: the caller's function is asked. Prints nothing: the caller's function is told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::artifacts;
use crate::data_test::DataTest;
use crate::engine::Engine;
use crate::error::WarehouseError;
use crate::graph::{Graph, Model};
use crate::options::{Command, Observer, Progress, RunOptions};
use crate::project::{Materialization, Severity, UnitTest};
use crate::results::{NodeKind, NodeResult, RunSummary, Status};
use crate::{data_test, unit_test};

struct Run<'a> {
    engine: &'a Engine,
    graph: &'a Graph,
    command: Command,
    observer: &'a Observer<'a>,
}

/// Runs the selected models and tests. An error means that nothing could be run at all; a model's or test's own
/// failure is a result.
pub async fn run(
    engine: &Engine,
    graph: &Graph,
    options: &RunOptions,
    observer: &Observer<'_>,
) -> Result<RunSummary, WarehouseError> {
    let selected = graph.select(&options.selectors)?;
    let run = Run { engine, graph, command: options.command, observer };
    let other_tests = run.other_tests(&selected, options.selectors.is_empty());
    let started_at_ms = (observer.now_ms)();
    let node_count = selected.iter().map(|name| run.node_count(name)).sum::<usize>() + other_tests.len();
    (observer.progress)(Progress::Started { node_count });

    let mut absent = run.prepare_views(&selected, &other_tests).await;
    let mut results = run.models(&selected, &mut absent, options.threads.max(1)).await;
    for test in other_tests {
        let result = run.other_test(test, &absent).await;
        (observer.progress)(Progress::NodeFinished { result: &result });
        results.push(result);
    }
    let invocation_id = options.invocation_id.clone();
    let summary = RunSummary { invocation_id, results, started_at_ms, finished_at_ms: (observer.now_ms)() };
    if let Some(folder) = &options.target_folder {
        artifacts::write(folder, graph, &summary)?;
    }
    Ok(summary)
}

/// Makes the project's views known to a session that runs no models, so that they can be queried. A view whose
/// tables are not there is left out.
pub async fn register_views(engine: &Engine, graph: &Graph) -> Result<(), WarehouseError> {
    for model in graph.order.iter().filter_map(|name| graph.models.get(name)) {
        if model.materialized == Materialization::View {
            // A query of a view that is left out says that the table does not exist, which is the truth.
            let _ = engine.create_view(&model.schema, &model.name, &model.sql).await;
        }
    }
    Ok(())
}

/// Models that are not there, with the reason.
type Absent = BTreeMap<String, String>;

impl Run<'_> {
    /// Tests outside any one model's run: those of sources run only with everything.
    fn other_tests(&self, selected: &BTreeSet<String>, is_everything: bool) -> Vec<&DataTest> {
        let concerns = |test: &&DataTest| is_everything || test.models().any(|name| selected.contains(name));
        match self.command {
            Command::Run => Vec::new(),
            _ => self.graph.other_tests.iter().filter(concerns).collect(),
        }
    }

    fn node_count(&self, name: &str) -> usize {
        let Some(model) = self.graph.models.get(name) else { return 0 };
        match self.command {
            Command::Build => 1 + model.tests.len() + model.unit_tests.len(),
            Command::BuildWithoutUnitTests => 1 + model.tests.len(),
            Command::Run => 1,
            Command::Test => model.tests.len() + model.unit_tests.len(),
        }
    }

    /// Views are not kept between runs, so those that will be read but not run are made first.
    async fn prepare_views(&self, selected: &BTreeSet<String>, other_tests: &[&DataTest]) -> Absent {
        let mut read: BTreeSet<String> = selected.iter().flat_map(|name| self.graph.ancestors(name)).collect();
        for name in other_tests.iter().flat_map(|test| test.models()) {
            read.extend(self.graph.ancestors(name));
            read.insert(name.to_owned());
        }
        if self.command == Command::Test {
            read.extend(selected.iter().cloned());
        } else {
            read.retain(|name| !selected.contains(name));
        }
        let mut absent = Absent::new();
        for model in self.graph.order.iter().filter(|name| read.contains(*name)).filter_map(|name| self.model(name)) {
            if model.materialized == Materialization::View
                && let Err(error) = self.engine.create_view(&model.schema, &model.name, &model.sql).await
            {
                absent.insert(model.name.clone(), error.to_string());
            }
        }
        absent
    }

    async fn models(&self, selected: &BTreeSet<String>, absent: &mut Absent, threads: usize) -> Vec<NodeResult> {
        let mut waiting: VecDeque<&Model> = self
            .graph
            .order
            .iter()
            .filter(|name| selected.contains(*name))
            .filter_map(|name| self.model(name))
            .collect();
        let mut unfinished: BTreeSet<&str> = waiting.iter().map(|model| model.name.as_str()).collect();
        let mut running = FuturesUnordered::new();
        let mut results = Vec::new();
        loop {
            let mut index = 0;
            while index < waiting.len() && running.len() < threads {
                let is_ready = |model: &Model| !model.parents().any(|parent| unfinished.contains(parent));
                match waiting.get(index).copied().filter(|model| is_ready(model)) {
                    Some(model) => {
                        waiting.remove(index);
                        let cause = model.parents().find(|parent| absent.contains_key(*parent)).map(str::to_owned);
                        running.push(async move {
                            let results = match cause {
                                Some(parent) => self.skip(model, &parent),
                                None => self.run_model(model).await,
                            };
                            (model, results)
                        });
                    }
                    None => index += 1,
                }
            }
            let Some((model, finished)) = running.next().await else { break };
            unfinished.remove(model.name.as_str());
            // Tests of what is published change nothing, so one that fails hides no other.
            let bad = finished.iter().find(|result| !result.status.is_good() && self.command != Command::Test);
            if let Some(bad) = bad {
                let reason =
                    format!("{} {}", bad.name, if bad.status == Status::Skipped { "skipped" } else { "failed" });
                absent.insert(model.name.clone(), reason);
            }
            results.extend(finished);
        }
        results
    }

    fn model(&self, name: &str) -> Option<&Model> {
        self.graph.models.get(name)
    }

    /// All of one model: unit tests, rows, tests of the rows, publication.
    async fn run_model(&self, model: &Model) -> Vec<NodeResult> {
        (self.observer.progress)(Progress::ModelStarted { name: &model.name });
        let mut results = Vec::new();
        if matches!(self.command, Command::Build | Command::Test) {
            for test in &model.unit_tests {
                let result = self.unit_test(model, test).await;
                self.finish(result, &mut results);
            }
        }
        if let Some(failed) = results.iter().find(|result| !result.status.is_good()) {
            let reason = format!("unit test {} failed; {} stays as it was", failed.name, model.relation());
            self.skip_rest(model, &reason, &mut results);
            return results;
        }
        match (self.command, model.materialized) {
            (Command::Test, _) => self.test_rows(model, &model.relation(), &mut results).await,
            (_, Materialization::View) => self.run_view(model, &mut results).await,
            (_, Materialization::Table) => self.run_table(model, &mut results).await,
        }
        results
    }

    async fn run_view(&self, model: &Model, results: &mut Vec<NodeResult>) {
        let mut result = self.begin(model);
        match self.engine.create_view(&model.schema, &model.name, &model.sql).await {
            Ok(()) => self.finish(result, results),
            Err(error) => {
                result.status = Status::Error;
                result.message = Some(format!("{}: {error}", model.path));
                self.finish(result, results);
                self.skip_rest(model, "its model failed", results);
                return;
            }
        }
        if self.command != Command::Run {
            self.test_rows(model, &model.relation(), results).await;
        }
    }

    async fn run_table(&self, model: &Model, results: &mut Vec<NodeResult>) {
        let mut result = self.begin(model);
        let relation = model.relation();
        let kept = format!("{relation} stays as it was");
        let staged = match self.engine.stage_table(&model.schema, &model.name, &model.sql).await {
            Ok(staged) => staged,
            Err(error) => {
                result.status = Status::Error;
                result.message = Some(with_cleanup(
                    format!("{}: {error}; {kept}", model.path),
                    self.engine.discard(&model.schema, &model.name).await,
                ));
                self.finish(result, results);
                self.skip_rest(model, "its model failed", results);
                return;
            }
        };
        result.row_count = Some(staged.row_count);
        if self.command != Command::Run {
            let from = results.len();
            self.test_rows(model, &staged.staged_relation, results).await;
            let failed: Vec<&str> =
                results[from..].iter().filter(|test| !test.status.is_good()).map(|test| test.name.as_str()).collect();
            if !failed.is_empty() {
                result.status = Status::Error;
                result.message = Some(with_cleanup(
                    format!("{}: {} failed on the new rows; {kept}", model.path, failed.join(", ")),
                    self.engine.discard(&model.schema, &model.name).await,
                ));
                self.finish(result, results);
                return;
            }
        }
        if let Err(error) = self.engine.publish(&staged).await {
            result.status = Status::Error;
            result.message = Some(format!("{}: publish: {error}; {kept}", model.path));
        }
        self.finish(result, results);
    }

    async fn test_rows(&self, model: &Model, relation: &str, results: &mut Vec<NodeResult>) {
        for test in &model.tests {
            let result = self.data_test(test, test.sql_over(relation)).await;
            self.finish(result, results);
        }
    }

    async fn other_test(&self, test: &DataTest, absent: &Absent) -> NodeResult {
        match test.models().find(|name| absent.contains_key(*name)) {
            Some(name) => {
                let mut result = self.begin_test(test, test.sql());
                result.status = Status::Skipped;
                result.message =
                    Some(format!("{name} is not there: {}", absent.get(name).cloned().unwrap_or_default()));
                result
            }
            None => {
                let mut result = self.data_test(test, test.sql()).await;
                result.finished_at_ms = (self.observer.now_ms)();
                result
            }
        }
    }

    async fn data_test(&self, test: &DataTest, sql: String) -> NodeResult {
        let mut result = self.begin_test(test, sql);
        match data_test::failing_rows(self.engine, &result.sql).await {
            Ok((0, _)) => result.failures = Some(0),
            Ok((count, sample)) => {
                result.status = if test.severity == Severity::Warn { Status::Warn } else { Status::Fail };
                result.failures = Some(count);
                let rows = if count == 1 { "row breaks" } else { "rows break" };
                result.message = Some(format!("{}: {count} {rows} {}, such as {sample}", test.path, test.name));
            }
            Err(error) => {
                result.status = Status::Error;
                result.message = Some(format!("{}: test {}: {error}", test.path, test.name));
            }
        }
        result
    }

    async fn unit_test(&self, model: &Model, test: &UnitTest) -> NodeResult {
        let mut result = self.node(NodeKind::UnitTest, &test.name, artifacts::unit_test_id(self.graph, test));
        result.status = Status::Pass;
        match unit_test::run(self.engine, self.graph, model, test).await {
            Ok(None) => result.failures = Some(0),
            Ok(Some(difference)) => {
                result.status = Status::Fail;
                result.failures = Some(1);
                result.message = Some(format!("{}: {difference}", model.path));
            }
            Err(error) => {
                result.status = Status::Error;
                result.message = Some(format!("{}: {error}", model.path));
            }
        }
        result
    }

    /// Results of a model whose parent is not there.
    fn skip(&self, model: &Model, parent: &str) -> Vec<NodeResult> {
        let mut results = Vec::new();
        if matches!(self.command, Command::Build | Command::Test) {
            for test in &model.unit_tests {
                let mut result = self.node(NodeKind::UnitTest, &test.name, artifacts::unit_test_id(self.graph, test));
                result.status = Status::Skipped;
                self.finish(result, &mut results);
            }
        }
        let reason = format!("{parent}, which it reads, failed or was skipped; {} stays as it was", model.relation());
        self.skip_rest(model, &reason, &mut results);
        results
    }

    /// Gives the model, unless it has a result, and its data tests the result `skipped`.
    fn skip_rest(&self, model: &Model, reason: &str, results: &mut Vec<NodeResult>) {
        let has_result = results.iter().any(|result| result.kind == NodeKind::Model);
        if !has_result && self.command != Command::Test {
            let mut result = self.begin(model);
            result.status = Status::Skipped;
            result.message = Some(reason.to_owned());
            self.finish(result, results);
        }
        if self.command != Command::Run {
            for test in &model.tests {
                let mut result = self.begin_test(test, test.sql());
                result.status = Status::Skipped;
                result.message = Some(reason.to_owned());
                self.finish(result, results);
            }
        }
    }

    fn begin(&self, model: &Model) -> NodeResult {
        let mut result = self.node(NodeKind::Model, &model.name, artifacts::model_id(self.graph, &model.name));
        result.relation = Some(model.relation());
        result.sql = model.sql.clone();
        result
    }

    fn begin_test(&self, test: &DataTest, sql: String) -> NodeResult {
        let mut result = self.node(NodeKind::Test, &test.name, artifacts::test_id(self.graph, test));
        result.status = Status::Pass;
        result.sql = sql;
        result
    }

    fn node(&self, kind: NodeKind, name: &str, unique_id: String) -> NodeResult {
        let now = (self.observer.now_ms)();
        NodeResult {
            unique_id,
            name: name.to_owned(),
            kind,
            status: Status::Success,
            message: None,
            failures: None,
            row_count: None,
            relation: None,
            started_at_ms: now,
            finished_at_ms: now,
            sql: String::new(),
        }
    }

    fn finish(&self, mut result: NodeResult, results: &mut Vec<NodeResult>) {
        result.finished_at_ms = (self.observer.now_ms)();
        (self.observer.progress)(Progress::NodeFinished { result: &result });
        results.push(result);
    }
}

/// The message, and what else went wrong while clearing away.
fn with_cleanup(message: String, cleanup: Result<(), WarehouseError>) -> String {
    match cleanup {
        Ok(()) => message,
        Err(error) => format!("{message}; and its half-made table was not removed: {error}"),
    }
}
