//! The command line as people and scripts meet it: exit codes, refusals with their remedy, and what is counted.
#![allow(clippy::disallowed_methods, reason = "waits until another process holds its folder")]

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::thread;
use std::time::Duration;

use touchline_tests::{output_of, touchline};

fn run(arguments: &[&str]) -> Output {
    touchline().args(arguments).stdin(Stdio::null()).output().expect("touchline starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn path(file: &Path) -> &str {
    file.to_str().expect("a temporary path is text")
}

#[test]
fn an_unknown_source_is_refused_with_the_list_of_those_that_are_known() {
    let output = run(&["normalize", "--source", "opta", "whatever.json"]);
    assert_eq!(output.status.code(), Some(2));
    let message = stderr(&output);
    assert!(message.contains("--source opta is unknown") && message.contains("the-odds-api"), "{message}");
}

#[test]
fn html_in_place_of_json_is_a_reject_with_its_bytes_and_exit_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("answer.json");
    fs::write(&file, "<!doctype html><title>502 Bad Gateway</title>").expect("a file");
    let output = run(&["normalize", "--source", "espn", path(&file)]);
    assert_eq!(output.status.code(), Some(2));
    let message = stderr(&output);
    assert!(message.contains("502 Bad Gateway"), "{message}");
    assert_eq!(message.lines().last(), Some("0 events, 1 rejects, 45 bytes"));
}

#[test]
fn one_bad_trade_is_rejected_with_its_pointer_and_the_others_are_events() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, rejects) = (folder.path().join("trades.jsonl"), folder.path().join("rejects.ndjson"));
    let message = r#"{"type":"trade","data":[{"s":"A","p":1.5,"v":2,"t":1680286537580},{"s":"A","p":"x","v":2,"t":1680286537581},{"s":"A","p":1.6,"v":-2,"t":1680286537582},{"s":"A","p":1.7,"v":2,"t":1680286537583}]}"#;
    fs::write(&file, message).expect("a file");
    let output = run(&["normalize", "--source", "finnhub", path(&file), "--rejects", path(&rejects)]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2);
    let rejects = fs::read_to_string(&rejects).expect("rejects");
    assert!(rejects.contains("/data/1/p") && rejects.contains("/data/2/v"), "{rejects}");
}

#[test]
fn windows_count_every_line_and_a_late_trade_is_not_in_a_window() {
    let folder = tempfile::tempdir().expect("a folder");
    let (input, output) = (folder.path().join("in.ndjson"), folder.path().join("out.ndjson"));
    let line = |at: i64, price: &str| format!("{{\"s\":\"A\",\"p\":{price},\"v\":1,\"t\":{at},\"c\":[\"1\"]}}\n");
    let text = [
        line(1_700_000_000_000, "10"),
        line(1_700_000_600_000, "11"),
        line(1_700_000_001_000, "99"),
        line(1_700_000_600_000, "11"),
        "garbage\n".to_owned(),
    ];
    fs::write(&input, text.concat()).expect("a file");
    let arguments = [
        "windows",
        "--input",
        path(&input),
        "--source",
        "trades-ndjson",
        "--window",
        "1m",
        "--lateness",
        "10s",
        "--drop-duplicates",
    ];
    let report = stderr(&output_of(touchline().args(arguments).arg("--output").arg(&output)));
    assert!(report.contains("5 events = 2 applied + 1 duplicate + 1 late + 1 malformed"), "{report}");
    assert!(report.contains("line 5"), "{report}");
    let rows = fs::read_to_string(&output).expect("rows");
    assert_eq!(rows.lines().count(), 2);
    assert!(!rows.contains("\"high\":99") && !rows.contains("-0.0"), "{rows}");
}

#[test]
fn a_folder_without_state_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    for command in ["audit", "status"] {
        let output = run(&[command, "--state", path(folder.path())]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("touchline demo --state"), "{}", stderr(&output));
    }
}

