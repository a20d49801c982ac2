//! `cargo xtask`: our automation in Rust, so that one command means the same on a laptop and in CI.
//! XT-1: whatever a command needs is checked first and named with its remedy; nothing is skipped silently.
//! Knows no product code: it starts cargo, Python, Node and the built binary as programs.
#![allow(clippy::disallowed_methods, reason = "automation measures wall time and reads the developer's environment")]

mod assets;
mod bench;
mod counterparts;
mod faults;
mod fuzz;
mod program;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use workspace::Workspace;

/// Everything a contributor or a CI machine runs besides the product itself.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every check and test of the project, from a fresh clone.
    Test(test::Arguments),
    /// Measure the built product on generated input.
    #[command(subcommand)]
    Bench(bench::Command),
    /// Run seeded schedules of everything that goes wrong through the real handlers.
    Faults(faults::Arguments),
    /// Feed parsers, frames and stored panes whatever bytes a fuzzer thinks of.
    Fuzz(fuzz::Arguments),
    /// Renew the dashboard's chart library from its locked npm package.
    Assets(assets::Arguments),
    /// Fetch the servers that stand in for cloud services in tests/cloud.
    Counterparts,
}

const EXAMPLES: &str = "Examples:
  cargo xtask test                            everything; about an hour from cold on two cores, minutes when warm
  cargo xtask test --list                     the stages, what each does and which tools it needs
  cargo xtask test --only format --only lints the two quick ones
  cargo xtask test --only oracles             results against DuckDB and pyiceberg
  cargo xtask test --only cloud               the cloud adapters against DynamoDB Local, kinesalite and Kafka
  cargo xtask bench windows                   five runs of the one-minute trade windows, release build
  cargo xtask bench windows --events 500000 --duckdb path/to/python
  cargo xtask bench layouts                   replays with panes by the pane and by the lane
  cargo xtask faults --schedules 1000000      a million schedules of crashes, retries, duplicates and lost answers
  cargo xtask faults --help                   what else the simulator takes
  cargo xtask fuzz                            a minute of fuzzing for every parser, the frame and the pane
  cargo xtask assets --check                  whether the chart library is the one the lock file pins";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = Workspace::find().and_then(|workspace| match arguments.command {
        Command::Test(arguments) => test::run(&arguments, &workspace),
        Command::Bench(command) => bench::run(command, &workspace).map(|()| ExitCode::SUCCESS),
        Command::Faults(arguments) => faults::run(&arguments, &workspace),
        Command::Fuzz(arguments) => fuzz::run(&arguments, &workspace),
        Command::Assets(arguments) => assets::run(&arguments, &workspace),
        Command::Counterparts => {
            test::check_tools_of_counterparts()?;
            counterparts::run(&workspace).map(|()| ExitCode::SUCCESS)
        }
    });
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
