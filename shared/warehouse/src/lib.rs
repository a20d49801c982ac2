//! The warehouse: a dbt project in a stated subset, rendered and run over the lake, and SQL for people.
//! WHS-1: a model that fails, or whose tests fail, leaves the published table as it was; what reads it is skipped.
//! WHS-2: the same lake gives the same rows: sums are taken over integers, order never decides.
//! Writes no terminal, reads no clock, and needs no Python.

mod artifacts;
mod data_test;
mod engine;
mod error;
mod format;
mod graph;
mod options;
mod project;
mod render;
mod results;
mod runner;
mod schema;
mod unit_test;

pub use data_test::DataTest;
pub use engine::{Engine, QueryResult};
pub use error::WarehouseError;
pub use format::{Format, format_rows};
pub use graph::{Graph, Model};
pub use options::{Command, DEFAULT_THREADS, Observer, Progress, RunOptions};
pub use project::{Check, Column, Materialization, ModelConfig, Project, ProjectFile, Severity, UnitTest};
pub use render::{Dependency, Target};
pub use results::{NodeKind, NodeResult, RunSummary, Status};
pub use runner::{register_views, run};
