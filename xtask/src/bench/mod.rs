//! `cargo xtask bench`: the built product on generated input, beside DuckDB or itself on the same file and machine.
//! Prints medians and keeps no history; docs/performance.md says what was measured where.

mod layouts;
mod measure;
mod trades;
mod windows;

use anyhow::Result;

use crate::workspace::Workspace;

#[derive(clap::Subcommand)]
pub enum Command {
    /// One-minute windows over trades: count, volume, VWAP, open, high, low, close, mean, deviation, volatility.
    Windows(windows::Arguments),
    /// A replay with panes by the pane and by the lane.
    Layouts(layouts::Arguments),
}

pub fn run(command: Command, workspace: &Workspace) -> Result<()> {
    match command {
        Command::Windows(arguments) => windows::run(&arguments, workspace),
        Command::Layouts(arguments) => layouts::run(&arguments, workspace),
    }
}
