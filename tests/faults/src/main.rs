//! `faults`: runs seeded schedules of everything that goes wrong and says whether every event was counted exactly once.
//! Exit code 0: no promise was broken (with `--mutant`: the mutant was caught); 1: one was (it was not).
#![allow(clippy::disallowed_methods, reason = "measures its own speed and takes a fresh seed from the clock")]

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use touchline_faults::{
    Allowed, LAST, Mutant, Options, Outcome, Total, Violation, log_line, run, run_many, seed_of, shrink, table,
};
use touchline_store::PaneLayout;

/// A schedule is mostly small allocations: with the C library's own allocator it takes a third longer.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Schedules between two movements of the progress bar.
const PROGRESS_STEP: u64 = 100;

/// Runs seeded schedules of crashes, retries, duplicates and lost answers through the real handler and audits each.
#[derive(Parser)]
#[command(name = "faults", after_help = EXAMPLES)]
struct Arguments {
    /// How many schedules to run.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    schedules: u64,
    /// Where to begin; a fresh one is taken and printed when none is given.
    #[arg(long, value_name = "S", value_parser = whole_number)]
    seed: Option<u64>,
    /// Let only these faults happen; `none` for none at all.
    #[arg(long, value_name = "F1,F2,..", value_delimiter = ',', value_parser = fault_number)]
    only: Vec<usize>,
    /// Events of a schedule at most, before anything is told twice.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    events: Option<u64>,
    /// Write a line for every schedule; equal seeds give equal files.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Test this design instead of the product's, and say how often it goes wrong.
    #[arg(long, value_name = "NAME")]
    mutant: Option<Mutant>,
    /// How panes lie in items, pane or lane; every schedule draws one when not given.
    #[arg(long)]
    layout: Option<PaneLayout>,
    /// Threads; one per core when not given. The result does not depend on it.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Tell one schedule step by step, by the seed that the log or a failure names.
    #[arg(long, value_name = "SCHEDULE SEED", value_parser = whole_number)]
    story: Option<u64>,
}

const EXAMPLES: &str = "Examples:
  faults --schedules 20000                        twenty thousand schedules from a fresh seed
  faults --schedules 100 --seed 7 --log a         the same hundred every time
  faults --only F1,F4,F16 --schedules 5000        crashes, zombies, time-outs and nothing else
  faults --mutant no-ids --schedules 10000        how often a design without ids goes wrong
  faults --story 0x9e3779b97f4a7c15 --events 3    one schedule, told";

fn whole_number(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|error| format!("{text} is no whole number: {error}"))
}

fn fault_number(text: &str) -> Result<usize, String> {
    if text == "none" {
        return Ok(0);
    }
    let number = text.trim_start_matches(['F', 'f']).parse().ok();
    number.filter(|number| (1..=LAST).contains(number)).ok_or_else(|| format!("{text} is none of F1 to F{LAST}"))
}

fn main() -> ExitCode {
    carry_out(&Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn carry_out(arguments: &Arguments) -> Result<ExitCode> {
    let mut options = arguments.mutant.map_or_else(Options::all, Options::of_mutant);
    options.layout = arguments.layout;
    options.events_max = arguments.events.map(|events| events as usize);
    if !arguments.only.is_empty() {
        options.allowed = arguments.only.iter().copied().collect::<Allowed>();
    }
    if let Some(seed) = arguments.story {
        let outcome = run(seed, &options, true);
        print!("{}", story(&outcome));
        return Ok(if outcome.violation.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let seed = arguments.seed.unwrap_or_else(fresh_seed);
    println!("seed {seed}");
    let threads = arguments.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let started = Instant::now();
    let total = run_all(arguments, seed, &options, threads)?;
    let seconds = started.elapsed().as_secs_f64();
    print!("{}", table(&total));
    println!("{:.0} schedules/s on {threads} threads, seed {seed}", total.schedules as f64 / seconds.max(1e-9));
    let wrong_count = total.wrong_pane_count + total.other_count;
    if let Some(mutant) = arguments.mutant {
        println!("{mutant:?} went wrong in {wrong_count} of {} schedules", total.schedules);
    }
    if let Some((number, seed)) = total.failed.first() {
        tell_failure(*number, *seed, &options);
    }
    let is_as_wished = (wrong_count == 0) == arguments.mutant.is_none();
    Ok(if is_as_wished { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run_all(arguments: &Arguments, seed: u64, options: &Options, threads: usize) -> Result<Total> {
    let mut log = match &arguments.log {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            Some(BufWriter::new(file))
        }
        None => None,
    };
    let bar = progress(arguments.schedules);
    let mut total = Total::default();
    let mut written = Ok(());
    run_many(seed, arguments.schedules, options, threads, |number, outcome| {
        debug_assert_eq!(outcome.seed, seed_of(seed, number));
        total.add(number, &outcome);
        if let Some(log) = &mut log
            && written.is_ok()
        {
            written = writeln!(log, "{}", log_line(number, &outcome));
        }
        if number.is_multiple_of(PROGRESS_STEP) {
            bar.set_position(number);
        }
    });
    bar.finish_and_clear();
    written.context("cannot write the log")?;
    if let Some(mut log) = log {
        log.flush().context("cannot write the log")?;
    }
    Ok(total)
}

/// A bar where somebody looks, else nothing.
fn progress(schedules: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} schedules, {per_sec}, {eta} left");
    ProgressBar::new(schedules).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    // Short enough to be typed again.
    touchline_delivery::mix(since) >> 24
}

fn tell_failure(number: u64, seed: u64, options: &Options) {
    println!("\nschedule {number}, seed {seed:#x}, is the first that failed; a smaller one that fails the same way:");
    let smaller = shrink(seed, options);
    print!("{}", story(&smaller.outcome));
    let only: Vec<String> = smaller.options.allowed.numbers().map(|number| format!("F{number}")).collect();
    let only = if only.is_empty() { "none".to_owned() } else { only.join(",") };
    let mut command = format!("faults --story {:#x} --only {only}", smaller.outcome.seed);
    if let Some(events) = smaller.options.events_max {
        command.push_str(&format!(" --events {events}"));
    }
    if let Some(layout) = options.layout {
        command.push_str(&format!(" --layout {}", layout.as_str()));
    }
    if let Some(mutant) = options.mutant.and_then(|mutant| clap::ValueEnum::to_possible_value(&mutant)) {
        command.push_str(&format!(" --mutant {}", mutant.get_name()));
    }
    println!("tell it again with: {command}");
}

fn story(outcome: &Outcome) -> String {
    let mut text = outcome.story.join("\n");
    text.push('\n');
    match &outcome.violation {
        None => text.push_str("every promise kept\n"),
        Some(Violation { invariant, text: broken }) => text.push_str(&format!("broken: {invariant}: {broken}\n")),
    }
    text
}
