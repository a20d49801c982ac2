//! What ESPN lists around a game: venues, teams, leagues, line-ups, injuries; and a team's roster as an answer of its own.
//! ESPN-14: ids of teams and venues are unique inside a league only: their subject names the league too.
//! ESPN-15: each is a record of its own: a damaged one costs no game.

use serde_json::value::RawValue;
use touchline_event::{League, Lineup, LineupPlayer, RosterChange, Team, TeamProfile, Venue};

use super::game::Game;
use super::payload::{Identity, inner_text, kebab};
use crate::raw::{Fault, Object, Path, text};
use crate::run::{Context, Run, Subject};

fn listing(sport: Option<&str>, league: Option<&str>, kind: &str, id: &str) -> Subject {
    let symbol = format!("{kind}:{}:{id}", league.unwrap_or_default());
    Subject { sport: sport.map(str::to_owned), league: league.map(str::to_owned), game_id: None, symbol: Some(symbol) }
}

fn of_game(game: &Identity, kind: &str, id: &str) -> Subject {
    listing(game.sport.as_deref(), game.league.as_deref(), kind, id)
}

/// The sides and the venue of a game, each once a payload.
pub(super) fn around(game: &Game, venue: Option<(&RawValue, &Path<'_>)>, at_ms: i64, run: &mut Run) {
    for side in [&game.home.team, &game.away.team] {
        let context = Context { team_id: Some(side.id.clone()), ..Context::default() };
        let profile = TeamProfile { team: side.clone(), ..TeamProfile::default() };
        run.event(of_game(&game.identity, "team", &side.id), at_ms, "team", profile, context);
    }
    if let Some((raw, path)) = venue {
        run.record(raw, path, |run| {
            // A place without a name is none yet: ESPN sends `{}` until it knows.
            if let Some(venue) = read_venue(&Object::read(raw, path, "a venue object")?)? {
                let subject = of_game(&game.identity, "venue", &venue.id);
                run.event(subject, at_ms, "venue", venue, Context::default());
            }
            Ok(())
        });
    }
}

fn read_venue(object: &Object<'_, '_>) -> Result<Option<Venue>, Fault> {
    let mut name = None;
    for key in ["fullName", "displayName", "name"] {
        name = name.or(object.text(key)?.filter(|name| !name.trim().is_empty()));
    }
    let Some(name) = name else { return Ok(None) };
    let surface = object.flag("grass")?.map(|is_grass| if is_grass { "grass" } else { "artificial" }.to_owned());
    // Indoor halls say `grass: false` too: only of an open ground does it name the surface.
    let is_indoor = object.flag("indoor")?;
    Ok(Some(Venue {
        id: object.text("id")?.unwrap_or_default().into_owned(),
        name: name.trim().to_owned(),
        city: inner_text(object, "address", "city")?,
        country: inner_text(object, "address", "country")?,
        capacity: object.integer("capacity", "seats")?,
        latitude_e6: None,
        longitude_e6: None,
        is_indoor,
        surface: surface.filter(|_| is_indoor == Some(false)),
    }))
}

/// A league of a scoreboard's `leagues[]` or of a summary's header.
pub(super) fn league(raw: &RawValue, path: &Path<'_>, at_ms: i64, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a league object")?;
    let (Some(id), Some(name)) = (object.text("id")?, object.text("name")?) else { return Ok(()) };
    let abbreviation = object.text("abbreviation")?.filter(|word| !word.is_empty()).map(|word| word.into_owned());
    let slug = object.text("slug")?.map(|slug| slug.into_owned()).or_else(|| abbreviation.as_deref().map(kebab));
    let season = inner_text(&object, "season", "displayName")?.or(inner_text(&object, "season", "year")?);
    let league = League { id: id.into_owned(), name: name.into_owned(), abbreviation, country: None, season };
    let subject = listing(None, slug.as_deref(), "league", &league.id);
    run.event(subject, at_ms, "league", league, Context::default());
    Ok(())
}

/// `rosters[]` of a summary: one line-up a side that names players.
pub(super) fn lineups(game: &Identity, root: &Object<'_, '_>, at_ms: i64, record: &RawValue, run: &mut Run) {
    let path = Path::Key(root.path(), "rosters");
    for (index, raw) in run.list(root, "rosters", record).into_iter().enumerate() {
        let path = Path::Index(&path, index);
        run.record(raw, &path, |run| lineup(raw, &path, game, at_ms, run));
    }
}

fn lineup(raw: &RawValue, path: &Path<'_>, game: &Identity, at_ms: i64, run: &mut Run) -> Result<(), Fault> {
    let side = Object::read(raw, path, "a side's roster")?;
    let list_path = Path::Key(path, "roster");
    let mut players = Vec::new();
    for (index, raw) in side.list("roster")?.unwrap_or_default().into_iter().enumerate() {
        let path = Path::Index(&list_path, index);
        let entry = Object::read(raw, &path, "a roster entry")?;
        let Some(name) = inner_text(&entry, "athlete", "displayName")? else { continue };
        let jersey = match entry.text("jersey")? {
            Some(jersey) => Some(jersey.into_owned()),
            None => inner_text(&entry, "athlete", "jersey")?,
        };
        players.push(LineupPlayer {
            id: inner_text(&entry, "athlete", "id")?.unwrap_or_default(),
            name,
            number: jersey.and_then(|jersey| jersey.parse().ok()),
            position: inner_text(&entry, "position", "name")?,
            is_starter: entry.flag("starter")?,
        });
    }
    if players.is_empty() {
        return Ok(());
    }
    let team = read_team(&side, "team")?;
    let context = Context { team_id: Some(team.id.clone()), ..Context::default() };
    let vendor_id = format!("lineup:{}", team.id);
    let is_home = side.text("homeAway")?.map(|word| word == "home");
    let formation = side.text("formation")?.filter(|word| !word.is_empty()).map(|word| word.into_owned());
    run.event(game, at_ms, &vendor_id, Lineup { team, is_home, formation, players }, context);
    Ok(())
}

/// `object.key` as a team.
fn read_team(object: &Object<'_, '_>, key: &str) -> Result<Team, Fault> {
    let missing = || object.missing(key, "a team with id and displayName");
    let mut name = inner_text(object, key, "displayName")?;
    name = name.or(inner_text(object, key, "name")?);
    Ok(Team {
        id: inner_text(object, key, "id")?.ok_or_else(missing)?,
        name: name.ok_or_else(missing)?,
        abbreviation: inner_text(object, key, "abbreviation")?,
    })
}

/// `injuries[]` of a summary: a roster change a player. They are as of the reading, whenever the game was.
pub(super) fn injuries(game: &Identity, root: &Object<'_, '_>, at_ms: i64, record: &RawValue, run: &mut Run) {
    let path = Path::Key(root.path(), "injuries");
    for (index, raw) in run.list(root, "injuries", record).into_iter().enumerate() {
        let path = Path::Index(&path, index);
        run.record(raw, &path, |run| {
            let side = Object::read(raw, &path, "a side's injuries")?;
            let entries = side.list("injuries")?.unwrap_or_default();
            if entries.is_empty() {
                return Ok(());
            }
            let team = read_team(&side, "team")?;
            let list_path = Path::Key(&path, "injuries");
            for (index, raw) in entries.into_iter().enumerate() {
                let path = Path::Index(&list_path, index);
                run.record(raw, &path, |run| injury(raw, &path, game, &team, at_ms, run));
            }
            Ok(())
        });
    }
}

fn injury(
    raw: &RawValue,
    path: &Path<'_>,
    game: &Identity,
    team: &Team,
    at_ms: i64,
    run: &mut Run,
) -> Result<(), Fault> {
    let entry = Object::read(raw, path, "an injury object")?;
    let athlete_path = Path::Key(path, "athlete");
    let athlete = Object::read(entry.need("athlete", "an athlete object")?, &athlete_path, "an athlete object")?;
    let status = entry.need_text("status", "a status such as Out")?.to_lowercase();
    let since_ms = entry.time_ms("date")?.filter(|since_ms| *since_ms <= at_ms);
    member(&athlete, team, status, since_ms.unwrap_or(at_ms), of_game(game, "team", &team.id), run)
}

/// A player of a team: one roster change.
fn member(
    athlete: &Object<'_, '_>,
    team: &Team,
    status: String,
    at_ms: i64,
    subject: Subject,
    run: &mut Run,
) -> Result<(), Fault> {
    let id = athlete.need_text("id", "the athlete's id")?.into_owned();
    let mut name = athlete.text("displayName")?;
    name = name.or(athlete.text("fullName")?);
    let change = RosterChange {
        team: team.clone(),
        player: name.map_or_else(|| id.clone(), |name| name.into_owned()),
        status,
        number: athlete.text("jersey")?.and_then(|jersey| jersey.parse().ok()),
        position: inner_text(athlete, "position", "name")?,
        from_ms: None,
        until_ms: None,
    };
    let context = Context { team_id: Some(team.id.clone()), player_id: Some(id.clone()), ..Context::default() };
    run.event(subject, at_ms, &format!("roster:{id}"), change, context);
    Ok(())
}

/// `/teams/{id}/roster`: athletes in groups by position, or in one list.
pub(super) fn team_roster(root: &Object<'_, '_>, raw: &RawValue, run: &mut Run) -> Result<(), Fault> {
    let team = read_team(root, "team")?;
    let at_ms = run.received_at_ms.or(root.time_ms("timestamp")?).unwrap_or_default();
    let league = inner_text(root, "team", "league")?;
    let path = Path::Key(root.path(), "athletes");
    for (index, raw) in run.list(root, "athletes", raw).into_iter().enumerate() {
        let path = Path::Index(&path, index);
        run.record(raw, &path, |run| {
            let group = Object::read(raw, &path, "an athlete, or a group of them")?;
            if !group.has("items") {
                return athlete(&group, &team, league.as_deref(), at_ms, run);
            }
            let list_path = Path::Key(&path, "items");
            for (index, raw) in group.list("items")?.unwrap_or_default().into_iter().enumerate() {
                let path = Path::Index(&list_path, index);
                run.record(raw, &path, |run| {
                    athlete(&Object::read(raw, &path, "an athlete object")?, &team, league.as_deref(), at_ms, run)
                });
            }
            Ok(())
        });
    }
    Ok(())
}

fn athlete(object: &Object<'_, '_>, team: &Team, league: Option<&str>, at_ms: i64, run: &mut Run) -> Result<(), Fault> {
    let status_path = Path::Key(object.path(), "status");
    let status = match object.get("status")? {
        Some(raw) if raw.get().starts_with('{') => inner_text(object, "status", "type")?,
        Some(raw) => Some(text(raw, &status_path, "a status")?.into_owned()),
        None => None,
    };
    let status = status.map_or_else(|| "listed".to_owned(), |status| status.to_lowercase());
    member(object, team, status, at_ms, listing(None, league, "team", &team.id), run)
}
