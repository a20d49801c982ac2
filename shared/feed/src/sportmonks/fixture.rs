//! A fixture's own events: state and score, goals, cards, substitutions, line-ups, and what is kept as sent.
//! SM-4: one `fixture` a fixture; a score and a period of one that has started.
//! SM-5: an event that was taken back (`rescinded`) is `other`: it is no goal and no card.
//! Statistics of players, inside line-ups, are not read.

use serde_json::value::RawValue;
use touchline_event::{
    Card, Fixture as FixtureEvent, GameStatus, Goal, Lineup, LineupPlayer, PeriodChange, Substitution,
};

use super::includes::{each, one, text_of};
use super::payload::{Fixture, formations, score};
use super::table::{self, Moment};
use super::{entities, odds};
use crate::raw::{Fault, Object, Path};
use crate::run::{Context, Run};

/// Reads one fixture; an `Err` is about the whole of it.
pub(super) fn fixture(raw: &RawValue, path: &Path<'_>, zone: Option<&str>, run: &mut Run) -> Result<(), Fault> {
    let object = Object::read(raw, path, "a fixture object")?;
    let fixture = Fixture::read(&object, zone)?;
    let at_ms = fixture.observed_at_ms(run);
    state(&object, &fixture, at_ms, run)?;
    for key in ["events", "timeline"] {
        each(run, &object, key, raw, |raw, path, run| event(raw, path, &fixture, at_ms, run));
    }
    each(run, &object, "comments", raw, |raw, path, run| {
        let id = Object::read(raw, path, "a comment object")?.need_text("id", "the comment's id")?.into_owned();
        run.other(fixture.subject.clone(), at_ms, ("comment", &format!("comment:{id}")), raw, Context::default());
        Ok(())
    });
    lineups(&object, raw, &fixture, at_ms, run);
    each(run, &object, "odds", raw, |raw, path, run| odds::entry(raw, path, Some(&fixture), run));
    for key in ["inplayOdds", "inplayodds", "premiumOdds", "premiumodds"] {
        each(run, &object, key, raw, |raw, path, run| odds::entry(raw, path, Some(&fixture), run));
    }
    each(run, &object, "participants", raw, entities::team);
    for (key, read) in [("venue", entities::venue as entities::Read), ("league", entities::league)] {
        if let Some(raw) = run.member(&object, key, raw).filter(|raw| raw.get().contains("\"name\"")) {
            let path = Path::Key(path, key);
            run.record(raw, &path, |run| read(raw, &path, run));
        }
    }
    for key in ["statistics", "stats", "xgfixture", "weatherreport", "weatherReport"] {
        let filled = run.member(&object, key, raw).filter(|raw| !matches!(raw.get().trim(), "[]" | "{}"));
        if let Some(raw) = filled {
            run.other(fixture.subject.clone(), at_ms, (key, key), raw, Context::default());
        }
    }
    Ok(())
}

fn state(object: &Object<'_, '_>, fixture: &Fixture, at_ms: i64, run: &mut Run) -> Result<(), Fault> {
    let score = score(object, fixture)?;
    let event = FixtureEvent {
        home: fixture.home.clone(),
        away: fixture.away.clone(),
        starts_at_ms: fixture.starts_at_ms,
        status: fixture.status,
        status_detail: fixture.status_detail.clone(),
        venue: fixture.venue.clone(),
        is_neutral_site: None,
    };
    run.event(fixture.subject.clone(), at_ms, "fixture", event, Context::default());
    if !fixture.has_started() {
        return Ok(());
    }
    let started = fixture.periods.iter().filter(|period| period.started_ms.is_some());
    let period = started.map(|period| period.number).max().and_then(|number| u16::try_from(number).ok());
    let game_clock = fixture.minute.filter(|_| fixture.status.is_live()).map(|minute| format!("{minute}'"));
    if let Some(score) = score {
        let context = Context { period, game_clock, ..Context::default() };
        run.event(fixture.subject.clone(), at_ms, "score", score, context);
    }
    if fixture.status != GameStatus::Unknown {
        let status_detail = fixture.status_detail.clone().unwrap_or_else(|| fixture.status.as_str().to_owned());
        let change = PeriodChange { status: fixture.status, status_detail };
        run.event(fixture.subject.clone(), at_ms, "period", change, Context { period, ..Context::default() });
    }
    Ok(())
}

