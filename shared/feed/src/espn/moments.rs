//! Soccer's goals, cards and substitutions: `details[]` of a competition and `keyEvents[]` of a summary.
//! ESPN-8: both lists name the same moment by kind, clock, team and player, so that a goal seen in both is one fact;
//! a second identical one (two cards in one minute, no player given) is told apart by its count in the game.
//! ESPN-9: `team_id` of a goal is the side that gets it, also of an own goal: so the vendor sends it.
//! A type that is none of these is `other`, with the vendor's word. Commentary without a play is text and not kept.

use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;
use touchline_event::{Card, Goal, Other, Payload, Substitution};

use super::payload::{Identity, inner_period, inner_text};
use crate::raw::{Fault, Object, Path, Precision};
use crate::run::{Context, Run, content};

/// One moment of a soccer game.
struct Moment {
    payload: Payload,
    /// `goal`, `card`, `substitution`; the vendor's own id for anything else that has one.
    name: String,
    /// Seconds of game time, 10^-3, where given.
    clock_e3: Option<i64>,
    context: Context,
}

#[derive(Clone, Default)]
struct Athlete {
    id: Option<String>,
    name: Option<String>,
}

/// The words of one moment, before it is known what it is.
struct Words<'a> {
    kind: String,
    is_scoring: Option<bool>,
    is_red: bool,
    is_yellow: bool,
    is_own_goal: bool,
    is_penalty: bool,
    is_shootout: bool,
    /// First the one who did it.
    athletes: Vec<Athlete>,
    text: Option<std::borrow::Cow<'a, str>>,
}

/// `details[]` of a competition.
pub(super) fn of_details(game: &Identity, competition: &Object<'_, '_>, at_ms: i64, record: &RawValue, run: &mut Run) {
    let details = run.list(competition, "details", record);
    let path = Path::Key(competition.path(), "details");
    let mut occurrences = HashMap::new();
    for (index, raw) in details.into_iter().enumerate() {
        let path = Path::Index(&path, index);
        match read_moment(raw, &path, run) {
            Ok(moment) => emit(game, moment, at_ms, &mut occurrences, run),
            Err(fault) => run.reject(fault, raw, &path),
        }
    }
}

/// `keyEvents[]` of a summary; whether it had any goal or card, so that `details[]` need not be read again.
pub(super) fn of_key_events(
    game: &Identity,
    root: &Object<'_, '_>,
    at_ms: i64,
    record: &RawValue,
    run: &mut Run,
) -> bool {
    let key_events = run.list(root, "keyEvents", record);
    let path = Path::Key(root.path(), "keyEvents");
    let mut occurrences = HashMap::new();
    let mut has_moments = false;
    for (index, raw) in key_events.into_iter().enumerate() {
        let path = Path::Index(&path, index);
        match read_moment(raw, &path, run) {
            Ok(moment) => {
                has_moments |= matches!(moment.payload, Payload::Goal(_) | Payload::Card(_));
                emit(game, moment, at_ms, &mut occurrences, run);
            }
            Err(fault) => run.reject(fault, raw, &path),
        }
    }
    has_moments
}

/// The plays of `commentary[]` that are no key events: shots, fouls, corners. Lines of mere text are left out.
pub(super) fn of_commentary(game: &Identity, root: &Object<'_, '_>, at_ms: i64, record: &RawValue, run: &mut Run) {
    let key_events = root.list("keyEvents").ok().flatten().unwrap_or_default();
    let known: HashSet<String> = key_events.iter().filter_map(|raw| id_of(raw, root.path())).collect();
    let path = Path::Key(root.path(), "commentary");
    for (index, raw) in run.list(root, "commentary", record).into_iter().enumerate() {
        let path = Path::Index(&path, index);
        let play_path = Path::Key(&path, "play");
        let play = match Object::read(raw, &path, "a commentary object").and_then(|line| line.get("play")) {
            Ok(Some(play)) => play,
            Ok(None) => continue,
            Err(fault) => {
                run.reject(fault, raw, &path);
                continue;
            }
        };
        if id_of(play, &play_path).is_some_and(|id| known.contains(&id)) {
            continue;
        }
        match read_commentary_play(play, &play_path, run) {
            Ok((id, other, context)) => {
                let timestamp_ms = context.vendor_time_ms.unwrap_or(at_ms);
                run.event(game, timestamp_ms, &format!("commentary:{id}"), other, context);
            }
            Err(fault) => run.reject(fault, raw, &path),
        }
    }
}

fn id_of(raw: &RawValue, path: &Path<'_>) -> Option<String> {
    Object::read(raw, path, "an object").ok()?.text("id").ok()?.map(std::borrow::Cow::into_owned)
}

fn read_commentary_play(raw: &RawValue, path: &Path<'_>, run: &Run) -> Result<(String, Other, Context), Fault> {
    let play = Object::read(raw, path, "a play object")?;
    let id = play.need_text("id", "the play's id")?.into_owned();
    let other = Other { vendor_kind: type_text(&play)?, content: content(raw) };
    let context = read_context(&play)?;
    if let Some(time_ms) = context.vendor_time_ms {
        run.refuse_future(time_ms, &Path::Key(path, "wallclock"))?;
    }
    Ok((id, other, context))
}

