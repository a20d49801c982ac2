//! Play-by-play of a summary: `drives` (NFL and college football) or `plays[]` (NBA, NHL, MLB).
//! ESPN-12: one `play` a play; its revision is a hash of what it says, so that a correction is a new fact.
//! ESPN-13: a play without wallclock has that of the play before it, else the game's start.
//! Scoring plays, at-bats and the scoreboard's last play repeat these plays and are not read.

use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;
use touchline_event::Play;

use super::payload::{Identity, inner_period, inner_text, points};
use super::table;
use crate::RejectReason;
use crate::raw::{Fault, Object, Path, Precision};
use crate::run::{Context, Run};

/// A list of plays somewhere in a summary, and the drive it belongs to.
struct PlayList<'a> {
    plays: Vec<&'a RawValue>,
    drive_id: Option<String>,
}

/// What one play needs to know of the others.
struct Reading<'g> {
    game: &'g Identity,
    home_win_probability_e4: HashMap<String, i64>,
    last_wallclock_ms: i64,
    ids: HashSet<String>,
}

/// Every play of a summary.
pub(super) fn of_summary(game: &Identity, root: &Object<'_, '_>, record: &RawValue, run: &mut Run) {
    let home_win_probability_e4 = win_probability_by_play(root, record, run);
    let mut reading =
        Reading { game, home_win_probability_e4, last_wallclock_ms: game.starts_at_ms, ids: HashSet::new() };
    drives(&mut reading, root, record, run);
    let of_drives = reading.ids.clone();
    let plays = PlayList { plays: run.list(root, "plays", record), drive_id: None };
    reading.list(&plays, &Path::Key(root.path(), "plays"), &of_drives, run);
}

/// The latest wallclock among the plays and key events; damaged ones are left to the reading proper.
pub(super) fn last_wallclock_ms(root: &Object<'_, '_>) -> Option<i64> {
    let mut raws = Vec::new();
    for key in ["plays", "keyEvents"] {
        raws.extend(root.list(key).ok().flatten().unwrap_or_default());
    }
    let path = root.path();
    if let Some(Ok(drives)) = root.get("drives").ok().flatten().map(|raw| Object::read(raw, path, "drives")) {
        let current = drives.get("current").ok().flatten();
        for drive in drives.list("previous").ok().flatten().unwrap_or_default().into_iter().chain(current) {
            if let Ok(drive) = Object::read(drive, path, "a drive") {
                raws.extend(drive.list("plays").ok().flatten().unwrap_or_default());
            }
        }
    }
    raws.into_iter().filter_map(|raw| Object::read(raw, path, "a play").ok()?.time_ms("wallclock").ok()?).max()
}

fn drives(reading: &mut Reading<'_>, root: &Object<'_, '_>, record: &RawValue, run: &mut Run) {
    let path = Path::Key(root.path(), "drives");
    let drives =
        match root.get("drives").map(|raw| raw.map(|raw| (raw, Object::read(raw, &path, "an object of drives")))) {
            Ok(Some((_, Ok(drives)))) => drives,
            Ok(None) => return,
            Ok(Some((raw, Err(fault)))) => return run.reject(fault, raw, &path),
            Err(fault) => return run.reject(fault, record, &path),
        };
    let previous_path = Path::Key(&path, "previous");
    for (index, raw) in run.list(&drives, "previous", record).into_iter().enumerate() {
        drive(reading, raw, &Path::Index(&previous_path, index), run);
    }
    let current_path = Path::Key(&path, "current");
    match drives.get("current") {
        Ok(Some(raw)) => drive(reading, raw, &current_path, run),
        Ok(None) => {}
        Err(fault) => run.reject(fault, record, &current_path),
    }
}

fn drive(reading: &mut Reading<'_>, raw: &RawValue, path: &Path<'_>, run: &mut Run) {
    let read = || -> Result<PlayList<'_>, Fault> {
        let drive = Object::read(raw, path, "a drive object")?;
        let drive_id = drive.text("id")?.map(std::borrow::Cow::into_owned);
        Ok(PlayList { plays: drive.list("plays")?.unwrap_or_default(), drive_id })
    };
    match read() {
        Ok(list) => reading.list(&list, &Path::Key(path, "plays"), &HashSet::new(), run),
        Err(fault) => run.reject(fault, raw, path),
    }
}

impl Reading<'_> {
    /// The plays of one list whose ids are not in `known`.
    fn list(&mut self, list: &PlayList<'_>, path: &Path<'_>, known: &HashSet<String>, run: &mut Run) {
        for (index, raw) in list.plays.iter().enumerate() {
            let path = Path::Index(path, index);
            if let Err(fault) = self.play(raw, &path, list.drive_id.as_deref(), known, run) {
                run.reject(fault, raw, &path);
            }
        }
    }

    fn play(
        &mut self,
        raw: &RawValue,
        path: &Path<'_>,
        drive_id: Option<&str>,
        known: &HashSet<String>,
        run: &mut Run,
    ) -> Result<(), Fault> {
        let play = Object::read(raw, path, "a play object")?;
        let id = play.need_text("id", "the play's id")?.into_owned();
        if known.contains(&id) {
            return Ok(());
        }
        let context = read_context(&play)?;
        if let Some(wallclock_ms) = context.vendor_time_ms {
            run.refuse_future(wallclock_ms, &Path::Key(path, "wallclock"))?;
        }
        let payload = Play {
            play_type: read_type(&play)?,
            text: play.text("text")?.map(std::borrow::Cow::into_owned),
            is_scoring: play.flag("scoringPlay")?.unwrap_or(false),
            score_value: read_score_value(&play)?,
            home_score: need_points(&play, "homeScore")?,
            away_score: need_points(&play, "awayScore")?,
            drive_id: drive_id.map(str::to_owned),
            home_win_probability_e4: self.home_win_probability_e4.get(&id).copied(),
        };
        let timestamp_ms = context.vendor_time_ms.unwrap_or(self.last_wallclock_ms);
        self.last_wallclock_ms = timestamp_ms;
        run.event(self.game, timestamp_ms, &format!("play:{id}"), payload, context);
        self.ids.insert(id);
        Ok(())
    }
}

