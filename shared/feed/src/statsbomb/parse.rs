//! StatsBomb documents to events: which document it is, is read off its first record.
//! SB-7: every record is events or one reject with its bytes; a bad one spoils no other.
//! SB-8: an event of no type of ours is `other` under the vendor's word.
//! SB-9: `Half Start` and `Half End` come once a team; they are one `period_change`.
//! Reads no tables made from the vendor's data: a CSV of shots has no ids, so its shots could not be told from their events.

use std::collections::HashMap;

use serde_json::value::RawValue;
use touchline_event::Payload;

use super::actions::{Action, OwnGoals};
use super::games;
use super::payload::{Game, Matches, Named, clock_ms, small};
use super::table::{becomes, period_starts_ms};
use crate::messages::{Messages, messages};
use crate::origin::{origin_number, origin_stem, time_ms};
use crate::raw::{Fault, Object, Path, Text, list};
use crate::rows::wrong_vendor as wrong_table;
use crate::run::{Context, Run};
use crate::{Document, Parsed, RejectReason, Session};

const SOURCE: &str = "statsbomb";

/// What a record is, by the members that only it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Event,
    Match,
    Lineup,
    Frame,
    Competition,
    AmericanGame,
}

/// The members that tell a record's shape, most telling first.
const SHAPES: [(&[&str], Shape); 6] = [
    (&["event_uuid"], Shape::Frame),
    (&["match_id", "home_team"], Shape::Match),
    (&["game_id", "home_team"], Shape::AmericanGame),
    (&["team_id", "lineup"], Shape::Lineup),
    (&["competition_id", "season_id"], Shape::Competition),
    (&["type", "period"], Shape::Event),
];

/// One document, or a record a line.
pub fn parse(document: Document<'_>, session: &mut Session) -> Parsed {
    let mut run = Run::new(SOURCE, document.received_at_ms);
    if !document.bytes.trim_ascii_start().starts_with(b"{") && is_table(document.bytes) {
        run.parsed.rejects.push(wrong_table(document.bytes, "the vendor's JSON: a table has no ids of its events"));
        return run.parsed;
    }
    let matches = &mut session.statsbomb_matches;
    match messages(document.bytes, "\"id\"") {
        Messages::Whole(bytes) => {
            let whole = Document { bytes, ..document };
            run.document(whole, |raw, path, run| root(raw, path, document.origin, matches, run));
        }
        Messages::Lines(lines) => {
            for (index, line) in lines {
                let text = Text::new(line);
                let path = Path::Line(&text, index);
                run.text(text.as_str(), &path, |raw, path, run| root(raw, path, document.origin, matches, run));
            }
        }
    }
    run.parsed
}

fn root(raw: &RawValue, path: &Path<'_>, origin: &str, matches: &mut Matches, run: &mut Run) -> Result<(), Fault> {
    let elements = if raw.get().starts_with('[') { list(raw, path)? } else { vec![raw] };
    if elements.is_empty() {
        return Ok(());
    }
    let Some(shape) = elements.iter().take(SHAPES_TRIED_MAX).find_map(|element| shape_of(element)) else {
        return Err(wrong_vendor(path));
    };
    let own_goals = if shape == Shape::Event { own_goals(&elements) } else { OwnGoals::new() };
    let game = Game::of(origin_number(origin).unwrap_or_else(|| origin_stem(origin)), matches);
    let is_list = raw.get().starts_with('[');
    for (index, element) in elements.into_iter().enumerate() {
        let inside = Path::Index(path, index);
        let at = if is_list { &inside } else { path };
        let shape = shape_of(element).unwrap_or(shape);
        run.record(element, at, |run| match shape {
            Shape::Event => event(element, at, &game, matches, &own_goals, run),
            Shape::Match => games::match_of_list(element, at, matches, run),
            Shape::Lineup => games::lineup(element, at, &game, run),
            Shape::Frame => games::frame(element, at, &game, run),
            Shape::Competition => games::competition(element, at, run),
            Shape::AmericanGame => games::american_game(element, at, run),
        });
    }
    Ok(())
}

