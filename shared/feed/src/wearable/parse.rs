//! Recordings to `wearable_sample`s: which format it is, is read off its first bytes.
//! WEAR-3: a point of a track, a message of a FIT file, a row of a table is one event or one reject; neighbours stay.
//! WEAR-4: a time without zone is UTC; a table that only counts seconds begins at the start it names, else at receipt.

use touchline_event::{WearableSample, parse_utc_ms};

use super::payload::{Reading, SOURCE};
use super::table::{ELAPSED, EPOCH_MS, WRITTEN, put, reads, zone_hours};
use super::{fit, tracks};
use crate::origin::{origin_stem, time_ms};
use crate::raw::{Fault, Precision, Text, quote};
use crate::rows::{Row, Table, wrong_vendor};
use crate::run::Run;
use crate::{Document, Parsed, RejectReason, Session};

/// Bytes of a binary file that are kept beside a fault in it.
const RAW_BYTES: usize = 64;
/// iBike's files begin with this; four lines about the device come before the header.
const IBIKE: &[u8] = b"iBike,";
const IBIKE_HEADER_LINE: usize = 4;

/// One recording.
pub fn parse(document: Document<'_>, session: &mut Session) -> Parsed {
    let mut run = Run::new(SOURCE, document.received_at_ms);
    let bytes = document.bytes;
    let recording = origin_stem(document.origin);
    let text = Text::new(bytes);
    if fit::is_fit(bytes) {
        let (readings, faults) = fit::readings(bytes);
        readings.into_iter().for_each(|reading| reading.emit(recording, &mut run, session));
        for fault in faults {
            let at: usize = fault.pointer.trim_start_matches('/').parse().unwrap_or_default();
            let start = at.min(bytes.len());
            run.parsed.rejects.push(fault.reject(&bytes[start..bytes.len().min(start + RAW_BYTES)]));
        }
    } else if let Some(name) = tracks::point_name(text.as_str()) {
        track(&text, name, recording, &mut run, session);
    } else if bytes.starts_with(IBIKE) {
        ibike(bytes, recording, &mut run, session);
    } else {
        table(bytes, recording, &mut run, session);
    }
    run.parsed
}

fn track(text: &Text<'_>, name: &str, recording: &str, run: &mut Run, session: &mut Session) {
    for reading in tracks::readings(text.as_str(), name) {
        match reading {
            Ok(reading) => reading.emit(recording, run, session),
            Err((fault, piece)) => run.parsed.rejects.push(fault.reject(text.original(piece))),
        }
    }
    let is_whole = text.as_str().trim_end().ends_with('>');
    if run.parsed.events.is_empty() && run.parsed.rejects.is_empty() && !is_whole {
        let message = format!("the document ends before its first <{name}>");
        let fault = Fault { reason: RejectReason::Truncated, pointer: String::new(), message };
        run.parsed.rejects.push(fault.reject(text.original(text.as_str())));
    }
    if !text.is_sound() && run.parsed.rejects.is_empty() {
        let root = crate::raw::Path::Root(text);
        run.parsed.rejects.push(text.unread_bad_bytes(&root));
    }
}

fn is_one_of(names: &[&str], column: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(column))
}

fn table(bytes: &[u8], recording: &str, run: &mut Run, session: &mut Session) {
    let table = Table::read(bytes);
    let has = |names: &[&str]| table.names().iter().any(|column| is_one_of(names, column));
    let has_time = has(&EPOCH_MS) || has(&WRITTEN) || has(&ELAPSED);
    if !has_time || !table.names().iter().any(|column| reads(column).is_some()) {
        let expected = "a FIT, TCX or GPX file, or a table with a time (timestamp, timestamp_epoch, secs) and readings such as \
                        heart_rate, speed, cadence, power";
        return run.parsed.rejects.push(wrong_vendor(bytes, expected));
    }
    table.each(run, |row, run| {
        let (at_ms, elapsed_ms) = when(row, table.names(), run)?;
        let reading = reading(row, table.names(), at_ms, elapsed_ms)?;
        reading.emit(recording, run, session);
        Ok(())
    });
}

