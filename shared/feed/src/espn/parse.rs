//! Scoreboards and summaries to events: one `fixture` a game, and what its state, odds, weather and plays say.
//! ESPN-4: every game, odds entry, detail and play is events or one reject with its bytes; a bad one spoils no other.
//! ESPN-5: observed facts have the vendor's time where ESPN gives one (plays), else the receive time, else the start.
//! Reads no standings, leaders, box scores, news or video.

use serde_json::value::RawValue;

use super::game::{Game, observed_at_ms, other_game, weather};
use super::payload::{Identity, Leagues};
use super::summary::summary;
use super::{listings, moments, odds};
use crate::raw::{Fault, Object, Path};
use crate::run::{Context, Run};
use crate::{Document, Parsed, RejectReason, Session};

const SOURCE: &str = "espn";

/// Members of which ESPN's scoreboards and summaries always have one.
const ESPN_MEMBERS: [&str; 4] = ["events", "header", "leagues", "boxscore"];

/// A scoreboard or a summary. The session is not needed: ESPN's facts are named by game and content.
pub fn parse(document: Document<'_>, _session: &mut Session) -> Parsed {
    let mut run = Run::new(SOURCE, document.received_at_ms);
    run.document(document, read_root);
    run.parsed
}

fn read_root(raw: &RawValue, path: &Path<'_>, run: &mut Run) -> Result<(), Fault> {
    let wrong_vendor = || {
        let message = "found none of events, header, leagues, boxscore; expected an ESPN scoreboard or summary";
        Fault::new(RejectReason::WrongVendor, path, message)
    };
    let Ok(root) = Object::read(raw, path, "an ESPN payload") else { return Err(wrong_vendor()) };
    if root.has("header") {
        return summary(&root, raw, run);
    }
    if root.has("events") {
        return scoreboard(&root, run);
    }
    if root.has("athletes") && root.has("team") {
        return listings::team_roster(&root, raw, run);
    }
    if ESPN_MEMBERS.iter().any(|member| root.has(member)) {
        let (member, what) = if root.has("boxscore") { ("header", "the game") } else { ("events", "a list of games") };
        return Err(root.missing(member, what));
    }
    match root.text("message") {
        Ok(Some(message)) if root.has("code") => {
            Err(Fault::new(RejectReason::VendorError, &Path::Key(path, "message"), format!("ESPN answered: {message}")))
        }
        _ => Err(wrong_vendor()),
    }
}

fn scoreboard(root: &Object<'_, '_>, run: &mut Run) -> Result<(), Fault> {
    let events = root.list("events")?.ok_or_else(|| root.missing("events", "a list of games"))?;
    let mut leagues = Leagues::default();
    let mut league_raws = Vec::new();
    let leagues_path = Path::Key(root.path(), "leagues");
    for (index, raw) in root.list("leagues").ok().flatten().unwrap_or_default().into_iter().enumerate() {
        if let Ok(league) = Object::read(raw, &Path::Index(&leagues_path, index), "a league") {
            leagues.add(&league);
            league_raws.push((index, raw));
        }
    }
    let at_ms = run.received_at_ms.or_else(|| first_start_ms(&events, &leagues_path)).unwrap_or_default();
    for (index, raw) in league_raws {
        let path = Path::Index(&leagues_path, index);
        run.record(raw, &path, |run| listings::league(raw, &path, at_ms, run));
    }
    let events_path = Path::Key(root.path(), "events");
    for (index, raw) in events.into_iter().enumerate() {
        let path = Path::Index(&events_path, index);
        if let Err(fault) = scoreboard_event(raw, &path, &leagues, run) {
            run.reject(fault, raw, &path);
        }
    }
    Ok(())
}

/// When a scoreboard without a receive time was so at the earliest.
fn first_start_ms(events: &[&RawValue], path: &Path<'_>) -> Option<i64> {
    events.iter().filter_map(|raw| Object::read(raw, path, "a game").ok()?.time_ms("date").ok()?).min()
}

fn scoreboard_event(raw: &RawValue, path: &Path<'_>, leagues: &Leagues, run: &mut Run) -> Result<(), Fault> {
    const WHAT: &str = "a list with the game's competition";
    let event = Object::read(raw, path, "a game object")?;
    let competitions = event.list("competitions")?.unwrap_or_default();
    if competitions.is_empty() {
        // Tennis lists its matches in groupings, golf and racing may list nothing: there is no home and away.
        if event.has("groupings") || event.has("athletes") {
            let identity = Identity::read(&event, None, leagues)?;
            let at_ms = observed_at_ms(run, &identity, None);
            other_game(&identity, raw, at_ms, run);
            return Ok(());
        }
        return Err(event.missing("competitions", WHAT));
    }
    let competitions_path = Path::Key(path, "competitions");
    let is_only = competitions.len() == 1;
    for (index, competition_raw) in competitions.into_iter().enumerate() {
        let path = Path::Index(&competitions_path, index);
        let record = if is_only { raw } else { competition_raw };
        if let Err(fault) = scoreboard_game(&event, competition_raw, &path, is_only, leagues, record, run) {
            run.reject(fault, record, &path);
        }
    }
    Ok(())
}

fn scoreboard_game(
    event: &Object<'_, '_>,
    raw: &RawValue,
    path: &Path<'_>,
    is_only: bool,
    leagues: &Leagues,
    record: &RawValue,
    run: &mut Run,
) -> Result<(), Fault> {
    let competition = Object::read(raw, path, "a competition object")?;
    let mut identity = Identity::read(event, Some(&competition), leagues)?;
    if !is_only {
        // Several fights or matches of one event are games of their own.
        identity.id = competition.need_text("id", "the competition's id")?.into_owned();
    }
    let venue = competition.get("venue")?.or(event.get("venue")?);
    let at_ms = observed_at_ms(run, &identity, None);
    let Some(game) = Game::read(&competition, event, identity.clone(), venue)? else {
        other_game(&identity, record, at_ms, run);
        return Ok(());
    };
    game.state(at_ms, run);
    let venue_path = Path::Key(path, "venue");
    listings::around(&game, venue.map(|raw| (raw, &venue_path)), at_ms, run);
    if let Some(situation) = run.member(&competition, "situation", record) {
        run.other(&identity, at_ms, ("situation", "situation"), situation, Context::default());
    }
    moments::of_details(&identity, &competition, at_ms, record, run);
    let entries = run.list(&competition, "odds", record);
    odds::quotes(&game, &entries, &Path::Key(path, "odds"), at_ms, &[], run);
    let sky = if event.has("weather") { event } else { &competition };
    weather(&game, sky, at_ms, record, run);
    Ok(())
}
