//! SkillCorner documents to events: matches, frames of tracking (an array, or a frame a line), tables of events.
//! SKC-3: one `tracking_frame` a frame, also of those in which nobody was seen; a bad one is one reject.
//! SKC-4: a frame's match is the number in its file's name; what the match's document said in the same session names
//! its players and turns it. Without it players keep their ids and the picture is as the vendor sent it.
//! SKC-5: a row of dynamic events or phases is `other` under the vendor's type: they are the vendor's own derivations.

use serde_json::value::RawValue;
use touchline_event::{Location, Other, Squad, TrackedBall, TrackedPlayer, TrackingFrame};

use super::games;
use super::payload::{Note, Notes, inner, subject};
use super::table::squad;
use crate::RejectReason;
use crate::messages::{Messages, messages};
use crate::origin::{origin_number, origin_stem, parse_clock_ms, time_ms};
use crate::pitch::Pitch;
use crate::raw::{Fault, Object, Path, Precision, Text, list, unexpected};
use crate::rows::{Row, Table};
use crate::run::{Context, Run};
use crate::{Document, Parsed, Session};

const SOURCE: &str = "skillcorner";

/// One document, a frame a line, or a table.
pub fn parse(document: Document<'_>, session: &mut Session) -> Parsed {
    let mut run = Run::new(SOURCE, document.received_at_ms);
    let notes = &mut session.skillcorner_notes;
    let table = Table::read(document.bytes);
    if table.has_all(&["match_id", "frame_start"]) {
        table.each(&mut run, |row, run| derived(row, table.names(), notes, run));
        return run.parsed;
    }
    let game = origin_number(document.origin).unwrap_or_else(|| origin_stem(document.origin));
    match messages(document.bytes, "\"frame\"") {
        Messages::Whole(bytes) => {
            let whole = Document { bytes, ..document };
            run.document(whole, |raw, path, run| root(raw, path, game, notes, run));
        }
        Messages::Lines(lines) => {
            for (index, line) in lines {
                let text = Text::new(line);
                let path = Path::Line(&text, index);
                run.text(text.as_str(), &path, |raw, path, run| root(raw, path, game, notes, run));
            }
        }
    }
    run.parsed
}

fn root(raw: &RawValue, path: &Path<'_>, game: &str, notes: &mut Notes, run: &mut Run) -> Result<(), Fault> {
    if !raw.get().starts_with('[') {
        return record(raw, path, game, notes, run);
    }
    let elements = list(raw, path)?;
    let is_ours = |element: &&RawValue| element.get().contains("\"frame\"") || element.get().contains("\"home_team\"");
    if !elements.is_empty() && !elements.iter().any(is_ours) {
        return Err(wrong_vendor(path));
    }
    for (index, element) in elements.into_iter().enumerate() {
        let path = Path::Index(path, index);
        run.record(element, &path, |run| record(element, &path, game, notes, run));
    }
    Ok(())
}

fn record(raw: &RawValue, path: &Path<'_>, game: &str, notes: &mut Notes, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a match or a frame")?;
    if object.has("home_team") && object.has("away_team") {
        return games::game(raw, path, notes, run);
    }
    if object.has("frame") {
        let unknown = Note::default();
        return frame(&object, game, notes.get(game).unwrap_or(&unknown), run);
    }
    Err(wrong_vendor(path))
}

fn wrong_vendor(path: &Path<'_>) -> Fault {
    let message =
        "found neither a match with home_team and away_team nor a frame; expected SkillCorner's JSON or its tables";
    Fault::new(RejectReason::WrongVendor, path, message)
}

fn frame(object: &Object<'_, '_>, game: &str, note: &Note, run: &mut Run) -> Result<(), Fault> {
    const PERIOD: &str = "a period from 1 to 5";
    object.need("frame", "the frame's number")?;
    let number = object.integer("frame", "the frame's number")?;
    let period = match object.integer("period", PERIOD)? {
        Some(period) => Some(u16::try_from(period).map_err(|_| {
            let message = format!("found {period}; expected {PERIOD}");
            Fault::new(RejectReason::OutOfRange, &Path::Key(object.path(), "period"), message)
        })?),
        None => None,
    };
    let clock_ms = clock_ms(object)?;
    let (pitch, turn) = (note.pitch(), note.turn(period));
    let mut frame = TrackingFrame {
        frame: number,
        clock_ms,
        event: None,
        is_oriented: turn.is_some(),
        is_alive: None,
        possession: inner(object, "possession", |possession| {
            let group = possession.text("group")?.and_then(|group| squad(&group));
            let player = possession.text("player_id")?;
            Ok(group.or_else(|| note.players.get(player.as_deref()?).map(|known| known.squad)))
        })?,
        ball: None,
        players: Vec::new(),
    };
    let seen = See { note, pitch, is_turned: turn == Some(true) };
    frame.ball = inner(object, "ball_data", |ball| seen.ball(ball))?;
    for key in ["player_data", "data"] {
        let list_path = Path::Key(object.path(), key);
        for (index, raw) in object.list(key)?.unwrap_or_default().into_iter().enumerate() {
            let path = Path::Index(&list_path, index);
            let track = Object::read(raw, &path, "a track")?;
            if seen.is_ball(&track)? {
                frame.ball = seen.ball(&track)?;
            } else if let Some(player) = seen.player(&track)? {
                frame.players.push(player);
            }
        }
    }
    let at_ms = time_ms(note.starts_at_ms, run.received_at_ms, clock_ms.unwrap_or_default());
    let context = Context { period, vendor_seq: number, ..Context::default() };
    run.event(subject(game, note), at_ms, &format!("frame:{}", number.unwrap_or_default()), frame, context);
    Ok(())
}

