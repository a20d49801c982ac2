//! Damaged payloads: whatever happens to one record, nothing panics and its neighbours are parsed as before.
//! FEED-1 and FEED-2 over the fixtures of the vendors; ESPN has a file of its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{collections::BTreeMap, fs, path::PathBuf};

use proptest::prelude::*;
use touchline_event::Event;
use touchline_feed::{Document, Parsed, Session, Source, parse};

const VENDORS: [&str; 8] =
    ["finnhub", "the-odds-api", "betfair", "openweather", "newsapi", "gnews", "sportmonks", "sportradar"];
const RECEIVED_AT_MS: i64 = 1_793_491_200_000;

fn fixtures(vendor: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(vendor);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| !path.to_string_lossy().ends_with(".golden.ndjson"));
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).filter(|bytes| bytes.len() < 12_000).collect()
}

fn fixture(vendor: &str, name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(vendor).join(name);
    fs::read_to_string(path).unwrap()
}

fn run(vendor: &str, bytes: &[u8]) -> Parsed {
    let source = Source::from_name(vendor).unwrap();
    let document = Document { bytes, received_at_ms: Some(RECEIVED_AT_MS), origin: "mutation" };
    parse(source, document, &mut Session::default())
}

/// Events without the id, which counts identical ones, and how often each occurs.
fn counted(events: &[Event]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in events {
        let payload = serde_json::to_string(&event.payload).unwrap();
        *counts.entry(format!("{} {} {payload}", event.entity(), event.timestamp_ms)).or_insert(0) += 1;
    }
    counts
}

fn damaged(mut bytes: Vec<u8>, at: usize, length: usize, kind: u8, noise: &[u8]) -> Vec<u8> {
    let start = at % (bytes.len() + 1);
    let end = (start + length).min(bytes.len());
    match kind % 4 {
        0 => bytes.truncate(start),
        1 => drop(bytes.drain(start..end)),
        2 => drop(bytes.splice(start..end, noise.iter().copied())),
        _ => {
            let copy = bytes[start..end].to_vec();
            drop(bytes.splice(start..start, copy));
        }
    }
    bytes
}

/// A table of which only the header arrived has no rows: nothing to apply, and nothing to reject.
fn is_header_of_a_table(bytes: &[u8]) -> bool {
    bytes.starts_with(b"event_id,") && !bytes.contains(&b'\n')
}

/// Vendors of what happens on pitches and in bodies; their tables and tracks have damages of their own.
const PITCHES_AND_BODIES: [&str; 8] =
    ["statsbomb", "nflverse", "football-data", "metrica", "skillcorner", "tracab", "nfl-ngs", "wearable"];

