//! `touchline windows`: the bounded job from the command line, with its report on standard error.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use crate::cli::WindowsArgs;
use crate::progress;
use crate::windows::{self, JobReport, WindowsJob};

/// Runs the job and says what became of every line.
pub fn run(args: &WindowsArgs) -> anyhow::Result<ExitCode> {
    let size_ms = whole_ms("--window", args.window)?;
    let job = WindowsJob {
        input: args.input.clone(),
        format: args.source,
        size_ms,
        slide_ms: args.slide.map_or(Ok(size_ms), |slide| whole_ms("--slide", slide))?,
        lateness_ms: whole_ms("--lateness", args.lateness)?,
        is_dropping_duplicates: args.drop_duplicates,
        output: args.output.clone(),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    };
    let total = std::fs::metadata(&job.input).map_or(0, |file| file.len());
    let bar = progress::bytes(total, "windows");
    let stopwatch = touchline_runtime::Stopwatch::start();
    let report = windows::run(&job, &|bytes| bar.set_position(bytes))?;
    bar.finish_and_clear();
    print_report(&report, &job, stopwatch.elapsed());
    Ok(ExitCode::SUCCESS)
}

fn whole_ms(option: &str, duration: Duration) -> anyhow::Result<i64> {
    i64::try_from(duration.as_millis()).with_context(|| format!("{option} is too long"))
}

fn print_report(report: &JobReport, job: &WindowsJob, elapsed: Duration) {
    for (line, message) in &report.examples {
        eprintln!("{} line {line}: {message}", job.input.display());
    }
    for (reason, count) in &report.malformed_by_reason {
        eprintln!("malformed, {reason}: {count}");
    }
    let total = report.applied + report.duplicate + report.late + report.malformed;
    let rate = total as f64 / elapsed.as_secs_f64().max(1e-9);
    eprintln!(
        "{total} events = {} applied + {} duplicate + {} late + {} malformed; {} rows, {} bytes, {:.2} s, {rate:.0} events/s",
        report.applied,
        report.duplicate,
        report.late,
        report.malformed,
        report.rows,
        report.bytes,
        elapsed.as_secs_f64(),
    );
}
