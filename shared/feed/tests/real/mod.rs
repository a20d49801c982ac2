//! Where the real files of the vendors are, and what a parser makes of one: shared by the tests that use them.

#![allow(dead_code, clippy::disallowed_methods, reason = "each test file takes what it needs; a test's own switches")]

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use touchline_event::{Event, Kind};
use touchline_feed::{Document, MAX_DOCUMENT_BYTES, Parsed, Session, Source, parse};

pub fn data_folder() -> Option<PathBuf> {
    match std::env::var_os("TOUCHLINE_DATA") {
        Some(folder) => Some(PathBuf::from(folder)),
        None => {
            Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data")).filter(|folder| folder.is_dir())
        }
    }
}

pub fn files_under(path: PathBuf) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path];
    }
    let mut paths: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().flat_map(files_under).collect()
}

pub fn read(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return bytes;
    }
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes.as_slice())
        .take(MAX_DOCUMENT_BYTES as u64)
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

pub fn parsed(source: Source, path: &Path, session: &mut Session) -> Parsed {
    session.renew();
    let origin = path.display().to_string();
    let document = Document { bytes: &read(path), received_at_ms: None, origin: &origin };
    parse(source, document, session)
}

pub fn count(events: &[Event], kind: Kind) -> usize {
    events.iter().filter(|event| event.kind == kind).count()
}
