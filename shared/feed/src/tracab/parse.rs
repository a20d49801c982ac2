//! Lines of `frame:targets:ball:` to one `tracking_frame` each; the XML that describes them to one `other`.
//! TRB-2: a line that cannot be read is one reject; a target that nobody uses (team -1) is left out.
//! TRB-3: the vendor does not say which way a team plays: the picture stays as the cameras see it.

use touchline_event::{Location, Other, TrackedBall, TrackedPlayer, TrackingFrame};

use super::payload::{Note, Notes};
use super::table::{is_alive, owner, squad};
use crate::origin::{origin_stem, time_ms};
use crate::pitch::Pitch;
use crate::raw::{Fault, Precision, Text, decimal, quote};
use crate::run::{Context, Run, Subject};
use crate::{Document, Parsed, RejectReason, Session, xml};

const SOURCE: &str = "tracab";
/// Fields of a target and of the ball that must be there.
const TARGET_FIELDS: usize = 6;
const BALL_FIELDS: usize = 4;

/// Lines of frames, or the XML of a match.
pub fn parse(document: Document<'_>, session: &mut Session) -> Parsed {
    let mut run = Run::new(SOURCE, document.received_at_ms);
    let text = Text::new(document.bytes);
    // The frames and their description differ in the end of their names alone.
    let stem = origin_stem(document.origin).trim_end_matches("_metadata").trim_end_matches("-metadata");
    if text.as_str().trim_start().starts_with('<') {
        if let Err(fault) = description(text.as_str(), stem, &mut session.tracab_notes, &mut run) {
            run.reject_whole(fault, document.bytes);
        }
        return run.parsed;
    }
    let unknown = Note::default();
    let notes = &session.tracab_notes;
    let note = notes.get(stem).unwrap_or(&unknown);
    let game = note.id.clone().unwrap_or_else(|| stem.to_owned());
    let lines: Vec<&str> = text.as_str().lines().collect();
    if !lines.iter().any(|line| is_frame(line)) {
        let reject = crate::rows::wrong_vendor(
            document.bytes,
            "TRACAB's frames, such as 10000:1,3,10,-2341,120,2.05;:0,0,0,0,H,Alive;:",
        );
        run.parsed.rejects.push(reject);
        return run.parsed;
    }
    for (index, line) in lines.into_iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if let Err((reason, message)) = frame(line, &game, note, &mut run) {
            let fault = Fault { reason, pointer: format!("/{index}"), message };
            run.parsed.rejects.push(fault.reject(text.original(line)));
        }
    }
    run.parsed
}

fn is_frame(line: &str) -> bool {
    line.split_once(':').is_some_and(|(number, rest)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) && rest.contains(',')
    })
}

fn subject(game: &str) -> Subject {
    Subject { sport: Some("soccer".to_owned()), game_id: Some(game.to_owned()), ..Subject::default() }
}

fn description(text: &str, stem: &str, notes: &mut Notes, run: &mut Run) -> Result<(), Fault> {
    let fault = |(reason, message)| Fault { reason, pointer: String::new(), message };
    let root = xml::element(text).map_err(fault)?;
    let note = Note::read(&root);
    let Some(id) = note.id.clone() else {
        let message = "found no match with an id; expected TRACAB's XML with <match iId=..> or <GameID>".to_owned();
        return Err(fault((RejectReason::WrongVendor, message)));
    };
    let at_ms = time_ms(None, run.received_at_ms, note.starts_at_ms.unwrap_or_default());
    notes.insert(stem.to_owned(), note);
    let other = Other { vendor_kind: root.name.clone(), content: text.into() };
    run.event(subject(&id), at_ms, "description", other, Context::default());
    Ok(())
}

type LineFault = (RejectReason, String);

fn frame(line: &str, game: &str, note: &Note, run: &mut Run) -> Result<(), LineFault> {
    let mut parts = line.trim().split(':');
    let number = number::<0>(parts.next().unwrap_or_default(), "the frame's number")?;
    let Some(targets) = parts.next() else {
        return Err((RejectReason::Truncated, "the line ends after the frame's number".to_owned()));
    };
    let pitch = note.pitch();
    let mut players = Vec::new();
    for target in targets.split(';').filter(|target| !target.is_empty()) {
        players.extend(player(target, &pitch)?);
    }
    let Some(ball) = parts.next() else {
        return Err((RejectReason::Truncated, "the line ends before the ball".to_owned()));
    };
    let ball = ball.split(';').next().unwrap_or_default();
    let fields: Vec<&str> = ball.split(',').collect();
    let (period, clock_ms) = note.clock(number);
    let frame = TrackingFrame {
        frame: Some(number),
        clock_ms: Some(clock_ms),
        event: None,
        is_oriented: false,
        is_alive: fields.iter().find_map(|field| is_alive(field)),
        possession: fields.iter().find_map(|field| owner(field)),
        ball: self::ball(&fields, &pitch)?,
        players,
    };
    let at_ms = time_ms(note.starts_at_ms, run.received_at_ms, note.elapsed_ms(number));
    let context = Context { period, vendor_seq: Some(number), ..Context::default() };
    run.event(subject(game), at_ms, &format!("frame:{number}"), frame, context);
    Ok(())
}

/// `team,target,shirt,x,y,speed`.
fn player(target: &str, pitch: &Pitch) -> Result<Option<TrackedPlayer>, LineFault> {
    let fields: Vec<&str> = target.split(',').collect();
    if fields.len() < TARGET_FIELDS {
        let message = format!("found {}; expected team, target, shirt, x, y, speed", quote(target));
        return Err((RejectReason::MissingField, message));
    }
    let Some(squad) = squad(fields[0]) else { return Ok(None) };
    let place = place(fields[3], fields[4], pitch)?;
    let speed_cmps = i32::try_from(number::<2>(fields[5], "metres per second")?).ok();
    let number = fields[2].parse::<u16>().ok();
    let id = Some(fields[1].to_owned());
    Ok(Some(TrackedPlayer { squad, id, number, x_cm: place.x_cm, y_cm: place.y_cm, speed_cmps, is_detected: None }))
}

/// `x,y,z,speed,owner,state`.
fn ball(fields: &[&str], pitch: &Pitch) -> Result<Option<TrackedBall>, LineFault> {
    if fields.len() < BALL_FIELDS {
        return Ok(None);
    }
    let place = place(fields[0], fields[1], pitch)?;
    let z_cm = i32::try_from(number::<0>(fields[2], "centimetres")?).ok();
    let speed_cmps = i32::try_from(number::<2>(fields[3], "metres per second")?).ok();
    Ok(Some(TrackedBall { x_cm: place.x_cm, y_cm: place.y_cm, z_cm, speed_cmps }))
}

fn place(x: &str, y: &str, pitch: &Pitch) -> Result<Location, LineFault> {
    const WHAT: &str = "centimetres from the centre spot";
    let (x_e5, y_e5) = (number::<5>(x, WHAT)?, number::<5>(y, WHAT)?);
    let outside = || (RejectReason::OutOfRange, format!("found {x},{y}, far outside the pitch; expected {WHAT}"));
    pitch.place(x_e5, y_e5).ok_or_else(outside)
}

fn number<const SCALE: u32>(text: &str, what: &str) -> Result<i64, LineFault> {
    decimal::<SCALE>(text.trim(), Precision::Rounded)
        .map(|number| number.0)
        .map_err(|error| (RejectReason::BadField, format!("found {} ({error}); expected {what}", quote(text))))
}
