//! Metrica's events, as CSV or JSON, gathered first: which way a team attacks shows in where its shots go (MET-1).
//! MET-4: the JSON numbers its events, the CSV has them in order: an event is named by that number.

use std::collections::HashMap;

use serde_json::value::RawValue;
use touchline_event::{Card, Carry, Goal, Other, Pass, PassOutcome, Payload, Shot, ShotOutcome, Tackle};

use super::payload::{Note, place};
use super::table::{Becomes, becomes, shot_outcome, situation};
use crate::RejectReason;
use crate::origin::time_ms;
use crate::raw::{Fault, Object, Path, Precision, list, text};
use crate::rows::{Row, Table};
use crate::run::{Context, Run, content};

/// Half of the pitch, 10^-5.
const HALF_E5: i64 = 50_000;

/// One event of either form.
pub(super) struct Action {
    number: i64,
    team: String,
    team_id: Option<String>,
    kind: String,
    subtypes: Vec<String>,
    period: Option<u16>,
    /// Seconds since the recording began, 10^-3.
    start_ms: i64,
    end_ms: Option<i64>,
    player: Option<String>,
    player_id: Option<String>,
    recipient: Option<String>,
    recipient_id: Option<String>,
    from_e5: (Option<i64>, Option<i64>),
    to_e5: (Option<i64>, Option<i64>),
    /// As sent.
    content: serde_json::Value,
}

/// Columns that tell the CSV.
pub(super) const COLUMNS: [&str; 5] = ["Team", "Type", "Subtype", "Period", "Start Frame"];

/// Rows of the CSV.
pub(super) fn table(table: &Table<'_>, note: &Note, run: &mut Run) {
    let mut actions = Vec::new();
    let mut number = 0;
    table.each(run, |row, _| {
        number += 1;
        actions.push(row_action(row, table.names(), number)?);
        Ok(())
    });
    emit(actions, note, run);
}

fn row_action(row: &Row<'_>, names: &[String], number: i64) -> Result<Action, Fault> {
    let coordinate = |column: &str| row.scaled::<5>(column, "a coordinate from 0 to 1", Precision::Rounded);
    let mut content = serde_json::Map::new();
    for (place, name) in names.iter().enumerate() {
        if let Some(text) = row.at(place)? {
            content.insert(name.clone(), text.into());
        }
    }
    let owned = |column: &str| Ok::<_, Fault>(row.get(column)?.map(str::to_owned));
    let start_ms = row.scaled::<3>("Start Time [s]", "seconds", Precision::Rounded)?;
    Ok(Action {
        number,
        team: row.need("Team", "Home or Away")?.to_owned(),
        team_id: owned("Team")?,
        kind: row.need("Type", "what happened")?.to_owned(),
        subtypes: row.get("Subtype")?.map(|text| text.split('-').map(str::to_owned).collect()).unwrap_or_default(),
        period: row.small("Period", "a period from 1 to 5")?,
        start_ms: start_ms.unwrap_or_default(),
        // A moment without length has an end of nought.
        end_ms: row.scaled::<3>("End Time [s]", "seconds", Precision::Rounded)?.filter(|end| Some(*end) >= start_ms),
        player: owned("From")?,
        player_id: owned("From")?,
        recipient: owned("To")?,
        recipient_id: owned("To")?,
        from_e5: (coordinate("Start X")?, coordinate("Start Y")?),
        to_e5: (coordinate("End X")?, coordinate("End Y")?),
        content: content.into(),
    })
}

/// `{"data": [...]}`.
pub(super) fn document(raw: &RawValue, path: &Path<'_>, note: &Note, run: &mut Run) -> Result<(), Fault> {
    let root = Object::read(raw, path, "an object with data")?;
    if !root.has("data") {
        let message = "found no data; expected Metrica's events, {\"data\": [..]}";
        return Err(Fault::new(RejectReason::WrongVendor, path, message));
    }
    let list_path = Path::Key(path, "data");
    let mut actions = Vec::new();
    for (index, raw) in root.list("data")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&list_path, index);
        match object_action(raw, &path) {
            Ok(action) => actions.push(action),
            Err(fault) => run.reject(fault, raw, &path),
        }
    }
    emit(actions, note, run);
    Ok(())
}

