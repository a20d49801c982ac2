//! Totals of the real files, counted a second time from the vendors' own JSON without the parsers: goals, points, shots,
//! plays, fixtures, articles. Without the data folder nothing is tested here.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod real;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use touchline_event::{Event, Kind, Payload};
use touchline_feed::{Session, Source};

use real::{count, data_folder, files_under, parsed, read};

fn json_of(name: &str) -> Option<(PathBuf, Value)> {
    let path = data_folder()?.join(name);
    let value = serde_json::from_slice(&read(&path)).unwrap();
    Some((path, value))
}

fn goals_of(events: &[Event], is_shootout: bool) -> usize {
    let is_such = |event: &&Event| matches!(&event.payload, Payload::Goal(goal) if goal.is_shootout == is_shootout);
    events.iter().filter(is_such).count()
}

/// The last score delivered of every game: home and away added up.
fn points_of(events: &[Event]) -> i64 {
    let mut last = BTreeMap::new();
    for event in events {
        if let Payload::ScoreUpdate(score) = &event.payload {
            last.entry(&event.game_id).or_insert(i64::from(score.home_score + score.away_score));
        }
    }
    last.values().sum()
}

#[test]
fn sportmonks_totals_are_those_of_the_raw_json() {
    let Some((path, raw)) = json_of("sportmonks/v3_fixture_19683241_psg_arsenal_2026_pens.json") else { return };
    let events = parsed(Source::SportMonks, &path, &mut Session::default()).events;
    let of_types = |types: &[u64]| {
        let raws = raw["data"]["events"].as_array().unwrap().iter();
        raws.filter(|event| types.contains(&event["type_id"].as_u64().unwrap())).count()
    };
    assert_eq!(goals_of(&events, false), of_types(&[14, 15, 16]));
    assert_eq!(goals_of(&events, true), of_types(&[23]));
    assert_eq!(
        (count(&events, Kind::Substitution), count(&events, Kind::Card)),
        (of_types(&[18]), of_types(&[19, 20, 21]))
    );
    assert_eq!(points_of(&events), 2, "1-1 after extra time; the shootout is not in the score");

    let (path, raw) = json_of("sportmonks/v3_schedules_teams_manutd_2025.json").unwrap();
    let events = parsed(Source::SportMonks, &path, &mut Session::default()).events;
    let fixtures: Vec<&Value> = raw
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|stage| stage["rounds"].as_array().into_iter().flatten().chain([stage]))
        .chain(raw.as_array().unwrap().iter().flat_map(|stage| stage["aggregates"].as_array().into_iter().flatten()))
        .filter_map(|holder| holder["fixtures"].as_array())
        .flatten()
        .collect();
    let current = |fixture: &&Value| -> i64 {
        let scores = fixture["scores"].as_array().unwrap().iter();
        scores
            .filter(|score| score["description"] == "CURRENT")
            .map(|score| score["score"]["goals"].as_i64().unwrap())
            .sum()
    };
    assert_eq!(count(&events, Kind::Fixture), fixtures.len());
    assert_eq!(points_of(&events), fixtures.iter().map(current).sum::<i64>());
}

#[test]
fn sportradar_totals_are_those_of_the_raw_json() {
    for season in ["77453_schedules_2020_21", "84320_schedules_2021_22"] {
        let Some((path, raw)) = json_of(&format!("sportradar/soccer_v4_season_{season}.json")) else { return };
        let events = parsed(Source::Sportradar, &path, &mut Session::default()).events;
        let games = raw["schedules"].as_array().unwrap();
        let goals = |game: &Value| {
            let status = &game["sport_event_status"];
            status["home_score"].as_i64().unwrap_or(0) + status["away_score"].as_i64().unwrap_or(0)
        };
        assert_eq!(count(&events, Kind::Fixture), games.len());
        assert_eq!(points_of(&events), games.iter().map(goals).sum::<i64>());
    }
    for name in ["soccer_v4_sport_event_22926007_timeline", "soccer_v3_match_completed_timeline"] {
        let (path, raw) = json_of(&format!("sportradar/{name}.json")).unwrap();
        let events = parsed(Source::Sportradar, &path, &mut Session::default()).events;
        let of_type =
            |name: &str| raw["timeline"].as_array().unwrap().iter().filter(|moment| moment["type"] == name).count();
        assert_eq!(count(&events, Kind::Goal), of_type("score_change"));
        assert_eq!(count(&events, Kind::Shot), of_type("shot_on_target") + of_type("shot_off_target"));
        assert_eq!(count(&events, Kind::Substitution), of_type("substitution"));
        let first = events.iter().find(|event| event.kind == Kind::ScoreUpdate).unwrap();
        let status = &raw["sport_event_status"];
        let final_score = [&status["home_score"], &status["away_score"]].map(|side| side.as_i64().unwrap() as i32);
        assert!(
            matches!(&first.payload, Payload::ScoreUpdate(score) if [score.home_score, score.away_score] == final_score)
        );
    }
    let (path, raw) = json_of("sportradar/nba_pbp_regulation.json").unwrap();
    let events = parsed(Source::Sportradar, &path, &mut Session::default()).events;
    let plays: usize =
        raw["periods"].as_array().unwrap().iter().map(|period| period["events"].as_array().unwrap().len()).sum();
    assert_eq!(count(&events, Kind::Play), plays);
    let last = events.iter().rev().find_map(|event| match &event.payload {
        Payload::Play(play) => Some([play.home_score, play.away_score]),
        _ => None,
    });
    assert_eq!(last, Some([113, 78]), "points added up play by play are the final score");
    let (path, raw) = json_of("sportradar/nfl_pbp_regulation.json").unwrap();
    let events = parsed(Source::Sportradar, &path, &mut Session::default()).events;
    let drives = raw["periods"].as_array().unwrap().iter().flat_map(|period| period["pbp"].as_array().unwrap());
    let plays: usize = drives.map(|drive| drive["events"].as_array().map_or(1, Vec::len)).sum();
    assert_eq!(count(&events, Kind::Play), plays);
}

#[test]
fn weather_and_news_totals_are_those_of_the_raw_json() {
    let Some(data) = data_folder() else { return };
    for path in files_under(data.join("news")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let raw: Value = serde_json::from_slice(&read(&path)).unwrap();
        let source = if name.starts_with("gnews") { Source::GNews } else { Source::NewsApi };
        let events = parsed(source, &path, &mut Session::default()).events;
        assert_eq!(events.len(), raw["articles"].as_array().unwrap().len(), "{name}");
    }
    let (path, raw) = json_of("openweather/onecall_seattle_2020-12-12.json").unwrap();
    let events = parsed(Source::OpenWeather, &path, &mut Session::default()).events;
    let entries: usize = ["minutely", "hourly", "daily"].iter().map(|key| raw[*key].as_array().unwrap().len()).sum();
    assert_eq!(count(&events, Kind::WeatherObservation), entries + 1);
}