/// One element of `events` or `timeline`.
fn event(raw: &RawValue, path: &Path<'_>, fixture: &Fixture, at_ms: i64, run: &mut Run) -> Result<(), Fault> {
    let event = Object::read(raw, path, "an event object")?;
    let id = event.need_text("id", "the event's id")?.into_owned();
    // Version 3 numbers its types and may include their names; version 2 has words.
    let named = match event.get("type")? {
        Some(raw) if raw.get().starts_with('{') => {
            one(&event, "type", |kind| text_of(kind, "developer_name"))?.flatten()
        }
        _ => text_of(&event, "type")?,
    };
    let type_id = text_of(&event, "type_id")?;
    let kind = type_id.clone().or_else(|| named.clone()).ok_or_else(|| event.missing("type_id", "the event's type"))?;
    let (timestamp_ms, context) = context(&event, fixture, at_ms)?;
    let is_rescinded = event.flag("rescinded")?.unwrap_or(false);
    let moment = table::moment(&kind).or_else(|| table::moment(named.as_deref()?)).filter(|_| !is_rescinded);
    let player = text_of(&event, "player_name")?;
    let vendor_id = format!("event:{id}");
    match moment {
        Some(Moment::Goal { is_own_goal, is_penalty, is_shootout }) => {
            let goal = Goal { scorer: player, is_own_goal, is_penalty, is_shootout };
            run.event(fixture.subject.clone(), timestamp_ms, &vendor_id, goal, context);
        }
        Some(Moment::Card(color)) => {
            let card = Card { color: color.to_owned(), player };
            run.event(fixture.subject.clone(), timestamp_ms, &vendor_id, card, context);
        }
        Some(Moment::Substitution) => {
            let player_out = text_of(&event, "related_player_name")?;
            run.event(
                fixture.subject.clone(),
                timestamp_ms,
                &vendor_id,
                Substitution { player_in: player, player_out },
                context,
            );
        }
        None => {
            let word = named.or_else(|| table::word_of_type(&kind).map(str::to_owned));
            let word = word.unwrap_or_else(|| format!("type_{kind}"));
            let word = if is_rescinded { format!("rescinded_{word}") } else { word };
            run.other(fixture.subject.clone(), timestamp_ms, (&word, &vendor_id), raw, context);
        }
    }
    Ok(())
}

/// Events have a minute and no time of day: it is reckoned from the start of their period, where periods are included.
fn context(event: &Object<'_, '_>, fixture: &Fixture, at_ms: i64) -> Result<(i64, Context), Fault> {
    let minute = event.integer("minute", "a minute")?;
    let extra = event.integer("extra_minute", "minutes of stoppage")?.filter(|extra| *extra > 0);
    let team_id = match text_of(event, "participant_id")? {
        Some(id) => Some(id),
        None => text_of(event, "team_id")?,
    };
    let period = fixture.period_of(text_of(event, "period_id")?.as_deref());
    let is_shootout = period.is_some_and(|period| period.number == 5);
    // In a shootout `minute` counts the kicks.
    let game_clock = minute.filter(|_| !is_shootout).map(|minute| match extra {
        Some(extra) => format!("{minute}'+{extra}'"),
        None => format!("{minute}'"),
    });
    let since_start = |counts_from: i64| {
        let minutes = minute.unwrap_or(0).saturating_sub(counts_from).saturating_add(extra.unwrap_or(0));
        if is_shootout { 0 } else { minutes.clamp(0, 90) * 60_000 }
    };
    let reckoned_ms = period.and_then(|period| Some(period.started_ms? + since_start(period.counts_from)));
    let context = Context {
        team_id,
        player_id: text_of(event, "player_id")?,
        game_clock,
        period: period.and_then(|period| u16::try_from(period.number).ok()),
        vendor_seq: event.integer("sort_order", "a sequence number")?,
        vendor_time_ms: None,
    };
    Ok((reckoned_ms.map_or(at_ms, |reckoned_ms| reckoned_ms.min(at_ms)), context))
}

/// `lineups` by team: version 2 has the bench apart.
fn lineups(object: &Object<'_, '_>, record: &RawValue, fixture: &Fixture, at_ms: i64, run: &mut Run) {
    let mut by_team: Vec<(String, Vec<LineupPlayer>)> = Vec::new();
    for (key, is_starter) in [("lineups", None), ("lineup", Some(true)), ("bench", Some(false))] {
        each(run, object, key, record, |raw, path, _| {
            let entry = Object::read(raw, path, "a line-up entry")?;
            let team_id = entry.need_text("team_id", "the team's id")?.into_owned();
            let player = lineup_player(&entry, is_starter)?;
            match by_team.iter_mut().find(|(team, _)| *team == team_id) {
                Some((_, players)) => players.push(player),
                None => by_team.push((team_id, vec![player])),
            }
            Ok(())
        });
    }
    let formations = formations(object, record, run);
    for (team_id, players) in by_team {
        let is_home = fixture.is_home(&team_id);
        let team = match is_home {
            Some(true) => fixture.home.clone(),
            Some(false) => fixture.away.clone(),
            None => touchline_event::Team { id: team_id.clone(), name: team_id.clone(), abbreviation: None },
        };
        let formation = formations.iter().find(|(team, _)| *team == team_id).map(|(_, formation)| formation.clone());
        let context = Context { team_id: Some(team_id.clone()), ..Context::default() };
        let lineup = Lineup { team, is_home, formation, players };
        run.event(fixture.subject.clone(), at_ms, &format!("lineup:{team_id}"), lineup, context);
    }
}

fn lineup_player(entry: &Object<'_, '_>, is_starter: Option<bool>) -> Result<LineupPlayer, Fault> {
    let id = text_of(entry, "player_id")?;
    let name = text_of(entry, "player_name")?.or_else(|| id.clone());
    let number = match entry.integer("jersey_number", "a shirt number")? {
        Some(number) => Some(number),
        None => entry.integer("number", "a shirt number")?,
    };
    let position = match entry.integer("position_id", "a position's id")?.and_then(table::position) {
        Some(position) => Some(position.to_owned()),
        None => text_of(entry, "position")?,
    };
    let of_type = entry.integer("type_id", "a line-up's type")?.and_then(table::is_starter);
    Ok(LineupPlayer {
        name: name.ok_or_else(|| entry.missing("player_name", "the player's name"))?,
        id: id.unwrap_or_default(),
        number: number.and_then(|number| u16::try_from(number).ok()),
        position,
        is_starter: is_starter.or(of_type),
    })
}
