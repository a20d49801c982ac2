//! What a run did, node by node, in dbt's words.
//! Holds no rows of the lake beyond a few that break a test.

use serde::Serialize;

/// How a node ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// A model that is there.
    Success,
    /// A test that holds.
    Pass,
    /// A test that does not hold, and only warns.
    Warn,
    /// A test that does not hold.
    Fail,
    /// A node that could not run, or a model whose rows were not published.
    Error,
    /// A node whose models are not there.
    Skipped,
}

impl Status {
    /// Whether what depends on the node may run.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Success | Self::Pass | Self::Warn)
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    Model,
    Test,
    UnitTest,
}

/// One node of a run.
#[derive(Debug, Clone, Serialize)]
pub struct NodeResult {
    /// `model.touchline.fct_trades`.
    pub unique_id: String,
    pub name: String,
    pub kind: NodeKind,
    pub status: Status,
    /// What happened and what to do, where there is something to say.
    pub message: Option<String>,
    /// Rows that break a test.
    pub failures: Option<u64>,
    /// Rows written to a table.
    pub row_count: Option<u64>,
    /// `gold.fct_trades` of a model.
    pub relation: Option<String>,
    pub started_at_ms: i64,
    pub finished_at_ms: i64,
    #[serde(skip)]
    pub sql: String,
}

/// A whole run. The results are in order of completion.
#[derive(Debug, Clone, Serialize)]
pub struct RunSummary {
    pub invocation_id: String,
    pub results: Vec<NodeResult>,
    pub started_at_ms: i64,
    pub finished_at_ms: i64,
}

impl RunSummary {
    /// Whether every node is good; warnings are.
    pub fn is_success(&self) -> bool {
        self.results.iter().all(|node| node.status.is_good())
    }

    pub fn count(&self, status: Status) -> usize {
        self.results.iter().filter(|node| node.status == status).count()
    }

    pub fn find(&self, name: &str) -> Option<&NodeResult> {
        self.results.iter().find(|node| node.name == name)
    }
}
