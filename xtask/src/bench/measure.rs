//! One measured run of a program: wall time from start to end, and the most memory it ever held.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::program::words;

/// How often the kernel is asked for the peak. It only ever grows, so the last answer before the end counts.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

#[derive(Debug, Clone, Copy)]
pub struct Run {
    pub wall: Duration,
    pub rss_bytes_max: u64,
}

/// Runs the command to its end with standard output dropped; a failure is an error that shows what it wrote.
pub fn run(command: &mut Command) -> Result<Run> {
    let started = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .with_context(|| format!("cannot start {}", words(command)))?;
    let status_path = format!("/proc/{}/status", child.id());
    let mut rss_bytes_max = 0;
    let status = loop {
        if let Some(bytes) = fs::read_to_string(&status_path).ok().and_then(|text| peak_bytes(&text)) {
            rss_bytes_max = rss_bytes_max.max(bytes);
        }
        if let Some(status) = child.try_wait().context("cannot wait for the measured program")? {
            break status;
        }
        thread::sleep(POLL_INTERVAL);
    };
    let wall = started.elapsed();
    if !status.success() {
        bail!("{} ended with {status}", words(command));
    }
    Ok(Run { wall, rss_bytes_max })
}

/// The median by wall time.
pub fn median(runs: &[Run]) -> Option<Run> {
    let mut runs = runs.to_vec();
    runs.sort_by_key(|run| run.wall);
    runs.get(runs.len() / 2).copied()
}

/// `VmHWM` of `/proc/<id>/status`, where the kernel keeps the high-water mark.
fn peak_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read() {
        assert_eq!(peak_bytes("VmPeak:\t  9 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 8 kB\n"), Some(1234 * 1024));
        assert_eq!(peak_bytes("Name:\tgone\n"), None);
    }

    #[test]
    fn the_median_is_the_middle_run() {
        let run = |seconds| Run { wall: Duration::from_secs(seconds), rss_bytes_max: seconds };
        assert_eq!(median(&[run(9), run(1), run(5)]).map(|run| run.rss_bytes_max), Some(5));
        assert!(median(&[]).is_none());
    }

    #[test]
    fn a_failing_program_is_an_error() {
        assert!(run(&mut Command::new("false")).is_err());
    }
}
