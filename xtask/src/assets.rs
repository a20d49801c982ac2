//! `cargo xtask assets`: the chart library of the dashboard, copied from its npm package as the lock file pins it.
//! AST-1: what is copied is byte for byte what the lock file's checksum covers; `--check` says whether the copy still is.
//! Builds nothing: our own scripts and styles are shipped as they are written.

use std::fs;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;

use crate::program::must_succeed;
use crate::workspace::Workspace;

/// File in the package, and its name among our assets.
const FILES: [(&str, &str); 2] = [
    ("plotly.js-basic-dist-min/plotly-basic.min.js", "plotly-basic.min.js"),
    ("plotly.js-basic-dist-min/LICENSE", "plotly-basic.LICENSE"),
];

#[derive(Args)]
pub struct Arguments {
    /// Write nothing; fail if a committed copy differs from its package.
    #[arg(long)]
    check: bool,
}

pub fn run(arguments: &Arguments, workspace: &Workspace) -> Result<ExitCode> {
    let api = workspace.root.join("functions/api");
    let source = api.join("assets-src");
    // `ci` installs exactly what the lock file says and verifies its checksums.
    must_succeed(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&source))?;
    let mut outcome = ExitCode::SUCCESS;
    for (from, to) in FILES {
        let (from, to) = (source.join("node_modules").join(from), api.join("assets").join(to));
        let bytes = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
        let is_same = fs::read(&to).is_ok_and(|committed| committed == bytes);
        match (is_same, arguments.check) {
            (true, _) => println!("{} is as its package has it", to.display()),
            (false, true) => {
                eprintln!("{} differs from its package: run `cargo xtask assets`", to.display());
                outcome = ExitCode::FAILURE;
            }
            (false, false) => {
                fs::write(&to, bytes).with_context(|| format!("cannot write {}", to.display()))?;
                println!("{} is renewed", to.display());
            }
        }
    }
    Ok(outcome)
}
