//! Real files of the vendors, where the data folder is there: what each gives, by kind, against a reviewed golden.
//! Re-make it with `TOUCHLINE_BLESS=1 cargo test -p touchline-feed --test real_files`, then read the diff.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use touchline_feed::{Document, Parsed, Session, Source, parse};

/// What a file's path in the data begins with, and its source on the command line.
const VENDORS: [(&str, &str); 4] =
    [("openweather/", "openweather"), ("espn/", "espn"), ("news/newsapi", "newsapi"), ("news/gnews", "gnews")];
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real_files.golden.txt");

#[allow(clippy::disallowed_methods, reason = "a test's own switches")]
fn switch(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The folder of `TOUCHLINE_DATA`, else `shared/data` beside the checkout.
fn data_folder() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).unwrap().join("shared/data");
    Some(switch("TOUCHLINE_DATA").map_or_else(beside, PathBuf::from)).filter(|folder| folder.is_dir())
}

fn read(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    if path.extension().is_none_or(|ending| ending != "gz") {
        return bytes;
    }
    let mut unpacked = Vec::new();
    flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).unwrap();
    unpacked
}

fn run(source: &str, path: &Path, bytes: &[u8]) -> Parsed {
    let name = path.display().to_string();
    let document = Document { bytes, received_at_ms: None, origin: &name };
    parse(Source::from_name(source).unwrap(), document, &mut Session::default()).unwrap()
}

/// `path kind=n kind=n`, and each reject with its pointer.
fn line(name: &str, parsed: &Parsed) -> String {
    let mut counts = BTreeMap::new();
    for event in &parsed.events {
        *counts.entry(event.kind.as_str()).or_insert(0) += 1;
    }
    let mut line = name.to_owned();
    for (kind, count) in counts {
        write!(line, " {kind}={count}").unwrap();
    }
    for reject in &parsed.rejects {
        write!(line, "\n    {} at {:?}: {}", reject.reason.as_str(), reject.pointer, reject.message).unwrap();
    }
    line
}

fn files_under(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files_under(&path, found) } else { found.push(path) }
    }
    found.sort();
}

#[test]
fn real_files_give_what_was_reviewed() {
    let Some(data) = data_folder() else { return };
    let mut files = Vec::new();
    files_under(&data, &mut files);
    let mut actual = String::new();
    for file in files {
        let name = file.strip_prefix(&data).unwrap().display().to_string();
        let Some((_, source)) = VENDORS.iter().find(|(start, _)| name.starts_with(start)) else { continue };
        writeln!(actual, "{}", line(&name, &run(source, &file, &read(&file)))).unwrap();
    }
    if switch("TOUCHLINE_BLESS").is_some() {
        fs::write(GOLDEN, &actual).unwrap();
    }
    let golden = fs::read_to_string(GOLDEN).unwrap_or_default();
    for (actual, golden) in actual.lines().zip(golden.lines()) {
        assert_eq!(actual, golden);
    }
    assert_eq!(actual.lines().count(), golden.lines().count());
}
