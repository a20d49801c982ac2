//! `cargo xtask test`: the stages in order, each with its tools, then one table and one line of counts.
//! XT-2: a stage that cannot run counts as failed; a test stage in which no test ran counts as failed.

mod count;
mod stage;
mod tool;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::workspace::Workspace;
use count::Counts;
use stage::Stage;

#[derive(clap::Args)]
pub struct Arguments {
    /// Run this stage alone; may be given several times.
    #[arg(long, value_name = "STAGE", value_delimiter = ',')]
    only: Vec<Stage>,
    /// Print the stages and what they need, then stop.
    #[arg(long)]
    list: bool,
}

/// One line of the closing table.
struct Row {
    stage: Stage,
    took: Duration,
    counts: Counts,
    error: Option<String>,
}

pub fn run(arguments: &Arguments, workspace: &Workspace) -> Result<ExitCode> {
    let stages: Vec<Stage> =
        Stage::ALL.into_iter().filter(|stage| arguments.only.is_empty() || arguments.only.contains(stage)).collect();
    if arguments.list {
        print!("{}", stage::list(&stages));
        return Ok(ExitCode::SUCCESS);
    }
    tool::check(&stages)?;
    let mut rows: Vec<Row> = Vec::new();
    for stage in stages {
        let blocker = rows.iter().find(|row| row.counts.failed > 0 && row.stage.blocks(stage)).map(|row| row.stage);
        rows.push(match blocker {
            Some(blocker) => Row {
                stage,
                took: Duration::ZERO,
                counts: Counts::ONE_FAILED,
                error: Some(format!("not run, because {} failed", blocker.name())),
            },
            None => timed(stage, workspace),
        });
    }
    let total = rows.iter().fold(Counts::default(), |total, row| total + row.counts);
    print!("{}", table(&rows));
    println!("{} passed, {} failed", total.passed, total.failed);
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What fetching the counterparts needs, without a stage around it.
pub fn check_tools_of_counterparts() -> Result<()> {
    tool::check(&[Stage::Cloud])
}

fn timed(stage: Stage, workspace: &Workspace) -> Row {
    println!("\n==> {}: {}", stage.name(), stage.purpose());
    let started = Instant::now();
    let (counts, error) = match stage.run(workspace) {
        Ok(counts) => (counts, None),
        Err(error) => (Counts::ONE_FAILED, Some(format!("{error:#}"))),
    };
    Row { stage, took: started.elapsed(), counts, error }
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from("\nstage        seconds   passed   failed\n");
    for row in rows {
        let Counts { passed, failed } = row.counts;
        let seconds = row.took.as_secs_f64();
        text.push_str(&format!("{:<10} {seconds:>9.1} {passed:>8} {failed:>8}", row.stage.name()));
        if let Some(error) = &row.error {
            text.push_str(&format!("   {error}"));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_what_failed() {
        let rows = [
            Row { stage: Stage::Format, took: Duration::from_millis(1500), counts: Counts::ONE_PASSED, error: None },
            Row {
                stage: Stage::Tests,
                took: Duration::ZERO,
                counts: Counts::ONE_FAILED,
                error: Some("not run, because build failed".to_owned()),
            },
        ];
        let text = table(&rows);
        assert!(text.contains("format           1.5        1        0\n"), "{text}");
        assert!(text.contains("tests            0.0        0        1   not run, because build failed\n"), "{text}");
    }
}
