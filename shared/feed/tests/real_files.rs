//! Every real file of the large data folder, where it is there: what comes of it, by kind, against reviewed counts in
//! `real_files/<vendor>.txt`, and totals against an independent count from the vendor's own JSON.
//! Re-make the counts with `TOUCHLINE_BLESS=1 cargo test -p touchline-feed --test real_files`, then read the diff.
//! `TOUCHLINE_DATA` names the folder; without it `shared/data` beside the repository is looked for, and without that
//! nothing is tested here: the fixtures are.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "helpers of tests fail as tests do")]

mod real;

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use serde_json::Value;
use touchline_event::{Event, Kind, Payload};
use touchline_feed::{Parsed, Session, Source};

use real::{count, data_folder, files_under, parsed, read};

/// Which source reads which part of the data folder, files that describe a game first.
const STATSBOMB: &[&str] =
    &["statsbomb", "nfl_games_lines/amf_games.json", "nfl_games_lines/amf_plays_2021_2022.csv.gz"];

const NFLVERSE: &[&str] =
    &["nfl_games_lines/nflverse_games_1999_2023.csv.gz", "nfl_games_lines/nfl_open_min_max_close_to_2023.csv.gz"];
const FOOTBALL_DATA: &[&str] = &["epl_results_odds", "nfl_games_lines/nfl_open_min_max_close_to_2023.csv.gz"];
const NFL_NGS: &[&str] = &[
    "tracking/nfl_ngs_10hz",
    "tracking/lastrow_real_vs_barcelona_20fps.csv",
    "tracking/nba_sportvu_3sec_violations_25hz.csv",
];
const METRICA: &[&str] = &[
    "tracking/kloppy/epts_metrica_metadata.xml",
    "tracking/kloppy/epts_metrica_tracking.txt",
    "tracking/metrica/Sample_Game_3_metadata.xml",
    "tracking/kloppy/metrica_events.json.gz",
    "tracking/metrica/Sample_Game_1_RawEventsData.csv",
];
const SKILLCORNER: &[&str] = &[
    "tracking/kloppy/skillcorner_match_data.json",
    "tracking/kloppy/skillcorner_v3_raw_data.jsonl",
    "tracking/skillcorner_2024/matches.json",
    "tracking/skillcorner_2024/2011166_match.json",
    "tracking/skillcorner_2024/2017461_match.json",
    "tracking/skillcorner_2024/2011166_dynamic_events.csv.gz",
    "tracking/skillcorner_2024/2011166_phases_of_play.csv",
    "tracking/skillcorner_2024/2017461_dynamic_events.csv.gz",
    "tracking/skillcorner_2024/2017461_phases_of_play.csv",
    "tracking/kloppy/pff_10517.jsonl.gz",
];
const TRACAB: &[&str] =
    &["tracking/kloppy/hawkeye_1_1.football.samples.ball.gz", "tracking/kloppy/statsperform_tracking_ma25.txt"];
const WEARABLE: &[&str] = &["wearables"];
const NEWSAPI: &[&str] = &[
    "news/newsapi_everything_bbc-news_2020-07.json",
    "news/newsapi_testdata_2022-12.json",
    "news/newsapi_top_headlines_sports_au_2020-07-14.json",
    "news/newsapi_top_headlines_sports_gb_2020-07-14.json",
    "news/newsapi_top_headlines_sports_gb_2022-08.json",
    "news/newsapi_top_headlines_sports_in_2020-07-14.json",
    "news/newsapi_top_headlines_sports_us_2020-07-14.json",
    "news/newsapi_top_headlines_sports_us_2022-08.json",
];

/// `kind=count ...` of one file, then its rejects by reason.
fn summary(parsed: &Parsed) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for event in &parsed.events {
        *counts.entry(event.kind.as_str()).or_insert(0) += 1;
    }
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for reject in &parsed.rejects {
        *reasons.entry(reject.reason.as_str()).or_insert(0) += 1;
    }
    let mut text = String::new();
    for (kind, count) in counts {
        write!(text, " {kind}={count}").unwrap();
    }
    for (reason, count) in reasons {
        write!(text, " rejected:{reason}={count}").unwrap();
    }
    text
}

