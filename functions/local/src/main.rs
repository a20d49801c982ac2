//! The `touchline` command: every door in one process, on embedded parts.

mod audit;
mod cli;
mod cost;
mod demo;
mod files;
mod normalize;
mod pipeline;
mod progress;
mod query;
mod rebuild;
mod recordings;
mod redrive;
mod replay;
mod slices;
mod state;
mod status;
mod windows;
mod windows_command;

use std::process::ExitCode;

fn main() -> ExitCode {
    touchline_runtime::init_log();
    cli::run()
}