/// A second a row from the start that the second line names.
fn ibike(bytes: &[u8], recording: &str, run: &mut Run, session: &mut Session) {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let start_ms = lines.get(1).and_then(|line| ibike_start_ms(line));
    let header_at: usize = lines.iter().take(IBIKE_HEADER_LINE).map(|line| line.len() + 1).sum();
    let table = Table::read(bytes.get(header_at..).unwrap_or_default());
    if !table.names().iter().any(|column| reads(column).is_some()) {
        return run.parsed.rejects.push(wrong_vendor(bytes, "iBike's table of readings under its fifth line"));
    }
    let mut elapsed_ms = 0;
    table.each(run, |row, run| {
        let at_ms = time_ms(start_ms, run.received_at_ms, elapsed_ms);
        let reading = reading(row, table.names(), at_ms, Some(elapsed_ms));
        elapsed_ms += 1000;
        reading?.emit(recording, run, session);
        Ok(())
    });
}

/// `2009,12,10,17,25,46`.
fn ibike_start_ms(line: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(line).ok()?;
    let parts: Option<Vec<u32>> = text.trim().split(',').map(|part| part.trim().parse().ok()).collect();
    let [year, month, day, hour, minute, second] = parts?.try_into().ok()?;
    parse_utc_ms(&format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

fn reading(row: &Row<'_>, names: &[String], at_ms: i64, elapsed_ms: Option<i64>) -> Result<Reading, Fault> {
    let mut sample = WearableSample { elapsed_ms, ..WearableSample::default() };
    for (place, column) in names.iter().enumerate() {
        if reads(column).is_some()
            && let Some(text) = row.at(place)?
        {
            put(&mut sample, column, row.number::<6>(column, text, "a number", Precision::Rounded)?);
        }
    }
    let pointer = row.fault(RejectReason::OutOfRange, "", "").pointer;
    Reading { at_ms, sample }.checked(pointer.trim_end_matches('/'))
}

/// When a row was read, and how long after the beginning where it counts.
fn when(row: &Row<'_>, names: &[String], run: &Run) -> Result<(i64, Option<i64>), Fault> {
    const WHAT: &str = "a time such as 2012-12-26T21:29:53Z, Sun Sep 25 06:00:22 PDT 2011, or unix seconds";
    let mut first = None;
    for (place, column) in names.iter().enumerate() {
        let is_time = [&EPOCH_MS[..], &WRITTEN[..], &ELAPSED[..]].iter().any(|any| is_one_of(any, column));
        if !is_time {
            continue;
        }
        first.get_or_insert(column);
        let Some(text) = row.at(place)? else { continue };
        if is_one_of(&EPOCH_MS, column) {
            return Ok((row.number::<0>(column, text, "unix ms", Precision::Rounded)?, None));
        }
        if is_one_of(&ELAPSED, column) {
            let elapsed_ms = row.number::<3>(column, text, "seconds", Precision::Rounded)?;
            return Ok((time_ms(None, run.received_at_ms, elapsed_ms), Some(elapsed_ms)));
        }
        let at_ms = written_ms(text).ok_or_else(|| {
            row.fault(RejectReason::BadField, column, format!("found {}; expected {WHAT}", quote(text)))
        })?;
        return Ok((at_ms, None));
    }
    let column = first.map_or("", String::as_str);
    Err(row.fault(RejectReason::MissingField, column, format!("the row has no time; expected {WHAT}")))
}

/// RFC 3339, unix seconds or ms, or `Sun Sep 25 06:00:22 PDT 2011` as Java and Unix print it.
fn written_ms(text: &str) -> Option<i64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    /// Beyond this a number is ms, below it seconds: the year 5138 or 1973.
    const SECONDS_END: i64 = 100_000_000_000;
    if let Some(ms) = parse_utc_ms(text) {
        return Some(ms);
    }
    if let Ok(number) = crate::raw::decimal::<3>(text, Precision::Rounded) {
        return Some(if number.0 / 1000 < SECONDS_END { number.0 } else { number.0 / 1000 });
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [_, month, day, time, zone, year] = parts.as_slice() else { return None };
    let month = MONTHS.find(month).filter(|at| at % 3 == 0)? / 3 + 1;
    let local_ms = parse_utc_ms(&format!("{year}-{month:02}-{:0>2}T{time}Z", day))?;
    Some(local_ms - zone_hours(zone)? * 3_600_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_devices_write_them() {
        for (text, ms) in [
            ("Sun Sep 25 06:00:22 PDT 2011", Some(1_316_955_622_000)),
            ("2011-09-25T13:00:22Z", Some(1_316_955_622_000)),
            ("1316955622", Some(1_316_955_622_000)),
            ("1316955622000", Some(1_316_955_622_000)),
            ("Sun Foo 25 06:00:22 PDT 2011", None),
            ("later", None),
        ] {
            assert_eq!(written_ms(text), ms, "{text}");
        }
    }
}
