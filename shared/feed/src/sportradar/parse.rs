//! Sportradar's payloads: one JSON answer, push messages one after the other, or XML; which, the payload itself shows.
//! SR-12: messages may stand a line each or run on; a damaged one is rejected up to where the next begins.

use serde_json::value::RawValue;

use super::payload::{SportEvent, Status};
use super::{american, lineups, listings, table, timeline, unified_odds, xml};
use crate::raw::{Fault, Object, Path, Text};
use crate::run::{Context, Run, Subject};
use crate::{Document, Parsed, RejectReason, Session};

const SOURCE: &str = "sportradar";
/// Lists of games, of versions 4 and 3 and of the Unified Odds Feed.
const GAME_LISTS: [&str; 6] = ["schedules", "summaries", "results", "sport_events", "sport_event", "live_delta"];
/// Members of which every answer has one.
const ANSWER_MEMBERS: [&str; 8] =
    ["generated_at", "sport_event", "schedules", "summaries", "tournament", "tournaments", "competitions", "standings"];

/// One payload. The session is not needed: Sportradar's facts have ids.
pub fn parse(document: Document<'_>, _session: &mut Session) -> Parsed {
    let text = Text::new(document.bytes);
    let mut run = Run::new(SOURCE, document.received_at_ms);
    let league = league_of_origin(document.origin);
    if text.as_str().trim_start().starts_with('<') {
        documents(&text, &mut run);
    } else {
        messages(&text, league, &mut run);
    }
    if !text.is_sound() && run.parsed.rejects.iter().all(|reject| reject.reason != RejectReason::BadUtf8) {
        run.parsed.rejects.push(text.unread_bad_bytes(&Path::Root(&text)));
    }
    run.parsed
}

/// XML, one document or several, each from its declaration on.
fn documents(text: &Text<'_>, run: &mut Run) {
    let starts: Vec<usize> = memchr::memmem::find_iter(text.as_str().as_bytes(), "<?xml").collect();
    if starts.len() < 2 {
        return document(text, &Path::Root(text), run);
    }
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(text.as_str().len());
        let part = Text::new(text.original(&text.as_str()[*start..end]));
        document(&part, &Path::Line(&part, index), run);
    }
}

fn document(text: &Text<'_>, path: &Path<'_>, run: &mut Run) {
    match xml::to_json(text, path) {
        Ok(json) => {
            let path = match path {
                Path::Line(_, index) => Path::Line(&json, *index),
                _ => Path::Root(&json),
            };
            run.text(json.as_str(), &path, element);
        }
        Err(fault) => run.parsed.rejects.push(fault.reject(text.original(text.as_str()))),
    }
}

/// The one root element of an XML document.
fn element(raw: &RawValue, path: &Path<'_>, run: &mut Run) -> Result<(), Fault> {
    let root = Object::read(raw, path, "a document")?;
    let Some((name, raw)) = root.members().next() else { return Err(wrong_vendor(path)) };
    let path = Path::Key(path, name);
    match name {
        name if unified_odds::is_message(name) => unified_odds::message(name, raw, &path, run),
        // The feed's own signs of life say nothing about a game.
        "alive" | "snapshot_complete" => Ok(()),
        "match_status_descriptions" => {
            let object = Object::read(raw, &path, "a list of descriptions")?;
            listings::others(&object, &Subject::default(), run.received_at_ms.unwrap_or_default(), run);
            Ok(())
        }
        _ => {
            let object = Object::read(raw, &path, "an answer")?;
            if ["sport_event", "fixture", "sport_events", "tournament", "generated_at"]
                .iter()
                .any(|key| object.has(key))
            {
                answer(&object, raw, run)
            } else {
                Err(wrong_vendor(&path))
            }
        }
    }
}

/// JSON, one answer or several messages.
fn messages(text: &Text<'_>, league: Option<&str>, run: &mut Run) {
    let whole = text.as_str();
    let parts = parts(whole);
    if let [part] = parts.as_slice() {
        return run.text(part, &Path::Root(text), |raw, path, run| root(raw, path, league, run));
    }
    for (index, part) in parts.into_iter().enumerate() {
        run.text(part, &Path::Line(text, index), |raw, path, run| root(raw, path, league, run));
    }
}

/// The JSON values of a text; what is none reaches up to the next line that opens an object in the first column.
fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(|c: char| !c.is_whitespace()).map(|skipped| at + skipped) {
        let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<&RawValue>();
        let end = match values.next() {
            Some(Ok(raw)) => start + raw.get().len(),
            _ => text[start + 1..].find("\n{").map_or(text.len(), |next| start + 1 + next),
        };
        parts.push(&text[start..end]);
        at = end;
    }
    parts
}

fn root(raw: &RawValue, path: &Path<'_>, league: Option<&str>, run: &mut Run) -> Result<(), Fault> {
    if raw.get().starts_with('[') {
        for (index, raw) in crate::raw::list(raw, path)?.into_iter().enumerate() {
            let path = Path::Index(path, index);
            run.record(raw, &path, |run| root(raw, &path, league, run));
        }
        return Ok(());
    }
    let Ok(object) = Object::read(raw, path, "an answer of Sportradar") else { return Err(wrong_vendor(path)) };
    if object.has("heartbeat") {
        return Ok(());
    }
    if object.has("payload") {
        return american::message(&object, raw, run);
    }
    if american::is_game(&object) {
        return american::answer(&object, raw, league, run);
    }
    if ANSWER_MEMBERS.iter().chain(&GAME_LISTS).any(|key| object.has(key)) {
        return answer(&object, raw, run);
    }
    match object.text("message") {
        Ok(Some(message)) => {
            Err(Fault::new(RejectReason::VendorError, path, format!("Sportradar answered: {message}")))
        }
        _ => Err(wrong_vendor(path)),
    }
}

