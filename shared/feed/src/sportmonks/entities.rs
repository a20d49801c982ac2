//! What stands outside fixtures: leagues, teams, venues and squads; every other entity is kept as sent.
//! SM-6: an entity is told by its members, because no answer of SportMonks names its type.

use serde_json::value::RawValue;
use touchline_event::{Article, League, RosterChange, Team, TeamProfile, Venue};

use super::includes::{one, text_of};
use super::payload::read_team;
use super::table;
use crate::raw::{Fault, Object, Path, Precision};
use crate::run::{Context, Run, Subject};

/// A reader of one entity.
pub(super) type Read = fn(&RawValue, &Path<'_>, &mut Run) -> Result<(), Fault>;

/// What an entity is, by members that it alone has; the first that fits.
const ENTITIES: [(&[&str], &str); 18] = [
    (&["player_id", "team_id", "jersey_number"], "squad"),
    (&["fixture_id", "comment"], "comment"),
    (&["fixture_id", "goals_expected"], "expected_goals"),
    (&["fixture_id", "fair_odds"], "value_bet"),
    (&["fixture_id", "yes"], "prediction"),
    (&["fixture_id", "predictions"], "prediction"),
    (&["title", "published_at"], "news"),
    (&["participant_id", "position", "points"], "standing"),
    (&["sub_type", "name"], "league"),
    (&["developer_name", "model_type"], "type"),
    (&["developer_name", "state"], "state"),
    (&["city_name", "capacity"], "venue"),
    (&["name", "gender", "sport_id"], "team"),
    (&["stage_id", "finished"], "round"),
    (&["season_id", "sort_order", "finished"], "stage"),
    (&["league_id", "is_current", "finished"], "season"),
    (&["type_id", "participant_type"], "statistic"),
    (&["display_name", "date_of_birth"], "player"),
];

/// One entity that is no fixture.
pub(super) fn entity(raw: &RawValue, path: &Path<'_>, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "an entity of SportMonks")?;
    let fits = |members: &&[&str]| members.iter().all(|member| object.has(member));
    let kind = ENTITIES.iter().find(|(members, _)| fits(members)).map_or("entity", |(_, kind)| kind);
    match kind {
        "league" => league(raw, path, run),
        "team" => team(raw, path, run),
        "venue" => venue(raw, path, run),
        "squad" => squad(raw, path, run),
        "news" => news(raw, path, run),
        kind => {
            let id = object.need_text("id", "the entity's id")?;
            let game_id = text_of(&object, "fixture_id")?;
            let subject = Subject { sport: sport(), league: text_of(&object, "league_id")?, game_id, symbol: None };
            let at_ms = run.received_at_ms.or(object.time_ms("created_at").ok().flatten()).unwrap_or_default();
            run.other(subject, at_ms, (kind, &format!("{kind}:{id}")), raw, Context::default());
            Ok(())
        }
    }
}

pub(super) fn league(raw: &RawValue, path: &Path<'_>, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a league object")?;
    let id = object.need_text("id", "the league's id")?.into_owned();
    let season = ["currentSeason", "currentseason", "season"];
    let mut current = None;
    for key in season {
        current = current.or(one(&object, key, |season| text_of(season, "name"))?.flatten());
    }
    let league = League {
        name: object.need_text("name", "the league's name")?.trim().to_owned(),
        abbreviation: text_of(&object, "short_code")?,
        country: one(&object, "country", |country| text_of(country, "name"))?.flatten(),
        season: current,
        id: id.clone(),
    };
    run.event(listing("league", &id), seen_ms(&object, run)?, "league", league, Context::default());
    Ok(())
}

pub(super) fn team(raw: &RawValue, path: &Path<'_>, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a team object")?;
    let team = read_team(&object)?;
    let (id, at_ms) = (team.id.clone(), seen_ms(&object, run)?);
    let country = one(&object, "country", |country| text_of(country, "name"))?.flatten();
    let profile = TeamProfile { team, market: None, country, venue_id: text_of(&object, "venue_id")? };
    let context = Context { team_id: Some(id.clone()), ..Context::default() };
    run.event(listing("team", &id), at_ms, "team", profile, context);
    Ok(())
}

pub(super) fn venue(raw: &RawValue, path: &Path<'_>, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a venue object")?;
    let id = object.need_text("id", "the venue's id")?.into_owned();
    let degrees = |key: &str| object.scaled::<6>(key, "degrees", Precision::Rounded);
    let venue = Venue {
        name: object.need_text("name", "the venue's name")?.trim().to_owned(),
        city: match text_of(&object, "city_name")? {
            Some(city) => Some(city),
            None => text_of(&object, "city")?,
        },
        country: one(&object, "country", |country| text_of(country, "name"))?.flatten(),
        capacity: object.integer("capacity", "seats")?,
        latitude_e6: degrees("latitude")?,
        longitude_e6: degrees("longitude")?,
        is_indoor: None,
        surface: text_of(&object, "surface")?,
        id: id.clone(),
    };
    run.event(listing("venue", &id), seen_ms(&object, run)?, "venue", venue, Context::default());
    Ok(())
}

/// A player's membership of a squad; names only where they are included.
fn squad(raw: &RawValue, path: &Path<'_>, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a squad entry")?;
    let player_id = object.need_text("player_id", "the player's id")?.into_owned();
    let team_id = object.need_text("team_id", "the team's id")?.into_owned();
    let name = |key: &str| {
        one(&object, key, |named| match text_of(named, "display_name")? {
            Some(name) => Ok(Some(name)),
            None => text_of(named, "name"),
        })
        .map(Option::flatten)
    };
    let day_ms = |key: &str| object.time_ms(key);
    let (from_ms, until_ms) = (day_ms("start")?, day_ms("end")?);
    let change = RosterChange {
        team: Team { name: name("team")?.unwrap_or_else(|| team_id.clone()), id: team_id.clone(), abbreviation: None },
        player: name("player")?.unwrap_or_else(|| player_id.clone()),
        status: "listed".to_owned(),
        number: object.integer("jersey_number", "a shirt number")?.and_then(|number| u16::try_from(number).ok()),
        position: object.integer("position_id", "a position's id")?.and_then(table::position).map(str::to_owned),
        from_ms,
        until_ms,
    };
    let at_ms = run.received_at_ms.or(from_ms).unwrap_or_default();
    let context = Context { team_id: Some(team_id.clone()), player_id: Some(player_id.clone()), ..Context::default() };
    run.event(listing("team", &team_id), at_ms, &format!("roster:{player_id}"), change, context);
    Ok(())
}

/// SportMonks' own previews: they have no address, so their id stands for one. The body is not read.
fn news(raw: &RawValue, path: &Path<'_>, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a news object")?;
    let id = object.need_text("id", "the article's id")?.into_owned();
    let published_ms = object.time_ms("published_at")?;
    let at_ms = published_ms.or(run.received_at_ms).unwrap_or_default();
    let article = Article {
        title: object.need_text("title", "the article's title")?.into_owned(),
        url: format!("sportmonks:news/{id}"),
        publisher: Some("SportMonks".to_owned()),
        author: text_of(&object, "author")?,
        language: None,
    };
    let subject = Subject { sport: sport(), game_id: text_of(&object, "fixture_id")?, ..Subject::default() };
    run.listed(subject, at_ms, (&format!("news:{id}"), ""), article.into(), Context::default());
    Ok(())
}

/// A listing has no time of its own: it is so on receipt; in a file, as of the last game the vendor knows.
fn seen_ms(object: &Object<'_, '_>, run: &Run) -> Result<i64, Fault> {
    Ok(run.received_at_ms.or(object.time_ms("last_played_at")?).unwrap_or_default())
}

fn listing(kind: &str, id: &str) -> Subject {
    Subject { sport: sport(), symbol: Some(format!("{kind}:{id}")), ..Subject::default() }
}

pub(super) fn sport() -> Option<String> {
    Some("soccer".to_owned())
}
