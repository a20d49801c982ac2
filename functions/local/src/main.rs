//! The `touchline` command: every door in one process, on embedded parts.

mod audit;
mod cli;
mod cost;
mod demo;
mod files;
mod listen;
mod live;
mod normalize;
mod pipeline;
mod progress;
mod query;
mod rebuild;
mod recordings;
mod redrive;
mod replay;
mod serve;
mod simulate;
mod state;
mod status;
mod windows;
mod windows_command;

use std::process::ExitCode;

/// Frames, batches and rows are made and dropped by the million, on threads other than those that made them:
/// a third of the streaming road's time went into the system's allocator and the pages it gives back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    touchline_runtime::init_log();
    cli::run()
}
