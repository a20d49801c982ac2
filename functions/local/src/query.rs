//! `touchline sql` and `touchline transform`: the warehouse over a state folder's lake.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::ProgressBar;
use touchline_event::format_utc_ms;
use touchline_lake::Lake;
use touchline_runtime::now_ms;
use touchline_transform::{Context, TransformReport, TransformRequest};
use touchline_warehouse::{Engine, Format, Graph, Progress, Project, Target, format_rows, register_views};

use crate::cli::{SqlArgs, TransformArgs};
use crate::progress;
use crate::state::State;

/// Artifacts of the last run, below the state folder.
const TARGET_FOLDER: &str = "target";

/// `touchline sql`.
pub async fn sql(args: &SqlArgs) -> anyhow::Result<ExitCode> {
    let lake = State::open_lake(&args.state.state).await?;
    print!("{}", answer(&lake, &args.query, args.format).await?);
    Ok(ExitCode::SUCCESS)
}

/// The rows of a query over the lake's tables and the project's views, as text.
pub async fn answer(lake: &Lake, query: &str, format: Format) -> anyhow::Result<String> {
    let engine = Engine::open(lake).await?;
    register_views(&engine, &Graph::build(Project::embedded()?, Target::DataFusion)?).await?;
    Ok(format_rows(&engine.query(query).await?, format)?)
}

/// `touchline transform`.
pub async fn transform(args: &TransformArgs) -> anyhow::Result<ExitCode> {
    let state = State::open(&args.state.state).await?;
    let request = TransformRequest { select: args.select.clone(), ..TransformRequest::default() };
    let transformed = run(&state, &request, &args.state.state).await?;
    println!("{transformed}");
    Ok(if transformed.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every model and test, at the end of a replay.
pub async fn transform_all(state: &State, folder: &Path) -> anyhow::Result<Transformed> {
    run(state, &TransformRequest::default(), folder).await
}

async fn run(state: &State, request: &TransformRequest, folder: &Path) -> anyhow::Result<Transformed> {
    let target: PathBuf = folder.join(TARGET_FOLDER);
    let context = Context::open(&state.lake, Some(target)).await?;
    let bar = progress::steps(0, "marts");
    let invocation = format!("local-{}", format_utc_ms(now_ms()));
    let report =
        touchline_transform::handle(&context, request, &invocation, &now_ms, &|step| show(&bar, &step)).await?;
    bar.finish_and_clear();
    Ok(Transformed(report))
}

fn show(bar: &ProgressBar, step: &Progress<'_>) {
    match step {
        Progress::Started { node_count } => bar.set_length(*node_count as u64),
        Progress::ModelStarted { .. } => {}
        Progress::NodeFinished { .. } => bar.inc(1),
    }
}

/// What a run did, as it is told to a person.
pub struct Transformed(TransformReport);

impl Transformed {
    pub fn is_success(&self) -> bool {
        self.0.is_success
    }
}

impl fmt::Display for Transformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} marts with {} rows published, {} tests passed",
            self.0.published_models.len(),
            self.0.row_count,
            self.0.passed_test_count
        )?;
        for finding in &self.0.findings {
            write!(f, "\n{} {:?}: {}", finding.name, finding.status, finding.message)?;
        }
        Ok(())
    }
}
