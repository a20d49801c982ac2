//! The stages: name, purpose, tools, and how each runs.
//! XT-3: every cargo call that builds the product selects `--workspace`, so that cargo resolves the same features
//! each time and compiles the heavy crates once; the cloud adapters, which the product does not have, are the exception.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::count::{Counts, run_counted};
use super::tool::Tool;
use crate::counterparts;
use crate::program::{cargo, must_succeed};
use crate::workspace::Workspace;

/// A part of `cargo xtask test`, in the order of running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    Format,
    Lints,
    Build,
    Tests,
    Oracles,
    Faults,
    Races,
    Cloud,
    Browser,
}

/// Test targets of the package `touchline-tests` that need more than Rust are behind these features.
const GATED: &str = "touchline-tests/oracles,touchline-tests/slow,touchline-tests/browser";

impl Stage {
    pub const ALL: [Stage; 9] = [
        Stage::Format,
        Stage::Lints,
        Stage::Build,
        Stage::Tests,
        Stage::Oracles,
        Stage::Faults,
        Stage::Races,
        Stage::Cloud,
        Stage::Browser,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Stage::Format => "format",
            Stage::Lints => "lints",
            Stage::Build => "build",
            Stage::Tests => "tests",
            Stage::Oracles => "oracles",
            Stage::Faults => "faults",
            Stage::Races => "races",
            Stage::Cloud => "cloud",
            Stage::Browser => "browser",
        }
    }

    pub fn purpose(self) -> &'static str {
        match self {
            Stage::Format => "every Rust file is formatted",
            Stage::Lints => "clippy finds nothing, in tests neither",
            Stage::Build => "everything compiles, the `touchline` binary included",
            Stage::Tests => "unit, property, golden, doc and tidiness tests",
            Stage::Oracles => "windows equal DuckDB's, the lake opens in pyiceberg",
            Stage::Faults => "20,000 fresh fault schedules are exact; kill -9 anywhere changes no result",
            Stage::Races => "invocations that share one memory end as one, whatever thread is next",
            Stage::Cloud => "DynamoDB, Kinesis and Kafka, under real concurrency, change no result",
            Stage::Browser => "the dashboard is live in a real browser",
        }
    }

    pub fn tools(self) -> &'static [Tool] {
        match self {
            Stage::Format => &[Tool::Rustfmt],
            Stage::Lints => &[Tool::Clippy, Tool::CCompiler],
            Stage::Build | Stage::Tests | Stage::Faults | Stage::Races => &[Tool::CCompiler],
            Stage::Oracles => &[Tool::CCompiler, Tool::Python],
            Stage::Cloud => &[Tool::Clippy, Tool::CCompiler, Tool::Jdk, Tool::Maven, Tool::Node, Tool::Npm],
            Stage::Browser => &[Tool::CCompiler, Tool::Node, Tool::Npm, Tool::Chromium],
        }
    }

    /// Whether a failure of this stage leaves nothing to learn from `later`.
    pub fn blocks(self, later: Stage) -> bool {
        self == Stage::Build && !matches!(later, Stage::Format | Stage::Lints | Stage::Build)
    }

    pub fn run(self, workspace: &Workspace) -> Result<Counts> {
        match self {
            Stage::Format => {
                must_succeed(cargo(workspace).args(["fmt", "--all", "--check"]))?;
                Ok(Counts::ONE_PASSED)
            }
            Stage::Lints => {
                let arguments = ["clippy", "--workspace", "--all-targets", "--features", GATED, "--", "-D", "warnings"];
                must_succeed(cargo(workspace).args(arguments))?;
                Ok(Counts::ONE_PASSED)
            }
            Stage::Build => {
                must_succeed(cargo(workspace).args(["build", "--workspace", "--all-targets"]))?;
                Ok(Counts::ONE_PASSED)
            }
            Stage::Tests => run_counted(cargo(workspace).args(["test", "--workspace", "--no-fail-fast"])),
            Stage::Oracles => {
                make_venv(workspace)?;
                gated_tests(workspace, &["windows_equal_duckdb", "lake_opens_in_pyiceberg"])
            }
            Stage::Faults => {
                crate::faults::check(workspace)?;
                Ok(Counts::ONE_PASSED + gated_tests(workspace, &["kill_anywhere"])?)
            }
            Stage::Races => {
                let features = "touchline-aggregate/shuttle";
                run_counted(cargo(workspace).args([
                    "test",
                    "--workspace",
                    "--features",
                    features,
                    "--test",
                    "warm_cache",
                ]))
            }
            Stage::Cloud => {
                counterparts::run(workspace)?;
                must_succeed(cloud(workspace, "clippy").args(["--all-targets", "--", "-D", "warnings"]))?;
                run_counted(cloud(workspace, "test").args(["--no-fail-fast", "--lib", "--test", "cloud"]))
            }
            Stage::Browser => {
                install_browser_driver(workspace)?;
                gated_tests(workspace, &["dashboard_is_live"])
            }
        }
    }
}

