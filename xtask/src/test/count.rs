//! Counting tests from what cargo prints: one `test result:` line per test program and per crate's doc tests.

use std::io::{BufRead, BufReader, Write};
use std::ops::Add;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::program::words;

/// Tests that passed and failed. A stage without tests counts as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: u64,
    pub failed: u64,
}

impl Counts {
    pub const ONE_PASSED: Counts = Counts { passed: 1, failed: 0 };
    pub const ONE_FAILED: Counts = Counts { passed: 0, failed: 1 };
}

impl Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

/// Runs `cargo test ...`, shows its output as it comes and counts the tests.
pub fn run_counted(command: &mut Command) -> Result<Counts> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {}", words(command)))?;
    let stdout = child.stdout.take().context("the output was asked for as a pipe")?;
    let mut counts = Counts::default();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.context("cannot read the output of the tests")?;
        let text = String::from_utf8_lossy(&line);
        counts = counts + of_line(&text);
        writeln!(std::io::stdout(), "{text}").context("cannot write to standard output")?;
    }
    let status = child.wait().context("cannot wait for the tests to end")?;
    match (status.success(), counts) {
        (true, Counts { passed: 0, .. }) => bail!("no test ran: {}", words(command)),
        (false, Counts { failed: 0, .. }) => bail!("{} ended with {status} before its tests did", words(command)),
        _ => Ok(counts),
    }
}

/// `test result: FAILED. 3 passed; 1 failed; 0 ignored; ...`
fn of_line(line: &str) -> Counts {
    let Some((_, result)) = line.split_once("test result: ") else {
        return Counts::default();
    };
    let number_before = |word: &str| {
        let (before, _) = result.split_once(word)?;
        before.trim_end().rsplit(' ').next()?.parse().ok()
    };
    Counts { passed: number_before("passed;").unwrap_or(0), failed: number_before("failed;").unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_line_is_counted_and_no_other() {
        let line = "test result: FAILED. 13 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(of_line(line), Counts { passed: 13, failed: 2 });
        assert_eq!(of_line("running 13 passed; 2 failed; tests"), Counts::default());
    }

    #[test]
    fn a_command_that_runs_no_test_is_an_error() {
        let error = run_counted(&mut Command::new("true")).unwrap_err().to_string();
        assert!(error.contains("no test ran"), "{error}");
    }

    #[test]
    fn a_command_that_dies_before_its_tests_is_an_error() {
        let error = run_counted(&mut Command::new("false")).unwrap_err().to_string();
        assert!(error.contains("before its tests did"), "{error}");
    }
}
