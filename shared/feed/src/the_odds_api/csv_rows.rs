//! Odds flattened to one row a price, as collectors of The Odds API keep them: the same events as from the JSON.
//! ODA-7: a row is one quote under the name its JSON would have; a broken row is rejected alone.
//! ODA-8: a snapshot's time stands in for the time of receipt where a file has none.

use std::collections::HashSet;

use csv::{ByteRecord, ReaderBuilder};
use serde_json::value::RawValue;
use touchline_event::parse_utc_ms;

use super::parse::{Run, inferred_status};
use super::payload::Event;
use super::quote::{OddsFormat, QuoteFrame, point_e2};
use crate::raw::{Fault, Path, Text, quote};
use crate::{Parsed, Reject, RejectReason};

/// The columns that are read, in the order of [`Row`].
const COLUMNS: [&str; 11] = [
    "event_id",
    "sport_key",
    "commence_time",
    "home_team",
    "away_team",
    "snapshot_time",
    "bookmaker_key",
    "last_update",
    "market",
    "outcome_name",
    "price",
];
const POINT: &str = "point";

/// Whether the first line is a header with every column that is read.
pub(super) fn is_table(text: &str) -> bool {
    let header = text.lines().next().unwrap_or_default();
    let names: Vec<&str> = header.split(',').map(|name| name.trim().trim_matches('"')).collect();
    COLUMNS.iter().all(|column| names.contains(column))
}

pub(super) fn parse(bytes: &[u8], text: &str, received_at_ms: Option<i64>) -> Parsed {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = reader.byte_headers().cloned().unwrap_or_default();
    let place = |name: &str| header.iter().position(|field| field == name.as_bytes());
    let places: Vec<Option<usize>> = COLUMNS.iter().chain([&POINT]).map(|name| place(name)).collect();
    let price_place = places[COLUMNS.len() - 1];
    let prices = text.lines().skip(1).filter_map(|line| line.split(',').nth(price_place?));
    let mut run = Run { received_at_ms, envelope_ms: None, format: OddsFormat::of(prices), parsed: Parsed::default() };
    let mut seen = HashSet::new();
    let mut record = ByteRecord::new();
    let mut start = reader.position().byte() as usize;
    loop {
        let line = reader.position().line().saturating_sub(1) as usize;
        let result = reader.read_byte_record(&mut record);
        let end = reader.position().byte() as usize;
        let raw = bytes.get(start..end).unwrap_or_default().trim_ascii_end();
        start = end;
        match result {
            Ok(false) => return run.parsed,
            Ok(true) => {
                if let Err((reason, column, message)) = row(&mut run, &record, &places, &mut seen) {
                    run.parsed.rejects.push(Reject {
                        reason,
                        pointer: format!("/{line}/{column}"),
                        message,
                        raw: raw.to_vec(),
                    });
                }
            }
            Err(error) => {
                let (reason, pointer) = (RejectReason::BadField, format!("/{line}"));
                run.parsed.rejects.push(Reject { reason, pointer, message: error.to_string(), raw: raw.to_vec() });
                if error.is_io_error() {
                    return run.parsed;
                }
            }
        }
    }
}

type RowFault = (RejectReason, &'static str, String);

fn row(run: &mut Run, record: &ByteRecord, places: &[Option<usize>], seen: &mut HashSet<u64>) -> Result<(), RowFault> {
    let mut fields = [""; COLUMNS.len() + 1];
    for (index, field) in fields.iter_mut().enumerate() {
        let column = COLUMNS.get(index).copied().unwrap_or(POINT);
        let bytes = places[index].and_then(|place| record.get(place)).unwrap_or_default();
        *field = std::str::from_utf8(bytes)
            .map_err(|_| (RejectReason::BadUtf8, column, format!("{column} is not UTF-8")))?;
        let is_optional = matches!(column, POINT | "snapshot_time" | "last_update");
        if field.is_empty() && !is_optional {
            return Err((RejectReason::MissingField, column, format!("{column} is missing or empty in this row")));
        }
    }
    let [id, sport_key, commence, home, away, snapshot, book, updated, market_key, outcome, price, point] = fields;
    let event = Event {
        id: id.into(),
        sport_key: sport_key.into(),
        home_team: Some(home.into()),
        away_team: Some(away.into()),
        commence_time: time_ms(commence, "commence_time")?,
    };
    let (updated_ms, snapshot_ms) = (time_ms(updated, "last_update")?, time_ms(snapshot, "snapshot_time")?);
    run.envelope_ms = snapshot_ms;
    let text = Text::new(b"");
    let root = Path::Root(&text);
    let of = |column| move |fault: Fault| (fault.reason, column, fault.message);
    let timestamp_ms = run.timestamp_ms(updated_ms, &root).map_err(of("last_update"))?;
    let price = number(price, "price")?;
    let price_e6 = run.format.price_e6(&price, &root).map_err(of("price"))?;
    let point = Some(point).filter(|point| !point.is_empty()).map(|point| number(point, POINT)).transpose()?;
    let point_e2 = point_e2(point.as_deref(), &root).map_err(of(POINT))?;
    let status = inferred_status(event.commence_time, Some(timestamp_ms));
    let key = format!("{id}|{home}|{away}|{commence}|{}", status.as_str());
    if seen.insert(touchline_event::stable_hash(key.as_bytes())) {
        let fixture = run.fixture(&event, status, updated_ms, RawValue::NULL, &root).map_err(of("home_team"))?;
        run.parsed.events.push(fixture);
    }
    let received_at_ms = run.received_at_ms.or(run.envelope_ms).unwrap_or(timestamp_ms);
    let frame = QuoteFrame { game_id: id, sport_key, book, market_key, timestamp_ms, received_at_ms };
    run.parsed.events.push(frame.quote(outcome.to_owned(), point_e2, price_e6));
    Ok(())
}

fn time_ms(field: &str, column: &'static str) -> Result<Option<i64>, RowFault> {
    if field.is_empty() {
        return Ok(None);
    }
    let message = || format!("found {}; expected a time such as 2026-04-16T18:59:38Z", quote(field));
    parse_utc_ms(field).map(Some).ok_or_else(|| (RejectReason::BadField, column, message()))
}

fn number(field: &str, column: &'static str) -> Result<Box<RawValue>, RowFault> {
    RawValue::from_string(field.to_owned())
        .map_err(|_| (RejectReason::BadField, column, format!("found {}; expected a number", quote(field))))
}
