//! `touchline windows` against DuckDB on the same trades: every row, every figure.
//! Counts and prices must be equal, quotients equal to the last few bits, roots and logarithms to 1e-9.
//! Input: the large data folder where it is there, else the recordings of the repository.

use std::fs;
use std::path::Path;

use touchline_tests::{data_folder, oracle, output_of, touchline, trade_recordings};

/// Longer than the years between the recordings, so that no line is late whatever its place in the file.
const LATENESS: &str = "300000h";

/// The converter's options, the product's options, the judge's options.
struct Case<'a> {
    convert: &'a [&'a str],
    windows: &'a [&'a str],
    judge: &'a [&'a str],
}

fn check(case: &Case<'_>) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (input, output) = (folder.path().join("trades.ndjson"), folder.path().join("windows.ndjson"));
    make_trades(&input, case.convert);
    run_windows(&input, &output, case.windows);
    let verdict = output_of(oracle("windows_equal.py").arg(&input).arg(&output).args(case.judge));
    println!("{}", String::from_utf8_lossy(&verdict.stdout).trim_end());
}

fn make_trades(path: &Path, options: &[&str]) {
    let mut converter = oracle("trades_to_ndjson.py");
    converter.arg(path).args(options);
    match data_folder() {
        Some(data) => converter.arg(data.join("ticks")),
        None => converter.args(trade_recordings()),
    };
    output_of(&mut converter);
}

fn run_windows(input: &Path, output: &Path, options: &[&str]) {
    let mut command = touchline();
    command.arg("windows").arg("--input").arg(input).arg("--output").arg(output);
    command.args(["--source", "trades-ndjson", "--lateness", LATENESS]).args(options);
    output_of(&mut command);
}

#[test]
fn one_minute_windows_of_trades_in_their_order() {
    check(&Case { convert: &[], windows: &["--window", "1m"], judge: &["--window-ms", "60000"] });
}

#[test]
fn shuffled_lines_change_nothing_but_ties() {
    check(&Case {
        convert: &["--shuffle", "7", "--lines-max", "100000"],
        windows: &["--window", "1m"],
        judge: &["--window-ms", "60000"],
    });
}

#[test]
fn five_minute_windows_sliding_by_one_equal_direct_recomputation() {
    check(&Case {
        convert: &["--lines-max", "100000"],
        windows: &["--window", "5m", "--slide", "1m"],
        judge: &["--window-ms", "300000", "--slide-ms", "60000"],
    });
}

#[test]
fn repeated_lines_count_once_when_asked_to() {
    check(&Case {
        convert: &["--repeat-every", "50", "--lines-max", "100000"],
        windows: &["--window", "1m", "--drop-duplicates"],
        judge: &["--window-ms", "60000", "--drop-duplicates"],
    });
}

#[test]
fn the_judge_sees_a_wrong_figure_and_a_missing_row() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (input, output) = (folder.path().join("trades.ndjson"), folder.path().join("windows.ndjson"));
    make_trades(&input, &["--lines-max", "2000"]);
    run_windows(&input, &output, &["--window", "1m"]);
    let honest = fs::read_to_string(&output).expect("the windows were written");
    let rejected = |text: &str| {
        fs::write(&output, text).expect("the windows can be rewritten");
        let mut judge = oracle("windows_equal.py");
        let verdict = judge.arg(&input).arg(&output).args(["--window-ms", "60000"]).output().expect("python starts");
        !verdict.status.success()
    };
    assert!(!rejected(&honest));
    let (first, rest) = honest.split_once('\n').expect("more than one row");
    assert!(rejected(rest), "a row is missing");
    let mut row: serde_json::Value = serde_json::from_str(first).expect("a row is JSON");
    row["volume"] = serde_json::json!(row["volume"].as_f64().expect("volume is a number") + 1e-6);
    assert!(rejected(&format!("{row}\n{rest}")), "a volume is off by a millionth");
}