fn object_action(raw: &RawValue, path: &Path<'_>) -> Result<Action, Fault> {
    let object = Object::read(raw, path, "an event object")?;
    object.need("index", "the event's number")?;
    object.need("type", "what happened")?;
    let (team, team_id) = pair(&object, "team")?;
    let (kind, _) = pair(&object, "type")?;
    let (player, player_id) = pair(&object, "from")?;
    let (recipient, recipient_id) = pair(&object, "to")?;
    let (start_ms, from_e5) = moment(&object, "start")?;
    let (end_ms, to_e5) = moment(&object, "end")?;
    let period = object.integer("period", "a period from 1 to 5")?;
    Ok(Action {
        number: object.integer("index", "the event's number")?.unwrap_or_default(),
        team: team.or_else(|| team_id.clone()).unwrap_or_default(),
        team_id,
        kind: kind.unwrap_or_default(),
        subtypes: subtypes(&object)?,
        period: period.and_then(|period| u16::try_from(period).ok()),
        start_ms: start_ms.unwrap_or_default(),
        end_ms,
        player,
        player_id,
        recipient,
        recipient_id,
        from_e5,
        to_e5,
        content: content(raw),
    })
}

type Named = (Option<String>, Option<String>);

/// `{"name": .., "id": ..}`: name, then id.
fn pair(object: &Object<'_, '_>, key: &str) -> Result<Named, Fault> {
    let path = Path::Key(object.path(), key);
    let Some(raw) = object.get(key)? else { return Ok((None, None)) };
    let pair = Object::read(raw, &path, "an object with name and id")?;
    Ok((pair.text("name")?.map(Into::into), pair.text("id")?.map(Into::into)))
}

/// One object, a list of them, or nothing.
fn subtypes(object: &Object<'_, '_>) -> Result<Vec<String>, Fault> {
    let path = Path::Key(object.path(), "subtypes");
    let Some(raw) = object.get("subtypes")? else { return Ok(Vec::new()) };
    if !raw.get().starts_with('[') {
        return Ok(pair(object, "subtypes")?.0.into_iter().collect());
    }
    let mut names = Vec::new();
    for (index, raw) in list(raw, &path)?.into_iter().enumerate() {
        let path = Path::Index(&path, index);
        let subtype = Object::read(raw, &path, "a subtype")?;
        if let Some(name) = subtype.get("name")? {
            names.push(text(name, &Path::Key(&path, "name"), "a word")?.into_owned());
        }
    }
    Ok(names)
}

type Moment = (Option<i64>, (Option<i64>, Option<i64>));

/// `{"frame", "time", "x", "y"}`.
fn moment(object: &Object<'_, '_>, key: &str) -> Result<Moment, Fault> {
    let path = Path::Key(object.path(), key);
    let Some(raw) = object.get(key)? else { return Ok((None, (None, None))) };
    let moment = Object::read(raw, &path, "an object with time, x and y")?;
    let coordinate = |key: &str| moment.scaled::<5>(key, "a coordinate from 0 to 1", Precision::Rounded);
    Ok((moment.scaled::<3>("time", "seconds", Precision::Rounded)?, (coordinate("x")?, coordinate("y")?)))
}

