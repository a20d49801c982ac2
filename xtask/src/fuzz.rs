//! `cargo xtask fuzz`: every target of tests/fuzz for a while, seeded with the fixtures; stops at the first crash and keeps its input.
//! Needs a nightly compiler and cargo-fuzz, which nothing else here does: so it is no stage of `cargo xtask test`.

use std::fs;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::program::{first_line_of, must_succeed};
use crate::workspace::Workspace;

const FOLDER: &str = "tests/fuzz";
/// One input may take so long; beyond, it is a finding like a crash.
const INPUT_SECONDS_MAX: u32 = 20;
const MEMORY_MB_MAX: u32 = 4096;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask fuzz                              a minute for each target
  cargo xtask fuzz --seconds 600 --only espn    ten minutes for one")]
pub struct Arguments {
    /// How long each target runs.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// Targets to run, all unless given; the names are those of tests/fuzz/targets.
    #[arg(long, value_name = "TARGET", value_delimiter = ',')]
    only: Vec<String>,
}

pub fn run(arguments: &Arguments, workspace: &Workspace) -> Result<ExitCode> {
    check_tools()?;
    let targets = targets(arguments, workspace)?;
    for (number, target) in targets.iter().enumerate() {
        println!("\n==> {target} ({} of {}): {} s", number + 1, targets.len(), arguments.seconds);
        let corpus = workspace.target.join("fuzz-corpus").join(target);
        fs::create_dir_all(&corpus).with_context(|| format!("cannot create {}", corpus.display()))?;
        let mut command = cargo_fuzz();
        command.current_dir(&workspace.root).args(["run", "--fuzz-dir", FOLDER, "--target-dir"]);
        command.arg(workspace.target.join("fuzz")).arg(target).arg(corpus);
        let fixtures = workspace.root.join("shared/feed/fixtures").join(target);
        command.args(fixtures.is_dir().then_some(fixtures)).arg("--");
        command.arg(format!("-max_total_time={}", arguments.seconds));
        command.args([format!("-timeout={INPUT_SECONDS_MAX}"), format!("-rss_limit_mb={MEMORY_MB_MAX}")]);
        command.args(["-print_final_stats=1", "-verbosity=1"]);
        must_succeed(&mut command)
            .with_context(|| format!("{target} found an input; it is under {FOLDER}/artifacts/{target}"))?;
    }
    println!(
        "\n{} targets, {} s each: no crash, no input over {INPUT_SECONDS_MAX} s",
        targets.len(),
        arguments.seconds
    );
    Ok(ExitCode::SUCCESS)
}

/// The compiler that ran us may be another one, so rustup is asked.
fn cargo_fuzz() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo", "fuzz"]);
    for (name, _) in std::env::vars_os() {
        let is_ours = name.to_string_lossy().starts_with("CARGO_PROFILE_") || name == "RUSTUP_TOOLCHAIN";
        if is_ours || name == "CARGO" || name == "CARGO_TARGET_DIR" {
            command.env_remove(name);
        }
    }
    command
}

fn check_tools() -> Result<()> {
    if first_line_of("rustup", &["run", "nightly", "rustc", "--version"]).is_none() {
        bail!("the nightly compiler is missing: rustup toolchain install nightly --profile minimal");
    }
    if first_line_of("rustup", &["run", "nightly", "cargo", "fuzz", "--version"]).is_none() {
        bail!("cargo-fuzz is missing: cargo install cargo-fuzz --locked");
    }
    Ok(())
}

fn targets(arguments: &Arguments, workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.root.join(FOLDER).join("targets");
    let mut known = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        known.extend(entry?.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    known.sort();
    if let Some(unknown) = arguments.only.iter().find(|target| !known.contains(target)) {
        bail!("there is no target {unknown}; there are {}", known.join(", "));
    }
    known.retain(|target| arguments.only.is_empty() || arguments.only.contains(target));
    Ok(known)
}
