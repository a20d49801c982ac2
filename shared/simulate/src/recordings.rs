//! The bundled recordings, as the vendors sent them, and where each lies on the clock of the match day.
//! REC-1: a recording's bytes are as the vendor sent them; whole times are moved, by one amount for a recording.
//! REC-2: the same recordings give the same answers in the same order.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;
use touchline_event::parse_utc_ms;

/// A recording unpacked is never larger.
const RECORDING_BYTES_MAX: u64 = 512 << 20;

include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

/// Why a recording cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    #[error("the binary holds no {0}; build it again")]
    NotBundled(String),
    #[error("recordings.toml: {0}")]
    Manifest(#[from] toml::de::Error),
    #[error("unpacking: {0}")]
    Packed(#[from] std::io::Error),
    #[error("line {line}: {source}")]
    Line { line: usize, source: serde_json::Error },
    #[error("line {line}: {text} is not a UTC time such as 2026-07-04T17:00:00Z")]
    Time { line: usize, text: String },
    #[error("no JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("row {row}: {message}")]
    Row { row: usize, message: String },
    #[error("no play has a wallclock; the summary cannot be replayed by it")]
    NoWallClock,
}

/// How a recording is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One vendor message a line.
    Messages,
    /// One HTTP answer a line: `{"received_at": .., "body": ..}`.
    Polls,
    /// One HTTP answer of a finished game, replayed by its plays' wall clock.
    Summary,
    /// A table with a header, one answer.
    Table,
}

/// A bundled recording, unpacked.
#[derive(Debug, Clone)]
pub struct Bundled {
    pub file: String,
    pub title: String,
    /// Vendor name, `espn`.
    pub source: String,
    pub kind: Kind,
    pub starts_at_ms: i64,
    pub ends_at_ms: i64,
    /// What its times are moved by to lie on the match day's clock.
    pub shift_ms: i64,
    pub bytes: Vec<u8>,
}

/// An answer and when a poller had it, by the recording's own clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub at_ms: i64,
    pub received_at_ms: Option<i64>,
    pub bytes: Vec<u8>,
}

#[derive(Deserialize)]
struct Manifest {
    recording: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    file: String,
    source: String,
    kind: Kind,
    starts_at: String,
    ends_at: String,
    title: String,
    /// Where the recording begins on the match day's clock; its own time unless given.
    replay_starts_at: Option<String>,
}

/// The recordings that are part of the binary, in the manifest's order.
pub fn bundled() -> Result<Vec<Bundled>, RecordingError> {
    let manifest = String::from_utf8_lossy(bundled_file("recordings.toml")?);
    let manifest: Manifest = toml::from_str(&manifest)?;
    manifest.recording.into_iter().map(read_entry).collect()
}

fn bundled_file(name: &str) -> Result<&'static [u8], RecordingError> {
    let found = BUNDLED.iter().find(|(known, _)| *known == name);
    found.map(|(_, bytes)| *bytes).ok_or_else(|| RecordingError::NotBundled(name.to_owned()))
}

fn read_entry(entry: Entry) -> Result<Bundled, RecordingError> {
    let time = |text: &str| parse_utc_ms(text).ok_or_else(|| RecordingError::Time { line: 0, text: text.to_owned() });
    let (starts_at_ms, ends_at_ms) = (time(&entry.starts_at)?, time(&entry.ends_at)?);
    let shift_ms = match &entry.replay_starts_at {
        Some(text) => time(text)? - starts_at_ms,
        None => 0,
    };
    let mut bytes = Vec::new();
    MultiGzDecoder::new(bundled_file(&entry.file)?).take(RECORDING_BYTES_MAX).read_to_end(&mut bytes)?;
    let Entry { file, source, kind, title, .. } = entry;
    Ok(Bundled { file, title, source, kind, starts_at_ms, ends_at_ms, shift_ms, bytes })
}

#[derive(Deserialize)]
struct Poll<'a> {
    received_at: String,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// The answers of a recording of polls.
pub fn polls(bytes: &[u8]) -> Result<Vec<Part>, RecordingError> {
    let mut parts = Vec::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let line_number = index + 1;
        let poll: Poll<'_> =
            serde_json::from_slice(line).map_err(|source| RecordingError::Line { line: line_number, source })?;
        let at_ms = parse_utc_ms(&poll.received_at)
            .ok_or_else(|| RecordingError::Time { line: line_number, text: poll.received_at.clone() })?;
        parts.push(Part { at_ms, received_at_ms: Some(at_ms), bytes: poll.body.get().as_bytes().to_vec() });
    }
    Ok(parts)
}
