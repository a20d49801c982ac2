//! Tracking as CSV: three lines of header (sides, shirts, names), then a frame a line, one file a team.
//! MET-3: a frame of the home file and one of the away file are two events: each has its own team and the ball.

use touchline_event::{Squad, TrackedBall, TrackedPlayer, TrackingFrame};

use super::payload::{Note, place};
use crate::RejectReason;
use crate::origin::time_ms;
use crate::raw::{Fault, Precision, Text, decimal, quote};
use crate::run::{Context, Run};

/// Columns before the first player: Period, Frame, Time [s].
const FIRST: usize = 3;
const HEADER_LINES: usize = 3;

/// A player's or the ball's pair of columns.
struct Track {
    at: usize,
    squad: Squad,
    number: Option<u16>,
    name: String,
}

/// Whether the third line is the header of this format.
pub(super) fn is_table(text: &str) -> bool {
    text.lines().nth(HEADER_LINES - 1).is_some_and(|line| line.trim_start().starts_with("Period,Frame,Time"))
}

/// Every line after the header.
pub(super) fn frames(text: &Text<'_>, note: &Note, run: &mut Run) {
    let tracks = tracks(text.as_str());
    let lines = text.as_str().lines().enumerate().skip(HEADER_LINES);
    for (index, line) in lines.filter(|(_, line)| line.bytes().any(|byte| byte.is_ascii_digit())) {
        if let Err((reason, column, message)) = frame(line, &tracks, note, run) {
            let pointer = format!("/{index}/{column}").trim_end_matches('/').to_owned();
            let fault = Fault { reason, pointer, message };
            run.parsed.rejects.push(fault.reject(text.original(line)));
        }
    }
}

fn tracks(text: &str) -> Vec<Track> {
    let lines: Vec<Vec<&str>> =
        text.lines().take(HEADER_LINES).map(|line| line.split(',').map(str::trim).collect()).collect();
    let [sides, shirts, names] = lines.as_slice() else { return Vec::new() };
    let named = names.iter().enumerate().skip(FIRST).filter(|(_, name)| !name.is_empty());
    let squad = |side: Option<&&str>| match side {
        Some(&"Home") => Squad::Home,
        Some(&"Away") => Squad::Away,
        _ => Squad::Unknown,
    };
    named
        .map(|(at, name)| Track {
            at,
            squad: squad(sides.get(at)),
            number: shirts.get(at).and_then(|shirt| shirt.parse().ok()),
            name: (*name).to_owned(),
        })
        .collect()
}

type CellFault = (RejectReason, String, String);

fn frame(line: &str, tracks: &[Track], note: &Note, run: &mut Run) -> Result<(), CellFault> {
    let cells: Vec<&str> = line.split(',').map(str::trim).collect();
    let number = |at: usize, column: &str| -> Result<i64, CellFault> {
        let text = cells.get(at).copied().unwrap_or_default();
        let whole = decimal::<0>(text, Precision::Rounded).map(|number| number.0);
        whole.map_err(|error| {
            (RejectReason::BadField, column.to_owned(), format!("found {} ({error}); expected a number", quote(text)))
        })
    };
    if tracks.iter().any(|track| track.at >= cells.len()) {
        let message = format!("the line ends after {} fields", cells.len());
        return Err((RejectReason::Truncated, String::new(), message));
    }
    let period = u16::try_from(number(0, "Period")?).ok();
    let frame = number(1, "Frame")?;
    let clock_ms = cells.get(2).and_then(|text| decimal::<3>(text, Precision::Rounded).ok()).map(|time| time.0);
    let squad = tracks.first().map_or(Squad::Unknown, |track| track.squad);
    let mut payload = TrackingFrame {
        frame: Some(frame),
        clock_ms,
        event: None,
        is_oriented: false,
        is_alive: None,
        possession: None,
        ball: None,
        players: Vec::new(),
    };
    for track in tracks {
        let Some((x_e5, y_e5)) = cell(&cells, track.at, &track.name)?.zip(cell(&cells, track.at + 1, &track.name)?)
        else {
            continue;
        };
        let Some(place) = place(Some(x_e5), Some(y_e5), false) else {
            return Err((
                RejectReason::OutOfRange,
                track.name.clone(),
                "found a place far outside the pitch".to_owned(),
            ));
        };
        if track.name == "Ball" {
            payload.ball = Some(TrackedBall { x_cm: place.x_cm, y_cm: place.y_cm, z_cm: None, speed_cmps: None });
        } else {
            payload.players.push(TrackedPlayer {
                squad: track.squad,
                id: Some(track.name.clone()),
                number: track.number,
                x_cm: place.x_cm,
                y_cm: place.y_cm,
                speed_cmps: None,
                is_detected: None,
            });
        }
    }
    let at_ms = time_ms(note.starts_at_ms, run.received_at_ms, clock_ms.unwrap_or_else(|| note.clock(frame).1));
    let context = Context { period, vendor_seq: Some(frame), ..Context::default() };
    run.event(note.subject(), at_ms, &format!("frame:{}:{frame}", squad.as_str()), payload, context);
    Ok(())
}

/// `NaN` and nothing are nobody.
fn cell(cells: &[&str], at: usize, column: &str) -> Result<Option<i64>, CellFault> {
    let Some(text) = cells.get(at).filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("nan")) else {
        return Ok(None);
    };
    decimal::<5>(text, Precision::Rounded).map(|number| Some(number.0)).map_err(|error| {
        let message = format!("found {} ({error}); expected a coordinate from 0 to 1", quote(text));
        (RejectReason::BadField, column.to_owned(), message)
    })
}