/// Which teams attack right to left in which period: by the metadata, else by their shots, else by the other team's.
fn turns(actions: &[Action], note: &Note) -> HashMap<(String, Option<u16>), bool> {
    let mut sides: HashMap<(String, Option<u16>), i64> = HashMap::new();
    for action in actions {
        let side = sides.entry((action.team.clone(), action.period)).or_default();
        if let ("SHOT", Some(x_e5)) = (action.kind.as_str(), action.from_e5.0) {
            *side += (x_e5 - HALF_E5).signum();
        }
    }
    let by_shots = |team: &str, period: Option<u16>| {
        let own = sides.get(&(team.to_owned(), period)).copied().filter(|side| *side != 0);
        let others = || sides.iter().find(|((other, at), side)| other != team && *at == period && **side != 0);
        own.or_else(|| others().map(|(_, side)| -side)).map(|side| side < 0)
    };
    let turn = |(team, period): &(String, Option<u16>)| note.turn(team, *period).or_else(|| by_shots(team, *period));
    sides.keys().filter_map(|key| Some((key.clone(), turn(key)?))).collect()
}

fn emit(actions: Vec<Action>, note: &Note, run: &mut Run) {
    let turns = turns(&actions, note);
    for action in actions {
        let is_turned = turns.get(&(action.team.clone(), action.period)).copied().unwrap_or(false);
        let at_ms = time_ms(note.starts_at_ms, run.received_at_ms, action.start_ms);
        let context = Context {
            team_id: action.team_id.clone(),
            player_id: action.player_id.clone(),
            game_clock: None,
            period: action.period,
            vendor_seq: Some(action.number),
            vendor_time_ms: None,
        };
        let name = format!("event:{}", action.number);
        let outcome = shot_outcome(&action.subtypes);
        if becomes(&action.kind, &action.subtypes) == Becomes::Shot && outcome == ShotOutcome::Goal {
            let scorer = action.player.clone();
            let goal = Goal { scorer, is_own_goal: false, is_penalty: false, is_shootout: action.period == Some(5) };
            run.event(note.subject(), at_ms, &format!("{name}:goal"), goal, context.clone());
        }
        run.event(note.subject(), at_ms, &name, payload(action, is_turned), context);
    }
}

fn payload(action: Action, is_turned: bool) -> Payload {
    let from = place(action.from_e5.0, action.from_e5.1, is_turned);
    let to = place(action.to_e5.0, action.to_e5.1, is_turned);
    let has = |word: &str| action.subtypes.iter().any(|subtype| subtype == word);
    let body_part = has("HEAD").then_some(touchline_event::BodyPart::Head);
    let duration_ms = action.end_ms.map(|end| end - action.start_ms);
    match becomes(&action.kind, &action.subtypes) {
        Becomes::Pass => Pass {
            outcome: PassOutcome::Complete,
            from,
            to,
            length_cm: None,
            angle_e4: None,
            duration_ms,
            height: None,
            body_part,
            situation: situation(&action.subtypes),
            is_under_pressure: false,
            is_cross: has("CROSS"),
            is_switch: false,
            is_through_ball: has("THROUGH BALL"),
            is_shot_assist: false,
            is_goal_assist: false,
            player: action.player,
            recipient: action.recipient,
            recipient_id: action.recipient_id,
        }
        .into(),
        Becomes::Shot => Shot {
            outcome: shot_outcome(&action.subtypes),
            from,
            to,
            to_z_cm: None,
            xg_e6: None,
            body_part,
            technique: None,
            situation: situation(&action.subtypes),
            assist_id: None,
            is_under_pressure: false,
            is_first_time: false,
            is_one_on_one: false,
            goalkeeper: None,
            opponents_in_cone: None,
            frame: Vec::new(),
            player: action.player,
        }
        .into(),
        Becomes::Carry => Carry { player: action.player, from, to, duration_ms, is_under_pressure: false }.into(),
        Becomes::Tackle => {
            let is_won = if has("WON") { Some(true) } else { has("LOST").then_some(false) };
            let outcome = Some(action.subtypes.join("-"));
            Tackle { player: action.player, is_won, outcome, at: from, is_under_pressure: false }.into()
        }
        Becomes::Card => {
            let color = if has("RED") { "red" } else { "yellow" }.to_owned();
            Card { color, player: action.player }.into()
        }
        Becomes::Other => Other { vendor_kind: action.kind, content: action.content }.into(),
    }
}
