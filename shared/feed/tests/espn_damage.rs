//! Damaged ESPN payloads: nothing panics, every game and play is accounted for, neighbours are parsed as before.
//! FEED-1 and FEED-2 over fixtures; ESPN-1 (ids) and ESPN-5 (times) over the same.

#![allow(clippy::unwrap_used, reason = "a test's own helpers")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use proptest::prelude::*;
use serde_json::Value;
use touchline_event::{EventId, Kind};
use touchline_feed::{Document, Parsed, RejectReason, Session, Source, parse};

const RECEIVED_AT_MS: i64 = 1_793_491_200_000;
const SCOREBOARDS: [&str; 4] = [
    "nfl_scoreboard_live.json",
    "mls_scoreboard_first_half_and_decimal_odds.json",
    "nba_scoreboard_nested_odds.json",
    "worldcup_scoreboard_shootout_decided.json",
];
const SUMMARIES: [&str; 3] =
    ["nba_summary_final_plays.json", "nfl_summary_final_drives.json", "soccer_summary_key_events.json"];

fn fixture(name: &str) -> String {
    fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/espn").join(name)).unwrap()
}

fn run_at(bytes: &[u8], received_at_ms: Option<i64>) -> Parsed {
    parse(Source::Espn, Document { bytes, received_at_ms, origin: "damage" }, &mut Session::default())
}

fn run(bytes: &[u8]) -> Parsed {
    run_at(bytes, Some(RECEIVED_AT_MS))
}

fn ids(parsed: &Parsed) -> BTreeSet<EventId> {
    parsed.events.iter().map(|event| event.event_id).collect()
}

fn count(parsed: &Parsed, kind: Kind) -> usize {
    parsed.events.iter().filter(|event| event.kind == kind).count()
}

/// Pointers of everything in a document that is not a container.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut step = |key: &str, inner: &Value| leaves(inner, &format!("{at}/{key}"), found);
    match value {
        Value::Object(members) => members.iter().for_each(|(key, inner)| step(key, inner)),
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(index, inner)| step(&index.to_string(), inner))
        }
        _ => found.push(at.to_owned()),
    }
}

/// A fixture with one member replaced, and the pointer of that member.
fn replaced(name: &str, pick: prop::sample::Index, depth: usize, with: Value) -> (Value, String) {
    let mut document: Value = serde_json::from_str(&fixture(name)).unwrap();
    let mut pointers = Vec::new();
    leaves(&document, "", &mut pointers);
    let leaf = &pointers[pick.index(pointers.len())];
    let parts: Vec<&str> = leaf.split('/').skip(1).collect();
    let pointer: String =
        parts[..parts.len().saturating_sub(depth).max(1)].iter().map(|part| format!("/{part}")).collect();
    *document.pointer_mut(&pointer).unwrap() = with;
    (document, pointer)
}

fn odd_value() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        Value::Null,
        Value::from(""),
        Value::from("x"),
        Value::from(-1),
        Value::from(u64::MAX),
        Value::from(0.5),
        Value::from(true),
        Value::Array(vec![]),
        Value::Array(vec![Value::Null]),
        Value::Object(serde_json::Map::new()),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_bytes_never_panic_and_never_vanish(
        name in prop::sample::select([&SCOREBOARDS[..], &SUMMARIES[..]].concat()),
        at in any::<prop::sample::Index>(),
        length in 0_usize..40,
        noise in prop::collection::vec(any::<u8>(), 0..12),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = fixture(name).into_bytes();
        let start = at.index(bytes.len());
        let end = (start + length).min(bytes.len());
        if is_cut {
            bytes.truncate(start);
        } else {
            bytes.splice(start..end, noise);
        }
        let parsed = run(&bytes);
        if serde_json::from_slice::<Value>(&bytes).is_err() {
            prop_assert!(!parsed.rejects.is_empty());
        }
        for reject in &parsed.rejects {
            prop_assert!(!reject.message.is_empty());
            prop_assert!(reject.pointer.is_empty() || reject.pointer.starts_with('/'), "{}", reject.pointer);
        }
    }

    #[test]
    fn every_game_of_a_damaged_scoreboard_is_a_fixture_or_a_reject(
        name in prop::sample::select(SCOREBOARDS.to_vec()),
        pick in any::<prop::sample::Index>(),
        depth in 0_usize..4,
        value in odd_value(),
    ) {
        let (document, pointer) = replaced(name, pick, depth, value);
        let text = document.to_string();
        let parsed = run(text.as_bytes());
        let games = match document["events"].as_array() {
            Some(events) => events,
            None => {
                prop_assert_eq!((parsed.events.len(), parsed.rejects.len()), (0, 1), "{}", pointer);
                return Ok(());
            }
        };
        let rejected = parsed.rejects.iter().filter(|reject| {
            let raw: Value = serde_json::from_slice(&reject.raw).unwrap();
            let is_list = ["/odds", "/details", "/weather"].iter().any(|list| reject.pointer.contains(list));
            !is_list && games.contains(&raw)
        });
        let whole_games = count(&parsed, Kind::Fixture)
            + parsed.events.iter().filter(|event| is_competition(&event.payload)).count()
            + rejected.count();
        prop_assert_eq!(whole_games, games.len(), "{} {:#?}", pointer, parsed.rejects);
        // Games other than the damaged one give what they gave before.
        let whole = run(fixture(name).as_bytes());
        let damaged = pointer.split('/').nth(2).and_then(|index| index.parse::<usize>().ok());
        if let Some(damaged) = damaged.filter(|_| pointer.starts_with("/events/")) {
            let original: Value = serde_json::from_str(&fixture(name)).unwrap();
            let id = original["events"][damaged]["id"].as_str().unwrap().to_owned();
            let found = ids(&parsed);
            for event in whole.events.iter().filter(|event| event.game_id.as_ref().is_some_and(|game| *game != id)) {
                prop_assert!(found.contains(&event.event_id), "{} cost {:?}", pointer, event);
            }
        }
    }

    #[test]
    fn every_play_of_a_damaged_summary_is_an_event_or_a_reject(
        nth in 0_usize..8,
        key in prop::sample::select(vec!["id", "type", "period", "clock", "homeScore", "wallclock", "sequenceNumber",
            "text", "scoringPlay", "participants", "scoreValue", "team"]),
        value in odd_value(),
    ) {
        let text = fixture("nba_summary_final_plays.json");
        let mut document: Value = serde_json::from_str(&text).unwrap();
        document["plays"][nth][key] = value;
        let parsed = run(document.to_string().as_bytes());
        let of_plays = |pointer: &str| pointer.starts_with("/plays/");
        let rejected = parsed.rejects.iter().filter(|reject| of_plays(&reject.pointer)).count();
        prop_assert_eq!(parsed.rejects.len(), rejected);
        prop_assert_eq!(count(&parsed, Kind::Play) + rejected, 8);
        let lost = ids(&run(text.as_bytes())).difference(&ids(&parsed)).count();
        prop_assert!(lost <= 1, "{} events changed", lost);
    }
}