/// JSON that no field of ours can be, or can.
const ODD_VALUES: [&str; 14] = [
    "null",
    "true",
    "-1",
    "0",
    "1",
    "1e999",
    "1e-999",
    "99999999999999999999",
    "\"\"",
    "\"x\"",
    "[]",
    "{}",
    "[[]]",
    "\"\\ud800\"",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_bytes_never_panic_and_never_vanish(
        vendor in prop::sample::select(VENDORS.to_vec()),
        pick in any::<prop::sample::Index>(),
        at in any::<usize>(),
        length in 0_usize..40,
        kind in any::<u8>(),
        noise in prop::collection::vec(any::<u8>(), 0..12),
    ) {
        let all = fixtures(vendor);
        let bytes = damaged(all[pick.index(all.len())].clone(), at, length, kind, &noise);
        let parsed = run(vendor, &bytes);
        for reject in &parsed.rejects {
            prop_assert!(!reject.message.is_empty());
            prop_assert!(reject.pointer.is_empty() || reject.pointer.starts_with('/'));
        }
        // What is no JSON at all is at least one reject.
        let is_json = serde_json::from_slice::<serde_json::Value>(&bytes).is_ok();
        if !is_json && !bytes.contains(&b'\n') && !is_header_of_a_table(&bytes) {
            prop_assert!(!parsed.rejects.is_empty());
        }
    }

    #[test]
    fn damaged_documents_tables_and_tracks_never_panic(
        vendor in prop::sample::select(PITCHES_AND_BODIES.to_vec()),
        pick in any::<prop::sample::Index>(),
        at in any::<usize>(),
        length in 0_usize..40,
        kind in any::<u8>(),
        noise in prop::collection::vec(any::<u8>(), 0..12),
    ) {
        let all = fixtures(vendor);
        let parsed = run(vendor, &damaged(all[pick.index(all.len())].clone(), at, length, kind, &noise));
        for reject in &parsed.rejects {
            prop_assert!(!reject.message.is_empty());
            prop_assert!(reject.pointer.is_empty() || reject.pointer.starts_with('/'), "{}", reject.pointer);
        }
    }

    #[test]
    fn a_damaged_line_leaves_the_other_lines_alone(line in 0_usize..5, at in any::<usize>(), byte in any::<u8>()) {
        let text = fixture("finnhub", "ws_trades_of_a_session.jsonl");
        let lines: Vec<&str> = text.lines().collect();
        let mut bytes = Vec::new();
        let mut others = String::new();
        for (index, content) in lines.iter().enumerate() {
            let mut content = content.as_bytes().to_vec();
            if index == line {
                let at = at % content.len();
                content[at] = if byte == b'\n' { b' ' } else { byte };
            } else {
                others.push_str(lines[index]);
                others.push('\n');
            }
            bytes.extend_from_slice(&content);
            bytes.push(b'\n');
        }
        let parsed = run("finnhub", &bytes);
        let found = counted(&parsed.events);
        for (event, count) in counted(&run("finnhub", others.as_bytes()).events) {
            prop_assert!(found.get(&event).copied().unwrap_or(0) >= count, "lost {event}");
        }
    }

    #[test]
    fn an_odd_price_is_rejected_alone(nth in 0_usize..12, value in prop::sample::select(ODD_VALUES.to_vec())) {
        let text = fixture("the-odds-api", "odds_of_one_event.json");
        let whole = run("the-odds-api", text.as_bytes());
        prop_assert!(whole.rejects.is_empty());
        let (start, _) = text.match_indices("\"price\": ").nth(nth).unwrap();
        let start = start + "\"price\": ".len();
        let end = start + text[start..].find([',', '\n', '}']).unwrap();
        let odd = format!("{}{value}{}", &text[..start], &text[end..]);
        let parsed = run("the-odds-api", odd.as_bytes());
        prop_assert_eq!(parsed.rejects.len(), 1);
        prop_assert_eq!(parsed.events.len(), whole.events.len() - 1);
        prop_assert!(parsed.rejects[0].pointer.ends_with("/price"), "{}", parsed.rejects[0].pointer);
        let raw = String::from_utf8(parsed.rejects[0].raw.clone()).unwrap();
        let is_the_outcome = raw.starts_with('{') && raw.contains("\"price\"") && raw.len() < 200;
        prop_assert!(is_the_outcome, "{}", raw);
        let before = counted(&whole.events);
        for event in counted(&parsed.events).keys() {
            prop_assert!(before.contains_key(event), "changed {event}");
        }
    }

    #[test]
    fn an_odd_rung_is_rejected_alone(value in prop::sample::select(ODD_VALUES.to_vec()), is_size in any::<bool>()) {
        let rung = if is_size { format!("[2.5,{value}]") } else { format!("[{value},7]") };
        let line = |rung: &str| format!(
            r#"{{"op":"mcm","clk":"a","pt":1615195439400,"mc":[{{"id":"1.1","rc":[{{"id":5,"atb":[[2.0,4],{rung}],"ltp":2.2}},{{"id":6,"atl":[[3.0,4]]}}]}}]}}"#
        );
        let parsed = run("betfair", line(&rung).as_bytes());
        let prices: Vec<_> = parsed.events.iter().map(|event| serde_json::to_string(&event.payload).unwrap()).collect();
        let has = |side: &str| prices.iter().any(|price| price.contains(side));
        prop_assert!(has("last_traded") && has("lay"), "{:?}", prices);
        // A size of 0 or 1 is a good rung; so are odds of nothing sized nothing.
        let is_good = is_size && ["0", "1", "1e-999"].contains(&value);
        prop_assert_eq!(parsed.rejects.len(), usize::from(!is_good), "{:?}", parsed.rejects);
    }
}

#[test]
fn a_file_cut_anywhere_is_an_event_or_a_reject_unless_it_is_a_table_without_rows() {
    for vendor in VENDORS {
        for bytes in fixtures(vendor) {
            for end in 0..bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()) {
                let cut = &bytes[..end];
                let parsed = run(vendor, cut);
                let is_accounted_for = !parsed.rejects.is_empty() || is_header_of_a_table(cut);
                assert!(is_accounted_for, "{vendor}: {}", String::from_utf8_lossy(cut));
            }
        }
    }
}

#[test]
fn a_session_read_again_from_the_start_gives_the_same_ids() {
    for vendor in VENDORS.into_iter().chain(PITCHES_AND_BODIES) {
        for bytes in fixtures(vendor) {
            assert_eq!(run(vendor, &bytes), run(vendor, &bytes));
        }
    }
}