fn need_points(play: &Object<'_, '_>, key: &str) -> Result<i32, Fault> {
    let raw = play.need(key, "the score after the play")?;
    points(raw, &Path::Key(play.path(), key))
}

fn read_type(play: &Object<'_, '_>) -> Result<String, Fault> {
    const WHAT: &str = "an object with text";
    let path = Path::Key(play.path(), "type");
    let kind = Object::read(play.need("type", WHAT)?, &path, WHAT)?;
    match kind.text("text")?.filter(|text| !text.is_empty()) {
        Some(text) => Ok(text.into_owned()),
        None => Ok(kind.need_text("type", "a type such as Pass Reception")?.into_owned()),
    }
}

/// Points of the play: as sent, else by the NFL's scoring type and the try after it.
fn read_score_value(play: &Object<'_, '_>) -> Result<i32, Fault> {
    if let Some(raw) = play.get("scoreValue")? {
        return points(raw, &Path::Key(play.path(), "scoreValue"));
    }
    let Some(base) = inner_text(play, "scoringType", "name")?.and_then(|name| table::points_of_scoring_type(&name))
    else {
        return Ok(0);
    };
    let try_points =
        inner_text(play, "pointAfterAttempt", "value")?.and_then(|value| value.parse::<f64>().ok()).unwrap_or(0.0);
    Ok(base + try_points.clamp(0.0, 2.0) as i32)
}

fn read_context(play: &Object<'_, '_>) -> Result<Context, Fault> {
    let team_id = match inner_text(play, "team", "id")? {
        Some(id) => Some(id),
        // A football play names the side that had the ball when it started.
        None => side_at_start(play)?,
    };
    Ok(Context {
        team_id,
        player_id: read_player(play)?,
        game_clock: inner_text(play, "clock", "displayValue")?,
        period: inner_period(play)?,
        vendor_seq: play.integer("sequenceNumber", "a sequence number")?,
        vendor_time_ms: play.time_ms("wallclock")?,
    })
}

fn side_at_start(play: &Object<'_, '_>) -> Result<Option<String>, Fault> {
    let path = Path::Key(play.path(), "start");
    let Some(raw) = play.get("start")? else { return Ok(None) };
    inner_text(&Object::read(raw, &path, "an object")?, "team", "id")
}

/// The batter of a baseball play, whom ESPN lists after the pitcher; else the first participant.
fn read_player(play: &Object<'_, '_>) -> Result<Option<String>, Fault> {
    let path = Path::Key(play.path(), "participants");
    let mut first = None;
    for (index, raw) in play.list("participants")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&path, index);
        let participant = Object::read(raw, &path, "a participant object")?;
        let athlete_path = Path::Key(&path, "athlete");
        let Some(raw) = participant.get("athlete")? else { continue };
        let id = Object::read(raw, &athlete_path, "an athlete object")?.text("id")?.map(std::borrow::Cow::into_owned);
        if participant.text("type")?.as_deref() == Some("batter") {
            return Ok(id);
        }
        first = first.or(id);
    }
    Ok(first)
}

/// `winprobability[]` by play. Entries of no play (the pregame one carries its drive's id) find no play and are left.
fn win_probability_by_play(root: &Object<'_, '_>, record: &RawValue, run: &mut Run) -> HashMap<String, i64> {
    let path = Path::Key(root.path(), "winprobability");
    let mut by_play = HashMap::new();
    for (index, raw) in run.list(root, "winprobability", record).into_iter().enumerate() {
        let path = Path::Index(&path, index);
        match read_win_probability(raw, &path) {
            Ok((id, probability_e4)) => {
                by_play.insert(id, probability_e4);
            }
            Err(fault) => run.reject(fault, raw, &path),
        }
    }
    by_play
}

fn read_win_probability(raw: &RawValue, path: &Path<'_>) -> Result<(String, i64), Fault> {
    const WHAT: &str = "a probability from 0 to 1";
    let point = Object::read(raw, path, "a win probability object")?;
    let id = point.need_text("playId", "the play's id")?.into_owned();
    let probability_e4 = point.scaled::<4>("homeWinPercentage", WHAT, Precision::Rounded)?;
    let probability_e4 = probability_e4.ok_or_else(|| point.missing("homeWinPercentage", WHAT))?;
    if !(0..=10_000).contains(&probability_e4) {
        let message = format!("found {probability_e4} in 10^-4; expected {WHAT}");
        return Err(Fault::new(RejectReason::OutOfRange, &Path::Key(path, "homeWinPercentage"), message));
    }
    Ok((id, probability_e4))
}
