//! Other programs as judges: Python scripts of `tests/oracles`, run in the virtual environment that xtask makes.

use std::path::PathBuf;
use std::process::Command;

use crate::folders::{repository, target_folder};

/// A command line for `tests/oracles/<script>`. `TOUCHLINE_PYTHON` names another Python that has what
/// `tests/requirements.txt` lists.
pub fn oracle(script: &str) -> Command {
    let python =
        std::env::var_os("TOUCHLINE_PYTHON").map_or_else(|| target_folder().join("venv/bin/python"), PathBuf::from);
    assert!(python.is_file(), "{} is not there; run `cargo xtask test --only oracles`", python.display());
    let mut command = Command::new(python);
    command.arg("-B").arg(repository().join("tests/oracles").join(script));
    command
}
