//! The coverage tables against the goldens: what a vendor is said to give is given by a fixture, and nothing else is.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_yaml_ng::Value;
use touchline_event::{Event, Kind};
use touchline_feed::Source;

fn feed(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn kinds_in_goldens(vendor: &str) -> BTreeSet<Kind> {
    let folder = feed("fixtures").join(vendor);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let goldens = paths.filter(|path| path.to_string_lossy().ends_with(".golden.ndjson"));
    let mut kinds = BTreeSet::new();
    for golden in goldens {
        for line in fs::read_to_string(golden).unwrap().lines().filter(|line| line.starts_with('{')) {
            kinds.insert(serde_json::from_str::<Event>(line).unwrap().kind);
        }
    }
    kinds
}

#[test]
fn every_kind_is_covered_as_the_goldens_show() {
    for vendor in Source::ALL.iter().map(|source| source.as_str()) {
        let text = fs::read_to_string(feed(&format!("coverage/{vendor}.yaml"))).unwrap();
        let table: Value = serde_yaml_ng::from_str(&text).unwrap();
        assert_eq!(table["vendor"], vendor);
        let rows = table["kinds"].as_mapping().unwrap();
        let unknown = rows.keys().filter(|kind| kind.as_str().and_then(Kind::from_wire).is_none()).count();
        assert_eq!(unknown, 0, "{vendor}: rows of kinds that are none");
        let seen = kinds_in_goldens(vendor);
        for kind in Kind::ALL {
            let row = rows.get(kind.as_str()).unwrap_or(&Value::Null);
            // A kind without a row is absent.
            let is_given = match row["state"].as_str().unwrap_or("absent") {
                "parsed" | "inferred" => true,
                "ignored" | "absent" => false,
                state => panic!("{vendor} {kind}: state {state}"),
            };
            assert_eq!(seen.contains(kind), is_given, "{vendor} {kind}");
            assert!(!is_given || row["from"].is_string(), "{vendor} {kind}: from which field?");
        }
    }
}
