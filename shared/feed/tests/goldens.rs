//! Every fixture of every vendor against its golden events: `fixtures/<vendor>/<situation>.*` beside `<situation>.golden.ndjson`.
//! Re-make them with `TOUCHLINE_BLESS=1 cargo test -p touchline-feed --test goldens`, then read the diff.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{fmt::Write as _, fs, path::Path};

use touchline_feed::{Document, Session, Source, parse};

/// 2026-11-01T00:00:00Z: later than every fixture.
const RECEIVED_AT_MS: i64 = 1_793_491_200_000;

fn check(vendor: &str) {
    let source = Source::from_name(vendor).expect("fixture folders are named after sources");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(vendor);
    let mut fixtures: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.to_string_lossy().ends_with(".golden.ndjson"))
        .collect();
    fixtures.sort();
    assert!(!fixtures.is_empty(), "no fixtures in {}", folder.display());
    let is_blessing = option_env_at_run_time("TOUCHLINE_BLESS");
    let mut stale = Vec::new();
    for fixture in fixtures {
        let bytes = fs::read(&fixture).unwrap();
        let name = fixture.file_name().unwrap().to_string_lossy().into_owned();
        let document = Document { bytes: &bytes, received_at_ms: Some(RECEIVED_AT_MS), origin: &name };
        let parsed = parse(source, document, &mut Session::default());
        let mut actual = String::new();
        for event in &parsed.events {
            writeln!(actual, "{}", serde_json::to_string(event).unwrap()).unwrap();
        }
        for reject in &parsed.rejects {
            writeln!(actual, "reject {} at {:?}: {}", reject.reason.as_str(), reject.pointer, reject.message).unwrap();
        }
        let golden = fixture.with_extension("golden.ndjson");
        if is_blessing {
            fs::write(&golden, actual).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != actual {
            stale.push(golden.display().to_string());
        }
    }
    assert!(stale.is_empty(), "these goldens differ from what the parser gives: {stale:#?}");
}

#[allow(clippy::disallowed_methods, reason = "a test's own switch")]
fn option_env_at_run_time(name: &str) -> bool {
    std::env::var(name).is_ok()
}

#[test]
fn finnhub_fixtures_give_their_golden_events() {
    check("finnhub");
}

#[test]
fn espn_fixtures_give_their_golden_events() {
    check("espn");
}

#[test]
fn the_odds_api_fixtures_give_their_golden_events() {
    check("the-odds-api");
}

#[test]
fn betfair_fixtures_give_their_golden_events() {
    check("betfair");
}

#[test]
fn openweather_fixtures_give_their_golden_events() {
    check("openweather");
}

#[test]
fn newsapi_fixtures_give_their_golden_events() {
    check("newsapi");
}

#[test]
fn gnews_fixtures_give_their_golden_events() {
    check("gnews");
}

#[test]
fn sportmonks_fixtures_give_their_golden_events() {
    check("sportmonks");
}

#[test]
fn sportradar_fixtures_give_their_golden_events() {
    check("sportradar");
}

#[test]
fn statsbomb_fixtures_give_their_golden_events() {
    check("statsbomb");
}

#[test]
fn nflverse_fixtures_give_their_golden_events() {
    check("nflverse");
}

#[test]
fn football_data_fixtures_give_their_golden_events() {
    check("football-data");
}

#[test]
fn nfl_ngs_fixtures_give_their_golden_events() {
    check("nfl-ngs");
}

#[test]
fn wearable_fixtures_give_their_golden_events() {
    check("wearable");
}

#[test]
fn metrica_fixtures_give_their_golden_events() {
    check("metrica");
}

#[test]
fn skillcorner_fixtures_give_their_golden_events() {
    check("skillcorner");
}

#[test]
fn tracab_fixtures_give_their_golden_events() {
    check("tracab");
}