#[test]
fn a_state_folder_in_use_is_refused_but_its_lake_can_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = path(folder.path());
    let mut demo = touchline()
        .args(["demo", "--port", "0", "--speed", "1", "--state", state])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("touchline starts");
    let mut refusal = String::new();
    // The demo needs a moment until it holds the folder.
    for _ in 0..200 {
        thread::sleep(Duration::from_millis(100));
        if folder.path().join("state.redb").is_file() {
            refusal = stderr(&run(&["audit", "--state", state]));
            if refusal.contains("in use by another touchline process") {
                break;
            }
        }
    }
    let tables = run(&["sql", "select count(*) as n from silver.trades", "--format", "csv", "--state", state]);
    demo.kill().expect("the demo can be ended");
    demo.wait().expect("the demo ends");
    assert!(refusal.contains("in use by another touchline process"), "{refusal}");
    assert!(tables.status.success(), "{}", stderr(&tables));
    assert!(String::from_utf8_lossy(&tables.stdout).starts_with("n\n"));
}

#[test]
fn a_state_folder_keeps_the_layout_of_panes_that_it_began_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, state) = (folder.path().join("trades.jsonl"), folder.path().join("state"));
    fs::write(&file, r#"{"type":"trade","data":[{"s":"A","p":1.5,"v":2,"t":1680286537580}]}"#).expect("a file");
    let replay = |layout: &[&str]| {
        run(&[&["replay", "--source", "finnhub", path(&file), "--state", path(&state)], layout].concat())
    };
    assert!(replay(&["--pane-layout", "lane"]).status.success());
    let refused = replay(&["--pane-layout", "pane"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("panes lie by the lane here, not by the pane"), "{}", stderr(&refused));
    // Whoever says nothing goes on with what is there.
    let again = replay(&[]);
    assert!(again.status.success(), "{}", stderr(&again));
    let status = run(&["status", "--state", path(&state)]);
    assert!(String::from_utf8_lossy(&status.stdout).contains("panes by the lane"));
    let rebuilt = run(&["rebuild", "--pane", "trades/finnhub:A/2023-03-31T18:15:00Z", "--state", path(&state)]);
    assert!(String::from_utf8_lossy(&rebuilt.stdout).contains("unchanged"), "{}", stderr(&rebuilt));
}

#[test]
fn a_replayed_file_adds_up_and_a_second_replay_is_all_duplicates() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, state) = (folder.path().join("trades.jsonl"), folder.path().join("state"));
    let trade =
        |n: i64| format!("{{\"s\":\"A\",\"p\":1.5,\"v\":{},\"t\":{}}}", n % 3, 1_680_286_500_000 + n / 2 * 1_000);
    let message = |from: i64| {
        format!("{{\"type\":\"trade\",\"data\":[{}]}}\n", (from..from + 10).map(trade).collect::<Vec<_>>().join(","))
    };
    fs::write(&file, (0..30).map(|n| message(n * 10)).collect::<String>() + "{\"type\":\"trade\",\"da\n")
        .expect("a file");
    let replay = || {
        let output =
            output_of(touchline().args(["replay", "--source", "finnhub", path(&file), "--state", path(&state)]));
        String::from_utf8(output.stdout).expect("accounts are text")
    };
    let accounts = |text: &str| -> Vec<u64> {
        let line = text.lines().find(|line| line.starts_with("finnhub")).expect("a line of accounts");
        line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
    };
    // offered, applied, duplicate, rejected, quarantined, late, after-seal, redriven
    assert_eq!(accounts(&replay()), [301, 300, 0, 1, 0, 0, 0, 0]);
    let again = replay();
    assert_eq!(accounts(&again), [601, 300, 300, 1, 0, 0, 0, 0]);
    assert!(again.contains("finnhub        proof ok: 600 events"), "{again}");
    let told = |arguments: &[&str]| {
        let output = output_of(touchline().args(arguments).args(["--state", path(&state)]));
        String::from_utf8(output.stdout).expect("the outcome is text")
    };
    let refused = told(&["redrive", "--dry-run"]);
    assert!(refused.contains("truncated") && refused.contains("0 entries would be redriven"), "{refused}");
    let rebuilt = told(&["rebuild", "--pane", "trades/finnhub:A/2023-03-31T18:15:00Z"]);
    assert!(rebuilt.starts_with("trades/finnhub:A/2023-03-31T18:15:00.000Z: unchanged\n"), "{rebuilt}");
    let count = output_of(touchline().args([
        "sql",
        "select reason from bronze.quarantine",
        "--format",
        "csv",
        "--state",
        path(&state),
    ]));
    assert_eq!(String::from_utf8_lossy(&count.stdout).lines().collect::<Vec<_>>(), ["reason", "truncated"]);
}
