//! Line-ups: v4 by competitor with a flag for starters, v3 by side with starters and substitutes apart.

use serde_json::value::RawValue;
use touchline_event::{Lineup, LineupPlayer, Team};

use super::payload::{SportEvent, inner_text, read_team, text_of};
use crate::raw::{Fault, Object, Path};
use crate::run::{Context, Run};

/// `lineups` of a payload: a list of sides, or an object with `competitors`.
pub(super) fn lineups(root: &Object<'_, '_>, record: &RawValue, event: &SportEvent, at_ms: i64, run: &mut Run) {
    let path = Path::Key(root.path(), "lineups");
    let Some(raw) = run.member(root, "lineups", record) else { return };
    let of_v4 = Path::Key(&path, "competitors");
    let sides = |raws: Vec<&RawValue>, path: &Path<'_>, run: &mut Run| {
        for (index, raw) in raws.into_iter().enumerate() {
            let path = Path::Index(path, index);
            run.record(raw, &path, |run| lineup(raw, &path, event, at_ms, run));
        }
    };
    if raw.get().starts_with('[') {
        let raws = run.list(root, "lineups", record);
        return sides(raws, &path, run);
    }
    match Object::read(raw, &path, "an object with competitors") {
        Ok(holder) => {
            let raws = run.list(&holder, "competitors", raw);
            sides(raws, &of_v4, run);
        }
        Err(fault) => run.reject(fault, raw, &path),
    }
}

fn lineup(raw: &RawValue, path: &Path<'_>, event: &SportEvent, at_ms: i64, run: &mut Run) -> Result<(), Fault> {
    let side = Object::read(raw, path, "a side's line-up")?;
    let word = match text_of(&side, "team")? {
        Some(word) => word,
        None => side.need_text("id", "the team's id, or home or away")?.into_owned(),
    };
    let team: Team = match event.side(&word) {
        Some(team) => team.clone(),
        None => read_team(&side)?,
    };
    let mut players = Vec::new();
    for (key, is_starter) in [("players", None), ("starting_lineup", Some(true)), ("substitutes", Some(false))] {
        let list_path = Path::Key(path, key);
        for (index, raw) in side.list(key)?.unwrap_or_default().into_iter().enumerate() {
            let path = Path::Index(&list_path, index);
            players.push(player(&Object::read(raw, &path, "a player object")?, is_starter)?);
        }
    }
    let formation = match inner_text(&side, "formation", "type")? {
        Some(formation) => Some(formation),
        None if side.get("formation")?.is_some_and(|raw| raw.get().starts_with('{')) => None,
        None => text_of(&side, "formation")?,
    };
    let is_home = Some(team.id == event.home.id);
    let team_id = team.id.clone();
    let context = Context { team_id: Some(team_id.clone()), ..Context::default() };
    let lineup = Lineup { team, is_home, formation, players };
    run.event(event.subject.clone(), at_ms, &format!("lineup:{team_id}"), lineup, context);
    Ok(())
}

fn player(object: &Object<'_, '_>, is_starter: Option<bool>) -> Result<LineupPlayer, Fault> {
    let is_starter = match is_starter {
        Some(is_starter) => Some(is_starter),
        None => object.flag("starter")?,
    };
    let mut position = text_of(object, "position")?;
    position = position.or(text_of(object, "type")?);
    Ok(LineupPlayer {
        id: text_of(object, "id")?.unwrap_or_default(),
        name: object.need_text("name", "the player's name")?.into_owned(),
        number: object.integer("jersey_number", "a shirt number")?.and_then(|number| u16::try_from(number).ok()),
        position,
        is_starter,
    })
}