/// `timestamp` of the newer versions, `time` of the first: both the clock of the match.
fn clock_ms(object: &Object<'_, '_>) -> Result<Option<i64>, Fault> {
    for key in ["timestamp", "time"] {
        if let Some(text) = object.text(key)? {
            let path = Path::Key(object.path(), key);
            let raw = object.need(key, "a clock")?;
            return parse_clock_ms(&text)
                .map(Some)
                .ok_or_else(|| unexpected(&path, raw, "a clock such as 00:12:20.90"));
        }
    }
    Ok(None)
}

/// How the places of one frame are read.
struct See<'n> {
    note: &'n Note,
    pitch: Pitch,
    is_turned: bool,
}

impl See<'_> {
    fn place(&self, track: &Object<'_, '_>) -> Result<Option<Location>, Fault> {
        let read = |key: &str| track.scaled::<5>(key, "metres", Precision::Rounded);
        let Some((x, y)) = read("x")?.zip(read("y")?) else { return Ok(None) };
        let place = self.pitch.place(x, y).ok_or_else(|| {
            let message = "found a place far outside the pitch; expected metres from the centre spot";
            Fault::new(RejectReason::OutOfRange, &Path::Key(track.path(), "x"), message)
        })?;
        Ok(Some(if self.is_turned { place.turned() } else { place }))
    }

    fn ball(&self, ball: &Object<'_, '_>) -> Result<Option<TrackedBall>, Fault> {
        let z_cm = ball.scaled::<2>("z", "metres", Precision::Rounded)?.and_then(|z| i32::try_from(z).ok());
        let place = self.place(ball)?;
        Ok(place.map(|place| TrackedBall { x_cm: place.x_cm, y_cm: place.y_cm, z_cm, speed_cmps: None }))
    }

    /// The first version has the ball among the tracks: by the number the match gives it, else by its height.
    fn is_ball(&self, track: &Object<'_, '_>) -> Result<bool, Fault> {
        let Some(id) = track.text("trackable_object")? else { return Ok(track.has("z")) };
        Ok(self.note.ball_track.as_deref().map_or(track.has("z"), |ball| ball == id))
    }

    fn player(&self, track: &Object<'_, '_>) -> Result<Option<TrackedPlayer>, Fault> {
        let Some(place) = self.place(track)? else { return Ok(None) };
        let id = track.text("player_id")?.or(track.text("trackable_object")?).or(track.text("track_id")?);
        let known = match track.text("player_id")? {
            Some(id) => self.note.players.get(id.as_ref()),
            None => id.as_deref().and_then(|id| self.note.players.get(&format!("track {id}"))),
        };
        let group = track.text("group_name")?.and_then(|group| squad(&group));
        let is_detected = track.flag("is_detected")?.or(track.flag("is_visible")?);
        Ok(Some(TrackedPlayer {
            squad: known.map(|known| known.squad).or(group).unwrap_or(Squad::Unknown),
            id: known.map(|known| known.id.clone()).or(id.map(Into::into)),
            number: known.and_then(|known| known.number),
            x_cm: place.x_cm,
            y_cm: place.y_cm,
            speed_cmps: None,
            is_detected,
        }))
    }
}

/// A row of the vendor's own derivations.
fn derived(row: &Row<'_>, names: &[String], notes: &Notes, run: &mut Run) -> Result<(), Fault> {
    let game = row.need("match_id", "the match's id")?;
    let (kind, id) = match row.get("event_id")? {
        Some(id) => (row.get("event_type")?.unwrap_or("event").to_owned(), id.to_owned()),
        None => ("phase_of_play".to_owned(), row.need("index", "the row's number")?.to_owned()),
    };
    let mut content = serde_json::Map::new();
    for (place, name) in names.iter().enumerate() {
        if let Some(text) = row.at(place)? {
            content.insert(name.clone(), text.into());
        }
    }
    let unknown = Note::default();
    let note = notes.get(game).unwrap_or(&unknown);
    let clock = row.get("time_start")?;
    let elapsed_ms = clock.and_then(parse_clock_ms).unwrap_or_default();
    let at_ms = time_ms(note.starts_at_ms, run.received_at_ms, elapsed_ms);
    let context = Context {
        team_id: row.get("team_id")?.map(str::to_owned),
        player_id: row.get("player_id")?.map(str::to_owned),
        game_clock: clock.map(str::to_owned),
        period: row.small("period", "a period from 1 to 5")?,
        vendor_seq: row.integer("index", "the row's number")?,
        vendor_time_ms: None,
    };
    let name = format!("{kind}:{id}");
    let other = Other { vendor_kind: kind, content: content.into() };
    run.event(subject(game, note), at_ms, &name, other, context);
    Ok(())
}
