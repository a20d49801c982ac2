//! One play of a US league, of play-by-play or of a push message: NBA, NFL, MLB and NHL differ in names only.
//! SR-6: a play is named by the vendor's id; what it says is its revision. Its time is the wall clock of the game.
//! SR-7: where a play does not say the score (NBA before 2018), the points of the plays before it are added up.

use serde_json::value::RawValue;
use touchline_event::Play;

use super::payload::{inner_text, member, points, text_of};
use crate::raw::{Fault, Object, Path, Precision};
use crate::run::{Context, Run, Subject};

/// What a play stands in, and the score before it.
pub(super) struct Flow<'g> {
    pub(super) subject: &'g Subject,
    pub(super) home_id: &'g str,
    pub(super) away_id: &'g str,
    pub(super) home_score: i32,
    pub(super) away_score: i32,
    pub(super) period: Option<u16>,
    pub(super) drive_id: Option<String>,
    /// Of the play before: what a play without a time has.
    pub(super) last_ms: i64,
}

impl Flow<'_> {
    /// Reads one play.
    pub(super) fn play(&mut self, raw: &RawValue, path: &Path<'_>, run: &mut Run) -> Result<(), Fault> {
        let object = Object::read(raw, path, "a play object")?;
        let id = object.need_text("id", "the play's id")?.into_owned();
        let play_type = kind(&object)?.ok_or_else(|| object.missing("event_type", "the play's type"))?;
        let context = self.context(&object)?;
        if let Some(time_ms) = context.vendor_time_ms {
            run.refuse_future(time_ms, path)?;
        }
        let before = (self.home_score, self.away_score);
        self.score_after(&object)?;
        let (home, away) = (self.home_score - before.0, self.away_score - before.1);
        // A push feed begins in the middle of a game: its first play has not scored all the points there are.
        let gained = if before == (0, 0) && home.max(away) > 8 { 0 } else { home.max(away).max(0) };
        let says_so = object.flag("scoring_play")?.or(object.flag("is_scoring")?);
        let payload = Play {
            play_type,
            text: text_of(&object, "description")?,
            is_scoring: says_so.unwrap_or(gained > 0),
            score_value: gained,
            home_score: self.home_score,
            away_score: self.away_score,
            drive_id: self.drive_id.clone(),
            home_win_probability_e4: None,
        };
        let at_ms = context.vendor_time_ms.unwrap_or(self.last_ms);
        self.last_ms = at_ms;
        run.event(self.subject.clone(), at_ms, &format!("play:{id}"), payload, context);
        Ok(())
    }

    fn context(&self, object: &Object<'_, '_>) -> Result<Context, Fault> {
        let mut team_id = inner_text(object, "attribution", "id")?;
        let possession_path = Path::Key(object.path(), "start_situation");
        if let (None, Some(raw)) = (&team_id, member(object, "start_situation")?) {
            team_id = inner_text(&Object::read(raw, &possession_path, "a situation")?, "possession", "id")?;
        }
        let period = match inner_text(object, "period", "number")? {
            Some(number) => number.parse().ok(),
            None => object.integer("inning", "an inning")?.and_then(|inning| u16::try_from(inning).ok()),
        };
        Ok(Context {
            team_id,
            player_id: player(object)?,
            game_clock: text_of(object, "clock")?,
            period: period.or(self.period),
            vendor_seq: object.scaled::<0>("sequence", "a sequence number", Precision::Rounded)?,
            vendor_time_ms: wall_clock_ms(object)?,
        })
    }

    /// The score after the play: as sent, else the points of its statistics.
    fn score_after(&mut self, object: &Object<'_, '_>) -> Result<(), Fault> {
        for (home, away) in [("home_points", "away_points"), ("home_score", "away_score"), ("home_runs", "away_runs")] {
            if let (Some(home), Some(away)) = (points(object, home)?, points(object, away)?) {
                (self.home_score, self.away_score) = (home, away);
                return Ok(());
            }
        }
        let path = Path::Key(object.path(), "statistics");
        for (index, raw) in object.list("statistics")?.unwrap_or_default().into_iter().enumerate() {
            let path = Path::Index(&path, index);
            let statistic = Object::read(raw, &path, "a statistic object")?;
            let Some(gained) = points(&statistic, "points")? else { continue };
            match inner_text(&statistic, "team", "id")?.as_deref() {
                Some(id) if id == self.home_id => self.home_score = self.home_score.saturating_add(gained),
                Some(id) if id == self.away_id => self.away_score = self.away_score.saturating_add(gained),
                _ => {}
            }
        }
        Ok(())
    }
}

/// NBA and NHL say `event_type`, NFL `play_type` for plays and `event_type` for what is none, MLB `type`.
fn kind(object: &Object<'_, '_>) -> Result<Option<String>, Fault> {
    for key in ["event_type", "play_type", "type"] {
        if let Some(kind) = text_of(object, key)? {
            return Ok(Some(kind));
        }
    }
    Ok(None)
}

/// Whoever scored, else the first of the play's statistics; of a pitch the hitter.
fn player(object: &Object<'_, '_>) -> Result<Option<String>, Fault> {
    if let Some(hitter) = text_of(object, "hitter_id")? {
        return Ok(Some(hitter));
    }
    let path = Path::Key(object.path(), "statistics");
    let mut first = None;
    for (index, raw) in object.list("statistics")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&path, index);
        let statistic = Object::read(raw, &path, "a statistic object")?;
        let player = inner_text(&statistic, "player", "id")?;
        if player.is_some() && statistic.get("points")?.is_some() {
            return Ok(player);
        }
        first = first.or(player);
    }
    Ok(first)
}

/// `wall_clock`, of a pitch its end; else when the vendor entered the play.
fn wall_clock_ms(object: &Object<'_, '_>) -> Result<Option<i64>, Fault> {
    let path = Path::Key(object.path(), "wall_clock");
    if let Some(raw) = member(object, "wall_clock")? {
        let clock = Object::read(raw, &path, "an object with start_time and end_time")?;
        return match clock.time_ms("end_time")? {
            Some(end) => Ok(Some(end)),
            None => clock.time_ms("start_time"),
        };
    }
    for key in ["wall_clock", "created_at", "created", "updated", "updated_at"] {
        if let Some(time_ms) = object.time_ms(key)? {
            return Ok(Some(time_ms));
        }
    }
    Ok(None)
}
