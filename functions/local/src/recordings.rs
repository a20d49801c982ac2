//! Recordings as a list of payloads with the times at which they arrived, on one clock.
//! REC-1: a recording's bytes are as the vendor sent them; only whole times are moved, and only by the manifest's shift.
//! REC-2: the same recordings give the same payloads in the same order.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use touchline_event::stable_hash;
use touchline_feed::Source;
use touchline_poll::Payload;
use touchline_simulate::{Bundled, Kind, Part, by_wall_clock, polls};

use crate::files;

/// Lines of a message file that travel as one payload at most.
const LINES_PER_PAYLOAD: usize = 500;
/// Vendor time that one payload of messages may span.
const MESSAGE_SPAN_MS: i64 = 30_000;
/// A recording unpacked is never larger.
const MAX_RECORDING_BYTES: usize = 512 << 20;

/// One payload and when it arrives.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub at_ms: i64,
    pub payload: Payload,
}

/// A recording ready to be replayed.
#[derive(Debug, Clone)]
pub struct Recording {
    pub title: String,
    /// Name under which progress is kept.
    pub session: String,
    pub source: Source,
    pub arrivals: Vec<Arrival>,
}

/// The recordings that are part of the binary, on the clock of one match day.
pub fn bundled() -> anyhow::Result<Vec<Recording>> {
    let bundled = touchline_simulate::bundled()?;
    bundled.into_iter().map(|one| read_bundled(&one).with_context(|| one.file.clone())).collect()
}

fn read_bundled(bundled: &Bundled) -> anyhow::Result<Recording> {
    let Bundled { file, title, kind, ends_at_ms, shift_ms, bytes, .. } = bundled;
    let source = Source::from_name(&bundled.source).ok_or_else(|| anyhow!("source {} is unknown", bundled.source))?;
    let parts = match kind {
        Kind::Messages => messages(bytes, source),
        Kind::Polls => polls(bytes)?,
        Kind::Summary => by_wall_clock(bytes)?,
        Kind::Table => vec![Part { at_ms: *ends_at_ms, received_at_ms: Some(*ends_at_ms), bytes: bytes.clone() }],
    };
    Ok(recording(title, file, source, *shift_ms, parts))
}

/// A user's file as a recording on its own clock. Message files are cut into payloads; anything else is one.
pub fn of_file(path: &Path, source: Source) -> anyhow::Result<Recording> {
    let bytes = files::read(path, MAX_RECORDING_BYTES)?;
    let name = path.display().to_string();
    // The content is part of the name: another file under the same name is another session.
    let session = format!(
        "{}-{:016x}",
        path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default(),
        stable_hash(&bytes)
    );
    let parts = match source {
        Source::Finnhub | Source::Betfair if bytes.contains(&b'\n') => messages(&bytes, source),
        _ => vec![Part { at_ms: 0, received_at_ms: None, bytes }],
    };
    let mut recording = recording(&name, &session, source, 0, parts);
    recording.title = name;
    Ok(recording)
}

fn recording(title: &str, session: &str, source: Source, shift_ms: i64, parts: Vec<Part>) -> Recording {
    let arrivals = parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| Arrival {
            at_ms: part.at_ms + shift_ms,
            payload: Payload {
                source,
                origin: session.to_owned(),
                session: session.to_owned(),
                index: index as u64,
                received_at_ms: part.received_at_ms,
                shift_ms,
                exchange: None,
                bytes: part.bytes,
            },
        })
        .collect();
    Recording { title: title.to_owned(), session: session.to_owned(), source, arrivals }
}

/// Lines of a message file, cut by the vendor's clock.
fn messages(bytes: &[u8], source: Source) -> Vec<Part> {
    let key: &[u8] = if source == Source::Betfair { b"\"pt\":" } else { b"\"t\":" };
    let mut parts: Vec<Part> = Vec::new();
    let mut lines_in_part = 0;
    let mut part_starts_ms = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let line_ms = greatest_number_after(line, key);
        let last_ms = parts.last().map_or(0, |part| part.at_ms);
        let at_ms = line_ms.unwrap_or(last_ms).max(last_ms);
        let must_cut = lines_in_part >= LINES_PER_PAYLOAD || at_ms - part_starts_ms >= MESSAGE_SPAN_MS;
        match parts.last_mut().filter(|_| !must_cut) {
            Some(part) => {
                part.at_ms = at_ms;
                part.bytes.extend_from_slice(line);
                lines_in_part += 1;
            }
            None => {
                parts.push(Part { at_ms, received_at_ms: None, bytes: line.to_vec() });
                lines_in_part = 1;
                part_starts_ms = at_ms;
            }
        }
    }
    parts
}

fn greatest_number_after(line: &[u8], key: &[u8]) -> Option<i64> {
    memchr::memmem::find_iter(line, key)
        .filter_map(|at| {
            let digits: Vec<u8> = line[at + key.len()..].iter().copied().take_while(u8::is_ascii_digit).collect();
            std::str::from_utf8(&digits).ok()?.parse().ok()
        })
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_recordings_are_on_one_clock_and_in_order() {
        let recordings = bundled().unwrap();
        assert!(recordings.len() >= 6);
        for recording in &recordings {
            assert!(!recording.arrivals.is_empty(), "{}", recording.title);
            assert!(recording.arrivals.is_sorted_by_key(|arrival| arrival.at_ms), "{}", recording.title);
        }
    }

    #[test]
    fn messages_are_cut_by_the_vendors_clock_and_lose_no_line() {
        let text: String = (0..40).map(|n| format!("{{\"t\":{}}}\n", 1_000_000 + n * 6_000)).collect();
        let parts = messages(text.as_bytes(), Source::Finnhub);
        assert_eq!(parts.iter().map(|part| part.bytes.len()).sum::<usize>(), text.len());
        assert!(parts.len() >= 8);
    }
}
