//! `cargo xtask bench windows`: the release binary against DuckDB on the same generated file.
//! What the two compute differs where it must: DuckDB is a batch query without lateness, duplicates or rejects.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::measure::{self, Run, median};
use super::trades;
use crate::program::{cargo, must_succeed};
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub struct Arguments {
    /// Lines of input, malformed and repeated ones among them.
    #[arg(long, default_value_t = 5_000_000)]
    events: u64,
    /// The input's seed.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Measured runs; the median is reported.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// A Python that can `import duckdb`; default: the one of `cargo xtask test --only oracles`, if it is there.
    #[arg(long, value_name = "PYTHON")]
    duckdb: Option<PathBuf>,
    /// Let the product remove exact duplicates, which DuckDB's query does not.
    #[arg(long)]
    drop_duplicates: bool,
}

pub fn run(arguments: &Arguments, workspace: &Workspace) -> Result<()> {
    let folder = workspace.target.join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let input = make_input(arguments, &folder)?;
    must_succeed(cargo(workspace).args(["build", "--release", "--package", "touchline-local"]))?;

    let touchline = workspace.target.join("release/touchline");
    let ours = measure_runs(arguments.runs, "touchline", || {
        let mut command = Command::new(&touchline);
        command.arg("windows").arg("--input").arg(&input).arg("--output").arg(folder.join("windows.ndjson"));
        command.args(["--source", "trades-ndjson", "--window", "1m", "--lateness", "10s"]);
        if arguments.drop_duplicates {
            command.arg("--drop-duplicates");
        }
        command
    })?;
    let theirs = match duckdb_python(arguments, workspace)? {
        Some(python) => Some(measure_runs(arguments.runs, "DuckDB", || {
            let mut command = Command::new(&python);
            command.arg(workspace.root.join("xtask/src/bench/duckdb_windows.py"));
            command.arg(&input).arg(folder.join("duckdb.ndjson"));
            command
        })?),
        None => None,
    };
    print!("{}", report(arguments.events, ours, theirs));
    Ok(())
}

/// Generated once per size and seed; half-written files never carry the final name.
fn make_input(arguments: &Arguments, folder: &Path) -> Result<PathBuf> {
    let path = folder.join(format!("trades-{}-{}.ndjson", arguments.events, arguments.seed));
    if !path.exists() {
        let partial = path.with_extension("partial");
        let file = File::create(&partial).with_context(|| format!("cannot make {}", partial.display()))?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let written = trades::write(arguments.events, arguments.seed, &mut out)?;
        out.flush()?;
        fs::rename(&partial, &path).with_context(|| format!("cannot rename to {}", path.display()))?;
        println!("made {}: {written:?}", path.display());
    }
    Ok(path)
}

fn duckdb_python(arguments: &Arguments, workspace: &Workspace) -> Result<Option<PathBuf>> {
    if let Some(python) = &arguments.duckdb {
        ensure!(python.is_file(), "--duckdb {}: no such file; name a Python that can import duckdb", python.display());
        return Ok(Some(python.clone()));
    }
    Ok(Some(workspace.python()).filter(|python| python.is_file()))
}

fn measure_runs(runs: u32, name: &str, command: impl Fn() -> Command) -> Result<Run> {
    let mut measured = Vec::new();
    for number in 1..=runs {
        let run = measure::run(&mut command())?;
        println!("{name} run {number}: {:.3} s, {} MB", run.wall.as_secs_f64(), run.rss_bytes_max / 1_000_000);
        measured.push(run);
    }
    median(&measured).context("--runs must be at least 1")
}

fn report(event_count: u64, ours: Run, theirs: Option<Run>) -> String {
    let rate = |run: Run| event_count as f64 / run.wall.as_secs_f64();
    let line = |name: &str, run: Run| {
        let (seconds, megabytes) = (run.wall.as_secs_f64(), run.rss_bytes_max as f64 / 1e6);
        format!("{name:<10} {seconds:>8.3} s {:>14.0} events/s {megabytes:>9.1} MB peak\n", rate(run))
    };
    let mut text = format!("\nmedians, {event_count} lines, one-minute windows, start-up included\n");
    text.push_str(&line("touchline", ours));
    match theirs {
        Some(theirs) => {
            text.push_str(&line("DuckDB", theirs));
            text.push_str(&format!("touchline / DuckDB: {:.2} x the events per second\n", rate(ours) / rate(theirs)));
        }
        None => {
            text.push_str("DuckDB was not measured: give --duckdb, or run `cargo xtask test --only oracles` once\n")
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_report_has_rates_and_their_ratio() {
        let run = |millis| Run { wall: Duration::from_millis(millis), rss_bytes_max: 20_000_000 };
        let text = report(1_000_000, run(500), Some(run(1000)));
        assert!(text.contains("2000000 events/s"), "{text}");
        assert!(text.contains("2.00 x"), "{text}");
        assert!(report(1, run(1), None).contains("not measured"));
    }
}