#[test]
fn a_brace_damaged_into_markup_leaves_the_other_lines_alone() {
    let text = fixture("finnhub", "ws_trades_of_a_session.jsonl");
    let whole = run("finnhub", text.as_bytes());
    let first = run("finnhub", text.lines().next().unwrap().as_bytes());
    let parsed = run("finnhub", text.replacen('{', "<", 1).as_bytes());
    assert_eq!(parsed.rejects.len(), 1);
    assert_eq!(parsed.events.len(), whole.events.len() - first.events.len());
}

#[test]
fn identical_prints_of_one_session_are_two_facts() {
    let print = r#"{"s":"XOM","p":118.81,"t":1676055242333,"v":100,"c":["1"]}"#;
    let parsed = run("finnhub", format!(r#"{{"type":"trade","data":[{print},{print}]}}"#).as_bytes());
    assert_eq!(parsed.events.len(), 2);
    assert_ne!(parsed.events[0].event_id, parsed.events[1].event_id);
}

#[test]
fn a_quote_polled_again_unchanged_is_the_same_fact_and_a_moved_one_is_another() {
    let text = fixture("the-odds-api", "odds_of_one_event.json");
    let poll = |text: &str, received_at_ms| {
        let document = Document { bytes: text.as_bytes(), received_at_ms: Some(received_at_ms), origin: "poll" };
        parse(Source::TheOddsApi, document, &mut Session::default()).events
    };
    let ids = |events: &[Event]| events.iter().map(|event| event.event_id).collect::<Vec<_>>();
    let first = poll(&text, RECEIVED_AT_MS);
    assert_eq!(ids(&first), ids(&poll(&text, RECEIVED_AT_MS + 60_000)));
    let moved = poll(&text.replacen("\"price\": 2.5", "\"price\": 2.6", 1), RECEIVED_AT_MS + 60_000);
    let differing = ids(&first).iter().zip(ids(&moved)).filter(|(a, b)| *a != b).count();
    assert_eq!(differing, 1);
}

#[test]
fn the_same_price_is_the_same_fact_in_json_and_in_a_table() {
    let json = r#"[{"id":"g1","sport_key":"soccer_epl","commence_time":"2026-04-18T11:30:00Z","home_team":"A","away_team":"B",
        "bookmakers":[{"key":"bk","markets":[{"key":"h2h","last_update":"2026-04-16T19:00:14Z","outcomes":[{"name":"A","price":2.1}]}]}]}]"#;
    let table = "event_id,sport_key,commence_time,home_team,away_team,snapshot_time,bookmaker_key,last_update,market,outcome_name,price,point\n\
        g1,soccer_epl,2026-04-18T11:30:00Z,A,B,2026-04-16T19:00:22Z,bk,2026-04-16T19:00:14Z,h2h,A,2.1,\n";
    let ids = |parsed: Parsed| parsed.events.iter().map(|event| event.event_id).collect::<Vec<_>>();
    assert_eq!(ids(run("the-odds-api", json.as_bytes())), ids(run("the-odds-api", table.as_bytes())));
}

#[test]
fn the_receive_time_never_enters_an_id() {
    for vendor in PITCHES_AND_BODIES {
        for bytes in fixtures(vendor) {
            let ids = |received_at_ms| {
                let document = Document { bytes: &bytes, received_at_ms: Some(received_at_ms), origin: "15946.json" };
                let source = Source::from_name(vendor).unwrap();
                let parsed = parse(source, document, &mut Session::default());
                parsed.events.iter().map(|event| event.event_id).collect::<Vec<_>>()
            };
            // Readings that only count seconds begin at receipt: their time is part of their name.
            let is_counted_from_receipt = vendor == "wearable" && bytes.starts_with(b"secs,");
            if !is_counted_from_receipt {
                assert_eq!(ids(RECEIVED_AT_MS), ids(RECEIVED_AT_MS + 3_600_000), "{vendor}");
            }
        }
    }
}

#[test]
fn a_bad_row_of_a_table_leaves_the_other_rows_alone() {
    for (vendor, name) in [("nflverse", "bad_rows.csv"), ("football-data", "bad_rows.csv"), ("nfl-ngs", "bad_rows.csv")]
    {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(vendor).join(name);
        let bytes = fs::read(path).unwrap();
        let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        let whole = counted(&run(vendor, &bytes).events);
        for line in &lines[1..] {
            let alone = run(vendor, &[lines[0], b"\n", line].concat());
            if alone.rejects.is_empty() && vendor != "nfl-ngs" {
                for event in counted(&alone.events).keys() {
                    assert!(whole.contains_key(event), "{vendor}: lost {event}");
                }
            }
        }
        assert!(!run(vendor, &bytes).rejects.is_empty(), "{vendor}");
    }
}