/// An answer of Soccer or of the Unified Odds Feed.
fn answer(object: &Object<'_, '_>, raw: &RawValue, run: &mut Run) -> Result<(), Fault> {
    let generated_ms = object.time_ms("generated_at").ok().flatten();
    let at_ms = run.received_at_ms.or(generated_ms).unwrap_or_default();
    let mut subject = Subject::default();
    for key in ["sport_event", "fixture"] {
        let path = Path::Key(object.path(), key);
        if let Some(event) = run.member(object, key, raw).filter(|raw| raw.get().starts_with('{')) {
            run.record(event, &path, |run| {
                subject = game(object, (event, &path), raw, generated_ms, run)?;
                Ok(())
            });
        }
    }
    for key in GAME_LISTS {
        let list_path = Path::Key(object.path(), key);
        let Some(list) = run.member(object, key, raw).filter(|raw| !raw.get().starts_with('{')) else { continue };
        for (index, raw) in run.list(object, key, list).into_iter().enumerate() {
            let path = Path::Index(&list_path, index);
            run.record(raw, &path, |run| listed(raw, &path, generated_ms, run));
        }
    }
    for key in ["tournaments", "competitions", "tournament"] {
        let path = Path::Key(object.path(), key);
        match run.member(object, key, raw) {
            Some(raw) if raw.get().starts_with('{') => {
                run.record(raw, &path, |run| listings::league(raw, &path, at_ms, run))
            }
            Some(raw) => {
                for (index, raw) in run.list(object, key, raw).into_iter().enumerate() {
                    let path = Path::Index(&path, index);
                    run.record(raw, &path, |run| listings::league(raw, &path, at_ms, run));
                }
            }
            None => {}
        }
    }
    let team_path = Path::Key(object.path(), "team");
    if let Some(raw) = run.member(object, "team", raw).filter(|raw| raw.get().starts_with('{')) {
        run.record(raw, &team_path, |run| listings::team(raw, &team_path, at_ms, run));
    }
    listings::others(object, &subject, at_ms, run);
    Ok(())
}

/// One element of a list of games: the event itself, or an object with the event and its status.
fn listed(raw: &RawValue, path: &Path<'_>, generated_ms: Option<i64>, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a game object")?;
    let event_path = Path::Key(path, "sport_event");
    let Some(event) = object.get("sport_event")? else {
        return game(&object, (raw, path), raw, generated_ms, run).map(|_| ());
    };
    let subject = game(&object, (event, &event_path), raw, generated_ms, run)?;
    let at_ms = run.received_at_ms.or(generated_ms).unwrap_or_default();
    listings::others(&object, &subject, at_ms, run);
    Ok(())
}

/// A game with what stands beside it in `holder`: status, timeline, line-ups.
fn game(
    holder: &Object<'_, '_>,
    (event_raw, event_path): (&RawValue, &Path<'_>),
    record: &RawValue,
    generated_ms: Option<i64>,
    run: &mut Run,
) -> Result<Subject, Fault> {
    let object = Object::read(event_raw, event_path, "a sport event")?;
    let Some(event) = SportEvent::read(&object)? else {
        let id = object.need_text("id", "the event's id")?.into_owned();
        let subject = Subject { game_id: Some(id), ..Subject::default() };
        let at_ms = run.received_at_ms.or(generated_ms).or(object.time_ms("scheduled")?).unwrap_or_default();
        run.other(subject.clone(), at_ms, ("sport_event", "sport_event"), event_raw, Context::default());
        return Ok(subject);
    };
    let at_ms = event.observed_at_ms(run, generated_ms);
    let status_path = Path::Key(holder.path(), "sport_event_status");
    // A damaged status costs the state, not the game, its timeline or its line-ups.
    let mut status = None;
    match run.member(holder, "sport_event_status", record) {
        Some(raw) => run.record(raw, &status_path, |_| {
            let object = Object::read(raw, &status_path, "a status object")?;
            status = Status::read(Some(&object), event.own_status.as_deref())?;
            Ok(())
        }),
        None => status = Status::read(None, event.own_status.as_deref())?,
    }
    timeline::state(&event, status.as_ref(), at_ms, run);
    listings::around(&event, at_ms, run);
    let list_path = Path::Key(holder.path(), "timeline");
    for (index, raw) in run.list(holder, "timeline", record).into_iter().enumerate() {
        let path = Path::Index(&list_path, index);
        run.record(raw, &path, |run| timeline::moment(raw, &path, &event, at_ms, run));
    }
    lineups::lineups(holder, record, &event, at_ms, run);
    Ok(event.subject)
}

/// The league of a request such as `/nba-t3/games/...` or `/nfl/official/...`.
fn league_of_origin(origin: &str) -> Option<&str> {
    let words = origin.split(['/', '-', '_', '.', '?']);
    words.into_iter().find(|word| table::sport_of_league(word).is_some())
}

fn wrong_vendor(path: &Path<'_>) -> Fault {
    let message = "found no sport event, game, push message or message of the Unified Odds Feed; expected a payload \
                   of Sportradar";
    Fault::new(RejectReason::WrongVendor, path, message)
}