/// Every file of the folders, and its ids told apart from one another.
fn check(vendor: &str, folders: &[&str]) {
    let Some(data) = data_folder() else { return };
    let source = Source::from_name(vendor).unwrap();
    let mut session = Session::default();
    let mut actual = String::new();
    for file in folders.iter().flat_map(|folder| files_under(data.join(folder))) {
        let parsed = parsed(source, &file, &mut session);
        // An article that an answer lists twice is one fact and two events.
        let named = parsed.events.iter().filter(|event| event.kind != Kind::Article);
        let mut ids: Vec<_> = named.map(|event| event.event_id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        let name = file.strip_prefix(&data).unwrap().display().to_string();
        assert_eq!(ids.len(), count, "{name}: ids are not unique");
        writeln!(actual, "{name}:{}", summary(&parsed)).unwrap();
        if let Some(reject) = parsed.rejects.first() {
            writeln!(actual, "  first reject at {:?}: {}", reject.pointer, reject.message).unwrap();
        }
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_files").join(format!("{vendor}.txt"));
    if std::env::var_os("TOUCHLINE_BLESS").is_some() {
        fs::write(&golden, &actual).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    for (actual, expected) in actual.lines().zip(expected.lines()) {
        assert_eq!(actual, expected);
    }
    assert_eq!(actual, expected, "{} has other files", golden.display());
}

#[test]
fn weather_and_news_files_give_their_reviewed_counts() {
    check("openweather", &["openweather"]);
    check("newsapi", NEWSAPI);
    check("gnews", &["news/gnews_top_headlines_2022-12.json"]);
}

#[test]
fn espn_files_give_their_reviewed_counts() {
    check("espn", &["espn"]);
}

#[test]
fn sportmonks_and_sportradar_files_give_their_reviewed_counts() {
    check("sportmonks", &["sportmonks"]);
    check("sportradar", &["sportradar"]);
}

#[test]
fn statsbomb_files_give_their_reviewed_counts() {
    check("statsbomb", STATSBOMB);
}

#[test]
fn nfl_ngs_files_give_their_reviewed_counts() {
    check("nfl-ngs", NFL_NGS);
}

#[test]
fn wearable_files_give_their_reviewed_counts() {
    check("wearable", WEARABLE);
}

#[test]
fn metrica_files_give_their_reviewed_counts() {
    check("metrica", METRICA);
}

#[test]
fn skillcorner_files_give_their_reviewed_counts() {
    check("skillcorner", SKILLCORNER);
}

#[test]
fn tracab_files_give_their_reviewed_counts() {
    check("tracab", TRACAB);
}

#[test]
fn nflverse_files_give_their_reviewed_counts() {
    check("nflverse", NFLVERSE);
}

#[test]
fn football_data_files_give_their_reviewed_counts() {
    check("football-data", FOOTBALL_DATA);
}

/// Rows of a plain table by column, read apart from the parser.
fn rows_of(path: &Path) -> Vec<BTreeMap<String, String>> {
    let bytes = read(path);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
    let header = reader.headers().unwrap().clone();
    let cells = |record: csv::StringRecord| {
        header.iter().zip(record.iter()).map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect()
    };
    reader.records().map(|record| cells(record.unwrap())).collect()
}

/// Sums of home and away points of the scores.
fn points(events: &[Event]) -> (i64, i64) {
    let scores = events.iter().filter_map(|event| match &event.payload {
        Payload::ScoreUpdate(score) => Some((i64::from(score.home_score), i64::from(score.away_score))),
        _ => None,
    });
    scores.fold((0, 0), |(home, away), score| (home + score.0, away + score.1))
}

#[test]
fn tables_total_what_their_columns_total() {
    let Some(data) = data_folder() else { return };
    for (source, folders, columns, price_columns) in [
        (
            Source::Nflverse,
            &NFLVERSE[..1],
            ["home_score", "away_score"],
            &["away_moneyline", "home_moneyline", "over_odds", "under_odds", "away_spread_odds", "home_spread_odds"][..],
        ),
        (Source::FootballData, &FOOTBALL_DATA[..1], ["FTHG", "FTAG"], &["B365H", "B365D", "B365A"][..]),
    ] {
        for file in folders.iter().flat_map(|folder| files_under(data.join(folder))) {
            let rows = rows_of(&file);
            let rows: Vec<_> = rows.iter().filter(|row| row.values().any(|cell| !cell.is_empty())).collect();
            let events = parsed(source, &file, &mut Session::default()).events;
            let total = |column: &str| rows.iter().filter_map(|row| row[column].parse::<i64>().ok()).sum::<i64>();
            assert_eq!(points(&events), (total(columns[0]), total(columns[1])), "{}", file.display());
            assert_eq!(count(&events, Kind::Fixture), rows.len(), "{}", file.display());
            let priced = price_columns.iter().flat_map(|column| rows.iter().map(move |row| &row[*column]));
            let priced = priced.filter(|cell| cell.parse::<f64>().is_ok()).count();
            let is_counted = |event: &&Event| match &event.payload {
                Payload::OddsQuote(quote) => {
                    source == Source::Nflverse || (quote.book == "B365" && quote.market == "h2h")
                }
                _ => false,
            };
            assert_eq!(events.iter().filter(is_counted).count(), priced, "{}: prices", file.display());
        }
    }
}

#[test]
fn statsbomb_totals_are_those_of_the_raw_json() {
    let Some(data) = data_folder() else { return };
    let matches: Vec<Value> =
        serde_json::from_slice(&read(&data.join("statsbomb/matches_72_30_wwc2019.json"))).unwrap();
    let mut session = Session::default();
    let mut checked_count = 0;
    for file in files_under(data.join("statsbomb/events_wwc2019")) {
        let raw: Vec<Value> = serde_json::from_slice(&read(&file)).unwrap();
        let events = parsed(Source::StatsBomb, &file, &mut session).events;
        let of_type = |name: &str| raw.iter().filter(|event| event["type"]["name"] == name).count();
        for (name, kind) in [
            ("Pass", Kind::Pass),
            ("Shot", Kind::Shot),
            ("Carry", Kind::Carry),
            ("Pressure", Kind::Pressure),
            ("Foul Committed", Kind::Foul),
            ("Substitution", Kind::Substitution),
            ("Starting XI", Kind::Lineup),
        ] {
            assert_eq!(count(&events, kind), of_type(name), "{}: {name}", file.display());
        }
        let xg = |event: &Value| event["shot"]["statsbomb_xg"].as_f64().unwrap_or(0.0);
        let raw_xg: f64 = raw.iter().map(xg).sum();
        let our_xg: i64 = events
            .iter()
            .filter_map(|event| match &event.payload {
                Payload::Shot(shot) => shot.xg_e6,
                _ => None,
            })
            .sum();
        assert!((our_xg as f64 / 1e6 - raw_xg).abs() < 1e-4, "{}: {our_xg} {raw_xg}", file.display());
        let id = file.file_name().unwrap().to_string_lossy().replace(".json.gz", "");
        let Some(listed) = matches.iter().find(|known| known["match_id"].as_u64() == id.parse().ok()) else { continue };
        for side in ["home", "away"] {
            let team = listed[format!("{side}_team")][format!("{side}_team_id")].to_string();
            let is_goal = |event: &&Event| {
                matches!(&event.payload, Payload::Goal(goal) if !goal.is_shootout)
                    && event.team_id.as_ref() == Some(&team)
            };
            let goals = events.iter().filter(is_goal).count() as u64;
            assert_eq!(Some(goals), listed[format!("{side}_score")].as_u64(), "{id}: goals of {team}");
        }
        checked_count += 1;
    }
    assert_eq!(checked_count, 32, "matches with a listed score");
}
