//! The `touchline` binary as built from these sources, and running it to the end.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::folders::{repository, target_folder};

/// Variables of the test run that build scripts watch: inherited, they would make cargo build those crates again.
const OUTER_CARGO_PREFIXES: [&str; 5] =
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];

/// A command line that starts the product.
pub fn touchline() -> Command {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(BINARY.get_or_init(build));
    command.current_dir(target_folder());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TOUCHLINE_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs to the end; anything but success panics with what the program said.
#[track_caller]
pub fn output_of(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} ended with {}\n--- stdout\n{}\n--- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    output
}

/// Asks cargo for the binary in the profile and target directory of this test. `--workspace` and one test target
/// are selected so that cargo resolves the very features of `cargo test --workspace` and compiles nothing twice.
fn build() -> PathBuf {
    let target = target_folder();
    let profile_folder = profile_folder();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--workspace", "--bin", "touchline", "--test", "tidy"]);
    if profile_folder == "release" {
        cargo.arg("--release");
    }
    cargo.current_dir(repository()).env("CARGO_TARGET_DIR", &target);
    for (name, _) in std::env::vars_os() {
        if OUTER_CARGO_PREFIXES.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            cargo.env_remove(name);
        }
    }
    output_of(&mut cargo);
    let binary = target.join(profile_folder).join("touchline");
    assert!(binary.is_file(), "{} is not there; run cargo build first", binary.display());
    binary
}

/// `debug` or `release`: the folder above `deps`, where this test program is.
fn profile_folder() -> &'static str {
    if cfg!(debug_assertions) { "debug" } else { "release" }
}