fn read_moment(raw: &RawValue, path: &Path<'_>, run: &Run) -> Result<Moment, Fault> {
    let object = Object::read(raw, path, "an object with type and clock")?;
    let words = read_words(&object)?;
    let mut context = read_context(&object)?;
    if let Some(time_ms) = context.vendor_time_ms {
        run.refuse_future(time_ms, &Path::Key(path, "wallclock"))?;
    }
    let clock_path = Path::Key(path, "clock");
    let clock = object.get("clock")?.map(|raw| Object::read(raw, &clock_path, "a clock object")).transpose()?;
    let clock_e3 = match &clock {
        Some(clock) => clock.scaled::<3>("value", "seconds of game time", Precision::Rounded)?,
        None => None,
    };
    let first = words.athletes.first().cloned().unwrap_or_default();
    let (name, payload) = match words.what() {
        What::Goal => {
            let goal = Goal {
                scorer: first.name,
                is_own_goal: words.is_own_goal,
                is_penalty: words.is_penalty,
                is_shootout: words.is_shootout,
            };
            ("goal".to_owned(), goal.into())
        }
        What::Card(color) => ("card".to_owned(), Card { color: color.to_owned(), player: first.name }.into()),
        What::Substitution => {
            let (player_in, player_out) = words.substitutes();
            ("substitution".to_owned(), Substitution { player_in, player_out }.into())
        }
        What::Unknown => {
            let id = object.text("id")?.unwrap_or_default();
            let other = Other { vendor_kind: words.kind.clone(), content: content(raw) };
            (format!("moment:{id}"), other.into())
        }
    };
    context.player_id = first.id;
    Ok(Moment { payload, name, clock_e3, context })
}

fn emit(game: &Identity, moment: Moment, at_ms: i64, occurrences: &mut HashMap<String, u32>, run: &mut Run) {
    let Moment { payload, name, clock_e3, mut context } = moment;
    let timestamp_ms = context.vendor_time_ms.take().unwrap_or(at_ms);
    let key = format!("{name}:{clock_e3:?}:{:?}:{:?}", context.team_id, context.player_id);
    let count = occurrences.entry(key.clone()).or_insert(0);
    let vendor_id = format!("{key}:{count}");
    *count += 1;
    run.moment(game, timestamp_ms, &vendor_id, payload, context);
}

enum What {
    Goal,
    Card(&'static str),
    Substitution,
    Unknown,
}

impl Words<'_> {
    fn what(&self) -> What {
        let kind = self.kind.to_lowercase();
        let is_goal = || kind.starts_with("goal") || kind == "own goal" || kind == "penalty - scored";
        if self.is_scoring.unwrap_or_else(is_goal) {
            return What::Goal;
        }
        let (is_red, is_yellow) = (self.is_red || kind == "red card", self.is_yellow || kind == "yellow card");
        match (is_red, is_yellow) {
            (true, true) => What::Card("second_yellow"),
            (true, false) => What::Card("red"),
            (false, true) => What::Card("yellow"),
            (false, false) if kind == "second yellow card" => What::Card("second_yellow"),
            (false, false) if kind.starts_with("substitution") => What::Substitution,
            (false, false) => What::Unknown,
        }
    }

    /// Who came in and who went out. ESPN lists the one who comes in first; its sentence decides where there is one.
    fn substitutes(&self) -> (Option<String>, Option<String>) {
        let name = |index: usize| self.athletes.get(index).and_then(|athlete| athlete.name.clone());
        let (first, second) = (name(0), name(1));
        let is_swapped = match (&self.text, &first, &second) {
            (Some(text), Some(first), Some(second)) => text.contains(&format!("{second} replaces {first}")),
            _ => false,
        };
        if is_swapped { (second, first) } else { (first, second) }
    }
}

fn read_words<'a>(object: &Object<'a, '_>) -> Result<Words<'a>, Fault> {
    let kind = type_text(object)?;
    let word = kind.to_lowercase();
    let flag = |key: &str| object.flag(key).map(Option::unwrap_or_default);
    Ok(Words {
        is_scoring: object.flag("scoringPlay")?,
        is_red: flag("redCard")?,
        is_yellow: flag("yellowCard")?,
        // Key events have no such flags: their type says it.
        is_own_goal: flag("ownGoal")? || word == "own goal",
        is_penalty: flag("penaltyKick")? || word == "penalty - scored",
        is_shootout: flag("shootout")?,
        athletes: read_athletes(object)?,
        text: object.text("text")?,
        kind,
    })
}

fn type_text(object: &Object<'_, '_>) -> Result<String, Fault> {
    let path = Path::Key(object.path(), "type");
    let kind = Object::read(object.need("type", "an object with text")?, &path, "an object with text")?;
    Ok(kind.need_text("text", "a type such as Goal")?.into_owned())
}

/// `athletesInvolved[]` of a detail, `participants[].athlete` of a key event.
fn read_athletes(object: &Object<'_, '_>) -> Result<Vec<Athlete>, Fault> {
    let key = if object.get("athletesInvolved")?.is_some() { "athletesInvolved" } else { "participants" };
    let path = Path::Key(object.path(), key);
    let mut athletes = Vec::new();
    for (index, raw) in object.list(key)?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&path, index);
        let outer = Object::read(raw, &path, "an athlete object")?;
        let inner_path = Path::Key(&path, "athlete");
        let inner = outer.get("athlete")?.map(|raw| Object::read(raw, &inner_path, "an athlete object")).transpose()?;
        let athlete = inner.as_ref().unwrap_or(&outer);
        let text = |key: &str| athlete.text(key).map(|text| text.map(std::borrow::Cow::into_owned));
        athletes.push(Athlete { id: text("id")?, name: text("displayName")? });
    }
    Ok(athletes)
}

/// Team, period, clock and wallclock of a moment or a commentary play.
fn read_context(object: &Object<'_, '_>) -> Result<Context, Fault> {
    Ok(Context {
        team_id: inner_text(object, "team", "id")?,
        game_clock: inner_text(object, "clock", "displayValue")?,
        period: inner_period(object)?,
        vendor_time_ms: object.time_ms("wallclock")?,
        ..Context::default()
    })
}
