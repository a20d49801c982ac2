//! What a caller asks of a run, and how it hears of it.
//! Decides nothing: the runner does.

use std::path::PathBuf;

use crate::results::NodeResult;

/// Models that run side by side unless the caller says otherwise.
pub const DEFAULT_THREADS: usize = 4;

/// What a run does with the selected models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Command {
    /// Unit tests, models and data tests.
    #[default]
    Build,
    /// Models and data tests: what a deployed schedule wants, as unit tests do not depend on the rows.
    BuildWithoutUnitTests,
    /// Models only.
    Run,
    /// Unit and data tests of what is published.
    Test,
}

/// How a run goes.
#[derive(Debug, Clone)]
pub struct RunOptions {
    pub command: Command,
    /// See [`Graph::select`]; empty means all.
    pub selectors: Vec<String>,
    /// Models that run side by side, at least 1.
    pub threads: usize,
    /// Where `manifest.json`, `run_results.json` and the compiled SQL go; nowhere if absent.
    pub target_folder: Option<PathBuf>,
    /// The caller's name for this run, in the artifacts.
    pub invocation_id: String,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            command: Command::default(),
            selectors: Vec::new(),
            threads: DEFAULT_THREADS,
            target_folder: None,
            invocation_id: "local".to_owned(),
        }
    }
}

/// What the caller is told while a run goes on.
#[derive(Debug)]
pub enum Progress<'a> {
    /// The number of models, tests and unit tests that will have a result.
    Started {
        node_count: usize,
    },
    ModelStarted {
        name: &'a str,
    },
    NodeFinished {
        result: &'a NodeResult,
    },
}

/// The caller's clock, UTC ms, and its ear.
pub struct Observer<'a> {
    pub now_ms: &'a (dyn Fn() -> i64 + Send + Sync),
    pub progress: &'a (dyn Fn(Progress<'_>) + Send + Sync),
}
