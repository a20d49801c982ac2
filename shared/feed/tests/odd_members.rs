//! Payloads of JSON vendors with one member replaced by something odd: nothing panics, every reject says where and why
//! and holds its record, and what was a sound payload still gives an event or a reject. FEED-1 over the fixtures.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{fs, path::PathBuf};

use proptest::prelude::*;
use serde_json::Value;
use touchline_feed::{Document, Parsed, Session, Source, parse};

const RECEIVED_AT_MS: i64 = 1_793_491_200_000;
const VENDORS: [&str; 5] = ["openweather", "newsapi", "gnews", "sportmonks", "sportradar"];

/// The sound JSON fixtures of a vendor.
fn fixtures(vendor: &str) -> Vec<(PathBuf, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(vendor);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let is_sound = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.ends_with(".json") && !name.starts_with("bad_") && !name.starts_with("error_")
    };
    paths.retain(is_sound);
    paths.into_iter().map(|path| (path.clone(), serde_json::from_slice(&fs::read(&path).unwrap()).unwrap())).collect()
}

fn run(vendor: &str, bytes: &[u8]) -> Parsed {
    let document = Document { bytes, received_at_ms: Some(RECEIVED_AT_MS), origin: "odd" };
    parse(Source::from_name(vendor).unwrap(), document, &mut Session::default())
}

fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(key, inner)| pointers(inner, &format!("{at}/{key}"), found))
        }
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(index, inner)| pointers(inner, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

/// What says that there is nothing: a payload emptied so may give nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn odd_value() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        Value::Null,
        Value::from(""),
        Value::from("x"),
        Value::from(-1),
        Value::from(u64::MAX),
        Value::from(0.5),
        Value::from(1e300),
        Value::from(true),
        Value::Array(vec![]),
        Value::Array(vec![Value::Null]),
        Value::Array(vec![Value::from(7)]),
        Value::Object(serde_json::Map::new()),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn an_odd_member_is_an_event_or_a_reject_and_never_a_panic(
        vendor in prop::sample::select(VENDORS.to_vec()),
        file in any::<prop::sample::Index>(),
        member in any::<prop::sample::Index>(),
        value in odd_value(),
    ) {
        let files = fixtures(vendor);
        let (path, mut document) = files[file.index(files.len())].clone();
        let mut all = Vec::new();
        pointers(&document, "", &mut all);
        let pointer = all[member.index(all.len())].clone();
        *document.pointer_mut(&pointer).unwrap() = value;
        let parsed = run(vendor, document.to_string().as_bytes());
        let gave = !run(vendor, serde_json::to_vec(&files[file.index(files.len())].1).unwrap().as_slice()).events.is_empty();
        let is_emptied = pointer.is_empty() || document.pointer(&pointer).is_some_and(is_empty);
        let gives = !parsed.events.is_empty() || !parsed.rejects.is_empty();
        prop_assert!(gives || !gave || is_emptied, "{:?} {}: nothing came of it", path, pointer);
        for reject in &parsed.rejects {
            prop_assert!(!reject.message.is_empty() && !reject.raw.is_empty(), "{:?} {}", path, pointer);
            let is_pointer = reject.pointer.is_empty() || reject.pointer.starts_with('/');
            prop_assert!(is_pointer, "{:?} {}", path, reject.pointer);
        }
    }
}
