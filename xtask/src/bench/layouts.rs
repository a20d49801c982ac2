//! `cargo xtask bench layouts`: the same replay with an item for each pane and with one for a lane's open panes, in turns.
//! Everything on and durable, on the embedded store; the state folders are new for every run.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::measure::{self, Run, median};
use super::trades;
use crate::program::{cargo, must_succeed};
use crate::workspace::Workspace;

const LAYOUTS: [&str; 2] = ["pane", "lane"];
/// Trades of one message, as Finnhub sends them.
const MESSAGE_TRADES: usize = 10;

#[derive(clap::Args)]
pub struct Arguments {
    /// Trades.
    #[arg(long, default_value_t = 300_000)]
    events: u64,
    /// The input's seed.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Measured runs of each layout; the medians are reported.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// A built touchline; default: a release build is made.
    #[arg(long, value_name = "FILE")]
    touchline: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, workspace: &Workspace) -> Result<()> {
    let folder = workspace.target.join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let input = make_input(arguments, &folder)?;
    let touchline = match &arguments.touchline {
        Some(path) => {
            ensure!(path.is_file(), "--touchline {}: no such file; build it first", path.display());
            path.clone()
        }
        None => {
            must_succeed(cargo(workspace).args(["build", "--release", "--package", "touchline-local"]))?;
            workspace.target.join("release/touchline")
        }
    };
    let mut measured = [Vec::new(), Vec::new()];
    for number in 1..=arguments.runs {
        for (layout, runs) in LAYOUTS.iter().zip(&mut measured) {
            let state = folder.join(format!("state-{layout}"));
            if state.exists() {
                fs::remove_dir_all(&state).with_context(|| format!("cannot remove {}", state.display()))?;
            }
            let mut command = Command::new(&touchline);
            command.args(["replay", "--source", "finnhub", "--pane-layout", layout, "--state"]).arg(&state).arg(&input);
            let run = measure::run(&mut command)?;
            println!("by the {layout} run {number}: {:.3} s", run.wall.as_secs_f64());
            runs.push(run);
            fs::remove_dir_all(&state).with_context(|| format!("cannot remove {}", state.display()))?;
        }
    }
    let [by_pane, by_lane] = measured.map(|runs| median(&runs).context("--runs must be at least 1"));
    print!("{}", report(arguments.events, by_pane?, by_lane?));
    Ok(())
}

/// The well-formed ones of the generated trades, in messages.
fn make_input(arguments: &Arguments, folder: &Path) -> Result<PathBuf> {
    let path = folder.join(format!("messages-{}-{}.jsonl", arguments.events, arguments.seed));
    let mut lines = Vec::new();
    trades::write(arguments.events, arguments.seed, &mut lines)?;
    let text = String::from_utf8(lines).context("generated trades are text")?;
    let trades: Vec<&str> = text.lines().filter(|line| is_well_formed(line)).collect();
    let file = fs::File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    let mut out = BufWriter::new(file);
    for message in trades.chunks(MESSAGE_TRADES) {
        writeln!(out, r#"{{"type":"trade","data":[{}]}}"#, message.join(","))?;
    }
    out.flush()?;
    Ok(path)
}

fn is_well_formed(line: &str) -> bool {
    let has_price = line.split_once(r#""p":"#).is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
    has_price && line.contains(r#""v":"#) && line.ends_with("]}")
}

fn report(event_count: u64, by_pane: Run, by_lane: Run) -> String {
    let rate = |run: Run| event_count as f64 / run.wall.as_secs_f64();
    let line = |name: &str, run: Run| {
        format!("by the {name} {:>8.3} s {:>10.0} events/s\n", run.wall.as_secs_f64(), rate(run))
    };
    let mut text = format!("\nmedians, {event_count} trades, embedded store, start-up and last commit included\n");
    text.push_str(&line("pane", by_pane));
    text.push_str(&line("lane", by_lane));
    text.push_str(&format!("lane / pane: {:.2} x the events per second\n", rate(by_lane) / rate(by_pane)));
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_report_has_rates_and_their_ratio() {
        let run = |millis| Run { wall: Duration::from_millis(millis), rss_bytes_max: 0 };
        let text = report(1_000_000, run(1000), run(800));
        assert!(text.contains("1000000 events/s") && text.contains("lane / pane: 1.25 x"), "{text}");
    }

    #[test]
    fn malformed_trades_stay_out_of_the_messages() {
        let mut lines = Vec::new();
        let written = trades::write(20_000, 7, &mut lines).unwrap();
        let well_formed = String::from_utf8(lines).unwrap().lines().filter(|line| is_well_formed(line)).count();
        assert!(written.malformed_count > 0);
        assert_eq!(well_formed as u64, written.line_count - written.malformed_count);
    }
}
