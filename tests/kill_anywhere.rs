//! P1 for the whole product: kill -9 at moments spread over the demo, start it again, and every result is the same
//! byte for byte as that of a run nobody disturbed; the audit adds up.
//! `TOUCHLINE_SEED=<printed seed>` chooses the same moments again.
#![allow(clippy::disallowed_methods, reason = "the moments of killing are moments of the wall clock")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use touchline_tests::{Random, output_of, seed, touchline};

const KILL_COUNT: usize = 20;
/// Kills one state folder lives through before its result is compared.
const KILLS_PER_STATE: usize = 4;
/// A moment may come after the end of its run; it is then tried again on a fresh state, at most so often in all.
const ATTEMPTS_MAX: usize = 4 * KILL_COUNT;
/// Several undisturbed durations: what is not through by then hangs.
const PATIENCE: u32 = 20;
/// How panes lie in items.
const LAYOUTS: [&str; 2] = ["pane", "lane"];

/// Every figure of the final windows, highest revision only. When a window was written (`as_of`) and how often
/// (`revision`) may differ between runs; what it says may not.
const RESULTS: [&str; 4] = [
    "select source, symbol, window_start, window_ms, is_final, trade_count, excluded_count, volume, turnover, vwap, \
     open, close, high, low, mean_price, price_stddev, realised_volatility from (select *, row_number() over \
     (partition by source, symbol, window_start, window_ms order by revision desc) as place from \
     silver.trade_windows) as w where place = 1 order by source, symbol, window_start, window_ms",
    "select source, game_id, market, book, outcome, point, side, window_start, window_ms, is_final, quote_count, \
     open, close, high, low, move_count, implied_probability, volatility from (select *, row_number() over \
     (partition by source, game_id, market, book, outcome, point, side, window_start, window_ms order by revision \
     desc) as place from silver.odds_windows) as w where place = 1 order by source, game_id, market, book, outcome, \
     point, side, window_start, window_ms",
    "select source, game_id, window_start, window_ms, is_final, update_count, home_score, away_score, lead, \
     lead_change_count from (select *, row_number() over (partition by source, game_id, window_start, window_ms order \
     by revision desc) as place from silver.score_windows) as w where place = 1 order by source, game_id, \
     window_start, window_ms",
    "select source, entity, kind, window_start, window_ms, value, expectation, severity, robust_z from (select *, \
     row_number() over (partition by anomaly_id order by revision desc) as place from silver.anomalies) as a where \
     place = 1 order by source, entity, kind, window_start, window_ms",
];

/// A window and revision is written once, whatever happened in between.
const TWICE_WRITTEN: &str = "select source, symbol, window_start, window_ms, revision, count(*) as times from \
     silver.trade_windows group by source, symbol, window_start, window_ms, revision having count(*) > 1";

#[test]
fn twenty_kills_change_no_result() {
    let mut random = Random::new(seed());
    let undisturbed = tempfile::tempdir().expect("a folder for the test");
    let mut command = demo(undisturbed.path(), LAYOUTS[0]);
    let started = Instant::now();
    output_of(&mut command);
    let duration = started.elapsed();
    let expected = results(undisturbed.path());
    println!("undisturbed: {:.1} s, {} lines of results", duration.as_secs_f64(), expected.lines().count());

    let mut moments = spread_moments(duration, &mut random);
    let mut kill_count = 0;
    let mut attempts = 0;
    while !moments.is_empty() {
        let state = tempfile::tempdir().expect("a folder for the test");
        // The undisturbed run has an item for each pane: what shares items must say the same.
        let layout = LAYOUTS[(attempts + 1) % LAYOUTS.len()];
        let mut survived = Vec::new();
        while survived.len() < KILLS_PER_STATE {
            let Some(moment) = moments.pop() else { break };
            attempts += 1;
            assert!(attempts <= ATTEMPTS_MAX, "the demo keeps ending before it can be killed");
            if !kill_after(&mut demo(state.path(), layout), moment) {
                moments.insert(0, moment.mul_f64(0.9));
                break;
            }
            survived.push(moment);
        }
        kill_count += survived.len();
        finish(state.path(), layout, duration * PATIENCE);
        println!("panes by the {layout}, killed after {survived:?}, then finished; {kill_count} of {KILL_COUNT}");
        assert_same(&expected, &results(state.path()), &survived);
    }
    assert_eq!(kill_count, KILL_COUNT);
}

/// One moment in each twentieth of the duration, in any order.
fn spread_moments(duration: Duration, random: &mut Random) -> Vec<Duration> {
    let part = duration.as_secs_f64() / KILL_COUNT as f64;
    let mut moments: Vec<Duration> =
        (0..KILL_COUNT).map(|n| Duration::from_secs_f64((n as f64 + random.share()) * part)).collect();
    random.shuffle(&mut moments);
    moments
}

fn demo(state: &Path, layout: &str) -> Command {
    let mut command = touchline();
    command.args(["demo", "--exit", "--speed", "max", "--port", "0", "--pane-layout", layout, "--state"]).arg(state);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Whether the program was still running when the moment came.
fn kill_after(command: &mut Command, moment: Duration) -> bool {
    let mut child = command.spawn().expect("touchline starts");
    let started = Instant::now();
    while started.elapsed() < moment {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            assert!(status.success(), "a started demo ended with {status}");
            return false;
        }
        thread::sleep(Duration::from_millis(2).min(moment.saturating_sub(started.elapsed())));
    }
    // SIGKILL on Unix: no handler runs, no buffer is flushed.
    child.kill().expect("a running child can be killed");
    !child.wait().expect("a child can be waited for").success()
}

/// Runs the demo to its end on a state that was killed.
fn finish(state: &Path, layout: &str, patience: Duration) {
    let mut command = demo(state, layout);
    let mut child = command.stderr(Stdio::inherit()).spawn().expect("touchline starts");
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        if started.elapsed() > patience {
            child.kill().expect("a running child can be killed");
            panic!("not finished after {patience:?}");
        }
        thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success(), "the demo after a kill ended with {status}");
}

fn results(state: &Path) -> String {
    output_of(touchline().arg("audit").arg("--state").arg(state));
    let csv = |query: &str| {
        let output = output_of(touchline().args(["sql", query, "--format", "csv", "--state"]).arg(state));
        String::from_utf8(output.stdout).expect("CSV is text")
    };
    let twice = csv(TWICE_WRITTEN);
    assert!(twice.lines().count() <= 1, "written more than once:\n{twice}");
    let parts = RESULTS.map(csv);
    for (part, query) in parts.iter().zip(RESULTS) {
        assert!(part.lines().count() > 1, "no rows, so nothing would be compared: {query}");
    }
    parts.concat()
}

fn assert_same(expected: &str, actual: &str, survived: &[Duration]) {
    if expected == actual {
        return;
    }
    let (expected, actual): (Vec<_>, Vec<_>) = (expected.lines().collect(), actual.lines().collect());
    let missing: Vec<_> = expected.iter().filter(|line| !actual.contains(line)).take(5).collect();
    let superfluous: Vec<_> = actual.iter().filter(|line| !expected.contains(line)).take(5).collect();
    panic!(
        "results differ after kills at {survived:?}: {} lines instead of {}\nmissing {missing:#?}\nsuperfluous \
         {superfluous:#?}",
        actual.len(),
        expected.len()
    );
}
