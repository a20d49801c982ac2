//! `cargo xtask faults`: the fault simulator as a release build, and its share of `cargo xtask test`.
//! Arguments are the simulator's own and are passed through; its `--help` explains them.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::program::{cargo, must_succeed, words};
use crate::workspace::Workspace;

/// Schedules of the test stage.
const STAGE_SCHEDULES: &str = "20000";

#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub struct Arguments {
    /// As `faults --help` says.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

/// The release build, because speed is what it needs.
pub fn run(arguments: &Arguments, workspace: &Workspace) -> Result<ExitCode> {
    let mut command = cargo(workspace);
    command.args(["run", "--release", "--package", "touchline-faults", "--"]).args(&arguments.arguments);
    let status = command.status().with_context(|| format!("cannot start {}", words(&command)))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Fresh schedules from a printed seed, with the build that the other stages use (XT-3).
pub fn check(workspace: &Workspace) -> Result<()> {
    must_succeed(cargo(workspace).args(["build", "--workspace", "--bin", "faults"]))?;
    must_succeed(Command::new(workspace.target.join("debug/faults")).args(["--schedules", STAGE_SCHEDULES]))
}
