//! StatsBomb's other documents: matches, line-ups, 360 frames, competitions, and what it lists of American football.
//! SB-5: a match of the list is a `fixture` and, where it has a score, a `score_update`; it dates the events that follow.
//! SB-6: `kick_off` is a local time without zone; it is read as UTC.

use serde_json::value::RawValue;
use touchline_event::{
    Fixture, Lineup, LineupPlayer, ScoreUpdate, Squad, Team, TrackedPlayer, TrackingFrame, parse_utc_ms,
};

use super::payload::{Game, Match, Matches, SPORT, inner, small};
use super::table::{PITCH, match_status};
use crate::RejectReason;
use crate::origin::time_ms;
use crate::raw::{Fault, Object, Path, unexpected};
use crate::run::{Context, Run, Subject};

/// One match of the list.
pub(super) fn match_of_list(
    raw: &RawValue,
    path: &Path<'_>,
    matches: &mut Matches,
    run: &mut Run,
) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a match object")?;
    let id = object.need_text("match_id", "the match's id")?.into_owned();
    let starts_at_ms = kick_off_ms(&object)?;
    let league = named_member(&object, "competition", "competition_name")?;
    let (home, away) = (side(&object, "home_team")?, side(&object, "away_team")?);
    let known =
        Match { starts_at_ms, league: league.clone(), home_id: Some(home.id.clone()).filter(|id| !id.is_empty()) };
    let scores = (object.integer("home_score", "goals")?, object.integer("away_score", "goals")?);
    let word = object.text("match_status")?.map(String::from);
    let status = match_status(word.as_deref().unwrap_or_default(), scores.0.is_some() && scores.1.is_some());
    let score = match scores {
        (Some(home_score), Some(away_score)) => Some(ScoreUpdate {
            home_score: goals(home_score, &object, "home_score")?,
            away_score: goals(away_score, &object, "away_score")?,
            status,
            periods: Vec::new(),
        }),
        _ => None,
    };
    let venue = named_member(&object, "stadium", "name")?;
    let fixture = Fixture { home, away, starts_at_ms, status, status_detail: word, venue, is_neutral_site: None };
    matches.insert(id.clone(), known);
    let subject = Game::of(&id, matches).subject;
    let at_ms = time_ms(None, run.received_at_ms, starts_at_ms.unwrap_or_default());
    let context = Context { period: None, ..Context::default() };
    run.event(subject.clone(), at_ms, &format!("match:{id}"), fixture, context.clone());
    if let Some(score) = score {
        run.event(subject, at_ms, &format!("score:{id}"), score, context);
    }
    Ok(())
}

fn kick_off_ms(object: &Object<'_, '_>) -> Result<Option<i64>, Fault> {
    const WHAT: &str = "a date such as 2019-06-07 and a time such as 21:00:00.000";
    let Some(date) = object.text("match_date")? else { return Ok(None) };
    let time = object.text("kick_off")?.unwrap_or_default();
    let text = if time.is_empty() { date.into_owned() } else { format!("{date}T{time}") };
    let path = Path::Key(object.path(), "match_date");
    parse_utc_ms(&text).map(Some).ok_or_else(|| {
        Fault::new(RejectReason::BadField, &path, format!("found {}; expected {WHAT}", crate::raw::quote(&text)))
    })
}

fn goals(score: i64, object: &Object<'_, '_>, key: &str) -> Result<i32, Fault> {
    i32::try_from(score).ok().filter(|score| *score >= 0).ok_or_else(|| {
        let message = format!("found {score}; expected a count of goals");
        Fault::new(RejectReason::OutOfRange, &Path::Key(object.path(), key), message)
    })
}

/// `home_team: {home_team_id, home_team_name}`.
fn side(object: &Object<'_, '_>, key: &str) -> Result<Team, Fault> {
    let path = Path::Key(object.path(), key);
    let raw = object.need(key, "a team")?;
    let team = Object::read(raw, &path, "a team object")?;
    Ok(Team {
        id: team.text(&format!("{key}_id"))?.unwrap_or_default().into_owned(),
        name: team.need_text(&format!("{key}_name"), "the team's name")?.into_owned(),
        abbreviation: None,
    })
}

fn named_member(object: &Object<'_, '_>, key: &str, name: &str) -> Result<Option<String>, Fault> {
    let path = Path::Key(object.path(), key);
    match inner(object, key)? {
        Some(raw) => Ok(Object::read(raw, &path, "an object")?.text(name)?.map(Into::into)),
        None => Ok(None),
    }
}

