//! SkillCorner's matches: a list of them, or one with its players.
//! SKC-2: a match is a `fixture` and, played, a `score_update`; with its players also a `lineup` a team.

use std::collections::HashMap;

use serde_json::value::RawValue;
use touchline_event::{Fixture, Lineup, LineupPlayer, ScoreUpdate, Squad, Team};

use super::payload::{Known, Note, Notes, inner, inner_text, sides, size_e5, subject};
use super::table::{KICK_OFF, SUBSTITUTE, status};
use crate::RejectReason;
use crate::origin::time_ms;
use crate::raw::{Fault, Object, Path};
use crate::run::{Context, Run};

/// A match, alone or in a list.
pub(super) fn game(raw: &RawValue, path: &Path<'_>, notes: &mut Notes, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a match object")?;
    let id = object.need_text("id", "the match's id")?.into_owned();
    let (home, away) = (team(&object, "home_team")?, team(&object, "away_team")?);
    let starts_at_ms = object.time_ms("date_time")?;
    let word = object.text("status")?.map(String::from);
    let league = inner(&object, "competition_edition", |edition| inner_text(edition, "competition", "name"))?;
    let mut note =
        Note { starts_at_ms, league, size_e5: size_e5(&object)?, is_turned: sides(&object)?, ..Note::default() };
    note.ball_track = inner_text(&object, "ball", "trackable_object")?;
    let players = players(&object, &home, &mut note)?;
    let fixture = Fixture {
        home: home.clone(),
        away: away.clone(),
        starts_at_ms,
        status: status(word.as_deref().unwrap_or_default()),
        status_detail: word,
        venue: inner_text(&object, "stadium", "name")?,
        is_neutral_site: None,
    };
    let score = score(&object, fixture.status)?;
    let at_ms = time_ms(None, run.received_at_ms, starts_at_ms.unwrap_or_default());
    let subject = subject(&id, &note);
    notes.insert(id, note);
    run.event(subject.clone(), at_ms, "match", fixture, Context::default());
    if let Some(score) = score {
        run.event(subject.clone(), at_ms, "score", score, Context::default());
    }
    for (team, is_home) in [(home, true), (away, false)] {
        let players = players.get(&team.id).cloned().unwrap_or_default();
        if !players.is_empty() {
            let context = Context { team_id: Some(team.id.clone()), ..Context::default() };
            let name = format!("lineup:{}", team.id);
            let lineup = Lineup { team, is_home: Some(is_home), formation: None, players };
            run.event(subject.clone(), at_ms, &name, lineup, context);
        }
    }
    Ok(())
}

fn score(object: &Object<'_, '_>, status: touchline_event::GameStatus) -> Result<Option<ScoreUpdate>, Fault> {
    let goals = |key: &str| -> Result<Option<i32>, Fault> {
        let Some(goals) = object.integer(key, "goals")? else { return Ok(None) };
        i32::try_from(goals).ok().filter(|goals| *goals >= 0).map(Some).ok_or_else(|| {
            let message = format!("found {goals}; expected a count of goals");
            Fault::new(RejectReason::OutOfRange, &Path::Key(object.path(), key), message)
        })
    };
    let both = goals("home_team_score")?.zip(goals("away_team_score")?);
    Ok(both.map(|(home_score, away_score)| ScoreUpdate { home_score, away_score, status, periods: Vec::new() }))
}

fn team(object: &Object<'_, '_>, key: &str) -> Result<Team, Fault> {
    let path = Path::Key(object.path(), key);
    let team = Object::read(object.need(key, "a team")?, &path, "a team object")?;
    let name = team.text("name")?.or(team.text("short_name")?);
    Ok(Team {
        id: team.text("id")?.unwrap_or_default().into_owned(),
        name: name.ok_or_else(|| team.missing("name", "the team's name"))?.into_owned(),
        abbreviation: team.text("acronym")?.map(Into::into),
    })
}

/// Players by the id of their team; each is noted by id and by track.
fn players(object: &Object<'_, '_>, home: &Team, note: &mut Note) -> Result<HashMap<String, Vec<LineupPlayer>>, Fault> {
    let list_path = Path::Key(object.path(), "players");
    let mut by_team: HashMap<String, Vec<LineupPlayer>> = HashMap::new();
    for (index, raw) in object.list("players")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&list_path, index);
        let player = Object::read(raw, &path, "a player")?;
        let id = player.need_text("id", "the player's id")?.into_owned();
        let team_id = player.text("team_id")?.unwrap_or_default().into_owned();
        let number = player.integer("number", "a shirt number")?.and_then(|number| u16::try_from(number).ok());
        let squad = if team_id == home.id { Squad::Home } else { Squad::Away };
        let known = Known { id: id.clone(), squad, number };
        if let Some(track) = player.text("trackable_object")? {
            note.players.insert(format!("track {track}"), known.clone());
        }
        note.players.insert(id.clone(), known);
        let position = inner_text(&player, "player_role", "name")?;
        let is_bench = inner_text(&player, "player_role", "acronym")?.as_deref() == Some(SUBSTITUTE);
        let is_starter = player.text("start_time")?.as_deref() == Some(KICK_OFF) && !is_bench;
        by_team.entry(team_id).or_default().push(LineupPlayer {
            id,
            name: name(&player)?,
            number,
            position,
            is_starter: Some(is_starter),
        });
    }
    Ok(by_team)
}

fn name(player: &Object<'_, '_>) -> Result<String, Fault> {
    let parts = [player.text("first_name")?, player.text("last_name")?];
    let name = parts.into_iter().flatten().map(std::borrow::Cow::into_owned).collect::<Vec<_>>().join(" ");
    if name.is_empty() { Ok(player.text("short_name")?.unwrap_or_default().into_owned()) } else { Ok(name) }
}
