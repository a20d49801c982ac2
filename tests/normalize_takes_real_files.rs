//! `touchline normalize` on real vendor files: every file is taken, and every reject is one we know the reason of.
//! Uses the large data folder where it is there, else the fixtures of the parsers; so it always tests something.

use std::fs;
use std::path::{Path, PathBuf};

use touchline_tests::{data_folder, output_of, repository, touchline};

/// Folder in the data, or how the names of files in one begin; source on the command line.
const VENDORS: [(&str, &str); 9] = [
    ("finnhub", "finnhub"),
    ("espn", "espn"),
    ("theoddsapi", "the-odds-api"),
    ("betfair", "betfair"),
    ("openweather", "openweather"),
    ("news/newsapi", "newsapi"),
    ("news/gnews", "gnews"),
    ("sportmonks", "sportmonks"),
    ("sportradar", "sportradar"),
];

/// Real files in which records are refused, how many, and why that is right.
const KNOWN_REJECTS: &[(&str, u64, &str)] = &[
    ("theoddsapi/v3_legacy_mlb_odds_2024-07.json", 2, "two prices of exactly 1.0, which no odds are"),
    ("theoddsapi/line_movement_baseball_mlb.csv.gz", 1, "one price of exactly 1.0"),
];

/// Real files that are not the payload of any endpoint we read, and why.
const NOT_A_PAYLOAD: &[(&str, &str)] = &[
    ("theoddsapi/nfl_odds_2023_reg6.json", "another vendor's odds"),
    ("theoddsapi/nfl_odds_2023_reg7.json", "another vendor's odds"),
    ("theoddsapi/nhl_historical_pregame_lines.csv.gz", "a project's own table, one row per game and book"),
    ("theoddsapi/nhl_wnba_intraday_lines.csv.gz", "a project's own table, one row per game and book"),
    ("theoddsapi/consensus_snapshots_wc2026.json.gz", "a project's own averages"),
];

#[test]
fn every_real_file_is_taken_without_unexplained_rejects() {
    let Some(data) = data_folder() else {
        return every_fixture_is_taken();
    };
    let mut problems = Vec::new();
    let mut file_count = 0;
    for (folder, source) in VENDORS {
        for file in files_of(&data.join(folder)) {
            let name = file.strip_prefix(&data).expect("found below it").display().to_string();
            if NOT_A_PAYLOAD.iter().any(|(known, _)| *known == name) {
                continue;
            }
            file_count += 1;
            let expected = KNOWN_REJECTS.iter().find(|(known, ..)| *known == name).map_or(0, |(_, count, _)| *count);
            let summary = normalize(source, &file);
            println!("{name}: {summary:?}");
            if summary.reject_count != expected {
                problems.push(format!("{name}: {} rejects instead of {expected}", summary.reject_count));
            }
            if summary.event_count == 0 {
                problems.push(format!("{name}: no events"));
            }
            if summary.byte_count == 0 {
                problems.push(format!("{name}: no bytes"));
            }
        }
    }
    assert!(file_count > 0, "no vendor files in {}", data.display());
    assert!(problems.is_empty(), "{problems:#?}");
}

/// Fixtures hold rejects on purpose; that the command takes each and accounts for it is what can be said of all.
fn every_fixture_is_taken() {
    for (_, source) in VENDORS {
        let fixtures: Vec<PathBuf> = files_under(&repository().join("shared/feed/fixtures").join(source))
            .into_iter()
            .filter(|path| !path.to_string_lossy().ends_with(".golden.ndjson"))
            .collect();
        assert!(!fixtures.is_empty(), "no fixtures of {source}");
        for fixture in fixtures {
            let summary = normalize(source, &fixture);
            assert!(
                summary.event_count + summary.reject_count > 0 || summary.byte_count > 0,
                "{}: nothing came of it",
                fixture.display()
            );
        }
    }
}

#[derive(Debug, PartialEq)]
struct Summary {
    event_count: u64,
    reject_count: u64,
    byte_count: u64,
}

fn normalize(source: &str, file: &Path) -> Summary {
    let output = output_of(touchline().args(["normalize", "--source", source]).arg(file));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = stderr.lines().last().unwrap_or_default();
    let summary = parse_summary(last).unwrap_or_else(|| panic!("{}: cannot read {last:?}", file.display()));
    let line_count = output.stdout.iter().filter(|byte| **byte == b'\n').count() as u64;
    assert_eq!(line_count, summary.event_count, "{}: one line per event", file.display());
    summary
}

/// `12 events, 0 rejects, 3456 bytes`, whatever else the line says.
fn parse_summary(line: &str) -> Option<Summary> {
    let number_before = |word: &str| {
        let (before, _) = line.split_once(word)?;
        before.trim_end().rsplit(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    Some(Summary {
        event_count: number_before(" event")?,
        reject_count: number_before(" reject")?,
        byte_count: number_before(" byte")?,
    })
}

/// The files of a folder, or those whose names begin with the last part of a path that is none.
fn files_of(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() {
        return files_under(path);
    }
    let start = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let starts = |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&start));
    files_under(path.parent().expect("a path in the data folder")).into_iter().filter(starts).collect()
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[test]
fn the_summary_line_is_read() {
    let expected = Summary { event_count: 12, reject_count: 3, byte_count: 4567 };
    assert_eq!(parse_summary("12 events, 3 rejects, 4567 bytes"), Some(expected));
    assert_eq!(parse_summary("done"), None);
}