/// The stages as text for people.
pub fn list(stages: &[Stage]) -> String {
    let mut text = String::new();
    for stage in stages {
        let tools: Vec<_> = stage.tools().iter().map(|tool| tool.name()).collect();
        text.push_str(&format!("{:<10} {}; needs {}\n", stage.name(), stage.purpose(), tools.join(", ")));
    }
    text
}

fn gated_tests(workspace: &Workspace, targets: &[&str]) -> Result<Counts> {
    let mut command = cargo(workspace);
    command.args(["test", "--workspace", "--no-fail-fast", "--features", GATED]);
    for target in targets {
        command.args(["--test", target]);
    }
    run_counted(command.args(["--", "--nocapture"]))
}

/// A cargo command on the cloud adapters and their tests. These packages are selected alone: with the workspace, features
/// that their libraries ask of their dependencies would have the query engine compiled once more.
fn cloud(workspace: &Workspace, command: &str) -> Command {
    let mut cargo = cargo(workspace);
    cargo.args([command, "--features", "touchline-tests/cloud", "-p", "touchline-tests"]);
    cargo.args(["-p", "touchline-store", "-p", "touchline-stream"]);
    cargo
}

/// A virtual environment with exactly `tests/requirements.txt`; made anew only when that file changes.
fn make_venv(workspace: &Workspace) -> Result<()> {
    let wanted_path = workspace.root.join("tests/requirements.txt");
    let wanted = fs::read_to_string(&wanted_path).with_context(|| format!("cannot read {}", wanted_path.display()))?;
    let folder = workspace.target.join("venv");
    let marker = folder.join("installed-requirements.txt");
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("making {} from tests/requirements.txt", folder.display());
    must_succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    must_succeed(Command::new(workspace.python()).args(install).arg(&wanted_path))?;
    fs::write(&marker, wanted).with_context(|| format!("cannot write {}", marker.display()))
}

/// `node_modules` beside the browser script, as its lock file says; made anew only when that file changes.
fn install_browser_driver(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join("tests/browser");
    let lock = fs::read_to_string(folder.join("package-lock.json")).context("cannot read the browser's lock file")?;
    let marker = folder.join("node_modules/installed-package-lock.json");
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    npm_ci(&folder)?;
    fs::write(&marker, lock).with_context(|| format!("cannot write {}", marker.display()))
}

fn npm_ci(folder: &Path) -> Result<()> {
    must_succeed(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_build_blocks_what_runs_the_product_and_nothing_else() {
        assert!(Stage::Build.blocks(Stage::Tests));
        assert!(Stage::Build.blocks(Stage::Browser));
        assert!(!Stage::Build.blocks(Stage::Lints));
        assert!(!Stage::Lints.blocks(Stage::Tests));
    }

    #[test]
    fn stages_are_listed_once_and_under_the_name_that_is_typed() {
        assert_eq!(Stage::ALL.as_slice(), Stage::value_variants());
        for stage in Stage::ALL {
            assert_eq!(Stage::from_str(stage.name(), false), Ok(stage));
        }
    }
}
