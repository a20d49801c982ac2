//! What stands around games: tournaments, teams, venues; every other list or object of an answer is kept as sent.
//! SR-5: a member of an answer that nobody reads is `other` under its own name, an element of a list each.

use serde_json::value::RawValue;
use touchline_event::{League, TeamProfile};

use super::payload::{SportEvent, inner_text, read_team, read_venue, text_of};
use super::table;
use crate::raw::{Fault, Object, Path};
use crate::run::{Context, Run, Subject};

fn listing(sport: Option<String>, kind: &str, id: &str) -> Subject {
    Subject { sport, symbol: Some(format!("{kind}:{id}")), ..Subject::default() }
}

/// The venue and the sides of a game, each once a payload.
pub(super) fn around(event: &SportEvent, at_ms: i64, run: &mut Run) {
    let sport = event.subject.sport.clone();
    if let Some(venue) = event.venue.clone().filter(|venue| !venue.id.is_empty()) {
        let subject = listing(sport.clone(), "venue", &venue.id);
        run.event(subject, at_ms, "venue", venue, Context::default());
    }
    for team in [&event.home, &event.away] {
        let profile = TeamProfile { team: team.clone(), ..TeamProfile::default() };
        let context = Context { team_id: Some(team.id.clone()), ..Context::default() };
        run.event(listing(sport.clone(), "team", &team.id), at_ms, "team", profile, context);
    }
    if let Some(league) = event.league.clone() {
        let subject = listing(sport, "league", &league.id);
        run.event(subject, at_ms, "league", league, Context::default());
    }
}

/// A venue by itself.
pub(super) fn venue(raw: &RawValue, path: &Path<'_>, at_ms: i64, run: &mut Run) -> Result<(), Fault> {
    let venue = read_venue(&Object::read(raw, path, "a venue object")?)?;
    run.event(listing(None, "venue", &venue.id.clone()), at_ms, "venue", venue, Context::default());
    Ok(())
}

/// A tournament or competition.
pub(super) fn league(raw: &RawValue, path: &Path<'_>, at_ms: i64, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a tournament object")?;
    let id = object.need_text("id", "the tournament's id")?.into_owned();
    let league = League {
        name: object.need_text("name", "the tournament's name")?.into_owned(),
        abbreviation: None,
        country: inner_text(&object, "category", "name")?,
        season: inner_text(&object, "current_season", "name")?,
        id: id.clone(),
    };
    let sport = inner_text(&object, "sport", "name")?.map(|name| table::sport(&name));
    run.event(listing(sport, "league", &id), at_ms, "league", league, Context::default());
    Ok(())
}

/// A team, with its players where they are listed.
pub(super) fn team(raw: &RawValue, path: &Path<'_>, at_ms: i64, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a team object")?;
    let team = read_team(&object)?;
    let id = team.id.clone();
    let sport = inner_text(&object, "sport", "name")?.map(|name| table::sport(&name));
    let profile = TeamProfile {
        team,
        market: text_of(&object, "market")?,
        country: text_of(&object, "country")?,
        venue_id: None,
    };
    let context = Context { team_id: Some(id.clone()), ..Context::default() };
    run.event(listing(sport, "team", &id), at_ms, "team", profile, context);
    Ok(())
}

/// Members that another reader takes, or that say nothing.
const READ_ELSEWHERE: [&str; 17] = [
    "generated_at",
    "schema",
    "sport_event",
    "sport_event_status",
    "timeline",
    "lineups",
    "schedules",
    "summaries",
    "results",
    "sport_events",
    "tournaments",
    "competitions",
    "tournament",
    "team",
    "fixture",
    "coverage_info",
    "season_coverage_info",
];

/// Everything else of an answer.
pub(super) fn others(root: &Object<'_, '_>, subject: &Subject, at_ms: i64, run: &mut Run) {
    for (key, raw) in root.members() {
        if READ_ELSEWHERE.contains(&key) {
            continue;
        }
        let path = Path::Key(root.path(), key);
        let raws = if raw.get().starts_with('[') { run.list(root, key, raw) } else { vec![raw] };
        for raw in raws.into_iter().filter(|raw| raw.get().starts_with('{')) {
            let is_group_of_teams = key == "groups" && raw.get().contains("\"teams\"");
            if is_group_of_teams {
                run.record(raw, &path, |run| group(raw, &path, at_ms, run));
            } else {
                let id = Object::read(raw, &path, "an object").and_then(|object| text_of(&object, "id")).ok().flatten();
                let vendor_id = format!("{key}:{}", id.unwrap_or_default());
                run.other(subject.clone(), at_ms, (key, &vendor_id), raw, Context::default());
            }
        }
    }
}

/// The teams of a tournament's group.
fn group(raw: &RawValue, path: &Path<'_>, at_ms: i64, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a group object")?;
    let list_path = Path::Key(path, "teams");
    for (index, raw) in object.list("teams")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&list_path, index);
        run.record(raw, &path, |run| team(raw, &path, at_ms, run));
    }
    Ok(())
}