fn is_competition(payload: &touchline_event::Payload) -> bool {
    matches!(payload, touchline_event::Payload::Other(other) if other.vendor_kind == "competition")
}

#[test]
fn ids_do_not_depend_on_when_a_payload_was_received() {
    for name in [&SCOREBOARDS[..], &SUMMARIES[..]].concat() {
        let text = fixture(name);
        let now = run(text.as_bytes());
        assert_eq!(ids(&now), ids(&run_at(text.as_bytes(), Some(RECEIVED_AT_MS + 60_000))), "{name}");
        assert_eq!(ids(&now), ids(&run_at(text.as_bytes(), None)), "{name}");
        assert_eq!(ids(&now).len(), now.events.len(), "{name}");
    }
}

#[test]
fn without_a_receive_time_events_carry_the_vendors_times() {
    for name in [&SCOREBOARDS[..], &SUMMARIES[..]].concat() {
        for event in run_at(fixture(name).as_bytes(), None).events {
            assert!((1_600_000_000_000..RECEIVED_AT_MS).contains(&event.timestamp_ms), "{name} {event:?}");
            assert_eq!(event.lateness_ms(), 0);
        }
    }
}

#[test]
fn a_corrected_play_is_a_new_fact_and_its_neighbours_are_not() {
    let text = fixture("nba_summary_final_plays.json");
    let corrected = text.replace("makes 2-foot driving dunk", "makes 3-foot driving dunk");
    let (before, after) = (run(text.as_bytes()), run(corrected.as_bytes()));
    assert_eq!(before.events.len(), after.events.len());
    assert_eq!(ids(&before).difference(&ids(&after)).count(), 1);
}

#[test]
fn a_score_polled_again_is_the_same_fact_and_a_later_clock_is_another() {
    let text = fixture("nfl_scoreboard_live.json");
    let later = text.replace("\"displayClock\": \"0:48\"", "\"displayClock\": \"0:41\"");
    assert_ne!(text, later);
    let (before, after) = (run(text.as_bytes()), run(later.as_bytes()));
    let changed: Vec<_> = after.events.iter().filter(|event| !ids(&before).contains(&event.event_id)).collect();
    assert_eq!(changed.iter().map(|event| event.kind).collect::<Vec<_>>(), [Kind::ScoreUpdate]);
}

#[test]
fn a_goal_is_one_fact_on_the_scoreboard_and_in_the_summary() {
    let mut summary: Value = serde_json::from_str(&fixture("soccer_summary_key_events.json")).unwrap();
    let goals = |parsed: &Parsed| {
        let goals = parsed.events.iter().filter(|event| event.kind == Kind::Goal);
        goals.map(|event| event.event_id).collect::<BTreeSet<_>>()
    };
    let of_key_events = goals(&run(summary.to_string().as_bytes()));
    summary.as_object_mut().unwrap().remove("keyEvents");
    let of_details = goals(&run(summary.to_string().as_bytes()));
    assert_eq!((of_key_events.len(), of_details.len()), (2, 1));
    assert!(of_details.is_subset(&of_key_events));
}

#[test]
fn depth_duplicate_keys_and_bad_bytes_have_their_own_reasons() {
    let reason = |bytes: &[u8]| run(bytes).rejects.iter().map(|reject| reject.reason).collect::<Vec<_>>();
    let deep = format!(r#"{{"events":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
    assert_eq!(reason(deep.as_bytes()), [RejectReason::TooDeep]);
    assert_eq!(reason(br#"{"events":[],"events":[]}"#), [RejectReason::DuplicateKey]);
    assert_eq!(reason(br#"{"events":[],"day":{"date":"20"#), [RejectReason::Truncated]);
    assert_eq!(reason(b"{\"events\":[],\"day\":\"\xff\"}"), [RejectReason::BadUtf8]);
    assert_eq!(reason(br#"{"events":null}"#), [RejectReason::MissingField]);
    assert_eq!(reason(br#"{"op":"mcm","mc":[]}"#), [RejectReason::WrongVendor]);
    assert_eq!(reason(br#"{"events":[]}"#), []);
}