/// A damaged first record does not make the document another vendor's; a thousand foreign ones do.
const SHAPES_TRIED_MAX: usize = 50;

fn shape_of(raw: &RawValue) -> Option<Shape> {
    let text = Text::new(b"");
    let path = Path::Root(&text);
    let object = Object::read(raw, &path, "an object").ok()?;
    SHAPES.iter().find(|(members, _)| members.iter().all(|member| object.has(member))).map(|(_, shape)| *shape)
}

/// A first line of column names.
fn is_table(bytes: &[u8]) -> bool {
    let head = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    head.contains(&b',') && head.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_, \r\"".contains(byte))
}

fn wrong_vendor(path: &Path<'_>) -> Fault {
    let message = "found no StatsBomb record; expected a list of events, matches, line-ups, 360 frames or competitions \
                   as the vendor's JSON has them";
    Fault::new(RejectReason::WrongVendor, path, message)
}

/// Who is named in every `Own Goal Against`: the event of the side that gets the goal names nobody.
fn own_goals(elements: &[&RawValue]) -> OwnGoals {
    let text = Text::new(b"");
    let path = Path::Root(&text);
    let mut scorers = HashMap::new();
    for raw in elements.iter().filter(|raw| raw.get().contains("Own Goal Against")) {
        if let Ok(object) = Object::read(raw, &path, "an event")
            && let (Ok(Some(id)), Ok(player)) = (object.text("id"), Named::read(&object, "player"))
        {
            scorers.insert(id.into_owned(), player.name);
        }
    }
    scorers
}

fn event(
    raw: &RawValue,
    path: &Path<'_>,
    game: &Game,
    matches: &Matches,
    own_goals: &OwnGoals,
    run: &mut Run,
) -> Result<(), Fault> {
    let object = Object::read(raw, path, "an event object")?;
    let id = object.need_text("id", "the event's id")?.into_owned();
    object.need("type", "what happened")?;
    let kind = Named::read(&object, "type")?;
    // Collections of several matches name the match in each event; the vendor's own files do not.
    let own_game = object.text("match_id")?.map(|id| Game::of(&id, matches));
    let game = own_game.as_ref().unwrap_or(game);
    let period = small(&object, "period", "a period from 1 to 5")?;
    let elapsed_ms = clock_ms(&object, "timestamp")?.unwrap_or_default();
    let since_kick_off_ms = period_starts_ms(period.unwrap_or(1)) + elapsed_ms;
    let at_ms = time_ms(game.starts_at_ms, run.received_at_ms, since_kick_off_ms);
    run.refuse_future(at_ms, &Path::Key(path, "timestamp"))?;
    let (team, player) = (Named::read(&object, "team")?, Named::read(&object, "player")?);
    let (minute, second) = (object.integer("minute", "a minute")?, object.integer("second", "a second")?);
    let context = Context {
        team_id: team.id.clone(),
        player_id: player.id.clone(),
        game_clock: minute.map(|minute| format!("{minute}:{:02}", second.unwrap_or_default())),
        period,
        vendor_seq: object.integer("index", "the event's place in the match")?,
        vendor_time_ms: None,
    };
    let label = kind.label();
    let becomes = becomes(kind.id.as_deref().unwrap_or_default(), kind.name());
    let action = Action { object, becomes, team, player, period };
    let made = action.made(game, own_goals, run)?;
    if made.is_empty() {
        run.other(game.subject.clone(), at_ms, (&label, &id), raw, context);
        return Ok(());
    }
    for made in made {
        match made.payload {
            Payload::PeriodChange(change) => {
                let name = format!("{}:{}", change.status_detail, period.unwrap_or_default());
                let context = Context { period, ..Context::default() };
                run.event(game.subject.clone(), at_ms, &name, change, context);
            }
            payload => {
                let name = format!("{id}{}", made.suffix);
                run.event(game.subject.clone(), at_ms, &name, payload, context.clone());
            }
        }
    }
    Ok(())
}