/// One team of the file of line-ups: everybody in the squad, and in newer files who began.
pub(super) fn lineup(raw: &RawValue, path: &Path<'_>, game: &Game, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a line-up object")?;
    let team_id = object.need_text("team_id", "the team's id")?.into_owned();
    let team = Team {
        id: team_id.clone(),
        name: object.need_text("team_name", "the team's name")?.into_owned(),
        abbreviation: None,
    };
    let list_path = Path::Key(path, "lineup");
    let mut players = Vec::new();
    for (index, raw) in object.list("lineup")?.unwrap_or_default().into_iter().enumerate() {
        players.push(player(raw, &Path::Index(&list_path, index))?);
    }
    let is_home = game.home_id.as_ref().map(|home| *home == team_id);
    let at_ms = time_ms(game.starts_at_ms, run.received_at_ms, 0);
    let context = Context { team_id: Some(team_id.clone()), ..Context::default() };
    let lineup = Lineup { team, is_home, formation: None, players };
    run.event(game.subject.clone(), at_ms, &format!("lineup:{team_id}"), lineup, context);
    Ok(())
}

fn player(raw: &RawValue, path: &Path<'_>) -> Result<LineupPlayer, Fault> {
    let entry = Object::read(raw, path, "a player of the line-up")?;
    let positions_path = Path::Key(path, "positions");
    let mut position = None;
    let mut is_starter = None;
    if let Some(positions) = entry.list("positions")? {
        is_starter = Some(false);
        for (index, raw) in positions.into_iter().enumerate() {
            let path = Path::Index(&positions_path, index);
            let place = Object::read(raw, &path, "a position object")?;
            position = position.or(place.text("position")?.map(String::from));
            is_starter =
                Some(is_starter == Some(true) || place.text("start_reason")?.as_deref() == Some("Starting XI"));
        }
    }
    let name = entry.text("player_name")?.or(entry.text("player_nickname")?);
    Ok(LineupPlayer {
        id: entry.text("player_id")?.unwrap_or_default().into_owned(),
        name: name.ok_or_else(|| entry.missing("player_name", "the player's name"))?.into_owned(),
        number: small(&entry, "jersey_number", "a shirt number")?,
        position,
        is_starter,
    })
}

/// One 360 frame: who was visible at an event, in the coordinates of the one who acts.
pub(super) fn frame(raw: &RawValue, path: &Path<'_>, game: &Game, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a 360 frame object")?;
    let event = object.need_text("event_uuid", "the id of the event")?.into_owned();
    let list_path = Path::Key(path, "freeze_frame");
    let mut players = Vec::new();
    for (index, raw) in object.list("freeze_frame")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&list_path, index);
        let entry = Object::read(raw, &path, "a visible player")?;
        let place = PITCH.location(entry.need("location", "where the player stood")?, &Path::Key(&path, "location"))?;
        let is_actor = entry.flag("actor")?.unwrap_or(false);
        let squad = if entry.flag("teammate")?.unwrap_or(false) { Squad::Teammate } else { Squad::Opponent };
        let is_keeper = entry.flag("keeper")?.unwrap_or(false);
        let role = if is_actor { Some("actor") } else { is_keeper.then_some("keeper") };
        players.push(TrackedPlayer {
            squad,
            // The vendor names nobody in its frames, only what they are.
            id: role.map(str::to_owned),
            number: None,
            x_cm: place.x_cm,
            y_cm: place.y_cm,
            speed_cmps: None,
            is_detected: None,
        });
    }
    let frame = TrackingFrame {
        frame: None,
        clock_ms: None,
        event: Some(event.clone()),
        is_oriented: true,
        is_alive: None,
        possession: None,
        ball: None,
        players,
    };
    let at_ms = time_ms(game.starts_at_ms, run.received_at_ms, 0);
    run.event(game.subject.clone(), at_ms, &format!("360:{event}"), frame, Context::default());
    Ok(())
}

/// One competition and season that the vendor has.
pub(super) fn competition(raw: &RawValue, path: &Path<'_>, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a competition object")?;
    let id = object.need_text("competition_id", "the competition's id")?;
    let season = object.text("season_id")?.unwrap_or_default();
    let subject = Subject {
        sport: Some(SPORT.to_owned()),
        league: object.text("competition_name")?.map(Into::into),
        ..Subject::default()
    };
    let at_ms = time_ms(None, run.received_at_ms, 0);
    run.other(subject, at_ms, ("competition", &format!("competition:{id}:{season}")), raw, Context::default());
    Ok(())
}

/// A game of the vendor's American football data.
pub(super) fn american_game(raw: &RawValue, path: &Path<'_>, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a game object")?;
    let id = object.need_text("game_id", "the game's id")?.into_owned();
    let date = object.text("game_date")?;
    let starts_at_ms = match date.as_deref() {
        Some(text) => Some(parse_utc_ms(text).ok_or_else(|| {
            let path = Path::Key(path, "game_date");
            object.get("game_date").ok().flatten().map_or_else(
                || Fault::new(RejectReason::BadField, &path, "expected a date"),
                |raw| unexpected(&path, raw, "a date such as 2016-09-11"),
            )
        })?),
        None => None,
    };
    let subject = Subject {
        sport: Some("football".to_owned()),
        league: object.text("competition_name")?.map(Into::into),
        game_id: Some(id.clone()),
        ..Subject::default()
    };
    let at_ms = time_ms(None, run.received_at_ms, starts_at_ms.unwrap_or_default());
    run.other(subject, at_ms, ("amf_game", &format!("amf_game:{id}")), raw, Context::default());
    Ok(())
}
